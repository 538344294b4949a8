"""A run's readings against a NumPy recomputation from the same run's per-update trace."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from mine.engine.runs import train_at
from mine.search.running import Task, ending, readings, run
from mine.search.space import Setting
from mine.writeup import DIM
from mine.writeup.targets import targets

SETTING = Setting(data=44, batch_size=10, hidden=8, last_batch="keep", ema_rate=0.1, grad_clip=0.5)
PER_EPOCH, EPOCHS = 5, 12


def both(variant, rho, epochs=EPOCHS, seed=0, **changes):
    """The same run, recorded every update and every epoch."""
    training = replace(SETTING, **changes).training(epochs)
    found = []
    for every in (1, "epoch"):
        with torch.inference_mode():
            (result,) = train_at(variant, DIM, rho, [seed], replace(training, record_every=every), judged=False)
        found.append(result)
    return found


def column(result, name):
    return np.ma.filled(result.columns[name].astype(np.float64), np.nan)


def recomputed(updates, variant, epochs):
    """Points and norms of every whole epoch, from a row an update; the epoch in which the run ended left out."""
    last = updates.overflow_step
    whole = (epochs * PER_EPOCH if last is None else last - 1) // PER_EPOCH
    shape = (whole, PER_EPOCH)

    def per_epoch(values):
        return values[: whole * PER_EPOCH].reshape(shape)

    values = per_epoch(column(updates, "mi_batch"))
    points = {"mean": values.mean(axis=1), "last": values[:, -1]}
    if variant == "ema":
        own = per_epoch(column(updates, "joint_mean") - column(updates, "log_ema"))
        points |= {"mean by v": own.mean(axis=1), "last by v": own[:, -1]}
    norms = per_epoch(column(updates, "grad_norm"))
    return (
        whole,
        points,
        {
            "update": (norms.min(), norms.mean(), norms.max()),
            "mean": (norms.mean(axis=1).min(), norms.mean(), norms.mean(axis=1).max()),
            "last": (norms[:, -1].min(), norms[:, -1].mean(), norms[:, -1].max()),
        },
    )


@pytest.mark.parametrize(("variant", "clip"), [("biased", None), ("ema", None), ("ema", 0.5)])
def test_readings_are_those_of_the_updates(variant, clip):
    updates, windows = both(variant, 0.9, grad_clip=clip)
    found = readings(windows, variant, 0.9, EPOCHS)
    whole, points, norms = recomputed(updates, variant, EPOCHS)
    assert whole == EPOCHS
    for name, values in points.items():
        assert found[f"{name}/trend_1"] == pytest.approx(values.mean(), rel=1e-5), name
        assert found[f"{name}/spread"] == pytest.approx(values.std(), rel=1e-4), name
        assert found.get(f"{name}/end", math.inf) == math.inf
    for name, numbers in norms.items():
        for end, value in zip(("min", "mean", "max"), numbers, strict=True):
            assert found[f"{name}/norm_{end}"] == pytest.approx(value, rel=1e-5), (name, end)
    assert points["mean"].std() > 1e-3, "a line without spread shows nothing"
    assert not math.isclose(found["mean/trend_1"], found["last/trend_1"], rel_tol=1e-3)
    assert any(name.startswith("unclipped") for name in found) == (clip is not None)
    if clip is not None:
        assert found["update/norm_max"] <= clip * 1.001 < found["unclipped/norm_max"]
    assert ending(windows) == {"last_epoch": math.inf, "final": pytest.approx(points["mean"].mean(), rel=1e-5)}


def overflowing():
    """A biased run that ends in the middle of an epoch, not its first."""
    for seed in range(20):
        updates, windows = both("biased", 0.99, epochs=40, seed=seed, learning_rate=0.3, grad_clip=None)
        step = updates.overflow_step
        if step is not None and step > 3 * PER_EPOCH and step % PER_EPOCH not in (0, 1):
            return updates, windows
    raise AssertionError("no run ends in the middle of an epoch")


def test_the_epoch_in_which_a_run_ends_counts_for_nothing():
    updates, windows = overflowing()
    whole, points, norms = recomputed(updates, "biased", 40)
    found = readings(windows, "biased", 0.99, 40)
    assert found["mean/end"] == found["last/end"] == whole - 1
    assert found["mean/spread"] == pytest.approx(points["mean"].std(), rel=1e-4)
    for end, value in zip(("min", "mean", "max"), norms["update"], strict=True):
        assert found[f"update/norm_{end}"] == pytest.approx(value, rel=1e-5), end
    there = column(updates, "grad_norm")[whole * PER_EPOCH :]
    assert len(there) > 0, "it ended between two epochs"
    said = ending(windows)
    assert said["last_epoch"] == whole - 1
    assert math.isnan(said["final"])


def test_a_task_gives_a_row_a_run_with_every_number():
    settings = tuple(replace(SETTING, grad_clip=None, learning_rate=rate) for rate in (0.001, 0.01))
    rows = list(run(Task("ema", settings, (0.85, 0.99), (0, 3), 4), "judged"))
    assert [(row["learning_rate"], row["rho"], row["seed"]) for row in rows] == [
        (rate, rho, seed) for rate in (0.001, 0.01) for rho in (0.85, 0.99) for seed in (0, 3)
    ]
    for row in rows:
        of = [t for t in targets(4) if (t.variant, t.rho) == ("ema", row["rho"])]
        assert all(f"{'update' if t.group == 'norm' else 'mean'}/{t.name}" in row for t in of)
        assert row["mi_true"] == pytest.approx(-math.log(1 - row["rho"] ** 2))
    assert len({row["update/norm_max"] for row in rows}) == 8
    # Alone as in the stack.
    (alone,) = run(Task("ema", settings[1:], (0.99,), (3,), 4), "judged")
    for name in ("mean/trend_1", "update/norm_max"):
        assert rows[-1][name] == pytest.approx(alone[name], rel=1e-5)


def test_biased_s_rows_are_named_by_what_biased_knows():
    (row,) = run(Task("biased", (SETTING,), (0.9,), (0,), 2), "biased_099")
    assert row["setting"] == SETTING.of_biased.name
    assert row["ema_rate"] is None
