"""How near settings come to the pictures, and which of them the pictures are compatible with.

``ranked`` orders settings on the seeds that select. ``judge`` tests the chosen ones on seeds of their own: a candidate
is compatible when the published run is no farther from the centre of its runs than they are from each other's.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from mine.statistics import holm
from mine.writeup import VARIANTS
from mine.writeup.agreement import Reading
from mine.writeup.targets import BY_V, NORMS, POINTS, Target, difference, distance, targets, targets_of

FAMILY = 0.25
"""Level of the tests of all candidates together (Holm). Forty runs can give no p below 1/41, so that ten tests at the
customary 5 % could reject nothing; this is the smallest level at which every one of ten can be rejected."""

READINGS = tuple(Reading(*each) for each in itertools.product(POINTS, BY_V, NORMS))


def ranked(runs: pd.DataFrame, variant: str) -> pd.DataFrame:
    """Settings by reading, nearest first: columns setting, point, by_v, norm, distance, rhos, seeds.

    distance: mean over seeds and rho of the distance of each run (as ``mine.writeup.targets.distance`` has it); of a
    run that was made in several lengths, the longest counts. runs: rows of ``mine.search.running.run``.
    """
    mine = runs[runs["variant"] == variant]
    mine = mine.sort_values("epochs").drop_duplicates(["setting", "rho", "seed"], keep="last")
    parts = []
    for (rho, epochs), here in mine.groupby(["rho", "epochs"], sort=True):
        of = targets_of(variant, rho, epochs)
        for reading in READINGS:
            if variant == "biased" and reading.by_v:
                continue
            by_group: dict[str, list[np.ndarray]] = {}
            for target in of:
                name = f"{reading.source(target, variant)}/{target.name}"
                values = here[name].to_numpy(dtype=np.float64) if name in here else np.full(len(here), np.nan)
                by_group.setdefault(target.group, []).append(difference(target, values, epochs=epochs))
            distances = np.mean([np.mean(gaps, axis=0) for gaps in by_group.values()], axis=0)
            part = here[["setting", "rho", "seed"]].assign(**asdict(reading), distance=distances)
            if reading.norm == "unclipped":
                # Of runs that nothing clipped there is no such norm.
                column = "unclipped/norm_max"
                part = part[here[column].notna().to_numpy() if column in here else np.zeros(len(here), dtype=bool)]
            parts.append(part)
    columns = ["setting", "point", "by_v", "norm"]
    if not parts:
        return pd.DataFrame(columns=[*columns, "distance", "rhos", "seeds"])
    found = pd.concat(parts).groupby(columns, sort=True)
    table = found.agg(distance=("distance", "mean"), rhos=("rho", "nunique"), seeds=("seed", "nunique")).reset_index()
    return table.sort_values(["distance", *columns], kind="stable", ignore_index=True)


def best_settings(ranking: pd.DataFrame, count: int, rhos: int = 1) -> list[str]:
    """The ``count`` nearest settings, each by its best reading, among those that were run at ``rhos`` rho or more."""
    return ranking.loc[ranking["rhos"] >= rhos, "setting"].drop_duplicates().head(count).tolist()


@dataclass(frozen=True)
class Candidate:
    """What is judged: the settings of both variants, the same or each its own, and a reading."""

    biased: str
    ema: str
    reading: Reading
    together: bool
    distance: float


def candidates(biased: pd.DataFrame, ema: pd.DataFrame, of_biased: Mapping[str, str], count: int) -> list[Candidate]:
    """The nearest, half of them fitted together and half apart; more of the latter where settings in common lack.

    biased, ema: rankings of full runs, at all four rho. of_biased: the EMA's setting to what biased knows of it.
    Fitted apart, a variant's setting is in two candidates at most.
    """
    key = ["point", "norm"]
    biased, ema = (part[part["rhos"] == 4] for part in (biased, ema))
    pairs = biased[["setting", *key, "distance"]].merge(
        ema[["setting", *key, "by_v", "distance"]], on=key, suffixes=("_biased", "_ema")
    )
    pairs["distance"] = (pairs["distance_biased"] + pairs["distance_ema"]) / 2
    pairs["together"] = pairs["setting_ema"].map(of_biased) == pairs["setting_biased"]
    pairs = pairs.sort_values(["distance", "setting_biased", "setting_ema", "by_v"], kind="stable")
    # One reading a pair: its nearest.
    pairs = pairs.drop_duplicates(["setting_biased", "setting_ema"])
    chosen = _candidates(pairs[pairs["together"]].head((count + 1) // 2))
    used: dict[str, int] = {}
    for pair in _candidates(pairs[~pairs["together"]]):
        if len(chosen) == count:
            break
        if max(used.get(f"b {pair.biased}", 0), used.get(f"e {pair.ema}", 0)) < 2:
            chosen.append(pair)
            for name in (f"b {pair.biased}", f"e {pair.ema}"):
                used[name] = used.get(name, 0) + 1
    return chosen


def _candidates(pairs: pd.DataFrame) -> list[Candidate]:
    return [
        Candidate(
            row["setting_biased"],
            row["setting_ema"],
            Reading(row["point"], bool(row["by_v"]), row["norm"]),
            bool(row["together"]),
            float(row["distance"]),
        )
        for row in pairs.to_dict("records")
    ]


def vectors(runs: pd.DataFrame, candidate: Candidate) -> dict[int, dict[Target, float]]:
    """Seed to the values of every target, of a candidate's full runs; seeds that lack one of the eight are left out."""
    found: dict[int, dict[Target, float]] = {}
    complete = len(targets())
    for variant, setting in zip(VARIANTS, (candidate.biased, candidate.ema), strict=True):
        of = runs[(runs["variant"] == variant) & (runs["setting"] == setting)]
        for record in of.to_dict("records"):
            values = candidate.reading.values(record, variant, record["rho"], record["epochs"])
            found.setdefault(record["seed"], {}).update(values)
    return {seed: values for seed, values in sorted(found.items()) if len(values) == complete}


def centre(runs: Iterable[Mapping[Target, float]]) -> dict[Target, float]:
    """The median of each target over runs; what a run does not have counts as above all others."""
    runs = list(runs)
    found = {}
    for target in runs[0]:
        values = np.array([run[target] for run in runs])
        ordered = np.sort(np.where(np.isnan(values), np.inf, values))
        middle = float((ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2)
        found[target] = middle if target.group == "end" or math.isfinite(middle) else math.nan
    return found


def published() -> dict[Target, float]:
    """Every target's published value."""
    return {target: target.value for target in targets()}


@dataclass(frozen=True)
class Judgement:
    """One candidate's test.

    distance: of the published run from the centre of the candidate's runs. runs: those of each run from the centre
    of the others. p: share of the published run and the runs that are at least as far as the published one.
    """

    candidate: Candidate
    distance: float
    runs: tuple[float, ...]
    p: float
    compatible: bool


def judge(candidates: Sequence[Candidate], runs: pd.DataFrame, family: float = FAMILY) -> list[Judgement]:
    """One test a candidate, Holm's correction over them all.

    A candidate is compatible unless its test is rejected at the level ``family`` of all tests together.
    """
    found = []
    for candidate in candidates:
        of_seeds = list(vectors(runs, candidate).values())
        away = [distance(run, centre(of_seeds[:place] + of_seeds[place + 1 :])) for place, run in enumerate(of_seeds)]
        of_published = distance(published(), centre(of_seeds))
        p = (1 + sum(each >= of_published for each in away)) / (1 + len(away))
        found.append((candidate, of_published, tuple(away), p))
    compatible = [p > family for p in holm([p for *_, p in found])]
    return [Judgement(*each, fits) for each, fits in zip(found, compatible, strict=True)]


def winner(judged: Sequence[Judgement]) -> Judgement:
    """The compatible candidate with the largest p, and of several the nearest; where none is, the nearest of all."""
    return min(judged, key=lambda one: (not one.compatible, -one.p if one.compatible else 0.0, one.distance))
