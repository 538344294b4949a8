"""What is shown of the setting that was fitted to the pictures: numbers, never a verdict."""

from __future__ import annotations

from importlib import import_module

import pandas as pd
import pytest
from made import NAN, RHOS, grid, made_summary

from mine.claims import pictures
from mine.claims.claim import REPORTED, judge, overall
from mine.claims.tables import Tables

NAMES = ("diverges_sooner", "ema_robust", "ema_better", "gradient_norms")
FIT = {"setting": "fit", "dim": 2, "data": "1000", "batch_size": 25, "epochs": 500}
# 40 updates an epoch: updates 1,341 and 1,400 are of epochs 33 and 34.
ENDS = {0.99: [1341.0] * 5 + [1400.0] * 5, 0.95: [6241.0] * 9 + [NAN]}


def table(**more):
    cells = []
    for cell in grid(variant=("biased", "ema"), rho=RHOS):
        ends = {"overflow_step": ENDS.get(cell["rho"], NAN)} if cell["variant"] == "biased" else {}
        cells.append({**FIT, **cell, **ends, **(more if cell["variant"] == "biased" else {})})
    return made_summary(*cells)


def found(name, summary):
    return getattr(pictures, name)(Tables.of(pictures_summary=summary))


def one(name, summary, cell, words=""):
    (finding,) = [f for f in found(name, summary) if f.cell == cell and words in f.quantity]
    return finding


@pytest.mark.parametrize("name", NAMES)
def test_what_the_fit_shows_is_reported_and_decides_nothing(name):
    all_ = found(name, table())
    assert all_
    assert {f.verdict for f in all_} == {REPORTED}
    assert not any(f.primary for f in all_)
    assert all(f.cell.startswith("fitted to the pictures, ρ = ") for f in all_)
    assert overall(all_)[1] == ""


@pytest.mark.parametrize("name", NAMES)
def test_no_table_is_no_finding(name):
    assert getattr(pictures, name)(Tables.of()) == []
    verdict = judge(import_module(f"mine.claims.{name}").CLAIM, 6, Tables.of())
    assert not any("fitted" in f.cell for f in verdict.findings)


def test_runs_that_end_are_counted_with_their_epochs():
    at = one("diverges_sooner", table(), "fitted to the pictures, ρ = 0.99")
    assert (at.effect, at.note) == (1.0, "10 of 10 runs, in epoch 33-34 of 500")
    at = one("diverges_sooner", table(), "fitted to the pictures, ρ = 0.95")
    assert (at.effect, at.note) == (0.9, "9 of 10 runs, in epoch 156-156 of 500")
    assert one("diverges_sooner", table(), "fitted to the pictures, ρ = 0.9").note == "0 of 10 runs"
    # An incomplete last batch that is kept makes an epoch longer by one update.
    kept = table().assign(data="1010", last_batch="keep")
    assert one("diverges_sooner", kept, "fitted to the pictures, ρ = 0.99").note.endswith("in epoch 32-34 of 500")
    fresh = one("diverges_sooner", table().assign(data="stream"), "fitted to the pictures, ρ = 0.99")
    assert fresh.note == "10 of 10 runs"


def test_the_emas_that_last_and_its_nearness():
    assert one("ema_robust", table(), "fitted to the pictures, ρ = 0.9").effect == 1.0
    assert one("ema_better", table(), "fitted to the pictures, ρ = 0.99").effect == 1.0
    assert one("ema_better", table(mi_batch_mean=2.0), "fitted to the pictures, ρ = 0.9").effect == 1.0
    assert one("ema_better", table(), "fitted to the pictures, ρ = 0.9").effect == 0.0


def test_the_largest_norms():
    norms = table(grad_norm_max=[103.0] * 9 + [NAN])
    biased, ema = (one("gradient_norms", norms, "fitted to the pictures, ρ = 0.99", name) for name in ("biased", "EMA"))
    assert (biased.effect, ema.effect) == (103.0, 50.0)
    assert len(found("gradient_norms", norms)) == 2


def test_several_settings_are_named():
    two = [table(), table().assign(setting="other")]
    cells = {f.cell for f in found("ema_robust", pd.concat(two))}
    assert "fitted to the pictures, other, d = 2, ρ = 0.9" in cells
    assert len(cells) == 8
