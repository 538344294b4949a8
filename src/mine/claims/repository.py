"""What the two claims of the author's repository share: its own quantity, its own settings, seeds of ours."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mine.claims.claim import FAILS, REPORTED, Finding, decide, finding
from mine.claims.tables import Tables
from mine.estimators.scores import t_interval
from mine.statistics import Interval
from mine.writeup.repository import Printed, among, beside

MARGIN = 0.02
"""How near "about" is, nats. Ours: the printed values after the first have a standard deviation of 0.005 and 0.006."""

LAST = 50
"""Epochs at the end of training that are averaged, as far apart as two printed values."""

PLACE = "README.md and its notebook"

RULE = (
    f"Holds where the whole interval lies within {MARGIN:g} nats of the number, does not where it lies outside or a "
    "run ended."
)
BEFORE = "Margin and settings were committed before any run."
SEEN = (
    "No pre-registration: the margin was set after a trial of 20 epochs with two other seeds had been seen, whose "
    "epochs after the first gave 0.60-0.64 nats, and the length was cut from 500 to 200 epochs, to save time, after "
    "single batches of two of these seeds had been seen."
)


def at_the_end(epochs: pd.DataFrame, column: str) -> np.ndarray:
    """Mean of a column over each run's last LAST epochs, (seeds,) nats; nan or inf of a run that ended."""
    last = epochs[epochs["epoch"] > epochs["epoch"].max() - LAST]
    # Not pandas' mean, which leaves out what is not finite.
    return last.groupby("seed")[column].agg(lambda values: np.mean(values.to_numpy(dtype=float))).to_numpy()


def about(printed: Printed, tables: Tables) -> list[Finding]:
    """The primary finding, whether the number comes out, and where the printed values lie among ours."""
    epochs = tables.get(f"{printed.experiment}/epochs", ("seed", "epoch", printed.column))
    found = at_the_end(epochs, printed.column)
    ended = int((~np.isfinite(found)).sum())
    if ended:
        distance, verdict, note = Interval(np.nan, np.nan, np.nan), FAILS, f"{ended} of {len(found)} runs ended"
    else:
        distance, note = t_interval(found - printed.said), f"ours {found.mean():.4f} nats"
        verdict = decide(distance.within(-MARGIN, MARGIN), distance.above(MARGIN) or distance.below(-MARGIN))
    words = f"mean of the last {LAST} epochs less {printed.said:.2f}, nats"
    return [
        finding(printed.what, words, distance, len(found), verdict, primary=True, note=note),
        _among_ours(printed, epochs),
    ]


def against(cell: str, quantity: str, values: np.ndarray, note: str = "") -> Finding:
    """A number that enters no verdict, with its interval over seeds; without one where a run ended."""
    if not np.isfinite(values).all():
        return finding(cell, quantity, Interval(np.nan, np.nan, np.nan), len(values), REPORTED, note="a run ended")
    return finding(cell, quantity, t_interval(values), len(values), REPORTED, note=note)


def _among_ours(printed: Printed, epochs: pd.DataFrame) -> Finding:
    """How far the printed values are from ours at the same epochs, the first left out."""
    ours, theirs = beside(printed, epochs)
    note = among(ours, theirs)
    mean = float(np.mean(theirs - ours.mean(axis=1).to_numpy()))
    words = f"printed values less ours at epochs {ours.index[0]}-{ours.index[-1]}, mean, nats"
    return finding(printed.what, words, Interval(mean, np.nan, np.nan), len(ours.columns), REPORTED, note=note)
