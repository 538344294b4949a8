"""Tell whether your runs agree with the published ones.

Both arguments are a summary.parquet, or a folder with */summary.parquet or *_summary.parquet in it. In every
cell (experiment, setting, variant, d, rho) that both have, final values, divergence counts and gradient norms are
tested over seeds, with Holm's correction over all tests. A smaller grid of yours is allowed, and said.

Exit code 0: at least one cell could be decided, and none differs. 1: a cell differs or was trained with other
settings, nothing is in common, or the seeds are too few to decide any cell. 2: bad input. Cells that cannot be
decided are counted in the last line; they are no agreement.
"""

from __future__ import annotations

import argparse
from pathlib import Path

HELP = "tell whether your runs agree with the published ones"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of ``mine compare``."""
    parser.add_argument("published", type=Path, metavar="PUBLISHED", help="the published summary, or its folder")
    parser.add_argument("mine", type=Path, metavar="MINE", help="your summary, or its folder")
    parser.add_argument("--json", action="store_true", help="print everything as JSON instead of a table")
    parser.add_argument(
        "--level",
        type=float,
        default=0.05,
        metavar="P",
        help="chance of any false difference over all tests, in (0, 1) (default: 0.05)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Run the command. Returns the exit code; raises UserError."""
    import json

    from mine.compare import compare, load_summaries, render

    published, mine = load_summaries(arguments.published), load_summaries(arguments.mine)
    result = compare(published, mine, arguments.level)
    print(json.dumps(result.to_dict(), indent=2, allow_nan=False) if arguments.json else render(result))
    return 0 if result.agrees else 1
