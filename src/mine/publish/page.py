"""The page beside the published figures: every figure, and every cell's numbers, computed from the summaries."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd

from mine.columns import RUN
from mine.divergence import LOW_ESS_ALLOWANCE, MARGIN, MIN_ESS
from mine.figures import FIGURES
from mine.publish.questions import contents, section
from mine.statistics import quantile

_KEY = list(RUN[:-1])
_HEADER = (
    "setting",
    "variant",
    "d",
    "ρ",
    "truth",
    "overflowed (at step)",
    "ran away (from step)",
    "in-batch",
    "held out",
    "population",
    "gradient norm: median",
    "largest",
)

PICTURES_TABLES = ("pictures_epochs", "search_judged", "search_counts")
"""Published tables that say where our figures and the write-up's agree."""

_FIGURE = re.compile(r"^- Figure: `([^`]+)`\n(?!\n    \[!)", re.M)

_LEGEND = f"""Medians over seeds [quartiles]; information in nats. *In-batch*: mean over a run's last tenth, of the
training batches' own values; *held out*: the final critic on fresh pairs; *population*: the same critic
by the exact density ratio. A dash: the median run ended without a finite value. In italics: the median
effective sample size of the product term is under {MIN_ESS:g}, so the value is no evidence as a number.
*Overflowed*: a non-finite value or gradient. *Ran away*: two evaluations in a row with the in-batch
value more than 2 nats above the truth or the population value ({MARGIN + LOW_ESS_ALLOWANCE:.1f} nats above
one in italics). Gradient norms are those of each run's applied updates: their median, and their largest.
"""


def page(
    summaries: Mapping[str, pd.DataFrame],
    figures: Iterable[str],
    record: Mapping[str, Any],
    encoders: Mapping[str, str] = MappingProxyType({}),
    notes: Mapping[str, str] = MappingProxyType({}),
) -> str:
    """Markdown of the whole page.

    Args:
        summaries: experiment to its summary, columns of ``mine.summary.SUMMARY_COLUMNS``.
        figures: files beside the page; the png of each figure is shown, its svg linked.
        record: what published.json holds.
        encoders: of experiments that train some, the table in Markdown.
        notes: of a folder of figures, what stands below them, in Markdown.
    """
    runs = sum(len(summary) for summary in summaries.values())
    packages = ", ".join(f"{name} {version}" for name, version in record["packages"].items())
    figures = list(figures)
    folders = [name for name in ("search", "own", "concepts") if any(file.startswith(f"{name}/") for file in figures)]
    claims = ["claims"] if "claims.md" in figures else []
    parts = [
        "# Published figures and numbers",
        contents([*claims, *folders, *summaries, *encoders]),
        _LEGEND.strip(),
        f"Made by `mine publish` from {runs:,} runs at commit {_short(record['commit']['sha'])} on "
        f"{record['cpu']['cores']} cores ({record['cpu']['model']}) with Python {record['python']}, {packages}. "
        "[published.json](published.json) has the hashes; `data/` the summaries, one row a run.",
    ]
    if kept := _kept(record):
        parts.append(
            f"Not made again, and kept from earlier publications: {kept}. Each run's row in `data/` has the hash of "
            "the code that trained it."
        )
    if claims:
        parts += [*section("claims"), *_pictures(figures, "claims")]
        parts.append(
            "[The claims, tested](claims.md) is the ledger of every claim of the write-up; claims.html the same."
        )
    for name in folders:
        parts += [*section(name), *_pictures(figures, name), *([notes[name]] if name in notes else [])]
    for name, summary in summaries.items():
        parts += [*section(name), *_pictures(figures, name), cell_table(summary)]
    for name, table in encoders.items():
        parts += [*section(name), *_pictures(figures, name), table]
    return "\n\n".join(parts) + "\n"


def _kept(record: Mapping[str, Any]) -> str:
    """What was kept, by the commit of the publication that made it; nothing where nothing was."""
    what: dict[str, list[str]] = {}
    for name, made in record.get("experiments", {}).items():
        if "kept" in made:
            what.setdefault(made["kept_from"], []).append(f"{made['kept']:,} runs of {name}")
    for commit, files in Counter(record.get("kept", {}).values()).items():
        what.setdefault(commit, []).append(f"{files} file{'' if files == 1 else 's'}")
    return "; ".join(f"of commit {_short(commit)} {', '.join(parts)}" for commit, parts in what.items())


def _short(commit: str | None) -> str:
    """A commit as a page names it; published.json has it whole."""
    return (commit or "unknown")[:12]


def pictures_part(pictures_epochs: pd.DataFrame, search_judged: pd.DataFrame, search_counts: pd.DataFrame) -> str:
    """Where our figures and the write-up's agree, and which settings made them, as a Markdown list."""
    from mine.search.words import in_words
    from mine.writeup.agreement import agreement, sentences

    table = agreement(pictures_epochs)
    return "\n".join(f"- {sentence}" for sentence in (*sentences(table), *in_words(search_judged, search_counts)))


def pictures_sentence(pictures_epochs: pd.DataFrame, search_judged: pd.DataFrame, search_counts: pd.DataFrame) -> str:
    """The same in one sentence, for the README."""
    from mine.search.words import in_short
    from mine.writeup.agreement import agreement, verdict

    return (
        f"{verdict(agreement(pictures_epochs))}; {in_short(search_judged, search_counts)}: "
        "[where they agree](docs/pictures.md#where-they-agree)."
    )


def _pictures(files: Iterable[str], folder: str) -> list[str]:
    """Every png below a folder, linked to its svg."""
    stems = [file.removesuffix(".png") for file in files if file.startswith(f"{folder}/") and file.endswith(".png")]
    return [f"[![{stem.split('/')[-1].replace('_', ' ')} of {folder}]({stem}.png)]({stem}.svg)" for stem in stems]


def with_figures(ledger: str, files: Iterable[str]) -> str:
    """The ledger of claims (markdown) with each claim's figure where it is named, of those that are published.

    files: published names. A ledger that has its figures comes back as it is.
    """
    published = set(files)

    def shown(match: re.Match[str]) -> str:
        stem = match[1]
        folder, name = stem.split("/")
        if not {f"{stem}.png", f"{stem}.svg"} <= published:
            return match[0]
        spec = next(spec for spec in FIGURES.values() if f"{name}_".startswith(f"{spec.name}_"))
        return f"- Figure: `{stem}`\n\n    [![{spec.shows}, of {folder}]({stem}.png)]({stem}.svg)\n"

    return _FIGURE.sub(shown, ledger)


def cell_table(summary: pd.DataFrame) -> str:
    """One line a cell, in the order of the summary, as a Markdown table."""
    lines = ["| " + " | ".join(_HEADER) + " |", "|" + "---|" * len(_HEADER)]
    for key, runs in summary.groupby(_KEY, sort=False, dropna=False):
        setting, _, variant, task, dim, rho = key
        cells = (
            setting,
            variant,
            str(dim),
            task if np.isnan(rho) else f"{rho:g}",
            f"{runs['mi_true'].iloc[0]:.2f}",
            _count(runs["overflow_step"]),
            _count(runs["runaway_step"]),
            _spread(runs["mi_batch_mean"]),
            _judged(runs, "mi_heldout", "heldout_ess"),
            _judged(runs, "mi_population", "population_ess"),
            _spread(runs["grad_norm_median"], digits=1),
            _spread(runs["grad_norm_max"], digits=0),
        )
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _count(steps: pd.Series) -> str:
    """How many of how many, and between which steps."""
    found = steps.dropna().astype(int)
    text = f"{len(found)} of {len(steps)}"
    return f"{text} ({found.min():,}-{found.max():,})" if len(found) else text


def _spread(values: pd.Series, digits: int = 2) -> str:
    """Median [quartiles], those of the figures; a dash for one that is not finite."""
    numbers = values.to_numpy(dtype=float, na_value=np.nan)
    quartiles = [quantile(numbers, level) for level in (0.25, 0.5, 0.75)]
    low, middle, high = (f"{value:,.{digits}f}" if np.isfinite(value) else "—" for value in quartiles)
    return "—" if middle == "—" else f"{middle} [{low}, {high}]"


def _judged(runs: pd.DataFrame, value: str, ess: str) -> str:
    text = _spread(runs[value])
    return text if text == "—" or runs[ess].median() >= MIN_ESS else f"*{text}*"
