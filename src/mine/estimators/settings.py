"""What an estimator can be made with, beside the settings of ``mine.settings``. Nothing here imports torch."""

from __future__ import annotations

from mine.settings import check_choice

SEPARABLE, CONCAT, DENSITY = "separable", "concat", "density"
CRITICS = (SEPARABLE, CONCAT, DENSITY)
"""``density``: no critic T(x, z) but a model of densities (DoE, CLUB)."""

__all__ = ["CONCAT", "CRITICS", "DENSITY", "SEPARABLE", "check_choice"]
