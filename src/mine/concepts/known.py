"""The jobs of `snakemake concepts` on known leakage: rows of ``mine.concepts.tables.KNOWN``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

from mine.concepts.injected import injected, sample
from mine.concepts.leakage import amount, as_row, by_critics, by_neighbours, levels
from mine.concepts.names import NEIGHBOURS
from mine.concepts.plan import Plan


def known_rows(
    plan: Plan, method: str, scenario: str, rows: int, numbers: range, report: Callable[[int], object]
) -> Iterator[dict[str, Any]]:
    """A row a draw and leakage. report: called with the readings done."""
    done = 0
    for number in numbers:
        for leakage in plan.leakages:
            report(done)
            s, c, w = sample(scenario, leakage, rows, number)
            columns = [amount(s[:, 0], "s")], [levels(c, "c")], levels(w, "w")
            start = time.process_time()
            function = by_neighbours if method == NEIGHBOURS else by_critics
            reading = function(*columns, plan.estimate(method, seed=number))
            yield {
                "scenario": scenario,
                "method": method,
                "drawn": rows,
                "draw": number,
                "leakage": leakage,
                "leakage_difference": injected(scenario, leakage).difference,
                **as_row(reading),
                "cpu_s": time.process_time() - start,
            }
            done += 1
