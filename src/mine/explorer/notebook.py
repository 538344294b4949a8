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
PUBLISHED_FIGURES = "figures"


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
        return _image(stream.getvalue(), self.alt, self.source)

    def __str__(self) -> str:
        return self.alt


@dataclass(frozen=True)
class PublishedPicture:
    """A figure as it was published, in the place of one that cannot be drawn here."""

    png: bytes
    alt: str
    source: str

    def _repr_html_(self) -> str:
        return _image(self.png, self.alt, self.source)

    def __str__(self) -> str:
        return self.alt


def _image(png: bytes, alt: str, source: str) -> str:
    code = base64.b64encode(png).decode()
    below = f"<p><em>{html.escape(source)}</em></p>" if source else ""
    return f'<img style="max-width: 100%" alt="{html.escape(alt)}" src="data:image/png;base64,{code}">{below}'


@dataclass(frozen=True)
class Results:
    """A results folder, and the published tables for what it lacks.

    folder: as a reader gives it; a relative one is taken from the checkout. The published figures' own folder asks
        for what is published. root: the checkout.
    """

    folder: Path
    root: Path

    @classmethod
    def at(cls, folder: str | Path) -> Results:
        """The results in a folder, from wherever the notebook runs."""
        root = project_folder()
        return cls(root / folder, root)

    @property
    def of_publication(self) -> bool:
        """Whether the published tables are asked for, and stand in for nothing."""
        return self.folder == self.root / PUBLISHED_FIGURES

    def summary(self, experiment: str) -> tuple[pd.DataFrame, str]:
        """One row a run, and a sentence on where it comes from. Raises UserError where it is nowhere."""
        return self._table(self.folder / experiment / "summary.parquet", f"{experiment}_summary.parquet")

    def epochs(self, experiment: str) -> tuple[pd.DataFrame, str]:
        """One row a run and epoch, and a sentence on where it comes from. Raises UserError where it is nowhere."""
        return self._table(self.folder / experiment / "epochs.parquet", f"{experiment}_epochs.parquet")

    def claims(self) -> tuple[pd.DataFrame, str]:
        """The ledger of claims, one row a finding, the fullest there is. Raises UserError where it is nowhere."""
        made = [self.folder / "claims" / scope / "claims.parquet" for scope in ("full", "runs")]
        return self._table(next((path for path in made if path.exists()), made[0]), "claims.parquet")

    def encoders(self, experiment: str) -> tuple[pd.DataFrame, str]:
        """One row a trained encoder, and a sentence on where it comes from. Raises UserError where it is nowhere."""
        return self._table(self.folder / experiment / "encoders.parquet", f"{experiment}_encoders.parquet")

    def encoders_picture(self, name: str, experiment: str, alt: str) -> Picture | Note:
        """A figure of mine.figures drawn from an experiment's encoders, or from the published ones, or a sentence."""
        try:
            read = {
                table: self._table(self.folder / experiment / f"{table}.parquet", f"{experiment}_{table}.parquet")
                for table in figure(name).needs
            }
            tables = {table: frame for table, (frame, _) in read.items()}
            return Picture(figure(name).draw(tables), alt, next(iter(read.values()))[1])
        except UserError as error:
            return Note(f"No figure: {self.shown(error)}. `snakemake {experiment}` makes what it needs.")

    def picture(
        self, name: str, experiment: str, alt: str, setting: str | None = None
    ) -> Picture | PublishedPicture | Note:
        """A figure of mine.figures drawn from an experiment's tables, or as published, or what is missing for it.

        Figures over training need curves.parquet, which is too large to be published with the others; so without
        results they are shown as they were published.
        """
        spec = figure(name)
        stem = name if setting is None else f"{name}_{setting}"
        published = self.root / PUBLISHED_FIGURES / experiment / f"{stem}.png"
        if self.of_publication and published.is_file():
            return PublishedPicture(published.read_bytes(), alt, f"As published, {self.shown(published)}.")
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
            if published.is_file():
                instead = f"so this is the published figure, {self.shown(published)}"
                return PublishedPicture(published.read_bytes(), alt, f"{self.shown(error)}: {instead}.")
            return Note(f"Not drawn: {self.shown(error)}. `make reproduce` writes what it needs.")

    def shown(self, text: object) -> str:
        """The same text with paths from the checkout on, or from the results folder where that lies elsewhere.

        A page is read on other machines, and is nobody's business where a folder was on this one.
        """
        said = str(text)
        for folder in (self.root, self.folder.parent):
            if folder != folder.parent:
                said = said.replace(f"{folder}/", "")
        return said

    def _table(self, path: Path, published: str) -> tuple[pd.DataFrame, str]:
        shown = self.shown(path)
        if self.of_publication:
            return _checked(self.root / PUBLISHED / published), f"As published, {PUBLISHED}/{published}."
        try:
            return _checked(path), f"From {shown}."
        except UserError as error:
            spare = self.root / PUBLISHED / published
            why = self.shown(error)
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
