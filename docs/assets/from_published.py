"""Pages made of the published tables: the notebooks with their outputs, and the page of every run.

Notebooks run once: what they gave is kept in build/notebooks as long as nothing changes that they read.
"""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KEPT = ROOT / "build/notebooks"

TRAINS = {"4_your_experiment"}
"""Notebooks that are shown as they are: they train, on a grid that is the reader's to change."""

NOT_RUN = (
    "*Shown without its results: it trains a small grid of your own, so it is for you to run. "
    "`.venv/bin/jupyter lab notebooks` opens it.*"
)
_PICTURE = re.compile(r'src="data:image/png;base64,([^"]+)"')
_STYLE = re.compile(r"<style scoped>.*?</style>\n?", re.DOTALL)


def notebook_page(notebook: Path) -> tuple[str, dict[str, bytes]]:
    """A notebook as markdown, with its outputs from the published tables, and its pictures by file name."""
    import nbformat
    from nbconvert import MarkdownExporter

    trains = notebook.stem in TRAINS
    done = nbformat.read(notebook, as_version=4) if trains else _executed(notebook)
    text, found = MarkdownExporter().from_notebook_node(done, resources={"unique_key": notebook.stem})
    pictures: dict[str, bytes] = {Path(name).name: content for name, content in found["outputs"].items()}

    def apart(match: re.Match) -> str:
        name = f"{notebook.stem}_{len(pictures) + 1}.png"
        pictures[name] = base64.b64decode(match[1])
        return f'src="{name}"'

    text = _PICTURE.sub(apart, _STYLE.sub("", text))
    heading, _, rest = text.lstrip().partition("\n")
    return (f"{heading}\n\n{NOT_RUN}\n{rest}" if trains else text), pictures


def _executed(notebook: Path):
    import nbformat

    from mine.explorer.render import execute
    from mine.files import whole_files

    kept = KEPT / f"{notebook.stem}-{_read_by(notebook)}.ipynb"
    if not kept.exists():
        done = execute(notebook, ROOT / "figures")
        KEPT.mkdir(parents=True, exist_ok=True)
        for old in KEPT.glob(f"{notebook.stem}-*.ipynb"):
            old.unlink(missing_ok=True)
        with whole_files(kept) as (stream,):
            stream.write(nbformat.writes(done).encode())
    return nbformat.read(kept, as_version=4)


def _read_by(notebook: Path) -> str:
    """A hash of all that can change what a notebook shows: itself, the package, and what is published."""
    read = [*(ROOT / "src/mine").rglob("*.py"), *(ROOT / "figures").rglob("*.parquet")]
    read += (ROOT / "figures").rglob("*.png")
    digest = hashlib.sha256(notebook.read_bytes())
    for path in sorted(read):
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def explorer() -> str:
    """The interactive page, of the experiments whose runs are published epoch by epoch; empty where none is."""
    from mine.explorer.page import page
    from mine.explorer.payload import payload

    data = ROOT / "figures/data"
    names = [path.name.removesuffix("_epochs.parquet") for path in sorted(data.glob("*_epochs.parquet"))]
    claims = data / "claims.parquet"
    if not names:
        return ""
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            (Path(folder) / name).mkdir()
            for table in ("summary", "epochs"):
                shutil.copy(data / f"{name}_{table}.parquet", Path(folder) / name / f"{table}.parquet")
        return page(payload(Path(folder), claims=claims if claims.exists() else None))
