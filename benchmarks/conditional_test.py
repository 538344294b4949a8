"""How often the test of conditional independence rejects: data of x <- c -> z, and of a partial correlation.

``python benchmarks/conditional_test.py`` writes conditional_test.json beside it: of each kind how many of so many draws
had p < 0.05. The critics are quick ones (concatenated, one initialisation, 60 updates): a test's size must hold
whatever the critic. docs/estimate.md has the numbers.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from mine.own.columns import Column, column
from mine.own.conditional import estimate_conditional, fit_conditional
from mine.own.settings import OwnSettings

ROWS = 500
QUICK = {"critic": "concat", "initialisations": 1, "permutations": 199, "resamples": 99, "max_updates": 60}
HERE = Path(__file__).parent

Draw = tuple[np.ndarray, np.ndarray, np.ndarray, bool]


def levels(source: np.random.Generator, partial: float) -> Draw:
    """Four levels, which move both sides by their own amounts."""
    c = source.integers(0, 4, ROWS)
    left, right = noise(source, partial)
    return np.array([0.0, 2.0, -1.0, 1.0])[c] + left, np.array([1.0, 1.5, -2.0, 0.0])[c] + right, c[:, None], True


def amount(source: np.random.Generator, partial: float) -> Draw:
    """One amount: x = c + noise, z = c + noise; of x and z correlation 0.8."""
    c, (left, right) = source.standard_normal(ROWS), noise(source, partial)
    return c + 0.5 * left, c + 0.5 * right, c[:, None], False


def bent(source: np.random.Generator, partial: float) -> Draw:
    """One amount of which neither side is a straight line."""
    c, (left, right) = source.standard_normal(ROWS), noise(source, partial)
    return np.sin(2.0 * c) + 0.3 * left, c**2 + 0.3 * right, c[:, None], False


def three(source: np.random.Generator, partial: float) -> Draw:
    """Three amounts, whose sum moves both sides."""
    c, (left, right) = source.standard_normal((ROWS, 3)), noise(source, partial)
    return c.sum(1) / 3.0**0.5 + 0.5 * left, c.sum(1) / 3.0**0.5 + 0.5 * right, c, False


def noise(source: np.random.Generator, partial: float) -> np.ndarray:
    """Two rows of normal numbers of that correlation, (2, ROWS)."""
    one, other = source.standard_normal((2, ROWS))
    return np.stack([one, partial * one + (1.0 - partial**2) ** 0.5 * other])


KINDS: dict[str, Callable[[np.random.Generator, float], Draw]] = {
    "levels": levels,
    "amount": amount,
    "bent": bent,
    "three": three,
}


def p_value(kind: str, partial: float, seed: int) -> float:
    """Of one draw."""
    x, z, c, discrete = KINDS[kind](np.random.default_rng([seed, list(KINDS).index(kind)]), partial)
    given: list[Column] = [column(f"c{place}", each, discrete=discrete) for place, each in enumerate(c.T)]
    sides = [column("x", x, discrete=False)], [column("z", z, discrete=False)], given
    settings = OwnSettings(seed=seed, blocks=1, **QUICK)
    return estimate_conditional(fit_conditional(*sides, settings), *sides).p_value


def main() -> None:
    """Every kind, without dependence and with a partial correlation of 0.3."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--draws", type=int, default=100)
    parser.add_argument("--powers", type=int, default=20, metavar="DRAWS", help="draws with a partial correlation")
    parser.add_argument("--kinds", nargs="+", choices=tuple(KINDS), default=list(KINDS), metavar="KIND")
    parser.add_argument("--output", type=Path, default=HERE / "conditional_test.json")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    found = []
    for kind in arguments.kinds:
        for partial, draws in ((0.0, arguments.draws), (0.3, arguments.powers)):
            ps = [p_value(kind, partial, seed) for seed in range(draws)]
            below = sum(p < 0.05 for p in ps)
            print(f"{kind}, partial correlation {partial:g}: p < 0.05 in {below} of {draws}", flush=True)
            found.append({"kind": kind, "partial": partial, "draws": draws, "below_0.05": below, "p": ps})
            content = {"rows": ROWS, "settings": QUICK, "tests": found}
            arguments.output.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
