"""Conditional mutual information I(x; z | c) = I(x, c; z) - I(c; z), and a test of conditional independence.

Both are estimated on the same training, validation and test rows, and the interval takes the same resamples of the test
rows for both. A difference of two lower bounds is no bound: it is too low where the first misses more than the second,
too high where the second does, and may be negative.

The test asks whether T(x, c; z) - T(c; z), which estimates log p(z | x, c) / p(z | c), is larger on average for the
rows as they are than with z in another order among rows that are alike in c (mine.own.cells). Where these are
neighbours instead of equals, z of a neighbour fits c a little less well; both critics see that, and it cancels to first
order.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from mine.errors import UserError
from mine.own.cells import FEWEST, Cells, cells_of, permuted_means
from mine.own.columns import Column, Warned, entropy
from mine.own.estimate import Estimate, Fit, estimate, fit, standard_error, widened
from mine.own.order import DEPENDENT_ROWS, NOT_STATIONARY, arrangement
from mine.own.rows import INDEPENDENT
from mine.own.scores import percentiles, share_above
from mine.own.settings import OwnSettings
from mine.own.streams import Use, numbers
from mine.own.training import Look
from mine.own.witnesses import DENSITY_RATIO, Witness

VALUE_IS = "I(x, c; z) - I(c; z), the difference of two estimates on the same rows: no bound, and it may be negative"

SMALL_LEVELS, WIDE_CELLS, ABOVE_ENTROPY = "small_levels", "wide_cells", "above_entropy"
"""Codes of the warnings."""

WIDE = 0.1
"""Share of the variance of c that may be left within cells before a word is due."""

_PAIRS = 1 << 17

_OF = {"whole": "of I(x, c; z): ", "part": "of I(c; z): "}


@dataclass(frozen=True)
class ConditionalFit:
    """Critics of (x, c) against z, and of c against z. first: how many columns of the first are x."""

    whole: Fit
    part: Fit
    first: int


@dataclass(frozen=True)
class Conditional:
    """I(x; z | c) in nats, with what belongs beside it.

    mi: difference of the values of ``whole``, I(x, c; z), and ``part``, I(c; z). interval: of it, over resamples of the
    test rows, the same for both, and over initialisations.
    p_value: of the test of conditional independence; NaN with ``no_test`` where there is none. statistic, permuted: of
    the test rows as they are, and of other orders. cells: among which rows z was put in other orders.
    witnesses: differences of the two estimates' witnesses. entropies: plug-in H(x | c) and H(z | c), nats, the most
    that mi can be; of H(x) and H(z) where c is not discrete, None of a side that is not.
    """

    mi: float
    interval: tuple[float, float]
    level: float
    p_value: float
    statistic: float
    permuted: np.ndarray
    cells: Cells
    whole: Estimate
    part: Estimate
    witnesses: tuple[Witness, ...]
    entropies: tuple[float | None, float | None]
    warnings: tuple[Warned, ...]
    no_test: str = ""
    value_is: str = VALUE_IS

    @property
    def test_rows(self) -> int:
        """Rows that it is from."""
        return self.whole.test_rows

    @property
    def standard_error(self) -> float:
        """Standard deviation of the difference over resamples, nats."""
        return float((self.whole.judged.resampled - self.part.judged.resampled).std(ddof=1))


def fit_conditional(
    x: Sequence[Column],
    z: Sequence[Column],
    given: Sequence[Column],
    settings: OwnSettings,
    *,
    device: torch.device | str = "cpu",
    report: Callable[[str, Look], object] = lambda part, look: None,
    groups: np.ndarray | None = None,
) -> ConditionalFit:
    """Train critics of both, on the same split. Arguments and errors as of ``mine.own.estimate.fit``.

    report: called with ``whole`` or ``part`` and the look.

    Raises:
        UserError: as of ``fit``; settings with ``cross_fit``.
    """
    if settings.cross_fit is not None:
        raise UserError(
            f"cross_fit: {settings.cross_fit} splits; a conditional estimate is of one split, so leave it out"
        )
    both = [*x, *given]
    held_out = min(settings.parts(len(x[0].values))[1:])
    together = arrangement(both, z, settings.blocks, groups, held_out)
    whole, part = (
        fit(
            columns,
            z,
            settings,
            device=device,
            groups=groups,
            together=together,
            report=lambda look, name=name: report(name, look),
        )
        for name, columns in (("whole", both), ("part", list(given)))
    )
    return ConditionalFit(whole, part, len(x))


def estimate_conditional(
    fitted: ConditionalFit, x: Sequence[Column], z: Sequence[Column], given: Sequence[Column]
) -> Conditional:
    """The difference on the test rows of both, from the columns that ``fit_conditional`` was given."""
    both, settings = [*x, *given], fitted.whole.settings
    whole, part = estimate(fitted.whole, both, z), estimate(fitted.part, given, z)
    value, interval = difference(whole, part, settings.level)
    test = fitted.whole.rows[2]
    cells = _cells(fitted.part, given, test, settings)
    statistic, permuted, why = math.nan, np.empty(0), _no_test(fitted.whole, whole, part)
    if not why:
        scores = _scores(fitted, both, given, z, test, cells)
        statistic, permuted = permuted_means(
            scores, settings.permutations, numbers(settings.seed, Use.WITHIN_CELLS, member=1)
        )
    found = Conditional(
        value,
        interval,
        settings.level,
        math.nan if why else share_above(permuted, statistic),
        statistic,
        permuted,
        cells,
        whole,
        part,
        tuple(_differences(whole, part)),
        tuple(entropy_given(side, given) for side in (x, z)),
        (),
        why,
    )
    return replace(found, warnings=(*_of_both(whole, part), *_of_difference(found)))


def difference(one: Estimate, other: Estimate, level: float) -> tuple[float, tuple[float, float]]:
    """One estimate less another on the same test rows, nats, and its interval.

    That is over the same resamples of these rows for both, and over initialisations.
    """
    value, error = one.mi - other.mi, math.hypot(*(_of_members(each) for each in (one, other)))
    differences = one.judged.resampled - other.judged.resampled
    return value, widened(value, percentiles(differences, level), level, error)


def entropy_given(columns: Sequence[Column], given: Sequence[Column]) -> float | None:
    """Plug-in H(columns | given), nats; H(columns) where ``given`` is not discrete; None where ``columns`` are not."""
    both, of_given = entropy([*columns, *given]), entropy(given)
    return entropy(columns) if both is None or of_given is None else both - of_given


def _of_members(one: Estimate) -> float:
    return standard_error([each.test for each in one.initialisations])


def _cells(part: Fit, given: Sequence[Column], test: np.ndarray, settings: OwnSettings) -> Cells:
    amounts = part.x.amounts(part.x(given))[test]
    return cells_of([each.take(test) for each in given], amounts, numbers(settings.seed, Use.WITHIN_CELLS))


def _no_test(fitted: Fit, whole: Estimate, part: Estimate) -> str:
    if any(each.code == NOT_STATIONARY for one in (whole, part) for each in one.warnings):
        return "not stationary"
    # An order within cells would take apart what belongs together.
    return "" if fitted.together is INDEPENDENT else "rows that belong together have no test given other columns"


def _scores(
    fitted: ConditionalFit,
    both: Sequence[Column],
    given: Sequence[Column],
    z: Sequence[Column],
    test: np.ndarray,
    cells: Cells,
) -> list[np.ndarray]:
    """T(x, c; z) - T(c; z) of each cell's pairs, z along the second axis."""
    left = np.concatenate([np.repeat(each, len(each)) for each in cells.members])
    right = np.concatenate([np.tile(each, len(each)) for each in cells.members])
    scores = np.zeros(len(left))
    for sign, one, columns in ((1.0, fitted.whole, both), (-1.0, fitted.part, given)):
        seen_x, seen_z = one.tensors([each.take(test) for each in columns], [each.take(test) for each in z])
        critic, parameters = one.critic
        for start in range(0, len(left), _PAIRS):
            chunk = slice(start, start + _PAIRS)
            pairs = seen_x[torch.from_numpy(left[chunk])], seen_z[torch.from_numpy(right[chunk])]
            with torch.no_grad():
                scores[chunk] += sign * critic.joint(parameters, *(each[None] for each in pairs))[0].double().numpy()
    sizes = [len(each) for each in cells.members]
    return [
        each.reshape(size, size)
        for each, size in zip(np.split(scores, np.cumsum(np.square(sizes))[:-1]), sizes, strict=True)
    ]


def _differences(whole: Estimate, part: Estimate) -> list[Witness]:
    """Of witnesses that train nothing. Their errors are taken as independent, which if anything is too much."""
    found = []
    for one, other in zip(whole.witnesses, part.witnesses, strict=True):
        if one.name == DENSITY_RATIO:
            continue
        if one.value is None or other.value is None or one.error is None or other.error is None:
            found.append(Witness(one.name, None, None, one.why or other.why))
        else:
            found.append(Witness(one.name, one.value - other.value, math.hypot(one.error, other.error)))
    return found


def _of_both(whole: Estimate, part: Estimate) -> list[Warned]:
    """What the two estimates are warned of: once where they are warned alike, else with the name of the one."""
    shared = set(whole.warnings) & set(part.warnings)
    found = [each for each in whole.warnings if each in shared]
    for name, one in (("whole", whole), ("part", part)):
        found += [replace(each, text=_OF[name] + each.text) for each in one.warnings if each not in shared]
    # Rows of x and z may look alike in the file's order where those of c and z do not.
    return sorted(found, key=lambda each: each.code not in (NOT_STATIONARY, DEPENDENT_ROWS))


def _of_difference(found: Conditional) -> list[Warned]:
    warned, cells = [], found.cells
    if cells.small_levels:
        warned.append(
            Warned(
                SMALL_LEVELS,
                f"{cells.small_levels:,} of {cells.levels:,} levels of the given columns have fewer than {FEWEST} test "
                f"rows, {cells.rows_in_small:,} rows together: within them z hardly changes its place, and the test "
                "says little of them.",
            )
        )
    if cells.within is not None and cells.within > WIDE:
        warned.append(
            Warned(
                WIDE_CELLS,
                f"Neighbours in the given columns still differ by {cells.within:.0%} of the variance, so z in "
                "another order is less like z as it is, and p is too small: more rows or fewer columns mend it.",
            )
        )
    for name, limit in zip(("x", "z"), found.entropies, strict=True):
        if limit is not None and not found.mi <= limit:
            warned.append(
                Warned(ABOVE_ENTROPY, f"The value exceeds the entropy of {name}, {limit:.3f} nats: it is too high.")
            )
    return warned
