"""What every contender is asked to train, and how its time is taken. Standard library only: peers run it too.

A contender imports what it needs, trains once for ``--short`` updates so that libraries set themselves up, says "ready"
and waits for a line on standard input. Then it trains twice, for ``--short`` and for ``--long`` updates, and prints one
line of JSON. What both trainings have (building a critic, compiling, judging the final one) cancels in the difference,
so (long - short) is the time of the updates between them, and nothing else.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Setup:
    """Data, batches and critic; every network has two hidden layers.

    critic: ``concat``, one network on x and z; ``separable``, one on each into ``embedding`` dimensions, and all pairs
    of a batch. ema_rate: alpha in v <- (1 - alpha) v + alpha B_exp.
    """

    dim: int
    rho: float
    batch_size: int
    hidden: int
    learning_rate: float
    critic: str
    embedding: int = 0
    ema_rate: float = 0.0


MINE = Setup(dim=5, rho=0.9, batch_size=128, hidden=128, learning_rate=1e-3, critic="concat", ema_rate=0.01)
FAMILY = Setup(dim=20, rho=0.5, batch_size=64, hidden=256, learning_rate=5e-4, critic="separable", embedding=32)
"""As in the literature's staircase."""

SETUPS = {"ema": MINE, "nwj": FAMILY, "smile": FAMILY, "infonce": FAMILY}
"""Estimator to what it is trained on."""


def options() -> argparse.ArgumentParser:
    """The options of every contender, to which one may add its own."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--variant", choices=SETUPS, default="ema")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--short", type=int, default=100)
    parser.add_argument("--long", type=int, default=1100)
    return parser


def contend(arguments: argparse.Namespace, train: Callable[[int], float | None], runs: int = 1) -> None:
    """Train and print the times.

    train: takes a number of updates, trains anew that long and returns its own final estimate in nats, if it
        makes one.
    runs: critics that one call trains together.
    """
    begin = time.perf_counter()
    train(arguments.short)
    first = time.perf_counter() - begin
    print("ready", flush=True)
    sys.stdin.readline()

    begin = time.perf_counter()
    train(arguments.short)
    middle = time.perf_counter()
    estimate = train(arguments.long)
    end = time.perf_counter()
    measured = {
        "first_seconds": first,
        "short_seconds": middle - begin,
        "long_seconds": end - middle,
        "short": arguments.short,
        "long": arguments.long,
        "runs": runs,
        "estimate": estimate,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
    }
    print(json.dumps(measured), flush=True)
