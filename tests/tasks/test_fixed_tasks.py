"""The fixed tasks: names and truths of the public ones, what is drawn, and the split of those that choose and judge."""

from __future__ import annotations

import csv
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import fft, linalg, optimize, special, stats

from mine.errors import UserError
from mine.provenance import import_closure, training_code_hash
from mine.tasks import FIXED, TASKS, fixed_task, modules_of
from mine.tasks.concepts import CONCEPTS
from mine.tasks.draws import draw
from mine.tasks.fixed import GROUPS, OTHER
from mine.tasks.further import FURTHER
from mine.tasks.mixed import MIXED
from mine.tasks.public import PUBLIC
from mine.tasks.split import CHOOSING, JUDGING

TRUTHS = Path(__file__).with_name("benchmark_mi_truths.csv")


def drawn(name, n, number=0):
    """Float64 x and z of a draw."""
    return tuple(values.astype(np.float64) for values in draw(name, n, number))


def test_the_public_tasks_are_the_packages_in_its_order():
    with TRUTHS.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))
    assert [row["name"] for row in rows] == [task.name for task in PUBLIC] == list(FIXED)[:40]
    for row, task in zip(rows, PUBLIC, strict=True):
        assert (task.label, task.dim_x, task.dim_z) == (row["label"], int(row["dim_x"]), int(row["dim_z"]))
        assert fixed_task(task.name).mi == pytest.approx(float(row["mi"]), abs=1e-6)


@pytest.mark.parametrize("name", FIXED)
def test_samples_truth_and_density_ratio_belong_together(name):
    """E_P[ln r] is the truth, and E_P[1 / (1 + r)] = E_Q[r / (1 + r)], which holds for r = dP/dQ and is bounded."""
    task, n = fixed_task(name), 20_000
    assert (task.name, task.dim_x, task.dim_z) == (name, FIXED[name].dim_x, FIXED[name].dim_z)
    x, z = (torch.from_numpy(values) for values in draw(name, 2 * n, 0))
    assert x.shape == (2 * n, task.dim_x)
    assert z.shape == (2 * n, task.dim_z)
    assert x.dtype == z.dtype == torch.float32
    assert x.isfinite().all()
    assert z.isfinite().all()
    joint, product = task.log_ratio(x[:n], z[:n]), task.log_ratio(x[n:], z[n:].roll(1, 0))
    assert joint.dtype == torch.float64
    assert joint.mean().item() == pytest.approx(task.mi, abs=4 * joint.std().item() / math.sqrt(n) + 1e-12)
    shares = (-joint).sigmoid(), product.sigmoid()
    standard_error = math.sqrt(sum(share.var().item() / n for share in shares))
    assert shares[0].mean().item() == pytest.approx(shares[1].mean().item(), abs=4 * standard_error)
    assert standard_error < 0.005


@pytest.mark.parametrize("name", ["1v1-bimodal-0.75", *(task.name for task in FURTHER), JUDGING[-3]])
def test_a_runs_samples_do_not_depend_on_its_stack(name):
    task = fixed_task(name)
    stacked = task.sample((1001,), [torch.Generator().manual_seed(seed) for seed in range(3)])
    for seed in range(3):
        alone = task.sample((1001,), [torch.Generator().manual_seed(seed)])
        for values, whole in zip(alone, stacked, strict=True):
            assert values.is_contiguous()
            assert torch.equal(values[0], whole[seed])


def test_a_draw_is_its_names_and_numbers():
    first, again, other = (draw("1v1-normal-0.75", 100, number) for number in (3, 3, 4))
    assert np.array_equal(first[0], again[0])
    assert np.array_equal(first[1], again[1])
    assert not np.array_equal(first[0], other[0])
    assert not np.array_equal(first[0], draw("half_cube-1v1-normal-0.75", 100, 3)[0])


@pytest.mark.parametrize("dim", [2, 50])
def test_dense_coordinates_are_all_correlated_by_a_half(dim):
    correlations = np.corrcoef(np.hstack(drawn(f"multinormal-dense-{dim}-{dim}-0.5", 20_000)).T)
    np.testing.assert_allclose(correlations, np.full((2 * dim, 2 * dim), 0.5) + 0.5 * np.eye(2 * dim), atol=0.04)


@pytest.mark.parametrize("dim", [2, 25])
def test_two_pairs_are_correlated_by_four_fifths(dim):
    correlations = np.corrcoef(np.hstack(drawn(f"multinormal-sparse-{dim}-{dim}-2-2.0", 20_000)).T)
    wanted = np.eye(2 * dim)
    for pair in range(2):
        wanted[pair, dim + pair] = wanted[dim + pair, pair] = 0.8
    np.testing.assert_allclose(correlations, wanted, atol=0.04)


@pytest.mark.parametrize(("dim", "dof"), [(1, 1), (2, 2), (5, 3)])
def test_students_radius_has_its_law(dim, dof):
    both = np.hstack(drawn(f"student-identity-{dim}-{dim}-{dof}", 20_000))
    assert stats.kstest(both[:, 0], stats.t(dof).cdf).pvalue > 1e-3
    assert stats.kstest((both**2).mean(1), stats.f(2 * dim, dof).cdf).pvalue > 1e-3


@pytest.mark.parametrize("half_width", [0.1, 0.75])
def test_noise_is_uniform_and_independent_of_x(half_width):
    x, z = drawn(f"1v1-additive-{half_width}", 20_000)
    assert stats.kstest(x[:, 0], stats.uniform.cdf).pvalue > 1e-3
    assert stats.kstest((z - x)[:, 0], stats.uniform(-half_width, 2 * half_width).cdf).pvalue > 1e-3
    assert abs(stats.spearmanr(x[:, 0], (z - x)[:, 0]).statistic) < 0.03


def wiggled(v, *waves):
    return v + sum(a * np.sin(b * v + c) for a, b, c in waves)


def quantile_of_two_normals(share, first, second):
    def of_one(u):
        return optimize.brentq(
            lambda v: share * special.ndtr(v - first) + (1 - share) * special.ndtr(v - second) - u, -20, 20
        )

    return lambda v: np.vectorize(of_one)(special.ndtr(v))


def wound(first):
    """Row by row as the paper writes it: x to expm(|x|^2 / d A) x, A turning one coordinate towards the next."""

    def of_rows(v):
        dim = v.shape[1]
        generator = np.zeros((dim, dim))
        generator[first, first + 1], generator[first + 1, first] = -1.0, 1.0
        return np.stack([linalg.expm(row @ row / dim * generator) @ row for row in v])

    return of_rows


def rolled(u):
    t = 1.5 * np.pi * (1 + 2 * u[:, 0])
    return np.stack([t * np.cos(t), t * np.sin(t)], 1) / 21


def half_cubed(v):
    return np.sign(v) * np.abs(v) ** 1.5


def same(v):
    return v


FORMULAS = {
    "normal-cdf": (special.ndtr, special.ndtr),
    "wiggly": (
        lambda v: wiggled(v, (0.4, 1, 0), (0.2, 1.7, 1), (0.03, 3.3, -2.5)),
        lambda v: wiggled(v, (-0.4, 0.4, 0), (0.17, 1.3, 3.5), (0.02, 4.3, -2.5)),
    ),
    "half-cube": (half_cubed, half_cubed),
    "asinh": (np.arcsinh, np.arcsinh),
    "bimodal": (quantile_of_two_normals(0.3, 0, 5), quantile_of_two_normals(0.5, -1, 3)),
    "swiss-roll": (rolled, same),
    "spiral": (wound(0), wound(1)),
    "helix": (lambda v: np.hstack([np.cos(4 * v), np.sin(4 * v), 0.3 * v]), same),
    "turned": (lambda v: fft.idct(v, norm="ortho"), lambda v: fft.idct(v, norm="ortho")),
}


@pytest.mark.parametrize("name", [task.name for task in FIXED.values() if task.through])
def test_what_a_task_is_seen_through_is_the_formula_of_its_source(name):
    """And its inverse leads back to where it came from."""
    task = fixed_task(name)
    layers = [task]
    while hasattr(layers[-1], "base"):
        layers.append(layers[-1].base)
    wanted = [values[0].double().numpy() for values in layers[-1].sample((30,), [torch.Generator().manual_seed(2)])]
    for by in FIXED[name].through:
        wanted = [formula(values) for formula, values in zip(FORMULAS[by], wanted, strict=True)]
    found = [values[0].double().numpy() for values in task.sample((30,), [torch.Generator().manual_seed(2)])]
    for values, formula in zip(found, wanted, strict=True):
        np.testing.assert_allclose(values, formula, rtol=2e-5, atol=2e-5)
    for side in ("of_x", "of_z"):
        values = torch.from_numpy(found[side == "of_z"])
        there = getattr(task, side)
        torch.testing.assert_close(there.forward(there.inverse(values)), values, rtol=1e-6, atol=1e-6)


def test_every_second_public_task_of_a_group_chooses():
    order = [task.name for group in GROUPS for task in PUBLIC if task.group == group]
    assert tuple(order[::2]) == CHOOSING
    assert set(JUDGING) == set(order[1::2])
    assert len(CHOOSING) == len(JUDGING) == 20
    for group in set(GROUPS) - {OTHER}:
        counts = Counter(name in CHOOSING for name in order if FIXED[name].group == group)
        assert abs(counts[True] - counts[False]) <= 1
    assert {task.group for task in FURTHER} == {OTHER}
    assert len(FURTHER) == 10
    assert len(FIXED) == 50 + len(CONCEPTS) + len(MIXED)


def test_an_unknown_fixed_task_is_refused():
    with pytest.raises(UserError, match=r"^task: 'swiss' is unknown; allowed are 1v1-normal-0.75, "):
        fixed_task("swiss")
    assert not set(FIXED) & set(TASKS)


def test_code_of_a_fixed_task_is_its_own_and_its_recipe():
    """What makes other tasks is none of it: a further task, map or entry leaves the runs of all others fresh."""
    names = ["gaussian", "1v1-normal-0.75", "1v1-additive-0.1", "1v1-additive-0.75", "wiggly-1v1-normal-0.75"]
    assert len({training_code_hash("nwj", name) for name in names}) == len(names)
    for modules in {modules_of(name) for name in (*TASKS, *FIXED)}:
        closure = set(import_closure(*(f"tasks.{module}" for module in modules)))
        assert not closure & {"tasks.public", "tasks.further", "tasks.mixed", "tasks.fixed"}
        assert ("tasks.through" in closure) == ("through" in modules)
