"""Which code a result depends on, as a hash: what lets the workflow see that a result is stale.

Snakemake does not look into a package. So each rule carries the hash of the modules that its result depends on as
a parameter, and a change there reruns it and what follows from it, and nothing else. Reads source files only:
nothing here imports torch.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent

TRAINING_MODULES = (
    "critic",
    "evaluation",
    "files",
    "gaussian",
    "objectives",
    "optimizers",
    "recorder",
    "seeding",
    "settings",
    "sources",
    "trace",
    "training",
)
"""What a trace depends on: ``mine.training`` and all that it imports from this package, less INERT_MODULES.

Written out, because a name here means that editing that file retrains everything; a test holds it against the imports.
"""

INERT_MODULES = ("cli", "errors", "progress", "provenance")
"""Imported, but no number in a result comes from them: they parse options, word errors, show progress or hash."""


def training_code_hash() -> str:
    """SHA-256 of the source of TRAINING_MODULES, in the metadata of every run and a parameter of its rule."""
    return _hash(TRAINING_MODULES)


@cache
def code_hash(*modules: str, without: tuple[str, ...] = ()) -> str:
    """SHA-256 of the source of modules (names below ``mine``) and of all that they import from this package.

    without: modules that are left out although they are imported.
    """
    return _hash(set(import_closure(*modules)) - set(without))


@cache
def statements_hash(*modules: str, without: tuple[str, ...] = ()) -> str:
    """``code_hash`` of the source less its docstrings: words about the code leave results fresh."""
    return _hash(set(import_closure(*modules)) - set(without), _without_docstrings)


@cache
def data_hash(folder: str) -> str:
    """SHA-256 of what lies in a folder of this package and is no module: what its modules read there."""
    files = sorted(path for path in (PACKAGE / folder).iterdir() if path.is_file() and path.suffix != ".py")
    return _digest((path.name, path.read_bytes()) for path in files)


def _without_docstrings(source: bytes) -> bytes:
    """The source less the lines of statements that are a string."""
    lines = source.splitlines(keepends=True)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            last = node.end_lineno or node.lineno
            lines[node.lineno - 1 : last] = [b""] * (last - node.lineno + 1)
    return b"".join(lines)


@cache
def import_closure(*modules: str) -> tuple[str, ...]:
    """The modules, and all that they import from this package at any level, less INERT_MODULES, sorted."""
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name not in found and name.split(".")[0] not in INERT_MODULES:
            found.add(name)
            waiting.extend(_imports(name))
    return tuple(sorted(found))


def _hash(modules: Iterable[str], of: Callable[[bytes], bytes] = bytes) -> str:
    return _digest((name, of(_file(name).read_bytes())) for name in sorted(modules))


def _digest(parts: Iterable[tuple[str, bytes]]) -> str:
    digest = hashlib.sha256()
    for name, source in parts:
        # Name and length first, so that no text can move from one file to the next unseen.
        digest.update(f"{name} {len(source)}\n".encode())
        digest.update(source)
    return digest.hexdigest()


def _imports(name: str) -> Iterable[str]:
    """Modules of this package that one module's source imports, inside functions too."""
    for node in ast.walk(ast.parse(_file(name).read_bytes())):
        if isinstance(node, ast.Import):
            candidates = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            # "from mine import critic" names a module, "from mine.critic import Critic" something inside one.
            candidates = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for candidate in candidates:
            inner = candidate.removeprefix("mine.")
            if inner != candidate and _exists(inner):
                yield inner


def _exists(name: str) -> bool:
    path = PACKAGE.joinpath(*name.split("."))
    return path.with_name(f"{path.name}.py").is_file() or (path / "__init__.py").is_file()


def _file(name: str) -> Path:
    path = PACKAGE.joinpath(*name.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_name(f"{path.name}.py")
