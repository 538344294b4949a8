"""What a public benchmark's committed runs gave on the same staircase, to stand beside our numbers.

Gaussian task, d = 20, batches of 64, 4,000 steps a stair, Adam 5e-4, width 256, concatenated critic, one run: mean and
standard deviation of the value over the last 500 steps of each stair, nats. Its MINE has a moving average that
remembers one batch only.
"""

from __future__ import annotations

MIS = (1.386, 2.773, 4.159, 5.545, 6.931)
"""Its stairs: 2, 4, 6, 8 and 10 bits, nats."""

PUBLIC: dict[str, tuple[tuple[float, float], ...]] = {
    "ema-log": ((1.31, 0.20), (2.61, 0.30), (3.84, 0.44), (5.20, 0.61), (6.57, 0.84)),
    "biased-stable": ((1.31, 0.20), (2.62, 0.31), (3.88, 0.70), (5.66, 10.9), (409.0, 1102.0)),
    "nwj": ((1.31, 0.20), (2.61, 0.29), (3.84, 0.45), (5.05, 0.86), (5.64, 2.44)),
    "smile": ((1.29, 0.19), (2.65, 0.27), (4.10, 0.35), (5.68, 0.43), (7.35, 0.52)),
    "infonce": ((1.25, 0.17), (2.30, 0.20), (3.06, 0.18), (3.58, 0.15), (3.89, 0.10)),
}
"""Estimator to (mean, standard deviation) of each stair."""
