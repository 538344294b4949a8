"""Ten fixed tasks of families that nothing was chosen on: what a method is worth on data that it was not made for.

Each truth is a closed form or a quadrature, which the factory's docstring documents.
"""

from __future__ import annotations

from mine.tasks.fixed import OTHER, FixedTask

_CROSS = ((0.0, 0.0, 0.9), (0.0, 0.0, -0.9))
_CLUSTERS = ((-4.5, 1.5, 0.0), (-1.5, -4.5, 0.0), (1.5, 4.5, 0.0), (4.5, -1.5, 0.0))
"""Means of x against means of z that are neither rising nor falling: the two are not correlated."""


def _turned(task: FixedTask, name: str, label: str) -> FixedTask:
    return task.seen_through("turned", name, label)


_MIXTURE = FixedTask("clusters-5-5", "Four clusters 5 × 5", OTHER, 5, 5, "mixtures:of_components", (5, *_CLUSTERS))
_CIRCLE = FixedTask("circle-10-10-0.3", "Noisy circle 10 × 10", OTHER, 10, 10, "circle:of_deviation", (10, 0.3))
_NORMAL = FixedTask("1v1-normal-0.9", "Bivariate normal 1 × 1 (0.9)", OTHER, 1, 1, "gaussian:of_rho", (1, 0.9))
_HELIX = _NORMAL.seen_through("helix", "helix_x-1v1-normal-0.9", "Helix 3 × 1", dim_x=3)
_LABELS = FixedTask("labels-5-1-4-1.5", "Four classes 5 × 1", OTHER, 5, 1, "labels:of_radius", (5, 4, 1.5))

FURTHER = (
    FixedTask("gamma-exponential-0.5", "Gamma and exponential 1 × 1", OTHER, 1, 1, "gamma_exponential:of_halves", (1,)),
    FixedTask("cross-0.9", "Cross of two normals 1 × 1", OTHER, 1, 1, "mixtures:of_components", (1, *_CROSS)),
    _turned(_MIXTURE, "turned-clusters-5-5", "Four clusters, turned 5 × 5"),
    FixedTask("circle-2-2-0.3", "Noisy circle 2 × 2", OTHER, 2, 2, "circle:of_deviation", (2, 0.3)),
    _turned(_CIRCLE, "turned-circle-10-10-0.3", "Noisy circle, turned 10 × 10"),
    _turned(_HELIX, "turned-helix_x-1v1-normal-0.9", "Helix, turned 3 × 1"),
    FixedTask("wave-3-0.3", "Noisy sine 1 × 1", OTHER, 1, 1, "wave:of_deviation", (3, 0.3)),
    FixedTask("clayton-3-3-2", "Clayton copula 3 × 3", OTHER, 3, 3, "clayton:of_halves", (3, 1)),
    FixedTask("counts-0.15", "Rate and zero-inflated count 1 × 1", OTHER, 1, 1, "counts:of_share", (0.15,)),
    _turned(_LABELS, "turned-labels-5-1-4-1.5", "Features and class, turned 5 × 1"),
)
"""All ten."""
