"""Each claim in a plausible range of settings: its rule for a run, a setting's majority, and the share that decides."""

from __future__ import annotations

from importlib import import_module

import numpy as np
import pandas as pd
import pytest
from made import NAN, RHOS, SCHEMES, grid, made_plausible, made_summary

from mine.claims import plausible
from mine.claims.claim import FAILS, HOLDS, PARTLY, UNDECIDED, judge
from mine.claims.tables import Tables
from mine.statistics import share

NAMES = ("diverges_sooner", "produces_inf", "ema_robust", "ema_better", "gradient_norms")
INF = float("inf")


def found(name, table):
    return getattr(plausible, name)(Tables.of(search_plausible=table))


def changed(**values):
    """Settings in all of which the claims hold, but for these columns: one value, or one a rho."""
    table = made_plausible(20)
    for name, value in values.items():
        for rho, one in zip(RHOS, np.broadcast_to(value, 4), strict=True):
            table[f"{name}_{rho:g}"] = one
    return table


def holds(name, **values):
    effect = found(name, changed(**values)).effect
    assert effect in (0.0, 1.0)
    return bool(effect)


@pytest.mark.parametrize("name", NAMES)
def test_the_share_of_settings_decides_both_ways(name):
    all_ = found(name, made_plausible(20, 0))
    assert (all_.cell, all_.verdict, all_.primary) == ("plausible range, d = 2", HOLDS, True)
    assert (all_.n_seeds, all_.effect) == (20, 1.0)
    assert all_.note == "in most seeds of 20 of 20 settings, 3 seeds a setting"
    most = found(name, made_plausible(16, 4))
    assert (most.low, most.high) == (share(16, 20).low, share(16, 20).high)
    assert most.verdict == HOLDS
    assert found(name, made_plausible(11, 9)).verdict == UNDECIDED
    assert found(name, made_plausible(4, 16)).verdict == FAILS
    assert found(name, made_plausible(0, 20)).verdict == FAILS


@pytest.mark.parametrize("name", NAMES)
def test_a_setting_counts_by_the_majority_of_its_seeds(name):
    good, bad = made_plausible(20, 0), made_plausible(0, 20).assign(setting_id=made_plausible(20)["setting_id"])
    one_of_three = pd.concat([good[good["seed"] == 0], bad[bad["seed"] > 0]])
    assert found(name, one_of_three).effect == 0.0
    two_of_three = pd.concat([good[good["seed"] < 2], bad[bad["seed"] == 2]])
    assert found(name, two_of_three).effect == 1.0
    # Half is no majority.
    assert found(name, pd.concat([good[good["seed"] == 0], bad[bad["seed"] == 1]])).effect == 0.0


@pytest.mark.parametrize("name", NAMES)
def test_seeds_do_not_stand_for_settings(name):
    few = found(name, made_plausible(4, seeds=20))
    assert (few.n_seeds, few.verdict) == (4, UNDECIDED)
    assert few.note.startswith("4 settings, at least 5 are needed")


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_table_is_named_with_what_makes_it(name, tmp_path):
    absent = getattr(plausible, name)(Tables(tmp_path))
    assert (absent.verdict, absent.primary, absent.effect) == (UNDECIDED, True, None)
    assert absent.note == "no search/plausible.parquet in the results; `snakemake search` makes it"
    without = getattr(plausible, name)(Tables(tmp_path, without=("search",)))
    assert without.note == "search/plausible.parquet is made by `snakemake search`, not by `snakemake`"
    older = found(name, made_plausible().drop(columns=[c for c in made_plausible() if c.endswith("_0.99")]))
    assert older.verdict == UNDECIDED
    assert "older version" in older.note


def test_a_run_without_a_last_epoch_is_named():
    table = changed(ema_last_epoch=(INF, INF, NAN, INF))
    assert found("ema_robust", table).note.startswith("search/plausible.parquet has a run without ema_last_epoch_0.95")


def test_rule_of_diverging_sooner():
    assert holds("diverges_sooner", biased_last_epoch=(400, 300, 200, 100))
    assert holds("diverges_sooner", biased_last_epoch=(INF, INF, INF, 400))
    assert holds("diverges_sooner", biased_last_epoch=(300, 300, 200, 200))
    assert not holds("diverges_sooner", biased_last_epoch=INF)
    assert not holds("diverges_sooner", biased_last_epoch=200)
    assert not holds("diverges_sooner", biased_last_epoch=(INF, 100, 200, 50))
    assert not holds("diverges_sooner", biased_last_epoch=(INF, 200, INF, 100))
    assert not holds("diverges_sooner", biased_last_epoch=(100, 200, 300, INF))


def test_rule_of_producing_inf():
    assert holds("produces_inf", biased_last_epoch=(INF, INF, INF, 499))
    assert not holds("produces_inf", biased_last_epoch=(100, 100, 100, INF))


def test_rule_of_a_robust_ema():
    assert holds("ema_robust", biased_last_epoch=1)
    for rho in range(4):
        assert not holds("ema_robust", ema_last_epoch=[400 if place == rho else INF for place in range(4)])


def test_rule_of_a_better_ema():
    lasts, truth = {"biased_last_epoch": INF, "mi_true": 2.0}, 2.0
    near, far = truth + 0.1, truth - 0.2
    assert holds("ema_better", **lasts, biased_final=far, ema_final=near)
    assert holds("ema_better", **lasts, biased_final=(far, far, far, near), ema_final=(near, near, near, far))
    assert not holds("ema_better", **lasts, biased_final=(far, far, near, near), ema_final=(near, near, far, far))
    assert not holds("ema_better", **lasts, biased_final=near, ema_final=near)
    # A run that ended is infinitely far, whatever it read before; two that ended are equally far.
    ended = {"biased_last_epoch": 400, "mi_true": 2.0, "ema_final": far}
    assert holds("ema_better", **ended, biased_final=truth)
    assert not holds("ema_better", **ended, biased_final=truth, ema_last_epoch=400)
    assert not holds("ema_better", **lasts, biased_final=far, ema_final=NAN)
    assert holds("ema_better", **lasts, biased_final=INF, ema_final=far)


def test_rule_of_gradient_norms():
    assert holds("gradient_norms", biased_norm_max=(1, 1, 1, 100))
    assert not holds("gradient_norms", biased_norm_max=(500, 500, 500, 99.9))
    assert not holds("gradient_norms", biased_norm_mean=(1, 3, 2, 4))
    assert not holds("gradient_norms", biased_norm_mean=(1, 2, 2, 4))
    assert not holds("gradient_norms", biased_norm_max=200, ema_norm_max=(1, 1, 1, 200))
    assert holds("gradient_norms", biased_norm_max=(1, 1, 1, INF))
    assert not holds("gradient_norms", biased_norm_max=(1, 1, 1, NAN))


def writeup():
    """In which claim 6 holds."""
    steps = dict(zip(RHOS, (NAN, 2000, 900, 500), strict=True))
    cells = grid(setting=SCHEMES, variant=("biased",), dim=(2,), rho=RHOS)
    return made_summary(*({**cell, "overflow_step": steps[cell["rho"]]} for cell in cells))


@pytest.mark.parametrize(("settings", "expected"), [((20, 0), HOLDS), ((0, 20), PARTLY), ((10, 10), UNDECIDED)])
def test_the_share_is_one_of_the_claims_primary_findings(settings, expected):
    claim = import_module("mine.claims.diverges_sooner").CLAIM
    tables = Tables.of(writeup_summary=writeup(), search_plausible=made_plausible(*settings))
    assert judge(claim, 6, tables).verdict == expected


def test_an_earlier_ledger_does_not_stand_for_a_claim_that_lacks_the_search_alone():
    tables = Tables.of(writeup_summary=writeup())
    judge(import_module("mine.claims.diverges_sooner").CLAIM, 6, tables)
    assert tables.missed == set()
    tables = Tables.of(search_plausible=made_plausible())
    judge(import_module("mine.claims.diverges_sooner").CLAIM, 6, tables)
    assert tables.missed == {"writeup/summary"}


def test_a_claim_without_the_search_says_what_makes_it():
    verdict = judge(import_module("mine.claims.diverges_sooner").CLAIM, 6, Tables.of(writeup_summary=writeup()))
    assert verdict.verdict == UNDECIDED
    assert verdict.where.startswith(
        "holds in 2 of 3 primary findings; 1 of 3 primary findings cannot be decided: no se"
    )
    assert verdict.where.endswith("`snakemake search` makes it")
