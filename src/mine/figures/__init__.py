"""The figures, by name: what each needs and whether it is drawn once per setting.

Importing this loads neither pandas nor matplotlib, so that a Snakefile can read the registry.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from mine.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from matplotlib.figure import Figure

FORMATS = ("svg", "pdf", "png")
"""What every figure is written as."""


@dataclass(frozen=True)
class FigureSpec:
    """One figure: its module ``mine.figures.{name}`` has a function ``draw`` from tables to a Figure.

    per_setting: drawn for one setting of an experiment (``draw(..., setting=name)``), else for all of them.
    needs: the tables it cannot do without, by the name of their parquet file.
    optional: the tables it uses where they exist.
    shows: one line for ``mine figures --list``.
    of: whose tables these are: ``experiment`` (a folder of the results for each, and the configuration says which
        experiments get the figure), ``frozen`` (those made from frozen critics), ``claims`` (the ledger's),
        ``search`` (the search for the settings behind the write-up's pictures), ``own`` (`mine estimate` on tasks
        of known mutual information) or ``concepts`` (leakage of concept models).
    by_rho: of tables of runs, whether it needs their correlation.
    per: what a figure of one setting is drawn once for: ``setting``, or ``task`` (whose name is its setting then).
    """

    name: str
    per_setting: bool
    needs: tuple[str, ...]
    shows: str
    optional: tuple[str, ...] = ()
    of: str = "experiment"
    per: str = "setting"
    by_rho: bool = True

    @property
    def function(self) -> Callable[..., Figure]:
        """The function that draws it; imports matplotlib."""
        return import_module(f"mine.figures.{self.name}").draw

    def draw(self, tables: Mapping[str, pd.DataFrame], setting: str | None = None) -> Figure:
        """Draw from tables by name. Raises UserError for a missing table, column or setting."""
        missing = [name for name in self.needs if name not in tables]
        if missing:
            raise UserError(f"figure {self.name!r} needs the table {missing[0]!r}")
        if setting is not None and not self.per_setting:
            raise UserError(f"setting: {setting!r} given, but figure {self.name!r} shows every setting")
        given = {name: tables[name] for name in (*self.needs, *self.optional) if name in tables}
        return self.function(**given, **({"setting": setting} if self.per_setting else {}))


_BESIDE_BENCHMARK = ("benchmark_diffusion", "benchmark_peers")

FIGURES: dict[str, FigureSpec] = {
    spec.name: spec
    for spec in (
        FigureSpec("estimate", True, ("summary", "curves"), "in-batch MI estimate over training, by d and rho"),
        FigureSpec("gradient_norm", True, ("summary", "curves"), "gradient norm over training, by d and rho"),
        FigureSpec(
            "final_values",
            False,
            ("summary",),
            "final in-batch, held-out and population values against the truth",
            optional=("optimal",),
        ),
        FigureSpec("divergence", False, ("summary",), "share of runs still live over training"),
        FigureSpec("sweep", False, ("summary",), "final values and divergence against the one swept setting"),
        FigureSpec("phase", False, ("summary",), "share of runs that diverge over d and rho"),
        FigureSpec(
            "parting",
            False,
            ("summary", "curves", "evaluations"),
            "in-batch, held-out and population value over training where they part most",
        ),
        FigureSpec("remedies", False, ("summary",), "final values and divergence of each named setting"),
        FigureSpec(
            "trends",
            False,
            ("summary", "epochs"),
            "estimate per epoch in the write-up's own form, its published lines drawn in; of runs recorded per epoch",
        ),
        FigureSpec(
            "norm_violins",
            False,
            ("summary", "epochs"),
            "gradient norms in the write-up's own form, its published lines drawn in; of runs recorded per epoch",
        ),
        FigureSpec(
            "printed",
            False,
            ("summary", "epochs"),
            "estimate per epoch beside what the author's notebooks print; of the experiments with their settings",
            by_rho=False,
        ),
        FigureSpec(
            "bias_against_batch",
            False,
            ("bias", "directions"),
            "bias of the batch gradient against the batch size, at frozen critics",
            of="frozen",
        ),
        FigureSpec(
            "ema_bias",
            False,
            ("bias",),
            "the EMA's gradient bias and variance against its rate, at frozen critics",
            of="frozen",
        ),
        FigureSpec("lag_and_noise", False, ("lag",), "lag and sampling noise of the EMA over training", of="frozen"),
        FigureSpec(
            "staircase",
            True,
            ("windows", "stairs"),
            "every estimator's value over training while the truth rises, one task (the setting)",
            per="task",
        ),
        FigureSpec("scores", False, ("scores",), "every estimator's error at every stair, a table"),
        FigureSpec("task_errors", False, ("scores",), "every estimator's held-out error on every task"),
        FigureSpec(
            "control_share",
            False,
            ("encoders",),
            "share of the exact optimum that each estimator's encoder reaches; of encoders",
            by_rho=False,
        ),
        FigureSpec(
            "information_plane",
            False,
            ("encoders", "optima"),
            "exact curve, encoders, and where their estimates say that they are; of goal compress",
            by_rho=False,
        ),
        FigureSpec(
            "control_estimates",
            False,
            ("encoder_steps", "encoders"),
            "estimate against exact value over an encoder's training; of encoders",
            by_rho=False,
        ),
        FigureSpec(
            "search",
            False,
            ("numbers", "judged", "moves"),
            "every published number against the winner's runs, and what each unstated choice moves",
            of="search",
        ),
        FigureSpec(
            "own_errors",
            False,
            ("estimates",),
            "error of `mine estimate` and of other packages on every task of known mutual information",
            of="own",
        ),
        FigureSpec(
            "benchmark_scores",
            False,
            ("benchmark",),
            "error of every estimator over all tasks and by kind of data, with intervals",
            optional=_BESIDE_BENCHMARK,
            of="own",
        ),
        FigureSpec(
            "benchmark_failures",
            False,
            ("benchmark",),
            "how far off every estimator is on every task: too low, too high, run away or without a value",
            optional=_BESIDE_BENCHMARK,
            of="own",
        ),
        FigureSpec(
            "benchmark_n",
            False,
            ("benchmark_n",),
            "error against the number of pairs by task, and the CPU seconds to come within 10 % of the truth",
            of="own",
        ),
        FigureSpec(
            "concepts_leakage",
            False,
            ("leakage", "models"),
            "what each kind of concept model leaks, by concept, with intervals",
            of="concepts",
        ),
        FigureSpec(
            "concepts_power",
            False,
            ("decision",),
            "how often each way of measuring finds a known leakage, by the number of rows",
            of="concepts",
        ),
        FigureSpec(
            "concepts_frontier",
            False,
            ("penalised",),
            "accuracy of label and concepts against leakage over the weight of a penalty on it",
            of="concepts",
        ),
        FigureSpec(
            "ledger", False, ("claims",), "every claim with its verdict and what was found, on one page", of="claims"
        ),
    )
}
"""Name to figure, in the order in which they are listed."""


def figure(name: str) -> FigureSpec:
    """The figure of that name. Raises UserError for an unknown one."""
    if name not in FIGURES:
        raise UserError(f"figure: {name!r} is unknown; known are {', '.join(FIGURES)}")
    return FIGURES[name]
