"""Values that are no amounts, and relations without noise: said where they are, and not where they are not."""

from __future__ import annotations

import numpy as np
import pytest

from mine.own import MutualInformation
from mine.own.checks import check
from mine.own.columns import column
from mine.own.oddities import far_values, missing_codes
from mine.own.relations import Looked, is_function, relations


def source(seed=0):
    return np.random.default_rng(seed)


def normal(rows=600, seed=0):
    return source(seed).standard_normal(rows)


def put(values, *pairs):
    values = np.array(values, dtype=float)
    start = 0
    for value, count in pairs:
        values[start : start + count] = value
        start += count
    return values


@pytest.mark.parametrize(
    ("values", "right"),
    [
        (put(normal(), (-9999, 3)), [(-9999.0, 3)]),
        (put(normal(), (-9999, 3), (9999, 2), (-999, 30)), [(-9999.0, 3), (-999.0, 30), (9999.0, 2)]),
        (put(normal(), (-9999, 200)), [(-9999.0, 200)]),
        (put(source().integers(18, 90, 600), (999, 5)), [(999.0, 5)]),
        (put(source().integers(1, 6, 600), (99, 5)), [(99.0, 5)]),
        (put(normal() * 1e300, (-1e307, 3)), [(-1e307, 3)]),
        (put(normal(), (1e6, 1)), []),
    ],
)
def test_codes_for_missing_values(values, right):
    assert missing_codes(values) == right


@pytest.mark.parametrize(
    "draw",
    [
        lambda g: g.standard_normal(800),
        lambda g: g.standard_cauchy(800),
        lambda g: g.random(800),
        lambda g: g.exponential(size=800),
        lambda g: g.poisson(0.5, 800).astype(float),
        lambda g: g.integers(1, 6, 800).astype(float),
        lambda g: np.round(g.standard_t(3, 800), 1),
        lambda g: np.where(g.random(800) < 0.9, 0.0, g.exponential(size=800)),
    ],
)
def test_tame_and_heavy_columns_have_neither_codes_nor_slips(draw):
    found = [(missing_codes(values), far_values(values)) for values in map(draw, map(source, range(40)))]
    assert sum(bool(codes) or bool(far) for codes, far in found) <= 1


@pytest.mark.parametrize(("rows", "value"), [(60, 1e6), (600, 1e6), (600, -1e300), (600, 200.0)])
def test_one_far_value_is_seen_however_few_the_rows(rows, value):
    assert far_values(put(normal(rows), (value, 1))) == [value]


def test_they_are_said_with_the_option():
    x = column("x", put(normal(), (-9999, 3), (1e4, 0)), discrete=False)
    z = column("z", put(normal(seed=1), (1e6, 1)), discrete=False)
    warned = {each.code: each.text for each in check([x], [z])}
    assert set(warned) == {"missing_code", "far_out"}
    assert "-9999 stands 3 times in 'x'" in warned["missing_code"]
    assert "--na=-9999 --drop-missing" in warned["missing_code"]
    assert "1e+06 in 'z' (the others lie between -" in warned["far_out"]


def codes_of(x, z, discrete=False):
    return [each.code for each in relations([column("x", x, discrete=False)], [column("z", z, discrete=discrete)])]


def test_whole_numbers_that_are_names_get_a_hint():
    x = source().integers(0, 100, 2000).astype(float)
    noise = 30.0 * normal(2000)
    names = source(1).permutation(100)[x.astype(int)]
    assert codes_of(x, x % 2) == ["maybe_names"]
    assert codes_of(x, x % 2, discrete=True) == ["maybe_names"]
    assert codes_of(x, names + noise) == ["maybe_names"]
    for smooth in (x + noise, noise, (x - 50.0) ** 2 + 30.0 * noise, np.sin(x / 15.0) + 0.01 * noise):
        assert codes_of(x, smooth) == []
    for seed in range(20):
        amounts = source(seed).integers(0, 20, 500).astype(float)
        assert codes_of(amounts, 0.1 * amounts + normal(500, seed + 100)) == []


@pytest.mark.parametrize("rows", [200, 1000, 10_000])
def test_functions_without_noise(rows):
    x, noise = normal(rows), normal(rows, 1)
    for z in (x**2, np.sin(5.0 * x), np.abs(x), 1e300 * np.cos(x)):
        assert is_function(Looked(x), Looked(z))
        assert is_function(Looked(1e-170 * x), Looked(z))
    for z in (x**2 + 0.01 * noise, x + 0.01 * noise, 0.8 * x + 0.6 * noise, noise, np.sign(x)):
        assert not is_function(Looked(x), Looked(z))


def test_a_noise_free_relation_is_said_and_the_verdict_shakes():
    x = normal(400)
    assert codes_of(x, x**2) == ["noise_free"]


def test_a_column_that_is_a_sum_of_the_other_sides_is_noise_free():
    parts = 100.0 * source().dirichlet([2, 3, 4], 800).round(4)
    sand, silt, clay = (column(name, each, discrete=False) for name, each in zip("abc", parts.T, strict=True))
    (said,) = relations([sand, silt], [clay])
    assert said.code == "noise_free"
    assert "'c' as a weighted sum" in said.text
    assert [each.code for each in relations([clay], [silt, sand])] == ["noise_free"]
    near = column("near", parts[:, 2] + 0.1 * normal(800), discrete=False)
    assert relations([sand, silt], [near]) == []
    assert relations([sand], [clay]) == []


@pytest.mark.parametrize(("of_x", "of_z"), [(1e300, 1.0), (1e300, 1e300), (1e-170, 1.0), (1e-170, 1e-300)])
def test_scale_does_not_matter(of_x, of_z):
    x, noise = source().standard_normal((2, 600))
    z = 0.8 * x + 0.6 * noise
    model = MutualInformation(n_init=1, n_permutations=99, settings={"max_updates": 100})
    assert model.fit(of_x * x, of_z * z).mi_ == pytest.approx(model.fit(x, z).mi_, abs=0.02)
    assert [each.code for each in model.result_.warnings] == ["not_ended"]
