"""``mine compare`` on drawn summaries: the same distribution, shifted ones, other settings, too few seeds."""

from __future__ import annotations

import argparse
import itertools
import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from mine.commands import compare as command
from mine.compare import AGREES, DIFFERS, OTHER_SETTINGS, UNDECIDED, compare, load_summaries, ranks, render
from mine.errors import UserError
from mine.settings import TrainingSettings
from mine.summary import CAUSES, summary_table

CELLS = [(variant, dim, rho) for variant in ("biased", "ema") for dim in (1, 5) for rho in (0.9, 0.99)]


def drawn(seed, n=20, cells=CELLS, training=None, **changes):
    """A summary of n seeds a cell; biased at d = 5 overflows in a third of its runs."""
    generator = np.random.default_rng(seed)
    settings = (training or TrainingSettings()).to_dict()
    settings |= {name: str(settings[name]) for name in ("data", "record_every")}
    rows = []
    for (variant, dim, rho), run in itertools.product(cells, range(n)):
        final = generator.normal(dim, 0.3, size=3)
        norms = generator.gamma(8, 0.75, size=2)
        ended = variant == "biased" and dim == 5 and generator.random() < 0.35
        rows.append(
            {
                "experiment": "made", "setting": "base", "critic": "concat", "variant": variant,
                "task": "gaussian", "dim": dim, "rho": rho, "seed": run,
                **settings, "code": "abc", "device": "cpu", "outcome": "overflow" if ended else "completed",
                "last_step": 900 if ended else 3001, "mi_true": float(dim),
                "mi_batch_mean": math.inf if ended else final[0], "mi_batch_sd": 0.5, "mi_batch_last": final[0],
                "mi_batch_error": 0.0,
                "mi_heldout": final[1], "heldout_ess": 30.0 if dim == 5 else 900.0, "mi_heldout_error": 0.0,
                "mi_population": final[2], "population_ess": 4000.0, "mi_population_error": 0.0,
                "overflow_step": 900 if ended else None, "runaway_step": None, "runaway_step_1nat": None,
                "runaway_step_4nats": None, "diverged_step": 900 if ended else None,
                "grad_norm_median": norms[0], "grad_norm_max": norms[0] + norms[1],
                **dict.fromkeys(CAUSES), **changes,
            }
        )  # fmt: skip
    return summary_table(rows).to_pandas(ignore_metadata=True)


def where(table, variant="ema", dim=5, rho=0.9):
    return (table["variant"] == variant) & (table["dim"] == dim) & (table["rho"] == rho)


def verdicts(result):
    return {(cell.variant, cell.dim, cell.rho): cell.verdict for cell in result.cells}


def differing(result):
    return {
        (cell.variant, cell.dim, cell.rho, quantity.name)
        for cell in result.cells
        for quantity in cell.quantities
        if quantity.p_holm <= result.level
    }


def test_an_identical_table_agrees_however_small():
    for n in (20, 1):
        result = compare(drawn(0, n), drawn(0, n))
        assert result.agrees
        assert set(verdicts(result).values()) == {AGREES}
        assert all(cell.identical for cell in result.cells)
        assert all(q.p == pytest.approx(1) for cell in result.cells for q in cell.quantities)


@pytest.mark.parametrize("seed", range(1, 6))
def test_other_seeds_of_the_same_distribution_agree(seed):
    result = compare(drawn(0), drawn(seed))
    assert result.agrees
    assert result.count(AGREES) == len(CELLS)
    assert not any(cell.identical for cell in result.cells)
    assert result.tests == 7 * len(CELLS)


@pytest.mark.parametrize("name", ["mi_batch_mean", "mi_heldout", "mi_population"])
def test_a_shifted_final_value_in_one_cell_is_found_there_alone(name):
    mine = drawn(1)
    mine.loc[where(mine, dim=1), name] += 1.0
    result = compare(drawn(0), mine)
    assert not result.agrees
    assert differing(result) == {("ema", 1, 0.9, name)}
    assert result.count(DIFFERS) == 1
    quantity = next(q for cell in result.cells for q in cell.quantities if q.p_holm <= 0.05)
    low, high = quantity.difference_interval
    assert low < quantity.difference < high
    assert 0.5 < low < 1.0 < high + 0.3
    assert quantity.mine_interval[0] <= quantity.mine <= quantity.mine_interval[1]


@pytest.mark.parametrize("name", ["overflow", "runaway"])
def test_changed_divergence_counts_are_found(name):
    mine = drawn(1)
    chosen = where(mine)
    mine.loc[chosen, [f"{name}_step", "diverged_step"]] = 700
    result = compare(drawn(0), mine)
    assert ("ema", 5, 0.9, name) in differing(result)
    # A diverged run is worse than any finite one, so its final values differ too.
    assert ("ema", 5, 0.9, "mi_population") in differing(result)
    assert {key[:3] for key in differing(result)} == {("ema", 5, 0.9)}
    quantity = next(
        q for cell in result.cells for q in cell.quantities if q.name == "mi_population" and q.p_holm < 0.05
    )
    assert (quantity.mine, quantity.difference) == (None, None)


def test_gradient_norms_three_times_as_large_are_found():
    mine = drawn(1)
    mine.loc[where(mine), ["grad_norm_median", "grad_norm_max"]] *= 3
    assert differing(compare(drawn(0), mine)) == {
        ("ema", 5, 0.9, "grad_norm_median"),
        ("ema", 5, 0.9, "grad_norm_max"),
    }


def test_a_non_finite_gradient_ranks_above_all():
    mine = drawn(1)
    mine.loc[where(mine), "grad_norm_max"] = np.nan
    assert differing(compare(drawn(0), mine)) == {("ema", 5, 0.9, "grad_norm_max")}


def test_a_hollow_value_is_no_number():
    mine = drawn(1)
    # At d = 5 every held-out value is hollow on both sides: a shift of it says nothing.
    mine.loc[where(mine), "mi_heldout"] += 100
    result = compare(drawn(0), mine)
    assert result.agrees
    held = [q for cell in result.cells if cell.dim == 5 for q in cell.quantities if q.name == "mi_heldout"]
    assert {q.published for q in held} == {None}
    # But a side on which it stopped being a number does differ.
    mine.loc[where(mine, dim=1), "heldout_ess"] = 3.0
    assert differing(compare(drawn(0), mine)) == {("ema", 1, 0.9, "mi_heldout")}


def test_too_few_seeds_cannot_be_decided_and_is_no_agreement():
    mine = drawn(1, n=3)
    mine["mi_population"] += 100
    result = compare(drawn(0, n=3), mine)
    assert set(verdicts(result).values()) == {UNDECIDED}
    assert not result.agrees
    assert result.detectable == [{"seeds_published": 3, "seeds_mine": 3, "shift_sd": None}]
    assert "CANNOT BE DECIDED" in render(result)


def test_a_cell_is_decidable_only_where_a_rank_test_could_differ():
    assert ranks.smallest_p(3, 20) == pytest.approx(2 / math.comb(23, 3))
    assert ranks.smallest_p(1, 1) == 1
    # 56 tests: total separation of 3 from 20 gives 0.0011, Fisher's test half of it, and 0.05 / 56 lies between.
    result = compare(drawn(0), drawn(1, n=3))
    assert result.count(UNDECIDED) == len(CELLS)
    assert result.detectable[0]["shift_sd"] is None


def test_some_undecidable_cells_are_counted_beside_agreement():
    few = drawn(1).query("dim == 5 or seed < 2")
    result = compare(drawn(0), few)
    assert result.agrees
    assert (result.count(AGREES), result.count(UNDECIDED)) == (4, 4)
    assert "4 cannot be decided" in render(result).splitlines()[-1]


def test_a_smaller_grid_is_allowed_and_said():
    mine = drawn(1).query("dim == 5")
    result = compare(drawn(0), mine)
    assert result.agrees
    assert len(result.only_published) == 4
    assert "only in published, not compared: 4 cell(s): made, base, biased, d 1, rho 0.9" in render(result)
    result = compare(mine, drawn(0))
    assert len(result.only_mine) == 4


def test_nothing_in_common():
    result = compare(drawn(0).query("dim == 5"), drawn(0).query("dim == 1"))
    assert not result.agrees
    assert "NOTHING IN COMMON" in render(result)


def test_other_settings_are_named_and_not_tested():
    mine = drawn(1, training=TrainingSettings(batch_size=64, grad_clip=1.0))
    result = compare(drawn(0), mine)
    assert set(verdicts(result).values()) == {OTHER_SETTINGS}
    assert result.tests == 0
    assert result.cells[0].settings == {"batch_size": ("128", "64"), "grad_clip": ("None", "1.0")}
    assert not result.agrees
    text = render(result)
    assert "settings differ: made, base, biased, d 1, rho 0.9: batch_size: 128 > 64; grad_clip: None > 1.0" in text


def test_it_is_deterministic():
    one, two = (compare(drawn(0), drawn(1)).to_dict() for _ in range(2))
    assert one == two


def test_what_could_be_detected_is_said_and_true():
    result = compare(drawn(0), drawn(1))
    (entry,) = result.detectable
    assert 1 < entry["shift_sd"] < 3
    assert f"a shift of {entry['shift_sd']:.1f} sd over seeds is found with 80 % power" in render(result)
    generator = np.random.default_rng(5)
    alpha = 0.05 / result.tests
    found = [
        stats.mannwhitneyu(
            generator.normal(entry["shift_sd"], 1, 20), generator.normal(0, 1, 20), method="exact"
        ).pvalue
        <= alpha
        for _ in range(300)
    ]
    assert np.mean(found) == pytest.approx(0.8, abs=0.07)


def test_more_seeds_detect_smaller_shifts():
    shifts = [ranks.detectable_shift(n, n, 0.001) for n in (10, 20, 40)]
    assert shifts[0] > shifts[1] > shifts[2]
    assert ranks.detectable_shift(3, 3, 0.05) is None


@pytest.mark.parametrize(("n", "m"), [(5, 5), (20, 20), (3, 11), (1, 4)])
def test_the_rank_test_is_scipys_where_nothing_ties(n, m):
    generator = np.random.default_rng(n)
    one, other = generator.normal(0.7, 1, n), generator.normal(0, 1, m)
    expected = stats.mannwhitneyu(one, other, method="exact").pvalue
    assert ranks.rank_test(one, other) == pytest.approx(expected)
    assert ranks.rank_test(other, one) == pytest.approx(expected)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from([-np.inf, -1e300, 0.0, 1.0, 2.0]), min_size=1, max_size=5),
    st.lists(st.sampled_from([-np.inf, -1e300, 0.0, 1.0, np.inf]), min_size=1, max_size=5),
)
def test_the_rank_test_with_ties_is_the_share_of_regroupings(one, other):
    ranked = stats.rankdata(one + other)
    expected = len(one) * ranked.mean()
    far = abs(ranked[: len(one)].sum() - expected)
    sums = [sum(group) for group in itertools.combinations(ranked, len(one))]
    share = np.mean([abs(value - expected) >= far - 1e-9 for value in sums])
    assert ranks.rank_test(np.array(one), np.array(other)) == pytest.approx(share)


def test_the_rank_test_of_many_is_the_normal_approximation():
    generator = np.random.default_rng(0)
    one, other = generator.integers(0, 9, 60).astype(float), generator.integers(1, 10, 50).astype(float)
    expected = stats.mannwhitneyu(one, other, method="asymptotic").pvalue
    assert ranks.rank_test(one, other) == pytest.approx(expected)
    assert ranks.rank_test(np.zeros(60), np.zeros(50)) == 1


def test_false_differences_are_rare():
    """At level 0.2, so that a test of a few draws can see it: at most about a fifth of comparisons cry wolf."""
    cells = [("biased", 5, 0.9), ("ema", 1, 0.9)]
    wrong = [bool(differing(compare(drawn(2 * k, 8, cells), drawn(2 * k + 1, 8, cells), level=0.2))) for k in range(40)]
    assert sum(wrong) <= 14


def options(published, mine, **kwargs):
    return argparse.Namespace(**{"published": published, "mine": mine, "json": False, "level": 0.05, **kwargs})


def test_the_command(tmp_path, capsys):
    for name, seed in (("results/made", 0), ("figures/data", 1)):
        (tmp_path / name).mkdir(parents=True)
        drawn(seed).to_parquet(tmp_path / name / "summary.parquet")
    (tmp_path / "figures/data/summary.parquet").rename(tmp_path / "figures/data/made_summary.parquet")
    assert command.run(options(tmp_path / "figures", tmp_path / "results")) == 0
    text = capsys.readouterr().out
    assert text.splitlines()[-1].startswith("AGREES: of 8 cells 8 agree, 0 differ, 0 cannot be decided")
    assert command.run(options(tmp_path / "figures/data", tmp_path / "results/made/summary.parquet", json=True)) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["agrees"] is True
    assert answer["verdicts"] == {"agrees": 8, "differs": 0, "cannot be decided": 0, "settings differ": 0}
    assert len(answer["cells"]) == 8

    shifted = drawn(1)
    shifted.loc[where(shifted, dim=1), "mi_population"] += 2
    shifted.to_parquet(tmp_path / "results/made/summary.parquet")
    assert command.run(options(tmp_path / "figures", tmp_path / "results")) == 1
    text = capsys.readouterr().out
    assert "differs: made, base, ema, d 1, rho 0.9" in text
    assert "mi_population: median" in text
    assert text.splitlines()[-1].startswith("DIFFERS: of 8 cells 7 agree, 1 differ")


def test_bad_input(tmp_path):
    good = tmp_path / "good.parquet"
    drawn(0).to_parquet(good)
    with pytest.raises(UserError, match="level: 2"):
        command.run(options(good, good, level=2))
    with pytest.raises(UserError, match=r"absent.parquet: no such file"):
        load_summaries(tmp_path / "absent.parquet")
    (tmp_path / "cut.parquet").write_bytes(good.read_bytes()[:100])
    with pytest.raises(UserError, match=r"cut.parquet: not a readable summary"):
        load_summaries(tmp_path / "cut.parquet")
    pd.DataFrame({"experiment": ["x"]}).to_parquet(tmp_path / "other.parquet")
    with pytest.raises(UserError, match=r"other.parquet: not a summary of this version; column 'setting'"):
        load_summaries(tmp_path / "other.parquet")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"holds no summary.parquet"):
        load_summaries(tmp_path / "empty")
    twice = tmp_path / "twice.parquet"
    pd.concat([drawn(0), drawn(0)]).to_parquet(twice)
    with pytest.raises(UserError, match="one run stands there twice: experiment made"):
        load_summaries(twice)
    drawn(0).iloc[:0].to_parquet(twice)
    with pytest.raises(UserError, match="holds no runs"):
        load_summaries(twice)


LATER = ["epochs", "last_batch", "record_every"]


def test_a_summary_from_before_a_setting_has_its_default(tmp_path):
    cells = CELLS[:2]
    drawn(0, cells=cells).drop(columns=LATER).to_parquet(tmp_path / "older.parquet")
    drawn(1, cells=cells).to_parquet(tmp_path / "newer.parquet")
    older, newer = (load_summaries(tmp_path / f"{name}.parquet") for name in ("older", "newer"))
    result = compare(older, newer)
    assert result.count(OTHER_SETTINGS) == 0
    assert result.agrees


def test_windows_are_not_compared_with_updates(tmp_path):
    cells = CELLS[:2]
    drawn(0, cells=cells).drop(columns=LATER).to_parquet(tmp_path / "older.parquet")
    drawn(0, cells=cells, training=TrainingSettings(record_every=10)).to_parquet(tmp_path / "newer.parquet")
    older, newer = (load_summaries(tmp_path / f"{name}.parquet") for name in ("older", "newer"))
    result = compare(older, newer)
    assert result.count(OTHER_SETTINGS) == 2
    assert result.cells[0].settings == {"record_every": ("1", "10")}
    by_epoch = TrainingSettings(data=1280, epochs=300, record_every="epoch")
    assert compare(drawn(0, cells=cells, training=by_epoch), drawn(1, cells=cells, training=by_epoch)).agrees
