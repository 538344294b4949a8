"""Whether somebody's run of an experiment agrees with the published one, cell by cell, the seed as the unit.

Training is chaotic: another CPU gives other traces at the same seed. So agreement is a statement about
distributions over seeds, and with few seeds it says little; what could have been seen is part of the answer.

Values are those of the summaries; record_every is a setting, so that traces of windows are not compared with traces
of updates, whose medians mean something else.

In each cell (experiment, setting, variant, dim, rho) that both sides have, seven two-sided tests:

- final values (mi_batch_mean, mi_heldout, mi_population): a rank test. A run that diverged, or whose value is not
  finite, ranks below every other; a value whose effective sample size is under 50 is no number, and ranks between
  those and the numbers, tied with its like;
- gradient norms (grad_norm_median, grad_norm_max): a rank test, a non-finite norm above every other;
- overflow and runaway counts: Fisher's exact test.

The rank test is the exact permutation distribution of the rank sum, ties included, up to 60 seeds together, and the
tie-corrected normal approximation beyond. Holm's correction goes over all tests of all cells.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from mine.compare.ranks import detectable_shift, rank_test, smallest_p
from mine.compare.result import AGREES, DIFFERS, OTHER_SETTINGS, UNDECIDED, CellResult, Comparison, Quantity
from mine.compare.summaries import COUNTS, ESS_OF, GRADIENTS, KEY, QUANTITIES, load_summaries
from mine.compare.words import render
from mine.divergence import MIN_ESS
from mine.errors import UserError
from mine.statistics import holm
from mine.summary import SETTING_COLUMNS

__all__ = [
    "AGREES", "DIFFERS", "OTHER_SETTINGS", "UNDECIDED",
    "CellResult", "Comparison", "Quantity", "compare", "load_summaries", "render",
]  # fmt: skip

_RESAMPLES = 2000
_SEED = 20180109
_ENDED, _HOLLOW = -np.inf, -1e300  # below every number, in this order


def compare(published: pd.DataFrame, mine: pd.DataFrame, level: float = 0.05) -> Comparison:
    """Compare two sets of runs.

    Args:
        published: one row a run, columns of ``mine.summary.SUMMARY_COLUMNS``.
        mine: the same.
        level: probability of any difference being found where there is none, in (0, 1).

    Raises:
        UserError: level out of range.
    """
    if not 0 < level < 1:
        raise UserError(f"level: {level!r} is not a number in (0, 1)")
    theirs, ours = _by_cell(published), _by_cell(mine)
    generator = np.random.default_rng(_SEED)
    cells = [_compare_cell(key, theirs[key], ours[key], generator) for key in theirs if key in ours]

    tests = [quantity for cell in cells for quantity in cell.quantities]
    for quantity, corrected in zip(tests, holm([quantity.p for quantity in tests]), strict=True):
        quantity.p_holm = corrected
    threshold = level / max(1, len(tests))
    for cell in cells:
        if cell.settings:
            cell.verdict = OTHER_SETTINGS
        elif any(quantity.p_holm <= level for quantity in cell.quantities):
            cell.verdict = DIFFERS
        elif not cell.identical and cell.smallest_p > threshold:
            cell.verdict = UNDECIDED
    pairs = sorted({(cell.seeds_published, cell.seeds_mine) for cell in cells if not cell.settings})
    detectable = [
        {"seeds_published": n, "seeds_mine": m, "shift_sd": detectable_shift(n, m, threshold)} for n, m in pairs
    ]
    return Comparison(
        level=level,
        tests=len(tests),
        cells=cells,
        only_published=[key for key in theirs if key not in ours],
        only_mine=[key for key in ours if key not in theirs],
        detectable=detectable,
        code_published=sorted(published["code"].dropna().unique()),
        code_mine=sorted(mine["code"].dropna().unique()),
    )


def median_interval(samples: np.ndarray) -> tuple[float | None, float | None]:
    """Percentile interval, 95 %, of bootstrap samples; None for a bound that is no number."""
    ordered = np.sort(samples)
    if np.isnan(ordered).any():
        return None, None
    cut = round(0.025 * len(ordered))
    return _number(ordered[cut]), _number(ordered[-1 - cut])


def _by_cell(table: pd.DataFrame) -> dict[tuple, pd.DataFrame]:
    groups = table.groupby(list(KEY), sort=False, dropna=False)
    return {(*map(str, key[:5]), int(key[5]), _rho(key[6])): part for key, part in groups}


def _rho(value: Any) -> float:
    # One object, so that cells without a correlation are equal as keys.
    return math.nan if pd.isna(value) else float(value)


def _compare_cell(
    key: tuple, published: pd.DataFrame, mine: pd.DataFrame, generator: np.random.Generator
) -> CellResult:
    cell = dict(zip(KEY, key, strict=True))
    result = CellResult(**cell, seeds_published=len(published), seeds_mine=len(mine))
    result.settings = _different_settings(published, mine)
    if result.settings:
        return result
    result.smallest_p = smallest_p(len(published), len(mine))
    result.identical = _identical(published, mine)
    picks = [generator.integers(0, len(side), size=(_RESAMPLES, len(side))) for side in (published, mine)]
    for name in QUANTITIES:
        sides = [_ranked(side, name) for side in (published, mine)]
        samples = [np.median(values[pick], axis=1) for values, pick in zip(sides, picks, strict=True)]
        medians = [float(np.median(values)) for values in sides]
        for array in samples:
            array[array < -1e299] = _ENDED  # half-way to a hollow value is no number either
        with np.errstate(invalid="ignore"):
            difference = samples[1] - samples[0]
        theirs, ours = map(_number, medians)
        result.quantities.append(
            Quantity(
                name,
                theirs,
                ours,
                difference=None if theirs is None or ours is None else ours - theirs,
                published_interval=median_interval(samples[0]),
                mine_interval=median_interval(samples[1]),
                difference_interval=median_interval(difference),
                p=rank_test(*sides),
            )
        )
    for name in COUNTS:
        counts = [int(side[f"{name}_step"].notna().sum()) for side in (published, mine)]
        table = [[counts[0], len(published) - counts[0]], [counts[1], len(mine) - counts[1]]]
        p = min(1.0, float(stats.fisher_exact(table).pvalue))
        result.quantities.append(Quantity(name, counts[0], counts[1], counts[1] - counts[0], None, None, None, p))
    return result


def _ranked(side: pd.DataFrame, name: str) -> np.ndarray:
    """Values as they rank: numbers, and a place below or above all of them for what is none."""
    values = side[name].to_numpy(dtype=float, na_value=np.nan)
    if name in GRADIENTS:
        return np.where(np.isfinite(values), values, np.inf)
    if ESS_OF[name] is not None:
        ess = side[ESS_OF[name]].to_numpy(dtype=float, na_value=np.nan)
        values = np.where((ess >= MIN_ESS) | ~np.isfinite(values), values, _HOLLOW)
    ended = side["diverged_step"].notna().to_numpy() | ~np.isfinite(values)
    return np.where(ended, _ENDED, values)


def _number(value: float) -> float | None:
    return float(value) if abs(value) < 1e299 else None


def _different_settings(published: pd.DataFrame, mine: pd.DataFrame) -> dict[str, tuple[Any, Any]]:
    different = {}
    for name in SETTING_COLUMNS:
        sides = [
            sorted({str(v) for v in side[name].astype(object).where(side[name].notna(), None)})
            for side in (published, mine)
        ]
        if sides[0] != sides[1]:
            different[name] = (", ".join(sides[0]), ", ".join(sides[1]))
    return different


def _identical(published: pd.DataFrame, mine: pd.DataFrame) -> bool:
    """Whether the smaller set of seeds is part of the larger, with the same results to the last digit."""
    names = [*QUANTITIES, "heldout_ess", "population_ess", "overflow_step", "runaway_step", "diverged_step"]
    sides = [side.set_index("seed")[names].astype(float).sort_index() for side in (published, mine)]
    common = sides[0].index.intersection(sides[1].index)
    if len(common) < min(len(published), len(mine)):
        return False
    return sides[0].loc[common].equals(sides[1].loc[common])
