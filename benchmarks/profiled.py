"""Where the time of an update goes, by torch's profiler: printed as one line of JSON, for bench.py."""

from __future__ import annotations

import json
import sys

import torch
from torch.profiler import ProfilerActivity, profile

from contenders import protocol
from mine.engine.runs import gaussian_runs, train_runs
from mine.settings import TrainingSettings

STEPS = 400
PRODUCTS = ("aten::bmm", "aten::baddbmm")


def main(stack: int, steps: int = STEPS) -> None:
    torch.set_num_threads(1)
    setup = protocol.MINE
    settings = TrainingSettings(steps=steps, batch_size=setup.batch_size, hidden=setup.hidden)
    runs = gaussian_runs(setup.dim, setup.rho, range(stack))

    def run() -> None:
        # Updates only: evaluations are counted by the contender that has them.
        train_runs("ema", setup.critic, runs, settings, judged=False)

    run()
    with profile(activities=[ProfilerActivity.CPU]) as recorded:
        run()
    spent: dict[str, tuple[float, int]] = {
        event.key: (event.self_cpu_time_total, event.count)
        for event in recorded.key_averages()
        if event.key.startswith("aten::")
    }
    total = sum(time for time, _ in spent.values())
    operations = sorted(spent, key=lambda name: spent[name], reverse=True)
    rows = [
        {"operation": name, "share": spent[name][0] / total, "calls": spent[name][1] / steps} for name in operations
    ]
    products = sum(row["share"] for row in rows if row["operation"] in PRODUCTS)
    print(json.dumps({"stack": stack, "products": products, "operations": rows[:12]}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
