"""What the claims about control share: encoders of ``control``, how near its optimum each came, and goals in words."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mine.claims.claim import Missing
from mine.claims.tables import Tables, runs_of
from mine.statistics import Interval, median

GOALS = {"maximise": ("y",), "compress": ("y", "x"), "remove": ("y", "s")}
"""Goal to its terms."""

USABLE = 0.95
"""Share of the optimum from which on an encoder is well trained. Ours."""

GAIN = 0.02
"""Share of the optimum that a correction must gain to be what makes an estimate usable. Ours."""

MARGIN = 0.1
"""How near the truth an estimate is true, nats. Ours."""

TEST = (
    "Encoders t = Wx + unit noise of Gaussian data, d = 4, trained by an estimate with one critic step an encoder step "
    "(`control`), 10 seeds; three β, and of remove three weights and one case whose optimum is the best of 50 "
    "numerical starts. Judged by the exact mutual information of the finished encoder; of each seed the worst setting "
    "of a goal counts; the median over seeds by order statistics, a run that ended worse than any other."
)

BEFORE = (
    "Committed before the runs, after probes on other seeds (900-903) by which the encoder's learning rate was chosen: "
    "the EMA reached shares of 0.97 to 1.00 there with estimates within 0.3 nats, biased 0.88 at β = 20 with one of "
    "I(x; t) 2 nats too high. An earlier probe had the two equally near at β = 2."
)


def encoders(tables: Tables) -> pd.DataFrame:
    """A row a run. Raises Missing where the table is not there."""
    return tables.get(
        "control/encoders",
        ("setting", "variant", "task", "seed", "outcome", "share", "mi_y", "mi_x", "mi_s", "estimate_y", "fresh_s"),
    )


def of_goal(table: pd.DataFrame, goal: str, variant: str) -> pd.DataFrame:
    """One estimator's runs of one goal. Raises Missing where there are none, or seeds of a setting are missing."""
    runs = runs_of(table, task=goal, variant=variant)
    counts = runs.groupby("setting", observed=True)["seed"].nunique()
    if counts.nunique() > 1:
        raise Missing(f"{counts.idxmin()} of {variant} has {counts.min()} seeds, another setting {counts.max()}")
    return runs


def shares(runs: pd.DataFrame) -> np.ndarray:
    """Exact objective / optimum of each run; -inf of one that ended."""
    share = pd.to_numeric(runs["share"]).to_numpy(dtype=float, na_value=np.nan)
    return np.where((runs["outcome"] == "completed").to_numpy() & ~np.isnan(share), share, -np.inf)


def errors(runs: pd.DataFrame, term: str) -> np.ndarray:
    """In-batch estimate less the exact value of each run, nats; inf of one that ended."""
    said, exact = (
        pd.to_numeric(runs[f"{kind}_{term}"]).to_numpy(dtype=float, na_value=np.nan) for kind in ("estimate", "mi")
    )
    with np.errstate(invalid="ignore"):
        error = said - exact
    return np.where((runs["outcome"] == "completed").to_numpy() & np.isfinite(error), error, np.inf)


def by_seed(runs: pd.DataFrame, values: np.ndarray, worst: str) -> pd.Series:
    """The worst value of each seed over its settings. worst: ``min`` or ``max``."""
    return pd.Series(values, index=runs["seed"].to_numpy()).groupby(level=0).agg(worst).sort_index()


def worst_share(table: pd.DataFrame, goal: str, variant: str) -> pd.Series:
    """Of each seed the smallest share of the optimum over the goal's settings, by seed."""
    runs = of_goal(table, goal, variant)
    return by_seed(runs, shares(runs), "min")


def ended(runs: pd.DataFrame) -> str:
    """How many of these runs became non-finite, for a note; empty for none."""
    count = int((runs["outcome"] != "completed").sum())
    return f"{count} of {len(runs)} runs ended" if count else ""


def over_seeds(values: pd.Series | np.ndarray) -> Interval:
    """Median over seeds with its exact interval."""
    return median(np.asarray(values, dtype=float))
