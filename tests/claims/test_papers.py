"""The papers' claims: each rule gives both verdicts on made tables, and what was not run is said to be so."""

from __future__ import annotations

import math
from importlib import import_module

import numpy as np
import pandas as pd
import pytest
from made_benchmark_tables import made_estimates, made_stairs

from mine.__main__ import main
from mine.claims import PAPERS, claims
from mine.claims.books import BOOKS
from mine.claims.claim import FAILS, HOLDS, NOT_RUN, PAPER, PARTLY, UNDECIDED, judge
from mine.claims.ledger import in_words, ledger_table, markdown_text, page_text, verdicts
from mine.claims.papers import errors, stairs
from mine.claims.papers.latent_reaches import SPARSE
from mine.claims.papers.minde_better import CHALLENGING, RIVALS, difference
from mine.claims.papers.mixture_accurate import SIDE_BY_SIDE
from mine.claims.papers.normal_flatters import BEYOND, NORMAL
from mine.claims.papers.variance_grows import DOUBLES, slope
from mine.claims.tables import Tables
from mine.reach.methods import TASKS

BOOK = BOOKS["papers"]
SIX = ("1v1-normal-0.75", "1v1-bimodal-0.75", "multinormal-dense-5-5-0.5", *SPARSE[:3])
NEURAL = ("mine", "dv", "nwj", "infonce", "neighbours", "cca")


def verdict_of(name, **tables):
    claim = import_module(f"mine.claims.papers.{name}").CLAIM
    return judge(claim, 1, Tables.of(**tables), NOT_RUN)


def of(findings, **wanted):
    """The verdicts of the primary findings by cell."""
    return {finding.cell: finding.verdict for finding in findings if finding.primary}


# The list


def test_every_claim_is_filled_in_and_names_its_source():
    listed = claims(PAPERS)
    assert [f"papers.{claim.name}" for claim in listed] == list(PAPERS)
    assert len(listed) >= 8
    for claim in listed:
        assert claim.asked_by == PAPER
        paper, _, where = claim.place.partition(",")
        assert paper[-4:].isdigit(), "author and year"
        assert "“" in where, "the paper's words"
        assert "Primary:" in claim.rule
        assert claim.sentence.endswith(".")
        assert claim.rule.endswith(".")
    assert len({claim.sentence for claim in listed}) == len(listed)


def test_the_tasks_are_those_that_the_rules_name():
    assert len(errors.PUBLIC) == 40
    assert (len(NORMAL), len(BEYOND), len(SPARSE), len(SIDE_BY_SIDE)) == (10, 30, 5, 13)


def test_without_tables_nothing_is_run():
    judged = verdicts(Tables.of(), book=BOOK)
    assert {verdict.verdict for verdict in judged} == {NOT_RUN}
    frame = ledger_table(judged).to_pandas()
    assert in_words(frame) == ["Of the papers' 13 claims 13 were not run"]
    text = markdown_text(frame, BOOK)
    assert text.startswith("# What the papers of the estimators claim, tested\n")
    assert "| Poole et al. 2019 | – not run | no own/benchmark.parquet in the results |" in text
    assert "<td>Poole et al. 2019</td><td>– not run</td>" in page_text(frame, BOOK)


def test_the_command_writes_the_papers_ledger(tmp_path, capsys):
    output = tmp_path / "out" / "claims.parquet"
    output.parent.mkdir()
    assert main(["claims", str(tmp_path), "--ledger", "papers", "--output", str(output)]) == 0
    assert "13 were not run" in capsys.readouterr().out
    assert len(pd.read_parquet(output)["number"].unique()) == 13
    assert output.with_suffix(".md").read_text().startswith("# What the papers")


def test_an_unknown_ledger_is_refused(tmp_path, capsys):
    assert main(["claims", str(tmp_path), "--ledger", "theirs"]) == 2
    assert "ledger: 'theirs' is unknown; allowed are write-up, papers" in capsys.readouterr().err


# On the staircase

PAIRS = [(name, critic) for name in ("nwj", "js", "smile", "gan-dime", "ema-log", "biased-stable")
         for critic in ("separable", "concat")] + [("infonce", "separable"), ("doe-logistic", "density")]  # fmt: skip


def made(seeds=10, **of_variant):
    """Stairs of which each variant is as said, the others off by half a nat."""
    default = {"bias": -0.5, "variance": 0.25}

    def run(variant, critic, task, mi):
        said = of_variant.get(variant.replace("-", "_"), default)
        return said(task, mi) if callable(said) else said

    return {"staircase_stairs": made_stairs(run, PAIRS, seeds)}


@pytest.mark.parametrize(
    ("name", "holding", "failing"),
    [
        (
            "large_information",
            {"nwj": {"bias": -0.1, "variance": 9.0}, "infonce": {"bias": -5.0, "variance": 0.1},
             "js": {"bias": -2.0, "variance": 0.1}},
            {},
        ),
        (
            "contrastive",
            {"nwj": {"bias": -0.2, "variance": 9.0}, "infonce": {"bias": -5.0, "variance": 0.1}},
            {"nwj": {"bias": -5.0, "variance": 0.1}, "infonce": {"bias": -0.2, "variance": 9.0}},
        ),
        (
            "variance_grows",
            dict.fromkeys(("nwj", "ema_log", "biased_stable"), lambda t, mi: {"bias": 0.1, "variance": math.exp(mi)}),
            {},
        ),
        ("smile_better", {"smile": {"bias": 0.1, "variance": 0.01}}, {"smile": {"bias": 0.5, "variance": 0.25}}),
        ("dime_better", {"gan_dime": {"bias": 0.1, "variance": 0.01}}, {"gan_dime": {"bias": 2.0, "variance": 0.1}}),
        (
            "entropies_reach",
            {"doe_logistic": {"bias": 0.1, "variance": 0.01}},
            {"doe_logistic": {"bias": -2.0, "variance": 0.01}},
        ),
    ],
)  # fmt: skip
def test_a_rule_on_the_staircase_gives_both_verdicts(name, holding, failing):
    assert verdict_of(name, **made(**holding)).verdict == HOLDS
    assert verdict_of(name, **made(**failing)).verdict == FAILS


@pytest.mark.parametrize("name", [name.partition(".")[2] for name in PAPERS[1:7]])
def test_three_seeds_decide_nothing(name):
    verdict = verdict_of(name, **made(seeds=3))
    assert verdict.verdict == UNDECIDED
    assert "3 seeds, at least 5 are needed" in verdict.where


def test_one_task_that_differs_is_named():
    good, bad = {"bias": 0.1, "variance": 0.01}, {"bias": -3.0, "variance": 0.1}
    verdict = verdict_of("entropies_reach", **made(doe_logistic=lambda task, mi: good if task == "gaussian" else bad))
    assert verdict.verdict == PARTLY
    assert "gaussian, 10 nats" in verdict.where
    assert "cubic" not in verdict.where


def test_a_run_that_ended_is_worse_than_any():
    ended = made(nwj=lambda task, mi: None, smile={"bias": 0.5, "variance": 0.25})
    cells = of(verdict_of("smile_better", **ended).findings)
    assert cells["SMILE against NWJ, separable, gaussian"] == HOLDS
    assert cells["SMILE against InfoNCE, separable, gaussian"] == FAILS
    (grown,) = [f for f in verdict_of("variance_grows", **ended).findings if f.cell == "NWJ, separable, gaussian"]
    assert (grown.verdict, grown.effect, grown.note) == (HOLDS, math.inf, "10 of 10 runs ended")


def test_a_ratio_near_one_is_as_good_and_not_better():
    table = stairs.stairs(Tables.of(**made()))
    series = stairs.over_stairs(stairs.runs(table, "nwj", "separable", "gaussian"), "mi_batch_mse")
    assert list(series) == pytest.approx([0.25 * (f**2 + f) for f in 1.0 + 0.01 * np.arange(10)])
    same = stairs.compared("cell", "ratio", series, series)
    assert (same.effect, same.verdict) == (pytest.approx(1.0), FAILS)
    twice = stairs.compared("cell", "ratio", 2.0 * series, series)
    assert (twice.effect, twice.low, twice.high, twice.verdict) == (*[pytest.approx(2.0)] * 3, HOLDS)


def test_the_slope_is_that_of_the_logarithm():
    truths = np.array([2.0, 4.0, 6.0])
    assert slope(truths, 3.0 * np.exp(0.7 * truths)) == pytest.approx(0.7)
    assert slope(truths, 2.0 ** (truths / 2.0)) == pytest.approx(DOUBLES)
    assert slope(truths, np.array([1.0, 2.0, np.inf])) == math.inf


# On the fixed tasks


def test_bounds_hold_where_they_lie_below_and_not_where_they_lie_above():
    methods = ("nwj", "infonce", "js", "dv")
    below = made_estimates(lambda method, task, n: -0.3, methods)
    verdict = verdict_of("bounds_hold", own_benchmark=below)
    assert verdict.verdict == HOLDS
    assert {finding.effect for finding in verdict.findings} == {0.0}
    above = made_estimates(lambda method, task, n: 0.2 + 0.001 * len(task), methods)
    assert verdict_of("bounds_hold", own_benchmark=above).verdict == FAILS
    # A value that is missing lies above nothing; a method that is missing decides nothing.
    none = made_estimates(lambda m, task, n: None if task in SPARSE else -0.1, ("nwj", "infonce"))
    verdict = verdict_of("bounds_hold", own_benchmark=none)
    assert of(verdict.findings) == {"nwj": HOLDS, "infonce": HOLDS, "js": UNDECIDED}
    assert verdict.findings[0].n_seeds == 35


def shrinking(power):
    return lambda method, task, n: 0.5 * (n / 300.0) ** power + 1e-4 * len(task)


def test_mine_is_consistent_where_its_error_falls():
    sizes = {"tasks": SIX, "rows": (300, 1_000, 10_000, 100_000)}
    holds = made_estimates(shrinking(-0.5), ("mine", "neighbours"), **sizes)
    verdict = verdict_of("mine_consistent", own_benchmark_n=holds)
    assert verdict.verdict == HOLDS
    assert verdict.findings[0].effect == -1.0
    fails = made_estimates(shrinking(0.1), ("mine",), **sizes)
    assert verdict_of("mine_consistent", own_benchmark_n=fails).verdict == FAILS
    few = made_estimates(shrinking(-0.5), ("mine",), tasks=SIX[:3], rows=(300, 1_000, 10_000))
    assert "3 tasks, at least 5 are needed" in verdict_of("mine_consistent", own_benchmark_n=few).where
    assert verdict_of("mine_consistent", own_benchmark_n=holds[holds["method"] != "mine"]).verdict == NOT_RUN


@pytest.mark.parametrize(("power", "expected"), [(0.8, HOLDS), (1.6, FAILS)])
def test_mine_is_linear_where_its_exponents_are_at_most_one(power, expected):
    def cpu(task, rows):
        dims = TASKS[task].dim_x + TASKS[task].dim_z
        return 1e-4 * rows**power * dims**power * (1.0 + 0.01 * len(task))

    sizes = {"tasks": SIX, "rows": (300, 1_000, 10_000, 100_000)}
    by_rows = made_estimates(lambda m, task, n: 0.1, ("mine",), cpu=cpu, **sizes)
    at_once = made_estimates(lambda m, task, n: 0.1, ("mine",), cpu=cpu)
    verdict = verdict_of("mine_linear", own_benchmark_n=by_rows, own_benchmark=at_once)
    assert verdict.verdict == expected
    assert verdict.findings[0].effect == pytest.approx(power)
    assert verdict.findings[1].effect == pytest.approx(power, abs=0.05)
    half = verdict_of("mine_linear", own_benchmark=at_once)
    assert of(half.findings)["pairs"] == UNDECIDED


def diffusing(rival_easy, rival_hard):
    def error(method, task, n):
        hard = TASKS[task].group in CHALLENGING
        off = 0.02 if method == "minde" else rival_hard if hard else rival_easy
        return off + 1e-4 * len(task)

    minde = made_estimates(error, ("minde",))
    return {"own_benchmark_diffusion": minde, "own_benchmark": made_estimates(error, RIVALS)}


def test_minde_is_better_where_its_alternatives_are_farther():
    assert verdict_of("minde_better", **diffusing(0.1, 0.4)).verdict == HOLDS
    assert verdict_of("minde_better", **diffusing(0.02, 0.01)).verdict == FAILS
    partly = verdict_of("minde_better", **diffusing(0.4, 0.1))
    assert partly.verdict == PARTLY
    assert of(partly.findings)["challenging against other tasks"] == FAILS
    tables = diffusing(0.1, 0.4)
    assert verdict_of("minde_better", own_benchmark=tables["own_benchmark"]).verdict == NOT_RUN


def test_errors_are_paired_by_draw_and_capped():
    table = made_estimates(lambda m, task, n: {"a": 5.0, "b": 0.2}.get(m), ("a", "b", "c"), tasks=SIX)
    one, other, none = (errors.of_method(table, name, SIX) for name in "abc")
    assert list(errors.by_task(one)) == [1.0] * len(SIX)
    assert list(errors.by_task(none)) == [1.0] * len(SIX)
    gains = errors.gains(one[one["draw"] == 1], other)
    assert list(gains) == pytest.approx([1.0 - 0.201] * len(SIX))


def test_welchs_interval_is_scipys():
    from scipy.stats import ttest_ind

    generator = np.random.default_rng(0)
    one, other = pd.Series(generator.normal(size=9)), pd.Series(generator.normal(1.0, 3.0, size=30))
    expected = ttest_ind(one, other, equal_var=False).confidence_interval(0.95)
    interval = difference(one, other)
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high))


def test_latent_neighbours_reach_where_they_are_near_and_neighbours_are_not():
    def tables(latent, neighbours):
        off = {"latent-neighbours": latent, "neighbours": neighbours}
        return {"own_benchmark": made_estimates(lambda m, task, n: -off[m] - 1e-4 * len(task), tuple(off))}

    assert verdict_of("latent_reaches", **tables(0.03, 0.5)).verdict == HOLDS
    assert verdict_of("latent_reaches", **tables(0.5, 0.4)).verdict == FAILS
    assert verdict_of("latent_reaches", **tables(0.03, 0.03)).verdict == PARTLY


def test_a_mixture_is_accurate_where_it_is_near_and_no_worse():
    def tables(mixture, rivals):
        off = {"gaussian-mixture": mixture, "neighbours": rivals, "mine": rivals}
        made = made_estimates(lambda m, task, n: off[m] + 1e-4 * len(task), tuple(off), tasks=SIDE_BY_SIDE)
        return {"own_benchmark": made}

    assert verdict_of("mixture_accurate", **tables(0.02, 0.02)).verdict == HOLDS
    assert verdict_of("mixture_accurate", **tables(0.3, 0.02)).verdict == FAILS
    assert verdict_of("mixture_accurate", **tables(0.3, 0.5)).verdict == PARTLY


def test_normal_data_flatter_where_errors_are_larger_beyond_them():
    def tables(beyond, normal):
        return {
            "own_benchmark": made_estimates(
                lambda m, task, n: (normal if task in NORMAL else beyond) + 1e-3 * len(task) / 40, NEURAL
            )
        }

    assert verdict_of("normal_flatters", **tables(0.3, 0.05)).verdict == HOLDS
    assert verdict_of("normal_flatters", **tables(0.05, 0.05)).verdict == FAILS
