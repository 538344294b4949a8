"""The share of a plausible range of the unstated settings in which a claim holds.

`search/plausible.parquet` has a row a (setting, seed) at d = 2. Its settings were drawn at random from a range that was
written down beforehand and were never chosen by the write-up's pictures. The rules here were written before any such
run. A setting is the unit: it counts as holding where the claim holds in more than half of its seeds.

Columns: ``setting_id``, ``seed``, ``epochs``, and for each rho those of ``COLUMNS`` with the rho behind them, as in
``biased_last_epoch_0.85``.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from mine.claims.claim import OF_SETTINGS, Finding, Missing, decide, finding, undecided
from mine.claims.tables import Tables
from mine.statistics import share

RHOS = (0.85, 0.9, 0.95, 0.99)
"""The write-up's."""

COLUMNS: dict[str, str] = {
    "biased_last_epoch": "last epoch, counted from 0, with a finite point; infinite where all epochs have one",
    "ema_last_epoch": "the same of the EMA",
    "biased_final": "mean in-batch value over the last 125 epochs, nats; not finite where the run ended",
    "ema_final": "the same of the EMA",
    "biased_norm_max": "largest gradient norm of all updates",
    "ema_norm_max": "the same of the EMA",
    "biased_norm_mean": "mean gradient norm of all updates",
    "ema_norm_mean": "the same of the EMA",
    "mi_true": "exact mutual information, nats",
}
"""Name to meaning of every column that there is once for each rho."""

CELL = "plausible range, d = 2"

QUANTITY = f"{OF_SETTINGS} in which this holds"

HALF = 0.5
"""Of the settings: a claim that the write-up makes without its settings should hold in most that it could have had."""

MOST_RHOS = 3
"""Of four rho at which the EMA has to end nearer the truth: two are no more than chance."""

LARGE = 100.0
"""The gradient norm that the write-up names."""

RULE = (
    "Primary too: the share of settings of a plausible range (`search`, d = 2, settings drawn at random beforehand) "
    "in which the claim holds in most seeds, by a rule written before any such run; holds where its exact interval "
    f"lies above {HALF:.0%}, does not where it lies below."
)
"""What a claim's rule says of this finding, before its own rule for a run."""


def diverges_sooner(tables: Tables) -> Finding:
    """Biased ends at one rho at least, never later at a larger one, and sooner at the largest than at the smallest."""
    return _share(tables, _diverges_sooner, ("biased_last_epoch",))


def produces_inf(tables: Tables) -> Finding:
    """Biased ends at the largest rho."""
    return _share(tables, lambda of: np.isfinite(of("biased_last_epoch")[:, -1]), ("biased_last_epoch",))


def ema_robust(tables: Tables) -> Finding:
    """The EMA lasts at every rho."""
    return _share(tables, lambda of: np.all(np.isposinf(of("ema_last_epoch")), axis=1), ("ema_last_epoch",))


def ema_better(tables: Tables) -> Finding:
    """The EMA ends nearer the truth than biased at MOST_RHOS rho at least."""
    names = ("biased_last_epoch", "ema_last_epoch", "biased_final", "ema_final", "mi_true")
    return _share(tables, _ema_better, names)


def gradient_norms(tables: Tables) -> Finding:
    """Biased's mean norm rises from rho to rho; its largest at the largest rho is LARGE, and larger than the EMA's."""
    return _share(tables, _gradient_norms, ("biased_norm_mean", "biased_norm_max", "ema_norm_max"))


Values = Callable[[str], np.ndarray]
"""From the name of a column to its values, (rows, rho)."""


def _diverges_sooner(of: Values) -> np.ndarray:
    last = of("biased_last_epoch")
    # Not a difference: never less never is no number.
    never_later = (last[:, 1:] <= last[:, :-1]).all(axis=1)
    return np.isfinite(last).any(axis=1) & never_later & (last[:, -1] < last[:, 0])


def _ema_better(of: Values) -> np.ndarray:
    biased, ema = (
        _distance(of(f"{name}_final"), of("mi_true"), of(f"{name}_last_epoch")) for name in ("biased", "ema")
    )
    return (ema < biased).sum(axis=1) >= MOST_RHOS


def _distance(final: np.ndarray, truth: np.ndarray, last: np.ndarray) -> np.ndarray:
    """|value - truth|, nats; a run that ended is infinitely far, whatever its last values."""
    far = np.abs(final - truth)
    return np.where(np.isfinite(far) & ~np.isfinite(last), far, np.inf)


def _gradient_norms(of: Values) -> np.ndarray:
    mean, largest, ema = of("biased_norm_mean"), of("biased_norm_max")[:, -1], of("ema_norm_max")[:, -1]
    # Norms that are not numbers compare as False: they neither rise nor reach anything.
    return (mean[:, 1:] > mean[:, :-1]).all(axis=1) & (largest >= LARGE) & (largest > ema)


def _share(tables: Tables, holds: Callable[[Values], np.ndarray], names: tuple[str, ...]) -> Finding:
    """The finding of one claim. holds: from values to whether the claim holds in each row. names: of COLUMNS."""
    try:
        table = _table(tables, names)
    except Missing as missing:
        made_by = "" if "`snakemake search`" in str(missing) else "; `snakemake search` makes it"
        return undecided(CELL, QUANTITY, f"{missing}{made_by}", primary=True)

    def of(name: str) -> np.ndarray:
        return table[[f"{name}_{rho:g}" for rho in RHOS]].to_numpy(dtype=float)

    rows = pd.Series(holds(of), index=table.index)
    by_setting = rows.groupby(table["setting_id"]).mean() > HALF
    n, count = len(by_setting), int(by_setting.sum())
    interval = share(count, n)
    verdict = decide(interval.above(HALF), interval.below(HALF))
    seeds = table.groupby("setting_id")["seed"].nunique()
    each = f"{seeds.min()}" if seeds.min() == seeds.max() else f"{seeds.min()} to {seeds.max()}"
    note = f"in most seeds of {count} of {n} settings, {each} seed{'s' if seeds.max() > 1 else ''} a setting"
    return finding(CELL, QUANTITY, interval, n, verdict, primary=True, note=note)


def _table(tables: Tables, names: tuple[str, ...]) -> pd.DataFrame:
    """Raises Missing where the table, a column or the last epoch of a run is not there."""
    columns = tuple(f"{name}_{rho:g}" for name in names for rho in RHOS)
    # Without it the rest of the claim is measured all the same, and an earlier ledger's must not stand for that.
    table = tables.get("search/plausible", ("setting_id", "seed", *columns), needed=False)
    for column in columns:
        if "_last_epoch_" in column and pd.to_numeric(table[column]).isna().any():
            raise Missing(f"search/plausible.parquet has a run without {column}")
    return table
