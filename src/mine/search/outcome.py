"""What came of a search, as tables: who was judged and how, every number against the runs, what each choice moves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from mine.errors import UserError
from mine.search import stages
from mine.search.fits import Candidate, Judgement, Reading, centre, judge, vectors, winner
from mine.search.plan import STAGES, Size
from mine.search.space import SPACE, Setting, neighbours
from mine.writeup import EPOCHS, RHOS, VARIANTS
from mine.writeup.agreement import held_against
from mine.writeup.targets import Target, difference, targets

UNDEPARTED, DEPARTED = "Algorithm 1", "departure"

JUDGES = ("judged", "departures_judged")
"""Stages whose runs judge. Those of ``plausible`` neither judge nor select, and all others select."""


def selecting(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs that candidates are chosen by."""
    return runs[~runs["stage"].isin((*JUDGES, "plausible"))]


def judging(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs that candidates are judged by; every verdict follows from these."""
    return runs[runs["stage"].isin(JUDGES)]


def judgements(size: Size, runs: pd.DataFrame) -> dict[str, list[Judgement]]:
    """Of the settings of Algorithm 1 and of the departures from it: every candidate, judged. runs: of all stages.

    Raises UserError where there is no candidate, or one without two full runs.
    """
    select, judges = selecting(runs), _as_full(judging(runs))
    found = {UNDEPARTED: stages.chosen(size, select), DEPARTED: stages.chosen_departures(size, select)}
    if not found[UNDEPARTED]:
        raise UserError("search: no setting ran at all four rho, so there is no candidate; run `snakemake search`")
    for candidate in (candidate for of_code in found.values() for candidate in of_code):
        _check_runs(candidate, judges)
    return {code: judge(of_code, judges) for code, of_code in found.items()}


def _check_runs(candidate: Candidate, judges: pd.DataFrame) -> None:
    """Raise UserError unless two seeds ran at all four rho, so that every run has others to be held against."""
    seeds = len(vectors(judges, candidate))
    if seeds < 2:
        raise UserError(
            f"search: {seeds} full runs on the seeds that judge, of biased {candidate.biased} and EMA {candidate.ema}; "
            "two at least are needed, so give judge_seeds two, or run `snakemake search` again"
        )


def _as_full(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs as if they had been made as long as the pictures', so that a small search is judged by the same targets.

    What its runs did not get to is then missing from the published run's distance and from the runs' own alike.
    """
    return runs.assign(epochs=EPOCHS)


def judged_table(found: dict[str, Sequence[Judgement]], by_name: dict[str, Setting], epochs: int) -> pd.DataFrame:
    """A row a candidate and variant: its settings, how near it came when it was selected, its test.

    winner: whether it is the one that `pictures` takes: of Algorithm 1 the compatible one with the largest p, else the
    nearest.
    """
    rows = []
    for code, of_code in found.items():
        first = winner(of_code) if of_code else None
        for place, one in enumerate(of_code, start=1):
            for variant in VARIANTS:
                setting = by_name[getattr(one.candidate, variant)]
                rows.append(
                    {
                        "code": code,
                        "candidate": place,
                        "fitted": "together" if one.candidate.together else "apart",
                        "variant": variant,
                        **asdict(setting),
                        **asdict(one.candidate.reading),
                        "distance_selected": one.candidate.distance,
                        "distance": one.distance,
                        "distance_of_runs_median": float(np.median(one.runs)),
                        "distance_of_runs_max": float(np.max(one.runs)),
                        "p": one.p,
                        "runs": len(one.runs),
                        "compatible": one.compatible,
                        "winner": one is first and code == UNDEPARTED,
                        "options": setting.command(epochs),
                    }
                )
    return pd.DataFrame(rows)


def numbers_table(found: dict[str, Sequence[Judgement]], runs: pd.DataFrame, epochs: int) -> pd.DataFrame:
    """A row a published number and judged candidate: columns of ``mine.writeup.agreement.held_against``, and units.

    units: how far the candidate's median, to which a missing value is above all others, is from the published number.
    epochs: of a full run.
    """
    judges = _as_full(judging(runs))
    parts = []
    for code, of_code in found.items():
        for place, one in enumerate(of_code, start=1):
            of_seeds = _of_length(vectors(judges, one.candidate), epochs)
            middle = centre(of_seeds.values())
            known = [target for target in targets(epochs) if target in middle]
            units = [float(difference(target, middle[target], epochs=epochs)) for target in known]
            parts.append(held_against(of_seeds, epochs).assign(units=units, code=code, candidate=place))
    return pd.concat(parts, ignore_index=True)


def _of_length(of_seeds: dict[int, dict[Target, float]], epochs: int) -> dict[int, dict[Target, float]]:
    """The values of the targets that runs of so many epochs have."""
    reached = {(target.variant, target.rho, target.name): target for target in targets(epochs)}
    return {
        seed: {
            reached[key]: value
            for target, value in values.items()
            if (key := (target.variant, target.rho, target.name)) in reached
        }
        for seed, values in of_seeds.items()
    }


def moves(runs: pd.DataFrame, of: Judgement) -> pd.DataFrame:
    """What one unstated choice moves: a row a neighbour and number. of: a judgement, the winner's.

    Columns base, the setting that differs in that choice alone, choice, before, after, variant, rho, group, target,
    median_before, median_after, units: how far the median over seeds moves, in the distance's units. The base is the
    judged setting or, since neighbours were run of what was nearest before any was judged, one of those where more of
    its neighbours were. Neighbours that were not run are left out. Raises UserError where none was.
    """
    by_name, of_setting = stages.settings_of(runs), dict(tuple(selecting(runs).groupby("setting")))
    together, biased, ema = stages._centres(runs[runs["stage"].isin(STAGES["neighbours"])])
    bases = {
        "biased": (by_name[of.candidate.biased], together.of_biased, biased),
        "ema": (by_name[of.candidate.ema], together, ema),
    }
    rows = []
    for variant in VARIANTS:
        # The first of several that have equally many.
        rows += max((_moved(of_setting, base, variant, of.candidate.reading) for base in bases[variant]), key=len)
    if not rows:
        raise UserError("search: no neighbour of a near setting ran at all four rho; run `snakemake search` again")
    return pd.DataFrame(rows)


def _moved(of_setting: dict[str, pd.DataFrame], base: Setting, variant: str, reading: Reading) -> list[dict[str, Any]]:
    """The rows of one variant about one setting."""
    old = _middle(of_setting, base, variant, reading)
    rows = []
    for choice, near in neighbours(base):
        new = _middle(of_setting, near, variant, reading)
        for target in old:
            if target in new:
                rows.append(
                    {
                        "base": base.name,
                        "choice": choice,
                        "before": str(getattr(base, choice)),
                        "after": str(getattr(near, choice)),
                        "variant": variant,
                        "rho": target.rho,
                        "group": target.group,
                        "target": target.name,
                        "median_before": old[target],
                        "median_after": new[target],
                        "units": float(difference(target, new[target], old[target])),
                    }
                )
    return rows


def _middle(
    of_setting: dict[str, pd.DataFrame], setting: Setting, variant: str, reading: Reading
) -> dict[Target, float]:
    """The median of each number over a setting's seeds; empty where it did not run at all four rho."""
    if setting.name not in of_setting:
        return {}
    runs = of_setting[setting.name]
    runs = runs[runs["variant"] == variant].sort_values("epochs").drop_duplicates(["rho", "seed"], keep="last")
    of_seeds: dict[int, dict[Target, float]] = {}
    for record in runs.to_dict("records"):
        values = reading.values(record, variant, record["rho"], record["epochs"])
        of_seeds.setdefault(record["seed"], {}).update(values)
    full = [values for values in of_seeds.values() if {target.rho for target in values} == set(RHOS)]
    return centre(full) if full else {}


def plausible_table(runs: pd.DataFrame) -> pd.DataFrame:
    """The plausible range, a row a setting and seed; columns end with the rho that they are of.

    biased_last_epoch, ema_last_epoch: last epoch (from 0) with a finite value, inf where it lasted. biased_final,
    ema_final: mean in-batch value over the last 125 epochs, nats, nan where the run ended. biased_norm_mean,
    biased_norm_max and the EMA's: of all updates' gradient norms.
    """
    here = runs[runs["stage"] == "plausible"]
    of_biased = {name: setting.of_biased.name for name, setting in stages.settings_of(here).items()}
    rows: dict[tuple[str, int], dict[str, object]] = {}
    for record in here[here["variant"] == "ema"].to_dict("records"):
        key = (record["setting"], record["seed"])
        row = rows.setdefault(key, {"setting_id": key[0], "seed": key[1], "epochs": record["epochs"]})
        row |= _ends(record, "ema")
    of_runs = {
        (record["setting"], record["seed"], record["rho"]): record
        for record in here[here["variant"] == "biased"].to_dict("records")
    }
    for (name, seed), row in rows.items():
        for rho in RHOS:
            row |= _ends(of_runs[of_biased[name], seed, rho], "biased")
    columns = list(SPACE)
    frame = pd.DataFrame(rows.values())
    settings = here.drop_duplicates("setting").set_index("setting")[columns]
    return frame.join(settings, on="setting_id")


def _ends(record: dict[str, float], variant: str) -> dict[str, object]:
    rho = f"{record['rho']:g}"
    return {
        f"mi_true_{rho}": record["mi_true"],
        f"{variant}_last_epoch_{rho}": record["last_epoch"],
        f"{variant}_final_{rho}": record["final"],
        f"{variant}_norm_mean_{rho}": record["update/norm_mean"],
        f"{variant}_norm_max_{rho}": record["update/norm_max"],
    }
