"""A comparison in words, for a person."""

from __future__ import annotations

import math

from mine.compare.result import AGREES, DIFFERS, OTHER_SETTINGS, UNDECIDED, CellResult, Comparison, Quantity
from mine.compare.summaries import COUNTS, KEY
from mine.estimators.names import ESTIMATORS


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
