"""The reach of `mine estimate`: its benchmark's data and counting, and what the documentation says of it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def benchmark():
    # By its path: benchmarks/ is no package.
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location("benchmark_own_data", ROOT / "benchmarks" / "own_data.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_data_have_the_correlation_that_gives_the_truth(benchmark):
    frame = benchmark.draw(0.3, 0, rows=50_000)
    correlations = np.corrcoef(frame.to_numpy().T)
    wanted = np.eye(10) + 0.3 * (np.eye(10, k=5) + np.eye(10, k=-5))
    np.testing.assert_allclose(correlations, wanted, atol=0.02)


def test_counting(benchmark):
    none = [{"rho": 0.0, "mi": mi, "p_value": p, "cpu_s": 5.0} for mi, p in ((-0.03, 0.5), (0.01, 0.04), (0.02, 0.9))]
    some = [{"rho": 0.3, "mi": mi, "p_value": p, "cpu_s": 9.0} for mi, p in ((0.2, 0.001), (0.3, 0.001), (0.2, 0.5))]
    assert list(benchmark.reach(none + some).values()) == [0.02, 1, 2, 1, [7.0, 9.0]]


def test_the_documentation_says_what_was_measured():
    measured = json.loads((ROOT / "benchmarks" / "own_data.json").read_text())
    text = (ROOT / "docs" / "estimate.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+) draws, ρ = (\S+) \| (\S+) \| median (\S+), (\S+) to (\S+) \| (.+) \|$", text, re.M)
    assert len(rows) == 2
    for count, rho, truth, middle, low, high, p_values in rows:
        draws = [each for each in measured["draws"] if each["rho"] == float(rho)]
        values = [each["mi"] for each in draws]
        assert len(draws) == int(count)
        assert truth == f"{draws[0]['mi_true']:.3f}"
        found = [f"{value:.4f}".replace("-", "−") for value in (np.median(values), min(values), max(values))]
        assert [middle, low, high] == found
        level = 0.05 if float(rho) == 0.0 else 0.01
        below = sum(each["p_value"] < level for each in draws)
        assert p_values == f"under {level} in {below} of {count}"


def test_the_documentation_says_how_often_the_test_given_columns_rejects():
    made = json.loads((ROOT / "benchmarks" / "conditional_test.json").read_text())
    text = " ".join((ROOT / "docs" / "estimate.md").read_text(encoding="utf-8").split())
    said = text.partition("**Measured size**")[2].partition("`--normalise`")[0]
    found = {(each["kind"], each["partial"]): (each["below_0.05"], each["draws"]) for each in made["tests"]}
    assert all(sum(p < 0.05 for p in each["p"]) == each["below_0.05"] for each in made["tests"])
    for kind, words in {
        "levels": "With four levels as $c$, {} of {} draws",
        "amount": "correlated by 0.8, {} of {}, so",
        "bent": "both are curves {} of {}.",
        "three": "With three amounts it is **{} of {}**",
    }.items():
        assert words.format(*found[kind, 0.0]) in said
    power = [found[kind, 0.3][0] for kind in ("levels", "amount", "bent")]
    assert "it found {} with levels, {} with one amount, and {} where both are curves".format(*power) in said
