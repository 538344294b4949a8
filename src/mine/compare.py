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
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from mine.columns import CELL_COLUMNS
from mine.divergence import MIN_ESS
from mine.errors import UserError
from mine.estimators.names import ESTIMATORS
from mine.summary import SETTING_COLUMNS, with_later_columns
from mine.trace import read_table

KEY = tuple(CELL_COLUMNS)[:-1]
ESS_OF = {"mi_batch_mean": None, "mi_heldout": "heldout_ess", "mi_population": "population_ess"}
GRADIENTS = ("grad_norm_median", "grad_norm_max")
COUNTS = ("overflow", "runaway")
QUANTITIES = (*ESS_OF, *GRADIENTS)

AGREES, DIFFERS = "agrees", "differs"
UNDECIDED, OTHER_SETTINGS = "cannot be decided", "settings differ"

_EXACT_LIMIT = 60
_RESAMPLES = 2000
_POWER, _POWER_DRAWS = 0.8, 2000
_SEED = 20180109
_ENDED, _HOLLOW = -np.inf, -1e300  # below every number, in this order


@dataclass
class Quantity:
    """One test of one cell.

    name: a final value or gradient norm (published, mine: medians over all seeds, nats or gradient norm, with
    their 95 % bootstrap intervals; difference: mine - published; None where a median or a bound falls on a run
    without a number), or ``overflow`` or ``runaway`` (published, mine: counts, no intervals).
    p: of the test; p_holm: corrected, to be held against the level.
    """

    name: str
    published: float | None
    mine: float | None
    difference: float | None
    published_interval: tuple[float | None, float | None] | None
    mine_interval: tuple[float | None, float | None] | None
    difference_interval: tuple[float | None, float | None] | None
    p: float
    p_holm: float = 1.0


@dataclass
class CellResult:
    """One cell that both sides have.

    smallest_p: what total separation of these many seeds would give; where even that is above level / tests, the
    cell cannot be decided. settings: training settings that differ, name to (published, mine).
    """

    experiment: str
    setting: str
    critic: str
    variant: str
    task: str
    dim: int
    rho: float
    seeds_published: int
    seeds_mine: int
    verdict: str = AGREES
    identical: bool = False
    smallest_p: float = 1.0
    settings: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    quantities: list[Quantity] = field(default_factory=list)


@dataclass
class Comparison:
    """The whole answer.

    tests: how many Holm's correction goes over. detectable: for each pair of seed counts, the shift in standard
    deviations over seeds that one rank test finds with 80 % power at level / tests; None where nothing can be found.
    only_published, only_mine: cells (as KEY) of one side.
    """

    level: float
    tests: int
    cells: list[CellResult]
    only_published: list[tuple]
    only_mine: list[tuple]
    detectable: list[dict[str, Any]]
    code_published: list[str]
    code_mine: list[str]

    def count(self, verdict: str) -> int:
        """Cells with this verdict."""
        return sum(cell.verdict == verdict for cell in self.cells)

    @property
    def agrees(self) -> bool:
        """Something could be decided, and nothing differs.

        Cells that cannot be decided, or that one side lacks, do not speak against agreement; they are counted
        in the output. Nothing but such cells is no agreement.
        """
        return self.count(AGREES) > 0 and self.count(DIFFERS) == self.count(OTHER_SETTINGS) == 0

    def to_dict(self) -> dict[str, Any]:
        """Everything, for JSON: no inf and no nan."""
        verdicts = {name: self.count(name) for name in (AGREES, DIFFERS, UNDECIDED, OTHER_SETTINGS)}
        return {"agrees": self.agrees, "verdicts": verdicts, **asdict(self)}


def load_summaries(path: Path) -> pd.DataFrame:
    """One table from a summary, or from a folder's summaries.

    Args:
        path: a summary.parquet; or a folder with ``summary.parquet``, ``*/summary.parquet``, ``*_summary.parquet``
            or ``data/*_summary.parquet`` in it.

    Raises:
        UserError: nothing found, not readable, not a summary, empty, or a run that stands there twice.

    A summary from before a training setting was there has that setting's default, which is how its runs were trained.
    """
    files = [path]
    if path.is_dir():
        patterns = ("summary.parquet", "*/summary.parquet", "*_summary.parquet", "data/*_summary.parquet")
        files = sorted({file for pattern in patterns for file in path.glob(pattern)})
        if not files:
            raise UserError(f"{path}: holds no summary.parquet, */summary.parquet or *_summary.parquet")
    table = pd.concat([_read_summary(file) for file in files], ignore_index=True)
    if table.empty:
        raise UserError(f"{path}: holds no runs")
    repeated = table.duplicated([*KEY, "seed"])
    if repeated.any():
        first = table.loc[repeated.idxmax(), [*KEY, "seed"]].to_dict()
        raise UserError(f"{path}: one run stands there twice: {', '.join(f'{k} {v}' for k, v in first.items())}")
    return table


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


def rank_test(one: np.ndarray, other: np.ndarray) -> float:
    """Two-sided p of the Wilcoxon rank-sum test: the share of regroupings with a rank sum at least as far out.

    Args:
        one: values [n]; inf and -inf rank as they should, nan is not allowed.
        other: values [m].
    """
    # Doubled, midranks are whole numbers.
    ranks = np.rint(2 * stats.rankdata(np.concatenate([one, other]))).astype(int)
    smaller = ranks[: len(one)] if len(one) <= len(other) else ranks[len(one) :]
    return float(_rank_sum_p(tuple(sorted(ranks.tolist())), len(smaller))[smaller.sum()])


def holm(p: list[float]) -> list[float]:
    """Holm's corrected p values, in the order given."""
    order = np.argsort(p, kind="stable")
    scaled = np.asarray(p, dtype=float)[order] * (len(p) - np.arange(len(p)))
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(scaled))
    return corrected.tolist()


def smallest_p(n: int, m: int) -> float:
    """The smallest p that a rank test can give with n and m seeds: total separation.

    Fisher's test may reach half of it with unequal n and m. That does not make a cell decidable whose final values
    could not differ whatever they were.
    """
    return rank_test(-1.0 - np.arange(n), np.arange(m))


@lru_cache(maxsize=256)
def detectable_shift(n: int, m: int, alpha: float) -> float | None:
    """Smallest shift, in standard deviations, that a rank test of n and m normal values finds 8 times in 10.

    Simulated with a fixed seed, to 0.01; None where no shift whatever is found.

    Args:
        n: values on one side.
        m: values on the other.
        alpha: level of the one test.
    """
    table = _rank_sum_p(tuple(range(2, 2 * (n + m) + 1, 2)), min(n, m))
    draws = np.random.default_rng(_SEED).normal(size=(_POWER_DRAWS, n + m))
    few = min(n, m)

    def power(shift: float) -> float:
        moved = draws.copy()
        moved[:, :few] += shift
        ranks = 2 * (moved.argsort(axis=1).argsort(axis=1)[:, :few] + 1)
        return float((table[ranks.sum(axis=1)] <= alpha).mean())

    low, high = 0.0, 64.0
    if power(high) < _POWER:
        return None
    while high - low > 0.005:
        middle = (low + high) / 2
        low, high = (low, middle) if power(middle) >= _POWER else (middle, high)
    return round(high, 2)


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


@lru_cache(maxsize=256)
def _rank_sum_p(doubled_ranks: tuple[int, ...], size: int) -> np.ndarray:
    """Two-sided p for every doubled rank sum of ``size`` of the ranks: an array indexed by that sum."""
    ranks = np.asarray(doubled_ranks)
    total = len(ranks)
    largest = int(np.sort(ranks)[total - size :].sum())
    expected = size * ranks.sum() / total
    distance = np.abs(np.arange(largest + 1) - expected)
    if total > _EXACT_LIMIT:
        deviation = math.sqrt(size * (total - size) / (total - 1) * ranks.var()) if total > 1 else 0.0
        if deviation == 0:
            return np.ones(largest + 1)
        # A step of one rank is 2 here; half of it is the continuity correction.
        return np.minimum(1.0, 2 * stats.norm.sf(np.maximum(0.0, distance - 1) / deviation))
    ways = np.zeros((size + 1, largest + 1))
    ways[0, 0] = 1
    for rank in doubled_ranks:
        ways[1:, rank:] += ways[:-1, : largest + 1 - rank].copy()
    share = ways[size] / ways[size].sum()
    order = np.argsort(-distance, kind="stable")
    outward = np.cumsum(share[order])
    # Sums equally far out on either side count together.
    last = np.searchsorted(-distance[order], -distance + 1e-9, side="right") - 1
    return np.minimum(1.0, outward[last])


def _read_summary(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise UserError(f"{path}: no such file; mine collect writes a summary.parquet")
    table = read_table(path, "summary")
    table = with_later_columns(table)
    needed = [*KEY, "seed", *SETTING_COLUMNS, *QUANTITIES, "heldout_ess", "population_ess", "code"]
    needed += ["overflow_step", "runaway_step", "diverged_step"]
    missing = [name for name in needed if name not in table.column_names]
    if missing:
        raise UserError(f"{path}: not a summary of this version; column {missing[0]!r} is missing")
    return table.select(needed).to_pandas(ignore_metadata=True)


def render(result: Comparison) -> str:
    """The answer for a person: a line a cell, what differs, what could have been seen, and the verdict last."""
    lines = []
    if result.cells:
        names = ("experiment", "setting", "variant", "d", "rho", "seeds", "overflow", "runaway")
        header = (*names, "in-batch, nats", "population, nats", "gradient norm", "verdict")
        lines += _aligned([header, *(_line(cell) for cell in result.cells)])
        lines.append(
            "Each pair: published > mine; medians over seeds, '-' where the median run diverged or its effective "
            "sample size is under 50."
        )
    for cell in result.cells:
        place = _place(tuple(getattr(cell, name) for name in KEY))
        if cell.verdict == OTHER_SETTINGS:
            said = "; ".join(f"{name}: {one} > {other}" for name, (one, other) in cell.settings.items())
            lines.append(f"settings differ: {place}: {said}")
        if cell.verdict == DIFFERS:
            lines.append(f"differs: {place}")
            lines += [f"  {_detail(q, cell)}" for q in cell.quantities if q.p_holm <= result.level]
    for keys, side in ((result.only_published, "published"), (result.only_mine, "mine")):
        if keys:
            some = "; ".join(_place(key) for key in keys[:5]) + ("; ..." if len(keys) > 5 else "")
            lines.append(f"only in {side}, not compared: {len(keys)} cell(s): {some}")
    if result.code_published != result.code_mine:
        lines.append("note: the two sides were trained by different versions of the training code")
    for entry in result.detectable:
        seeds = f"{entry['seeds_published']} against {entry['seeds_mine']} seeds"
        shift = entry["shift_sd"]
        found = "nothing can be found" if shift is None else f"a shift of {shift:.1f} sd over seeds is found"
        lines.append(f"{seeds}: {found}{'' if shift is None else ' with 80 % power'}")
    lines.append(_verdict(result))
    return "\n".join(lines)


def _verdict(result: Comparison) -> str:
    if not result.cells:
        return "NOTHING IN COMMON: no cell is on both sides"
    parts = [
        f"{result.count(name)} {text}"
        for name, text in (
            (AGREES, "agree"),
            (DIFFERS, "differ"),
            (UNDECIDED, "cannot be decided"),
            (OTHER_SETTINGS, "have other settings"),
        )
    ]
    if result.agrees:
        word = "AGREES"
    elif result.count(UNDECIDED) == len(result.cells):
        word = "CANNOT BE DECIDED (too few seeds)"
    else:
        word = "DIFFERS"
    tests = f"{result.tests} tests, level {result.level:g} for all together (Holm)"
    return f"{word}: of {len(result.cells)} cells {', '.join(parts)}; {tests}"


def _line(cell: CellResult) -> tuple[str, ...]:
    by_name = {quantity.name: quantity for quantity in cell.quantities}
    shown = [_counts(by_name.get(name), cell) for name in COUNTS]
    shown += [_medians(by_name.get(name)) for name in ("mi_batch_mean", "mi_population", "grad_norm_median")]
    seeds = f"{cell.seeds_published} > {cell.seeds_mine}"
    verdict = f"{cell.verdict} (identical)" if cell.identical and cell.verdict == AGREES else cell.verdict
    what = _estimator(cell.critic, cell.variant)
    return (cell.experiment, cell.setting, what, str(cell.dim), _data(cell.task, cell.rho), seeds, *shown, verdict)


def _counts(quantity: Quantity | None, cell: CellResult) -> str:
    if quantity is None:
        return ""
    return f"{quantity.published}/{cell.seeds_published} > {quantity.mine}/{cell.seeds_mine}"


def _medians(quantity: Quantity | None) -> str:
    if quantity is None:
        return ""
    interval = _interval(quantity.difference_interval)
    return f"{_say(quantity.published)} > {_say(quantity.mine)} diff {interval}"


def _detail(quantity: Quantity, cell: CellResult) -> str:
    if quantity.name in COUNTS:
        return f"{quantity.name}: {_counts(quantity, cell)} runs; corrected p {quantity.p_holm:.2g}"
    return (
        f"{quantity.name}: median {_say(quantity.published)} {_interval(quantity.published_interval)} > "
        f"{_say(quantity.mine)} {_interval(quantity.mine_interval)}, difference {_say(quantity.difference)} "
        f"{_interval(quantity.difference_interval)} (95 % bootstrap); corrected p {quantity.p_holm:.2g}"
    )


def _place(key: tuple) -> str:
    experiment, setting, critic, variant, task, dim, rho = key
    data = _data(task, rho) if math.isnan(rho) else f"rho {_data(task, rho)}"
    return f"{experiment}, {setting}, {_estimator(critic, variant)}, d {dim}, {data}"


def _estimator(critic: str, variant: str) -> str:
    """Estimator in words, its critic where that is not the one it has by default."""
    usual = variant not in ESTIMATORS or critic == ESTIMATORS[variant].critics[0]
    return variant if usual else f"{variant} ({critic})"


def _data(task: str, rho: float) -> str:
    """What data are given by: rho, or the task where they have none."""
    return task if math.isnan(rho) else f"{rho:g}"


def _say(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def _interval(bounds: tuple[float | None, float | None] | None) -> str:
    return "" if bounds is None else f"[{_say(bounds[0])}, {_say(bounds[1])}]"


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
