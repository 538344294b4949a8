"""Lines of code, without blank lines, comments and docstrings: of one commit against another, or of files.

    python benchmarks/code_lines.py                 the parts that became one engine, before it and now
    python benchmarks/code_lines.py --to REV        the same, of another commit than the working tree
    python benchmarks/code_lines.py --from REV A B  these files and folders, of that commit and now

Counts what Python has, not what a text file has: a statement over three lines is three, a string that stands by itself
(a docstring) none.
"""

from __future__ import annotations

import argparse
import ast
import io
import subprocess
import tokenize
from pathlib import Path

ROOT = Path(__file__).parents[1]

BEFORE = "f470423"
"""The last commit with three loops."""

_UNSEEN = {
    *(tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT),
    *(tokenize.ENCODING, tokenize.ENDMARKER),
}

PARTS = {
    "loops": """
        training recorder evaluation seeding sources optimizers critic objectives gaussian
        estimators/training estimators/tree estimators/networks estimators/mine_dv own/training own/streams
        engine/ estimators/donsker_varadhan devices
    """,
    "interface": """
        estimators/__init__ estimators/interface estimators/base estimators/critics estimators/densities
        estimators/parts estimators/values estimators/names
    """,
    "settings": "settings kinds estimators/settings own/settings",
    "plans": "config schema yaml_files experiments provenance estimators/planning estimators/provenance",
    "run files": "trace runs estimators/runs",
    "tables": """
        columns tables rows summary curves evaluation_rows epoch_rows
        estimators/stairs estimators/scores estimators/tables estimators/baselines
    """,
    "commands": """
        commands/train commands/train_stairs commands/collect commands/stairs commands/baselines commands/show
        commands/estimate commands/options commands/status
    """,
}
"""What became one engine, and what stands in its place, as names below src/mine; "engine/" is a folder.

A name that a commit lacks counts nothing there. Loops have with them what they call: networks, objectives, data,
instruments. Left out are the estimators and tasks themselves, of which more have come since, and the rest of ``own/``.
"""


def code_lines(source: str) -> int:
    """Lines of a module that hold code."""
    lines = source.splitlines()
    strings = {
        line
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    seen: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in _UNSEEN:
            seen.update(range(token.start[0], token.end[0] + 1))
    return sum(bool(lines[number - 1].strip()) for number in seen - strings)


def read(revision: str | None) -> dict[str, str]:
    """Every module below src/mine, by its name there without ``.py``; of the working tree for None."""
    if revision is None:
        folder = ROOT / "src/mine"
        return {str(path.relative_to(folder).with_suffix("")): path.read_text() for path in folder.rglob("*.py")}
    names = _git("ls-tree", "-r", "--name-only", revision, "src/mine").split()
    return {
        name.removeprefix("src/mine/").removesuffix(".py"): _git("show", f"{revision}:{name}")
        for name in names
        if name.endswith(".py")
    }


def count(modules: dict[str, str], names: list[str]) -> int:
    """Lines of code of the modules that are named, each once."""
    folders = tuple(name for name in names if name.endswith("/"))
    return sum(code_lines(text) for name, text in modules.items() if name in names or name.startswith(folders))


def main() -> None:
    """Print a row a part, or a file, and their sum."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="modules below src/mine, or folders as engine/")
    parser.add_argument("--from", dest="before", default=BEFORE, metavar="REV", help=f"default: {BEFORE}")
    parser.add_argument("--to", dest="after", metavar="REV", help="default: the working tree")
    arguments = parser.parse_args()
    before, after = read(arguments.before), read(arguments.after)
    parts = {name: [name] for name in arguments.names} or {part: names.split() for part, names in PARTS.items()}
    rows = {part: (count(before, names), count(after, names)) for part, names in parts.items()}
    rows["together"] = tuple(map(sum, zip(*rows.values(), strict=True)))
    for part, (one, other) in rows.items():
        print(f"{part:30} {one:6} {other:6} {100 * (other - one) / one if one else 0:+6.0f} %")


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"code_lines: git {arguments[0]}: {done.stderr.strip()}")
    return done.stdout


if __name__ == "__main__":
    main()
