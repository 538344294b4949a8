"""How verdicts follow from findings, how tables are read, and the example claim."""

from __future__ import annotations

import re
from importlib import import_module

import numpy as np
import pandas as pd
import pytest
from made import DIMS, NAN, RHOS, SCHEMES, grid, made_evaluations, made_optimal, made_summary, plausible

from mine.claims import NAMES, claims, diverges_sooner
from mine.claims.claim import (
    ASKED_BY,
    BROKEN,
    CHECKED,
    FAILS,
    HOLDS,
    MIN_SEEDS,
    PARTLY,
    REPORTED,
    UNDECIDED,
    US,
    WRITE_UP,
    Claim,
    Finding,
    Missing,
    decide,
    finding,
    judge,
    overall,
    undecided,
)
from mine.claims.tables import Tables, cell_name, paired, runs_of
from mine.gaussian import mutual_information
from mine.statistics import Interval
from mine.summary import SUMMARY_COLUMNS

WITHOUT_TABLES = {"exact_mi"}


def found(verdict, *, primary=True, cell="cell", quantity="", note=""):
    return Finding(cell, quantity, 1.0, 0.5, 1.5, 10, verdict, primary, note=note)


# Verdicts


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([HOLDS, HOLDS], HOLDS),
        ([FAILS, FAILS], FAILS),
        ([HOLDS, FAILS], PARTLY),
        ([PARTLY], PARTLY),
        ([HOLDS, PARTLY], PARTLY),
        ([HOLDS, UNDECIDED], UNDECIDED),
        ([FAILS, UNDECIDED], FAILS),
        ([HOLDS, FAILS, UNDECIDED], PARTLY),
        ([UNDECIDED], UNDECIDED),
        ([], UNDECIDED),
        ([REPORTED, CHECKED], UNDECIDED),
        ([HOLDS, REPORTED, CHECKED], HOLDS),
        ([FAILS, REPORTED], FAILS),
        ([HOLDS, BROKEN], UNDECIDED),
    ],
)
def test_a_claims_verdict(verdicts, expected):
    assert overall([found(verdict) for verdict in verdicts])[0] == expected


@pytest.mark.parametrize("verdict", [HOLDS, FAILS, UNDECIDED, PARTLY])
def test_what_is_not_primary_decides_nothing(verdict):
    assert overall([found(HOLDS), found(verdict, primary=False)])[0] == HOLDS
    assert overall([found(verdict, primary=False)])[0] == UNDECIDED


def test_an_instrument_that_fails_anywhere_decides_nothing():
    verdict, where = overall([found(HOLDS), found(BROKEN, primary=False)])
    assert (verdict, where) == (UNDECIDED, "an instrument fails its check")


def test_a_claim_that_holds_in_part_says_where():
    findings = [found(HOLDS, cell="d = 5", quantity="share"), found(FAILS, cell="d = 1"), found(HOLDS, cell="d = 20")]
    assert overall(findings) == (PARTLY, "d = 5 (share); d = 20")
    assert overall([found(HOLDS)] * 3) == (HOLDS, "in 3 of 3 primary findings")


def test_one_refuted_primary_finding_refutes_whatever_is_open():
    verdict, where = overall([found(FAILS), found(UNDECIDED, note="no runs")])
    assert verdict == FAILS
    assert where.endswith("that are decided; 1 of 2 primary findings cannot be decided: no runs")


def test_an_undecided_claim_says_what_is_missing_once():
    findings = [found(UNDECIDED, note="no runs"), found(UNDECIDED, note="no runs"), found(UNDECIDED, note="few")]
    assert overall(findings) == (UNDECIDED, "no runs; few")


def test_a_claim_that_is_undecided_beside_what_holds_says_both():
    verdict, where = overall([found(HOLDS), found(HOLDS), found(UNDECIDED, note="no table; `made` makes it")])
    assert verdict == UNDECIDED
    assert where == (
        "holds in 2 of 3 primary findings; 1 of 3 primary findings cannot be decided: no table; `made` makes it"
    )


def test_decide():
    assert decide(True, False) == HOLDS
    assert decide(False, True) == FAILS
    assert decide(False, False) == decide(True, True) == UNDECIDED


@pytest.mark.parametrize("verdict", [HOLDS, FAILS, PARTLY])
def test_too_few_seeds_take_a_verdict_back(verdict):
    interval = Interval(1.0, 0.5, 1.5)
    assert finding("cell", "effect", interval, MIN_SEEDS, verdict).verdict == verdict
    few = finding("cell", "effect", interval, MIN_SEEDS - 1, verdict, primary=True, note="and more")
    assert (few.verdict, few.primary) == (UNDECIDED, True)
    assert few.note == "4 seeds, at least 5 are needed; and more"
    assert (few.effect, few.low, few.high) == (1.0, 0.5, 1.5)
    assert finding("cell", "effect", interval, 1, verdict).note.startswith("1 seed,")
    assert finding("cell", "share of settings", interval, 3, verdict).note.startswith("3 settings,")


@pytest.mark.parametrize("verdict", [REPORTED, CHECKED, BROKEN])
def test_few_seeds_leave_what_is_no_verdict(verdict):
    assert finding("cell", "effect", Interval(1.0, 0.5, 1.5), 1, verdict).verdict == verdict


def test_what_could_not_be_measured_has_no_number():
    missing = undecided("cell", "effect", "no runs", primary=True)
    assert (missing.effect, missing.low, missing.high, missing.n_seeds) == (None, None, None, 0)
    assert (missing.verdict, missing.note, missing.primary) == (UNDECIDED, "no runs", True)


def made_claim(findings):
    return Claim("made", "A sentence.", "a place", "a test", "a rule", "a/figure", findings, asked_by=US)


def test_a_claim_is_judged_by_its_primary_findings_and_signs_them():
    verdict = judge(made_claim(lambda tables: [found(HOLDS), found(FAILS, primary=False)]), 3, Tables.of())
    assert (verdict.verdict, verdict.number, verdict.claim.name) == (HOLDS, 3, "made")
    assert [finding.claim for finding in verdict.findings] == ["made", "made"]


def test_a_missing_table_makes_a_claim_undecided_and_is_named():
    verdict = judge(made_claim(lambda tables: [found(HOLDS, cell=str(tables.get("a/b")))]), 3, Tables.of())
    assert (verdict.verdict, verdict.where) == (UNDECIDED, "no a/b.parquet in the results")
    (only,) = verdict.findings
    assert (only.primary, only.claim, only.effect) == (True, "made", None)


# The list of claims


def test_every_claim_is_filled_in():
    listed = claims()
    assert [claim.name for claim in listed] == list(NAMES)
    for claim in listed:
        for text in (claim.sentence, claim.place, claim.test, claim.rule):
            assert text.strip()
        assert re.fullmatch(r"[\w/-]+/[\w-]+", claim.figure)
        assert claim.sentence.endswith(".")
        assert claim.rule.endswith(".")
        assert claim.asked_by in ASKED_BY
        assert (claim.asked_by == US) == claim.place.startswith("Nowhere")
    assert len({claim.sentence for claim in listed}) == len(listed)
    assert [claim.name for claim in listed if claim.asked_by != WRITE_UP] == [
        "shuffle", "simpler", "looks_right", "repository_gaussian", "repository_xor", "control_truthful",
        "concepts_correction",
    ]  # fmt: skip


def test_no_text_takes_another_dimension_for_that_of_the_pictures():
    for claim in claims():
        for sentence in re.split(r"(?<=[.:;]) ", f"{claim.test} {claim.rule}"):
            assert "picture" not in sentence or "d = 5" not in sentence
    for name in ("diverges_sooner", "produces_inf", "ema_robust", "ema_better", "gradient_norms"):
        rule = import_module(f"mine.claims.{name}").CLAIM.rule
        assert "fixed before any search" in rule
        assert "Primary: " in rule or "primary: " in rule
        assert "share of settings" in rule


@pytest.mark.parametrize("name", [name for name in NAMES if name not in WITHOUT_TABLES])
def test_no_claim_is_decided_without_results(name, tmp_path):
    verdict = judge(import_module(f"mine.claims.{name}").CLAIM, 1, Tables(tmp_path))
    assert verdict.verdict == UNDECIDED
    assert ".parquet" in verdict.where


# Tables


def test_a_table_is_read_once(tmp_path):
    path = tmp_path / "writeup" / "summary.parquet"
    path.parent.mkdir()
    pd.DataFrame({"seed": [0, 1], "overflow_step": [3, None]}).to_parquet(path)
    tables = Tables(tmp_path)
    first = tables.get("writeup/summary", ("seed", "overflow_step"))
    path.unlink()
    assert tables.get("writeup/summary") is first


def test_steps_that_never_came_are_nan(tmp_path):
    steps = pd.array([3, None], dtype="Int64")
    table = pd.DataFrame({"overflow_step": steps, "runaway_step": steps, "diverged_step": [None, None], "seed": [0, 1]})
    table.to_parquet(tmp_path / "summary.parquet")
    read = Tables(tmp_path).get("summary")
    assert (read[["overflow_step", "runaway_step", "diverged_step"]].dtypes == "float64").all()
    assert np.isnan(read["overflow_step"][1])
    assert read["diverged_step"].isna().all()


def test_a_folder_of_the_path_is_no_column(tmp_path):
    path = tmp_path / "dim=7" / "summary.parquet"
    path.parent.mkdir()
    pd.DataFrame({"seed": [0]}).to_parquet(path)
    assert list(Tables(path.parent).get("summary").columns) == ["seed"]


def test_what_a_table_lacks_is_named(tmp_path):
    tables = Tables(tmp_path)
    with pytest.raises(Missing, match=r"^no writeup/summary\.parquet in the results$"):
        tables.get("writeup/summary")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(Missing, match=r"^broken\.parquet is not readable$"):
        tables.get("broken")
    pd.DataFrame({"seed": pd.Series(dtype=int)}).to_parquet(tmp_path / "empty.parquet")
    with pytest.raises(Missing, match=r"^empty\.parquet has no rows$"):
        tables.get("empty")
    pd.DataFrame({"seed": [0]}).to_parquet(tmp_path / "old.parquet")
    with pytest.raises(Missing, match=r"^old\.parquet is of an older version: no column spike_norm; collect it again$"):
        tables.get("old", ("seed", "spike_norm", "spike_multiplier"))


def test_tables_in_memory_have_the_names_of_files():
    table = pd.DataFrame({"seed": [0]})
    tables = Tables.of(writeup_summary=table, finite__data_summary=table, frozen_bias=table)
    for name in ("writeup/summary", "finite-data/summary", "frozen/bias"):
        assert tables.get(name).equals(table)
    with pytest.raises(Missing, match="smoothing/summary"):
        tables.get("smoothing/summary")


def test_a_table_in_memory_is_a_copy():
    table = pd.DataFrame({"overflow_step": [3]})
    made = Tables.of(writeup_summary=table).get("writeup/summary")
    made.loc[0, "overflow_step"] = 7
    assert table["overflow_step"][0] == 3


def test_runs_of_a_cell_come_by_seed():
    table = made_summary(*grid(rho=(0.9, 0.95)), seeds=3).sample(frac=1.0, random_state=1)
    assert list(runs_of(table, variant="ema", rho=0.95)["seed"]) == [0, 1, 2]
    with pytest.raises(Missing, match=r"^no runs of biased, d = 5, ρ = 0\.9$"):
        runs_of(table, variant="biased", dim=5, rho=0.9)


def test_pairs_are_of_the_same_seeds():
    one = pd.DataFrame({"seed": [3, 1, 2], "value": [30, 10, 20]})
    other = pd.DataFrame({"seed": [2, 3, 4], "value": [200, 300, 400]})
    left, right = paired(one, other)
    assert list(left["seed"]) == list(right["seed"]) == [2, 3]
    assert (list(left["value"]), list(right["value"])) == ([20, 30], [200, 300])
    with pytest.raises(Missing, match="no seed that both sides of a pair have"):
        paired(one, other.assign(seed=[7, 8, 9]))


def test_cells_in_words():
    words = cell_name(setting="derangement", variant="ema", dim=5, rho=0.95, step=3001)
    assert words == "derangement, ema, d = 5, ρ = 0.95, step 3,001"


# Made tables, which every other test of a claim builds on


def test_made_summaries_have_every_column():
    table = made_summary(*grid(setting=SCHEMES, variant=("biased", "ema"), dim=DIMS, rho=RHOS), seeds=2)
    assert set(SUMMARY_COLUMNS) <= set(table.columns)
    assert len(table) == 2 * 2 * 4 * 4 * 2
    assert not table.duplicated(["setting", "variant", "dim", "rho", "seed"]).any()
    assert table["overflow_step"].isna().all()
    assert np.allclose(
        table["mi_true"], [mutual_information(*at) for at in zip(table["dim"], table["rho"], strict=True)]
    )


def test_made_values_are_one_or_one_a_seed():
    table = made_summary({"overflow_step": [700, NAN, 900], "runaway_step": 801, "mi_heldout": 2.0}, seeds=3)
    assert list(table["diverged_step"]) == [700, 801, 801]
    assert list(table["outcome"]) == ["overflow", "completed", "overflow"]
    assert np.allclose(table["mi_heldout_error"], 2.0 - table["mi_true"])


def test_made_evaluations_and_optimal_critics():
    per_seed = np.array([[1.0], [2.0]])
    table = made_evaluations({"rho": 0.9, "mi_heldout": [0.0, 3.0], "mi_population": per_seed}, seeds=2, steps=(1, 501))
    assert list(table["step"]) == [1, 501, 1, 501]
    assert list(table["seed"]) == [0, 0, 1, 1]
    assert list(table["mi_heldout"]) == [0.0, 3.0, 0.0, 3.0]
    assert list(table["mi_population"]) == [1.0, 1.0, 2.0, 2.0]
    optimal = made_optimal(*grid(dim=DIMS, rho=RHOS), seeds=3)
    assert (optimal["mi_population"] - optimal["mi_true"]).abs().max() == pytest.approx(0.01)
    assert len(optimal) == 48


# The example claim


def diverging(steps, seeds=10, dims=(2,)):
    """The write-up's biased runs: rho to the step of overflow, the same in both schemes."""
    axes = {"setting": SCHEMES, "variant": ("biased",), "dim": dims, "rho": tuple(steps)}
    cells = [{**cell, "overflow_step": steps[cell["rho"]]} for cell in grid(**axes)]
    return made_summary(*cells, {"variant": "ema", "setting": "derangement"}, seeds=seeds)


def judged(table, holds=True):
    return judge(diverges_sooner.CLAIM, 6, Tables.of(writeup_summary=table, search_plausible=plausible(holds)))


def verdicts(verdict):
    return {f.cell: f.verdict for f in verdict.findings if f.primary and not f.cell.startswith("plausible")}


def test_sooner_as_rho_grows_holds():
    verdict = judged(diverging({0.85: NAN, 0.9: 2000, 0.95: 900, 0.99: 500}))
    assert verdict.verdict == HOLDS
    assert verdicts(verdict) == {"derangement, d = 2": HOLDS, "permutation, d = 2": HOLDS}
    assert all(finding.effect < -0.9 for finding in verdict.findings if finding.primary and "τ" in finding.quantity)


def test_runs_that_run_away_are_no_overflow_and_are_told():
    table = diverging(dict.fromkeys(RHOS, NAN))
    away = (table["variant"] == "biased") & (table["rho"] == 0.99)
    table.loc[away, ["runaway_step", "diverged_step"]] = 501.0
    verdict = judged(table, holds=False)
    assert verdict.verdict == FAILS
    (told,) = [f for f in verdict.findings if f.cell == "derangement, d = 2" and "run away" in f.quantity]
    assert (told.effect, told.verdict) == (0.25, REPORTED)
    assert told.note == "0 of 10 at 0.85, 0 of 10 at 0.9, 0 of 10 at 0.95, 10 of 10 at 0.99"


def test_later_as_rho_grows_does_not():
    assert judged(diverging({0.85: 500, 0.9: 900, 0.95: 2000, 0.99: NAN}), holds=False).verdict == FAILS


def test_no_overflow_at_all_does_not():
    verdict = judged(diverging(dict.fromkeys(RHOS, NAN)), holds=False)
    assert verdict.verdict == FAILS
    assert verdict.findings[0].note == "none of 40 overflows, at most 8.8% of such runs"


def test_steps_without_a_trend_cannot_be_decided():
    steps = np.random.default_rng(0).integers(400, 2900, (4, 10))
    verdict = judged(diverging(dict(zip(RHOS, steps.astype(float), strict=True))))
    assert verdict.verdict == UNDECIDED
    assert verdict.where.endswith("2 of 3 primary findings cannot be decided: the interval of τ contains 0")


def test_one_scheme_that_differs_is_named():
    table = diverging({0.85: NAN, 0.9: 2000, 0.95: 900, 0.99: 500})
    table.loc[table["setting"] == "permutation", ["overflow_step", "diverged_step"]] = NAN
    verdict = judged(table)
    assert verdict.verdict == PARTLY
    assert verdict.where.startswith("derangement, d = 2 (")


def test_a_scheme_that_is_missing_is_named():
    table = diverging({0.9: 2000, 0.99: 500})
    verdict = judged(table[table["setting"] != "permutation"])
    assert verdict.verdict == UNDECIDED
    assert verdict.where.endswith("no runs of permutation, d = 2")


def test_a_single_rho_and_few_seeds_cannot_be_decided():
    assert judged(diverging({0.9: 2000})).where.endswith("a single ρ shows no trend")
    verdict = judged(diverging({0.9: 2000, 0.99: 500}, seeds=4))
    assert verdict.verdict == UNDECIDED
    assert "4 seeds" in verdict.where


def test_another_dimension_is_corrected_and_decides_nothing():
    verdict = judged(diverging({0.9: 500, 0.99: 2000}, dims=(20,)))
    assert verdict.verdict == UNDECIDED
    others = [finding for finding in verdict.findings if finding.cell.endswith("d = 20")]
    assert [finding.level for finding in others] == [pytest.approx(0.975)] * 6
    assert not any(finding.primary for finding in others)
    assert others[0].verdict == FAILS
