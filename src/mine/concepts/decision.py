"""Which way of measuring tells leakage from none, at how many rows: one table from the draws of known leakage.

An alarm is p < 0.05. A method *tells* a leakage at so many rows where it surely finds it more often than not (the exact
95 % interval of its alarms lies above one half) and its false alarms at no leakage are not surely above 5 %. A draw
without a reading counts as one without an alarm.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from mine.statistics import share

SIZE = 0.05
MOST_OFTEN = 0.5

YES, NO, FALSE_ALARMS = "yes", "no", "false alarms"
"""Of ``tells``; at no leakage it says nothing."""


def decided(known: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of decision.parquet, over all scenarios together. known: of known.parquet."""
    made = []
    for (method, rows), of_method in known.groupby(["method", "drawn"], sort=False):
        of_none = of_method[of_method["leakage"] == 0.0]
        honest = not of_none.empty and share(_alarms(of_none), len(of_none)).low <= SIZE
        for leakage, draws in of_method.groupby("leakage", sort=True):
            made.append(_row(str(method), int(rows), float(leakage), draws, honest=honest))
    return made


def smallest_told(decision: pd.DataFrame, method: str, rows: int) -> float | None:
    """The smallest leakage that a method tells at so many rows; None for none."""
    told = decision[(decision["method"] == method) & (decision["rows"] == rows) & (decision["tells"] == YES)]
    return None if told.empty else float(told["leakage"].min())


def _row(method: str, rows: int, leakage: float, draws: pd.DataFrame, *, honest: bool) -> dict[str, Any]:
    alarms = share(_alarms(draws), len(draws))
    error = (draws["conditional"] - draws["leakage"]).dropna()
    of_difference = (draws["difference"] - draws["leakage_difference"]).dropna()
    read = draws[draws["conditional"].notna()]
    covered = (read["low"] <= read["leakage"]) & (read["leakage"] <= read["high"])
    tells = None
    if leakage > 0.0:
        tells = FALSE_ALARMS if not honest else YES if alarms.low > MOST_OFTEN else NO
    return {
        "method": method,
        "rows": rows,
        "leakage": leakage,
        "draws": len(draws),
        "readings": len(read),
        "alarms": _alarms(draws),
        "alarm_share": alarms.value,
        "alarm_low": alarms.low,
        "alarm_high": alarms.high,
        "difference_alarms": int((draws["difference_low"] > 0.0).sum()),
        "bias": _or_none(error.mean()),
        "spread": _or_none(error.std(ddof=1)),
        "difference_bias": _or_none(of_difference.mean()),
        "difference_spread": _or_none(of_difference.std(ddof=1)),
        "covered": _or_none(covered.mean()),
        "cpu_s": _or_none(draws["cpu_s"].median()),
        "tells": tells,
    }


def _alarms(draws: pd.DataFrame) -> int:
    return int((pd.to_numeric(draws["p_value"]) < SIZE).sum())


def _or_none(value: float) -> float | None:
    return None if pd.isna(value) else float(value)
