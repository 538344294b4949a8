"""What mkdocs cannot do by itself: the project's files that pages link to, formulae, and tables from the package.

Pages in docs/ link to files beside it as a reader of the repository would (``../figures/README.md``). Each such file
becomes a page of its own, or is copied where it is a picture, so that the site is whole without the repository.
"""

from __future__ import annotations

import argparse
import importlib
import os
import posixpath
import re
from itertools import takewhile
from pathlib import Path

from from_published import explorer, notebook_page
from latex2mathml.converter import convert
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[2]
COPIED = {".png", ".svg", ".pdf", ".html"}
LANGUAGES = {".py": "python", ".yaml": "yaml", ".yml": "yaml", ".toml": "toml", ".json": "json", ".smk": "python"}

EXPLORER = "explore.html"
"""Where the interactive page is in the site."""

UNSEARCHED = "---\nsearch:\n  exclude: true\n---\n\n"
"""Of a page of source, tests or versions: a reader who looks for a word wants pages that explain it."""

NOT_PUBLISHED = """# The claims of the write-up, tested

The ledger is not among the published files of this checkout. `make claims` computes it from a finished
`make reproduce`, and `make publish` puts it here.
"""

_LINK = re.compile(r"(\]\()([^)\s#]+)(#[^)\s]*)?(\))")
_CODE = re.compile(r"^(```|~~~).*?^\1", re.DOTALL | re.MULTILINE)
_FORMULA = re.compile(r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>', re.DOTALL)
# What follows stands a little apart, but for a bracket and what says its own distance.
_LOGARITHM = re.compile(r"\\ln(?= ?[A-Za-z0-9]| ?\\(?:frac|mathbb|alpha|theta|rho))\s?")
# Of the published table: variant, rho, truth, overflowed, in-batch, held out, population.
_SHOWN = (2, 4, 5, 6, 8, 9, 10)
# What stands up to the end marker is for who reads the file itself, on which nothing is computed.
# A part without a maker here was made when it was published, and stands as it is.
_MADE = re.compile(r"<!-- made: ([\w-]+)(?: (\S+) (\S+))? -->\n(.*?)<!-- end: \1 -->", re.DOTALL)


def on_files(files: Files, config) -> Files:
    """Add every file of the project that a page links to, and what those pages link to in turn."""
    own = [(f"docs/{file.src_uri}", file.content_string) for file in files.documentation_pages()]
    todo = [target for place, text in own for target in _targets(place, text)]
    todo += [path.removeprefix("project/") for path in _pages(config["nav"]) if path.startswith("project/")]
    done = set()
    while todo:
        path = todo.pop()
        if path in done or path.startswith("docs/"):
            continue
        done.add(path)
        made, text = _file(path, config)
        for file in made:
            files.append(file)
        if text:
            todo += _targets(path, text)
    if page := explorer():
        files.append(File.generated(config, EXPLORER, content=page))
    return files


def on_page_markdown(markdown: str, page, config, files: Files) -> str:
    """Lead links to where the files are in the site, and fill in what is computed."""
    place = page.file.src_uri
    path = place.removeprefix("project/") if place.startswith("project/") else f"docs/{place}"

    def lead(match: re.Match) -> str:
        start, target, anchor, end = match.groups()
        if _elsewhere(target):
            return match[0]
        to = _uri(posixpath.normpath(posixpath.join(posixpath.dirname(path), target)))
        return f"{start}{posixpath.relpath(to, posixpath.dirname(place) or '.')}{anchor or ''}{end}"

    markdown = _outside_code(lambda text: _LINK.sub(lead, text), markdown)
    return _MADE.sub(_made, markdown)


def on_page_content(html: str, **_) -> str:
    """Formulae as MathML, which browsers draw by themselves."""

    def formula(match: re.Match) -> str:
        text = match[3].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
        made = convert(_LOGARITHM.sub(r"\\ln\\,", text), display="block" if match[2] == "[" else "inline")
        return made.replace(r">\|</mo>", ">&#x2016;</mo>")

    return _FORMULA.sub(formula, html)


def _made(match: re.Match) -> str:
    name, *given, published = match.groups()
    return MAKERS[name](*filter(None, given)) if name in MAKERS else published


def commands() -> str:
    """The help of every command."""
    from mine.cli import COMMANDS, build_parser

    os.environ["COLUMNS"] = "88"
    parser = build_parser()
    choices = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction)).choices
    helps = [("mine", parser)] + [(f"mine {name}", choices[name]) for name in COMMANDS]
    return "\n\n".join(f"## {name}\n\n```text\n{part.format_help().rstrip()}\n```" for name, part in helps)


def columns(module: str, name: str) -> str:
    """A table's columns: name, type and meaning."""
    described = getattr(importlib.import_module(module), name)
    lines = ["| column | type | meaning |", "|---|---|---|"]
    for column, (kind, meaning) in described.items():
        lines.append(f"| `{column}` | {kind} | {_cell(meaning)} |")
    return "\n".join(lines)


def estimators() -> str:
    """Every estimator: the critics it exists with, what its value is, and whether a shift of T changes it."""
    from mine.estimators import build
    from mine.estimators.names import ESTIMATORS
    from mine.settings import TrainingSettings

    lines = ["| name | in figures | critics | what its value is, in nats | $T + c$ |", "|---|---|---|---|---|"]
    for name, named in ESTIMATORS.items():
        made = build(name, named.critics[0], 1, 1, TrainingSettings())
        shift = ("same" if made.shift_invariant else "changes it") if made.critic is not None else "no $T$"
        lines.append(f"| `{name}` | {named.label} | {', '.join(named.critics)} | {_cell(made.value_is)} | {shift} |")
    return "\n".join(lines)


def ledger() -> str:
    """Each claim's verdict and finding in a sentence, of the published ledger."""
    from mine.claims.ledger import plain_table
    from mine.publish.stairs import read_frame

    at = ROOT / "figures/data/claims.parquet"
    if not at.exists():
        return "*The ledger of claims is not among the published files of this checkout.*"
    return plain_table(read_frame(at))


def papers() -> str:
    """The papers' claims: where each stands in the paper, its rule, and its verdict where that is published."""
    from mine.claims import PAPERS, claims
    from mine.claims.claim import NOT_RUN
    from mine.claims.ledger import word
    from mine.publish.stairs import read_frame

    at = ROOT / "figures/data/benchmark_claims.parquet"
    found = read_frame(at).groupby("claim")["claim_verdict"].first() if at.exists() else {}
    lines = ["| | claim | verdict | the paper's words | rule |", "|---|---|---|---|---|"]
    for number, claim in enumerate(claims(PAPERS), start=1):
        verdict = word(found.get(claim.name, NOT_RUN))
        lines.append(
            "| " + " | ".join(map(_cell, (str(number), claim.sentence, verdict, claim.place, claim.rule))) + " |"
        )
    return "\n".join(lines)


def public_figures(of: str, table: str) -> str:
    """Public figures beside ours, of the staircase or of the fixed tasks."""
    from mine.publish import beside
    from mine.publish.stairs import read_frame
    from mine.reach.tables import ESTIMATES

    at = ROOT / f"figures/data/{table}.parquet"
    if of == "stairs":
        return beside.as_table(beside.stairs_beside(read_frame(at))) if at.exists() else "*Not published yet.*"
    import pandas as pd

    ours = [read_frame(path) for path in (at, at.with_name(f"{at.stem}_diffusion.parquet")) if path.exists()]
    return beside.as_table(beside.tasks_beside(pd.concat(ours) if ours else pd.DataFrame(columns=list(ESTIMATES))))


def cells(setting: str, dim: str) -> str:
    """The published numbers of the writeup experiment, of one product scheme and dimension."""
    lines = (ROOT / "figures/README.md").read_text(encoding="utf-8").splitlines()
    head, rule, *rows = _first_table(lines[lines.index("## writeup") :]).splitlines()
    rows = [row for row in rows if row.startswith(f"| {setting} |") and row.split("|")[3].strip() == dim]
    kept = [[row.split("|")[place] for place in _SHOWN] for row in (head, rule, *rows)]
    return "\n".join("|".join(row).join("||") for row in kept)


def pictures() -> str:
    """Where our figures in the write-up's form and its own agree, and which settings made them."""
    import pandas as pd

    from mine.publish.page import PICTURES_TABLES, pictures_part

    paths = {name: ROOT / f"figures/data/{name}.parquet" for name in PICTURES_TABLES}
    if not all(path.exists() for path in paths.values()):
        return "*The search's tables are not among the published files of this checkout.*"
    return pictures_part(**{name: pd.read_parquet(path, partitioning=None) for name, path in paths.items()})


def explorer_link() -> str:
    """Where the interactive page is in the site."""
    if not [*(ROOT / "figures/data").glob("*_epochs.parquet")]:
        return "*No run is published epoch by epoch in this checkout.*"
    return f"**[Open the page]({EXPLORER})** (8 MB; it asks nothing of a network)."


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _first_table(lines: list[str]) -> str:
    first = next(i for i, line in enumerate(lines) if line.startswith("|"))
    return "\n".join(takewhile(lambda line: line.startswith("|"), lines[first:]))


MAKERS = {
    "commands": commands,
    "columns": columns,
    "estimators": estimators,
    "ledger": ledger,
    "papers": papers,
    "public-figures": public_figures,
    "cells": cells,
    "pictures": pictures,
    "explorer": explorer_link,
}


def _file(path: str, config) -> tuple[list[File], str]:
    """A file of the project as those of the site that it makes, and its text where that can have links."""
    at, uri = ROOT / path, _uri(path)
    if at.suffix in COPIED and at.is_file():
        return [File.generated(config, uri, abs_src_path=str(at))], ""
    if path == "figures/claims.md" and not at.exists():
        return [File.generated(config, uri, content=NOT_PUBLISHED)], ""
    if at.is_dir():
        names = sorted(part.name for part in at.iterdir() if not part.name.startswith(("_", ".")))
        text = f"# {path}\n\n" + "\n".join(f"- [{name}]({at.name}/{name})" for name in names if (at / name).is_file())
        return [File.generated(config, uri, content=text)], text
    if not at.is_file():
        return [], ""  # mkdocs warns of the link
    if at.suffix == ".ipynb":
        text, pictures = notebook_page(at)
        beside = {posixpath.join(posixpath.dirname(uri), name): content for name, content in pictures.items()}
        made = [File.generated(config, place, content=content) for place, content in beside.items()]
        return [File.generated(config, uri, content=text), *made], text
    text = at.read_text(encoding="utf-8")
    if at.suffix == ".md":
        return [File.generated(config, uri, content=text)], text
    language = LANGUAGES.get(at.suffix, "text")
    return [File.generated(config, uri, content=f"{UNSEARCHED}# {path}\n\n~~~~{language}\n{text}\n~~~~\n")], ""


def _uri(path: str) -> str:
    """Where a file of the project is in the site."""
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    if path.endswith(".ipynb"):
        return f"project/{path.removesuffix('.ipynb')}.md"
    copied = Path(path).suffix in {*COPIED, ".md"}
    return f"project/{path}" if copied else f"project/{path}.md"


def _targets(path: str, text: str) -> list[str]:
    """The project's files that a page links to, by their path from the root."""
    links = [match[2] for match in _LINK.finditer(_CODE.sub("", text)) if not _elsewhere(match[2])]
    return [posixpath.normpath(posixpath.join(posixpath.dirname(path), link)) for link in links]


def _elsewhere(target: str) -> bool:
    return "://" in target or target.startswith(("mailto:", "/", "#"))


def _outside_code(change, text: str) -> str:
    """Change what does not stand in a fenced block."""
    parts, at = [], 0
    for block in _CODE.finditer(text):
        parts += [change(text[at : block.start()]), block[0]]
        at = block.end()
    return "".join([*parts, change(text[at:])])


def _pages(nav) -> list[str]:
    if isinstance(nav, str):
        return [nav]
    return [page for part in (nav.values() if isinstance(nav, dict) else nav) for page in _pages(part)]
