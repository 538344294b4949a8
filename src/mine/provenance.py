"""Which code a result depends on, as a hash: what lets the workflow see that a result is stale.

Snakemake does not look into a package. So each rule carries the hash of the modules that its result depends on as
a parameter, and a change there reruns it and what follows from it, and nothing else. Reads source files only:
nothing here imports torch.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent

INERT_MODULES = (
    *("cli", "errors", "interrupts", "progress", "provenance", "estimators", "estimators.names"),
    *("tasks", "tasks.concepts", "tasks.fixed", "tasks.further", "tasks.mixed", "tasks.public"),
    *("figures", "reach.methods"),
)
"""Imported, but no number in a result comes from them: they parse options, word errors, show progress or hash, or they
are registries, of which a further entry changes no result; what is made by name is hashed by name."""

# A tokenizer that is written in Python takes longer than all else that a hash needs.
_STRING_OR_COMMENT = re.compile(
    r"""
    (?= ["'\#] )  # only makes it quicker
    (?:
      (?P<string>
        \"{3} (?: [^"\\]++ | \\. | "(?!"") )*+ \"{3}
        | '{3} (?: [^'\\]++ | \\. | '(?!'') )*+ '{3}
        | " (?: [^"\\]++ | \\. )*+ "
        | ' (?: [^'\\]++ | \\. )*+ '
      )
      | \#[^\n]*
    )""",
    re.DOTALL | re.VERBOSE,
)
"""Whichever begins first: a hash in a string begins no comment, and a quote in a comment no string."""


@cache
def training_code_hash(variant: str, task: str = "gaussian") -> str:
    """Hash of what a run of this estimator on this task depends on, in its metadata and a parameter of its rule.

    The engine, the estimator's own file and the task's, which are imported by name only, and what a fixed task is made
    from. Another estimator's file is not among them, nor another task's, so a change there leaves this one's results
    fresh.
    """
    from mine.estimators.names import ESTIMATORS
    from mine.tasks import FIXED, modules_of

    of_task = [f"tasks.{module}" for module in modules_of(task)]
    code = code_hash("engine.runs", f"estimators.{ESTIMATORS[variant].module}", *of_task)
    if task not in FIXED:
        return code
    return _digest([("code", code.encode()), ("recipe", FIXED[task].recipe.encode())])


@cache
def code_hash(*modules: str) -> str:
    """SHA-256 of the source of modules (names below ``mine``) and of all that they import from this package.

    Docstrings, comments and blank lines are left out: words about the code leave results fresh.
    """
    return _digest((name, _statements_of(_file(name))) for name in import_closure(*modules))


def statements(source: bytes) -> bytes:
    """The source less its comments, blank lines and statements that are only a string."""
    lines = _STRING_OR_COMMENT.sub(lambda found: found["string"] or "", source.decode()).splitlines()
    for node in _nodes(source):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            last = node.end_lineno or node.lineno
            lines[node.lineno - 1 : last] = [""] * (last - node.lineno + 1)
    return "".join(f"{line.rstrip()}\n" for line in lines if line.strip()).encode()


@cache
def data_hash(folder: str) -> str:
    """SHA-256 of what lies in a folder of this package and is no module: what its modules read there."""
    files = sorted(path for path in (PACKAGE / folder).iterdir() if path.is_file() and path.suffix != ".py")
    return _digest((path.name, path.read_bytes()) for path in files)


@cache
def import_closure(*modules: str) -> tuple[str, ...]:
    """The modules, and all that they import from this package at any level, less INERT_MODULES, sorted."""
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        name = waiting.pop()
        if name not in found and name not in INERT_MODULES:
            found.add(name)
            waiting.extend(_imports(_file(name)))
    return tuple(sorted(found))


def _digest(parts: Iterable[tuple[str, bytes]]) -> str:
    digest = hashlib.sha256()
    for name, source in parts:
        # Name and length first, so that no text can move from one file to the next unseen.
        digest.update(f"{name} {len(source)}\n".encode())
        digest.update(source)
    return digest.hexdigest()


# A Snakefile asks for dozens of hashes over the same files, and every cluster job reads it again: a file is read once.


_BODIES = ("body", "handlers", "orelse", "finalbody", "cases")
"""Fields of a statement, or of a part of one, that hold statements."""


@cache
def _nodes(source: bytes) -> tuple[ast.AST, ...]:
    """Statements and what they are nested in; no expression holds one."""
    nodes: list[ast.AST] = []
    waiting: list[ast.AST] = [ast.parse(source)]
    while waiting:
        node = waiting.pop()
        nodes.append(node)
        waiting += [child for field in _BODIES for child in getattr(node, field, ())]
    return tuple(nodes)


@cache
def _statements_of(file: Path) -> bytes:
    return statements(file.read_bytes())


@cache
def _imports(file: Path) -> tuple[str, ...]:
    """Modules of this package that one module's source imports, inside functions too."""
    found = []
    for node in _nodes(file.read_bytes()):
        if isinstance(node, ast.Import):
            candidates = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            # "from mine import critic" names a module, "from mine.critic import Critic" something inside one.
            candidates = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        inner = (name.removeprefix("mine.") for name in candidates if name.startswith("mine."))
        found += [name for name in inner if _exists(name)]
    return tuple(found)


def _exists(name: str) -> bool:
    path = PACKAGE.joinpath(*name.split("."))
    return path.with_name(f"{path.name}.py").is_file() or (path / "__init__.py").is_file()


def _file(name: str) -> Path:
    path = PACKAGE.joinpath(*name.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_name(f"{path.name}.py")
