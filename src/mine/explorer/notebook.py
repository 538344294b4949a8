"""What the notebooks read and show: tables of a results folder, or the published ones, and figures with a description.

A notebook never ends in a traceback for want of a result: what is missing comes out as a sentence in its place.
"""

from __future__ import annotations

import base64
import html
import io
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa

from mine.errors import UserError
from mine.figures import figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PUBLISHED = "figures/data"


def project_folder(start: Path | None = None) -> Path:
    """The checkout: the nearest folder from here upwards with a Snakefile; here where there is none."""
    here = (start or Path.cwd()).resolve()
    return next((folder for folder in (here, *here.parents) if (folder / "Snakefile").is_file()), here)


@dataclass(frozen=True)
class Note:
    """A sentence in the place of a picture or a table."""

    text: str

    def _repr_html_(self) -> str:
        return f"<p><em>{html.escape(self.text)}</em></p>"

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Picture:
    """A figure, what it shows in words, and where its numbers come from."""

    figure: Figure
    alt: str
    source: str = ""

    def _repr_html_(self) -> str:
        from mine.figures import style

        stream = io.BytesIO()
        with style.context():
            self.figure.savefig(stream, format="png", dpi=110)
        code = base64.b64encode(stream.getvalue()).decode()
        source = f"<p><em>{html.escape(self.source)}</em></p>" if self.source else ""
        return f'<img style="max-width: 100%" alt="{html.escape(self.alt)}" src="data:image/png;base64,{code}">{source}'

    def __str__(self) -> str:
        return self.alt


@dataclass(frozen=True)
class Results:
    """A results folder, and the published tables for what it lacks.

    folder: as a reader gives it; a relative one is taken from the checkout. root: the checkout.
    """

    folder: Path
    root: Path

    @classmethod
    def at(cls, folder: str | Path) -> Results:
        """The results in a folder, from wherever the notebook runs."""
        root = project_folder()
        return cls(root / folder, root)

    def summary(self, experiment: str) -> tuple[pd.DataFrame, str]:
        """One row a run, and a sentence on where it comes from. Raises UserError where it is nowhere."""
        return self._table(self.folder / experiment / "summary.parquet", f"{experiment}_summary.parquet")

    def claims(self) -> tuple[pd.DataFrame, str]:
        """The ledger of claims, one row a finding, the fullest there is. Raises UserError where it is nowhere."""
        made = [self.folder / "claims" / scope / "claims.parquet" for scope in ("full", "runs")]
        return self._table(next((path for path in made if path.exists()), made[0]), "claims.parquet")

    def picture(self, name: str, experiment: str, alt: str, setting: str | None = None) -> Picture | Note:
        """A figure of mine.figures drawn from an experiment's tables, or a sentence on what is missing for it.

        Figures over training need curves.parquet, which is too large to be published with the others.
        """
        spec = figure(name)
        try:
            summary, source = self.summary(experiment)
            tables = {"summary": summary}
            for table in (*spec.needs, *spec.optional):
                path = self.folder / experiment / f"{table}.parquet"
                if table == "summary" or (table in spec.optional and not path.exists()):
                    continue
                tables[table] = _read(path)
            return Picture(spec.draw(tables, setting), alt, source)
        except UserError as error:
            return Note(f"Not drawn: {_inside(error, self.root)}. {self._advice(spec.needs)}")

    def _advice(self, needs: tuple[str, ...]) -> str:
        if set(needs) - {"summary"}:
            return (
                "It needs tables that `make reproduce` writes and that are not among the published ones; "
                "figures/ has this figure as it was published."
            )
        return "`make reproduce` writes what it needs."

    def _table(self, path: Path, published: str) -> tuple[pd.DataFrame, str]:
        shown = _inside(path, self.root)
        try:
            return _checked(path), f"From {shown}."
        except UserError as error:
            spare = self.root / PUBLISHED / published
            why = f"{_inside(error, self.root)}"
            if not spare.exists():
                raise UserError(f"{why}, and no published {PUBLISHED}/{published} either") from None
            return _checked(spare), f"{why}: so this is the published run, {PUBLISHED}/{published}."


def _checked(path: Path) -> pd.DataFrame:
    table = _read(path)
    if table.empty:
        raise UserError(f"{path} has no rows")
    return table


def _read(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path, partitioning=None)
    except (OSError, pa.ArrowException):
        raise UserError(f"{path} is {'not readable' if path.exists() else 'not there'}") from None


def _inside(text: object, root: Path) -> str:
    """The same text with paths from the checkout on: a page is read elsewhere."""
    return str(text).replace(f"{root}/", "")
