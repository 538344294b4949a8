"""The 40 public tasks of Czyz et al. 2023, "Beyond Normal" (arXiv 2306.11078), in their order and under their names.

Names, labels and constants are those of the list BENCHMARK_TASKS in its package benchmark-mi 0.1.3. The groups are
ours: each task is in the first of spirals, heavy tails (Student's t, whatever it is seen through), 25-50 dimensions,
1 × 1 and low dimension that it fits.
"""

from __future__ import annotations

from mine.tasks.fixed import HEAVY, HIGH, LOW, ONE_BY_ONE, SPIRALS, FixedTask


def _dense(dim: int) -> FixedTask:
    label = f"Multinormal {dim} × {dim} (dense)"
    return FixedTask(f"multinormal-dense-{dim}-{dim}-0.5", label, _group(dim), dim, dim, "dense:of_rho", (dim, 0.5))


def _two_pair(dim: int) -> FixedTask:
    """Noise of variance 1 and a signal of variance 2 squared that two pairs share, so that they correlate by 4/5."""
    label = f"Multinormal {dim} × {dim} (2-pair)"
    return FixedTask(f"multinormal-sparse-{dim}-{dim}-2-2.0", label, _group(dim), dim, dim, "sparse:of_rho", (dim, 0.8))


def _group(dim: int) -> str:
    return HIGH if dim >= 25 else LOW


def _student(dim: int, dof: int) -> FixedTask:
    label = f"Student-t {dim} × {dim} (dof={dof})"
    return FixedTask(f"student-identity-{dim}-{dim}-{dof}", label, HEAVY, dim, dim, "student_t:of_dof", (dim, dof))


def _additive(half_width: float) -> FixedTask:
    label = f"Uniform 1 × 1 (additive noise={half_width})"
    return FixedTask(f"1v1-additive-{half_width}", label, ONE_BY_ONE, 1, 1, "uniform:of_half_width", (1, half_width))


def _normal_cdf(task: FixedTask) -> FixedTask:
    return task.seen_through("normal-cdf", f"normal_cdf-{task.name}", f"Normal CDF @ {task.label}")


def _half_cube(task: FixedTask) -> FixedTask:
    return task.seen_through("half-cube", f"half_cube-{task.name}", f"Half-cube @ {task.label}")


def _asinh(task: FixedTask) -> FixedTask:
    return task.seen_through("asinh", f"asinh-{task.name}", f"Asinh @ {task.label}")


def _spiral(task: FixedTask) -> FixedTask:
    return task.seen_through("spiral", f"spiral-{task.name}", f"Spiral @ {task.label}", group=SPIRALS)


_NORMAL = FixedTask("1v1-normal-0.75", "Bivariate normal 1 × 1", ONE_BY_ONE, 1, 1, "gaussian:of_rho", (1, 0.75))
_UNIFORM = _normal_cdf(_NORMAL)
_SWISS_ROLL = _UNIFORM.seen_through(
    "swiss-roll", f"swissroll_x-{_UNIFORM.name}", "Swiss roll 2 × 1", group=LOW, dim_x=2
)

PUBLIC = (
    _NORMAL,
    _UNIFORM,
    _additive(0.1),
    _additive(0.75),
    _NORMAL.seen_through("bimodal", "1v1-bimodal-0.75", "Bimodal 1 × 1"),
    _NORMAL.seen_through("wiggly", f"wiggly-{_NORMAL.name}", f"Wiggly @ {_NORMAL.label}"),
    _half_cube(_NORMAL),
    _student(1, 1),
    _asinh(_student(1, 1)),
    _SWISS_ROLL,
    *(_dense(dim) for dim in (2, 3, 5, 25, 50)),
    *(_two_pair(dim) for dim in (2, 3, 5, 25)),
    *(_student(dim, dof) for dim, dof in ((2, 1), (2, 2), (3, 2), (3, 3), (5, 2), (5, 3))),
    *(_normal_cdf(_two_pair(dim)) for dim in (3, 5, 25)),
    *(_half_cube(_two_pair(dim)) for dim in (3, 5, 25)),
    *(_spiral(_two_pair(dim)) for dim in (3, 5, 25)),
    *(_spiral(_normal_cdf(_two_pair(dim))) for dim in (3, 5, 25)),
    *(_asinh(_student(dim, dof)) for dim, dof in ((2, 1), (3, 2), (5, 2))),
)
"""All 40."""
