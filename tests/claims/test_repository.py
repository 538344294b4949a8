"""The claims of the author's repository: what turns each verdict, and what is only reported."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from mine.claims import ledger
from mine.claims.claim import FAILS, HOLDS, REPORTED, UNDECIDED, judge
from mine.claims.repository_gaussian import CLAIM as GAUSSIAN
from mine.claims.repository_xor import CAP
from mine.claims.repository_xor import CLAIM as XOR
from mine.claims.tables import Tables
from mine.writeup.repository import XOR as PRINTED


def made(level, spread=0.002, seeds=5, epochs=200, first=0.0):
    """Epochs of made runs that are level from the 51st on, and a summary whose population value is the same."""
    rows = []
    for seed in range(seeds):
        values = np.full(epochs, level + spread * (seed - (seeds - 1) / 2))
        values[:50] = first
        rows.append(
            pd.DataFrame({"seed": seed, "epoch": range(epochs), "mi_mean": values - 0.01, "mi_again_mean": values})
        )
    summary = pd.DataFrame({"mi_population": [level] * seeds, "mi_true": [0.51] * seeds})
    return pd.concat(rows, ignore_index=True), summary


def verdict(claim, name, **how):
    epochs, summary = made(**how)
    return judge(claim, 15, Tables.of(**{f"repository__{name}_epochs": epochs, f"repository__{name}_summary": summary}))


@pytest.mark.parametrize(
    ("claim", "name", "level", "said"),
    [
        (GAUSSIAN, "gaussian", 0.515, HOLDS), (GAUSSIAN, "gaussian", 0.55, FAILS),
        (GAUSSIAN, "gaussian", 0.53, UNDECIDED),
        (XOR, "xor", 0.692, HOLDS), (XOR, "xor", 0.64, FAILS), (XOR, "xor", 0.67, UNDECIDED),
    ],
)  # fmt: skip
def test_about_is_a_margin_around_the_number(claim, name, level, said):
    assert verdict(claim, name, level=level).verdict == said


def test_only_the_end_counts_and_a_run_that_ended_is_no_agreement():
    assert verdict(XOR, "xor", level=0.692, first=-50.0).verdict == HOLDS
    epochs, summary = made(0.692)
    epochs.loc[(epochs["seed"] == 3) & (epochs["epoch"] > 190), "mi_again_mean"] = np.inf
    tables = Tables.of(repository__xor_epochs=epochs, repository__xor_summary=summary)
    judged = judge(XOR, 16, tables)
    assert judged.verdict == FAILS
    assert "1 of 5 runs ended" in judged.findings[0].note


def test_too_few_seeds_and_no_tables_decide_nothing():
    assert verdict(XOR, "xor", level=0.692, seeds=4).verdict == UNDECIDED
    nothing = judge(XOR, 16, Tables.of())
    assert nothing.verdict == UNDECIDED
    assert "repository-xor" in nothing.findings[0].note


def test_the_rest_is_reported_by_value():
    found = {each.quantity: each for each in verdict(XOR, "xor", level=0.64, spread=0.004).findings[1:]}
    assert {each.verdict for each in found.values()} == {REPORTED}
    assert found["a permutation's aim less the value after updates, nats"].effect == pytest.approx(CAP - 0.64)
    assert found["value after updates less the same batch's before, nats"].effect == pytest.approx(0.01)
    assert found["ln 2 less the final critic at the population, nats"].effect == pytest.approx(math.log(2) - 0.64)
    (beside,) = [each for quantity, each in found.items() if quantity.startswith("printed values")]
    assert beside.effect == pytest.approx(np.mean(PRINTED.values[1:4]) - 0.64)
    assert beside.note == "2 of 3 printed values lie between the smallest and the largest of ours"


def test_a_permutation_s_aim_by_enumeration():
    """Product pairs are joint ones 1/k of the time: label right with probability 1/2 + 1/2k among them."""
    k, right = 64, 0.5 + 0.5 / 64
    assert pytest.approx(math.log(1.0 / right)) == CAP
    assert PRINTED.batch == k


def test_an_earlier_ledger_stands_for_what_it_measured_and_not_for_what_it_lacked(monkeypatch):
    monkeypatch.setattr(ledger, "claims", lambda *_: [XOR])

    def judged(earlier=None, **tables):
        found = ledger.verdicts(Tables.of(**tables), earlier=earlier)
        return ledger.ledger_table(found).to_pandas(), found[0]

    nothing, _ = judged()
    _, still = judged(earlier=nothing)
    assert ledger.KEPT not in still.findings[0].note
    epochs, summary = made(0.692)
    measured, _ = judged(repository__xor_epochs=epochs, repository__xor_summary=summary)
    _, kept = judged(earlier=measured)
    assert kept.verdict == HOLDS
    assert ledger.KEPT in kept.findings[0].note
