"""The published search: its verdicts follow from its published runs, and `pictures` has the winner's settings."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pandas as pd
import pytest
from made_runs import TINY
from test_search_outcome import made_search

from mine.config import load_config
from mine.experiments import expand, parse_seeds
from mine.search import outcome
from mine.search.fits import Candidate, Reading, judge
from mine.search.plan import Size
from mine.search.space import Setting
from mine.search.stages import settings_of
from mine.settings import EPOCH
from mine.writeup import DIM, EPOCHS, RHOS

ROOT = Path(__file__).parents[2]
DATA = ROOT / "figures" / "data"
published = pytest.mark.skipif(
    not (DATA / "search_judged.parquet").exists(), reason="no search is published: figures/data/search_judged.parquet"
)


def setting_of(row):
    """The setting of a row of the table judged."""
    values = {field.name: row[field.name] for field in fields(Setting)}
    plain = {name: getattr(value, "item", lambda value=value: value)() for name, value in values.items()}
    return Setting(**{name: None if pd.isna(value) else value for name, value in plain.items()})


def verdict_problems(judged, runs):
    """Where the table judged says something else than its runs do."""
    problems = []
    for code, of_code in judged.groupby("code", sort=False):
        candidates, said = [], []
        for _, rows in of_code.groupby("candidate", sort=True):
            biased, ema = (rows[rows["variant"] == variant].iloc[0] for variant in ("biased", "ema"))
            reading = Reading(ema["point"], bool(ema["by_v"]), ema["norm"])
            names = [setting_of(row).name for row in (biased, ema)]
            candidates.append(Candidate(*names, reading, ema["fitted"] == "together", ema["distance_selected"]))
            said.append(rows)
        for one, rows in zip(judge(candidates, runs), said, strict=True):
            for row in rows.to_dict("records"):
                place = f"{code} {row['candidate']} {row['variant']}"
                if abs(row["distance"] - one.distance) > 1e-9:
                    problems.append(f"{place}: distance")
                if abs(row["distance_of_runs_max"] - max(one.runs)) > 1e-9:
                    problems.append(f"{place}: distance of runs")
                if row["p"] != one.p or row["runs"] != len(one.runs):
                    problems.append(f"{place}: p")
                if row["compatible"] != one.compatible:
                    problems.append(f"{place}: compatible")
    return problems


def winner_problems(judged):
    """Where the winner is not the compatible candidate of Algorithm 1 with the largest p, else the nearest."""
    of = judged[judged["code"] == outcome.UNDEPARTED]
    fit = of[of["compatible"]]
    best = fit.sort_values(["p", "distance"], ascending=[False, True]) if len(fit) else of.sort_values("distance")
    won = judged[judged["winner"]]
    if set(won["variant"]) != {"biased", "ema"} or len(won) != 2 or set(won["code"]) != {outcome.UNDEPARTED}:
        return ["not one winner"]
    return [] if set(won["candidate"]) == {best.iloc[0]["candidate"]} else ["another candidate is nearer"]


def picture_problems(experiment, judged):
    """Where `pictures` trains something else than the winner."""
    problems, runs = [], list(expand(experiment))
    for row in judged[judged["winner"]].to_dict("records"):
        variant, setting = row["variant"], setting_of(row)
        wanted = setting.training(EPOCHS)
        of = [run for run in runs if run.variant == variant]
        if {(run.dim, float(run.rho)) for run in of} != {(DIM, rho) for rho in RHOS}:
            problems.append(f"{variant}: other cells")
        # How often held-out values and the terms' norms are looked at changes no update, and alpha none of biased's.
        free = {"eval_every", "term_norms_every", *(["ema_rate"] if setting.ema_rate is None else [])}
        for training in {run.training for run in of}:
            problems += [
                f"{variant}: {field.name}"
                for field in fields(training)
                if field.name not in free and getattr(training, field.name) != getattr(wanted, field.name)
            ]
    return problems


@published
def test_every_published_verdict_follows_from_the_published_runs():
    judged, runs = (pd.read_parquet(DATA / f"search_{name}.parquet") for name in ("judged", "runs"))
    assert verdict_problems(judged, runs) == []
    assert winner_problems(judged) == []
    size = Size.from_dict(load_config(ROOT / "config" / "config.yaml")["search"])
    assert set(runs["seed"]) == set(parse_seeds(size.judge_seeds))
    assert set(judged["runs"]) == {len(parse_seeds(size.judge_seeds))}


@published
def test_the_pictures_have_the_winner_s_settings_and_seeds_of_their_own():
    config = load_config(ROOT / "config" / "config.yaml")
    if "pictures" not in config["experiments"]:
        pytest.skip("no experiment `pictures` yet")
    pictures = config["experiments"]["pictures"]
    assert picture_problems(pictures, pd.read_parquet(DATA / "search_judged.parquet")) == []
    size = Size.from_dict(config["search"])
    others = {seed for text in (size.seeds, size.judge_seeds, size.plausible_seeds) for seed in parse_seeds(text)}
    assert not others & set(parse_seeds(pictures["grid"]["seeds"]))


@pytest.fixture(scope="module")
def made():
    runs = made_search()
    found = outcome.judgements(TINY, runs)
    return outcome.judged_table(found, settings_of(runs), EPOCHS), outcome.judging(runs)


def test_a_table_that_says_something_else_is_seen(made):
    judged, runs = made
    assert verdict_problems(judged, runs) == []
    for column, value in (("distance", 9.0), ("p", 0.5001), ("runs", 3), ("distance_of_runs_max", 0.0)):
        assert len(verdict_problems(judged.assign(**{column: value}), runs)) == len(judged), column
    assert any("compatible" in each for each in verdict_problems(judged.assign(compatible=~judged["compatible"]), runs))
    moved = runs.assign(**{"mean/trend_1": runs["mean/trend_1"] + 1.0, "last/trend_1": runs["last/trend_1"] + 1.0})
    assert verdict_problems(judged, moved)
    assert winner_problems(judged) == []
    assert winner_problems(judged.assign(winner=judged["candidate"] == 1)) == ["not one winner"]
    others = (judged["code"] == outcome.UNDEPARTED) & ~judged["winner"]
    assert winner_problems(judged.assign(winner=others)) == ["another candidate is nearer"]


def test_pictures_that_are_not_the_winner_are_seen(made):
    judged, _ = made
    won = judged[judged["winner"]].set_index("variant", drop=False)
    names = ("data", "batch_size", "hidden", "layers", "optimizer", "product", "last_batch", "learning_rate")
    training = {name: getattr(setting_of(won.loc["ema"]), name) for name in names}
    training |= {"epochs": EPOCHS, "ema_rate": float(won.loc["ema", "ema_rate"]), "record_every": EPOCH}
    grid = {"variant": ["biased", "ema"], "dim": [DIM], "rho": list(RHOS), "seeds": "200-201"}
    same = judged[judged["winner"]].assign(**{name: won.loc["ema", name] for name in names})
    assert picture_problems({"grid": grid, "training": {**training, "eval_every": 50}}, same) == []
    for change in ({"hidden": 8}, {"epochs": 100}, {"record_every": 1}, {"grad_clip": 1.0}):
        name = next(iter(change))
        found = picture_problems({"grid": grid, "training": training | change}, same)
        assert f"biased: {name}" in found, name
        assert f"ema: {name}" in found, name
    assert picture_problems({"grid": grid, "training": training | {"ema_rate": 0.3}}, same) == ["ema: ema_rate"]
    assert picture_problems({"grid": grid | {"dim": [1]}, "training": training}, same) == [
        "biased: other cells",
        "ema: other cells",
    ]
