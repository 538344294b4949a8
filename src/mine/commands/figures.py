"""Draw one figure from collected tables, as svg, pdf and png.

``mine figures --list`` names the figures. Each is one command:
mine figures estimate --experiment-dir results/writeup --setting permutation --output results/figures/estimate
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mine.errors import UserError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from mine.figures import FigureSpec

HELP = "draw a figure from collected tables"

TASKS = "tasks"
"""Samples of every fixed task: drawn from no table, and so none of ``FIGURES``, which the code of experiments reads."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument("name", metavar="NAME", nargs="?", help="which figure, see --list")
    parser.add_argument("--list", action="store_true", help="name every figure and the tables it needs, then stop")
    parser.add_argument(
        "--experiment-dir", type=Path, metavar="DIR", help="folder that holds summary.parquet and the other tables"
    )
    parser.add_argument("--setting", help="which setting to draw; only for a figure that shows one setting")
    parser.add_argument(
        "--output", type=Path, metavar="STEM", help="path without ending: STEM.svg, STEM.pdf and STEM.png are written"
    )


def run(arguments: argparse.Namespace) -> int:
    """Draw and write one figure, or list them."""
    from mine.figures import FIGURES, FORMATS, figure

    if arguments.list:
        for spec in FIGURES.values():
            tables = ", ".join((*spec.needs, *(f"[{name}]" for name in spec.optional)))
            scope = "one setting" if spec.per_setting else "all settings"
            if spec.of != "experiment":
                scope = f"the {spec.of}"
            print(f"{spec.name:18} {scope:13} {tables:28} {spec.shows}")
        print(f"{TASKS:18} {'no settings':13} {'':28} samples of every fixed task; needs no --experiment-dir")
        return 0
    if arguments.name is None:
        raise UserError("figures: name a figure, or give --list")
    spec = None if arguments.name == TASKS else figure(arguments.name)
    for option in ("experiment_dir", "output") if spec else ("output",):
        if getattr(arguments, option) is None:
            raise UserError(f"figures: --{option.replace('_', '-')} is missing")
    stem = arguments.output
    if stem.suffix.removeprefix(".") in FORMATS:
        stem = stem.with_suffix("")

    from mine.figures import style

    drawn = _drawn(spec, arguments) if spec else _tasks()
    for path in style.save(drawn, stem):
        print(path)
    return 0


def _tasks() -> Figure:
    from mine.figures.tasks import draw

    return draw()


def _drawn(spec: FigureSpec, arguments: argparse.Namespace) -> Figure:
    tables = {name: _read(arguments.experiment_dir / f"{name}.parquet") for name in spec.needs}
    for name in spec.optional:
        path = arguments.experiment_dir / f"{name}.parquet"
        if path.exists():
            tables[name] = _read(path)
    return spec.draw(tables, arguments.setting)


def _read(path: Path) -> pd.DataFrame:
    import pandas as pd
    import pyarrow as pa

    try:
        return pd.read_parquet(path, partitioning=None, page_checksum_verification=True)
    except (OSError, pa.ArrowException) as error:
        reason = "no such file; the workflow makes it" if not path.exists() else str(error).strip().splitlines()[0]
        raise UserError(f"{path}: not a readable table ({reason})") from None
