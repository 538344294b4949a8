"""Made runs of a search: rows as ``mine.search.running.run`` gives them, about the published numbers, none trained."""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from mine.search.plan import Size
from mine.search.space import Setting
from mine.writeup import EPOCHS, RHOS
from mine.writeup.targets import targets

TINY = Size(
    shapes=2, epochs=500, chunks=2, keep_095=3, keep_rest=2, keep_ema=2, keep_with_biased=1, judged=2,
    departures_judged=1, plausible=2, seeds="0-1", judge_seeds="100-104", plausible_seeds="300",
)  # fmt: skip
"""A small search of the pictures' length."""


def made_run(
    stage: str, setting: Setting, variant: str, rho: float, seed: int, *, epochs: int = EPOCHS, off: float = 0.0,
    scatter: float = 0.0,
) -> dict[str, Any]:  # fmt: skip
    """One run. off: how far every number is from the published one, in nats or as a log ratio; scatter: its sd."""
    if variant == "biased":
        setting = setting.of_biased
    rng = np.random.default_rng([seed, int(1000 * rho), len(variant), zlib.crc32(setting.name.encode())])
    values: dict[str, float] = {}
    for target in targets(epochs):
        if (target.variant, target.rho) != (variant, rho):
            continue
        moved = off + scatter * rng.normal()
        value = target.value + moved if target.group == "trend" else target.value * math.exp(moved)
        sources = ("update", "mean", "last") if target.group == "norm" else ("mean", "last")
        if variant == "ema" and target.group != "norm":
            sources += ("mean by v", "last by v")
        values |= {f"{source}/{target.name}": value for source in sources}
    return {
        "stage": stage,
        "setting": setting.name,
        **asdict(setting),
        "variant": variant,
        "rho": rho,
        "seed": seed,
        "epochs": epochs,
        "mi_true": -math.log(1 - rho**2),
        "last_epoch": values.get("mean/end", math.inf),
        "final": 1.0,
        **values,
    }


def made_runs(
    stage: str, setting: Setting, seeds: Iterable[int], variants: Iterable[str] = ("biased", "ema"), **how: Any
) -> list[dict[str, Any]]:
    """A setting's runs at all four rho."""
    return [
        made_run(stage, setting, variant, rho, seed, **how) for variant in variants for rho in RHOS for seed in seeds
    ]


def table(*parts: list[dict[str, Any]]) -> pd.DataFrame:
    """Lists of runs as one table."""
    return pd.DataFrame([run for part in parts for run in part])
