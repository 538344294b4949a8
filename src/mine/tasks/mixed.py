"""Fixed tasks of discrete and continuous variables together, beside those that `snakemake own` measures."""

from __future__ import annotations

from mine.tasks.fixed import OTHER, FixedTask

MIXED = (
    FixedTask("steps-5", "Level and uniform 1 × 1", OTHER, 1, 1, "steps:of_levels", (5,)),
    FixedTask("atoms-0.9", "Normals and atoms 1 × 1", OTHER, 1, 1, "atoms:of_rho", (0.9, 0.9)),
)
