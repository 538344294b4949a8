"""The benchmark's figures: what a cell says and how, where a run ended, words that follow the numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from figure_tables import texts, title, words
from heat_maps import heat_cells

from mine.errors import UserError
from mine.estimators.scores import SCORE_COLUMNS
from mine.figures import FIGURES
from mine.figures.estimators import ERROR, Row, cell_handles, names_of, rows_of, signed


def make_scores(cells):
    """Rows of scores: (variant, critic, task, mi, bias, heldout_bias, within, heldout_within, diverged)."""
    names = ("variant", "critic", "task", "mi_true", "bias", "heldout_bias", "within", "heldout_within", "diverged")
    rows = [dict(zip(names, cell, strict=True)) for cell in cells]
    return pd.DataFrame([{**dict.fromkeys(SCORE_COLUMNS), "dim": 20, "seeds": 3, **row} for row in rows])


SCORES = make_scores(
    [
        ("nwj", "separable", "gaussian", 2.0, -0.1, 0.05, "yes", "undecided", 0),
        ("nwj", "separable", "gaussian", 10.0, np.nan, np.nan, "diverged", "diverged", 2),
        ("nwj", "concat", "gaussian", 2.0, -1.0, -1.0, "no", "no", 0),
        ("nwj", "concat", "gaussian", 10.0, -5.5, -6.0, "no", "no", 0),
        ("doe-gaussian", "density", "gaussian", 2.0, 0.01, 0.01, "yes", "yes", 0),
        ("doe-gaussian", "density", "gaussian", 10.0, 0.01, 0.02, "yes", "yes", 0),
        ("cca", "baseline", "gaussian", 2.0, np.nan, 0.02, None, "yes", 0),
        ("cca", "baseline", "gaussian", 10.0, np.nan, 0.02, None, "yes", 0),
    ]
)


def test_a_cell_says_its_error_in_its_colour():
    drawn = FIGURES["scores"].draw({"scores": SCORES})
    drawn.draw_without_rendering()
    in_batch, held_out = drawn.axes
    found = heat_cells(*drawn.axes)
    # Half of the truth too low is the end of the ramp; a tenth too low is a fifth of the way.
    np.testing.assert_allclose(found["nwj:concat:gaussian:10:bias"], ERROR(0.0))
    np.testing.assert_allclose(found["nwj:concat:gaussian:2:bias"], ERROR(0.0))
    np.testing.assert_allclose(found["nwj:separable:gaussian:2:bias"], ERROR(0.45), atol=0.01)
    assert found["nwj:separable:gaussian:10:bias"] is None
    said = texts(in_batch) + texts(held_out)
    assert said.count("2/3") == 2
    assert {"−0.10", "+0.05", "−5.50", "−6.00"} <= set(said)
    # A baseline has no in-batch value, and no cell for it.
    assert "cca:baseline:gaussian:2:heldout_bias" in found
    assert "cca:baseline:gaussian:2:bias" not in found
    frames = [patch for axes in drawn.axes for patch in axes.patches if not patch.get_fill()]
    assert len(frames) == 3 + 4
    assert [label.get_text() for label in in_batch.get_yticklabels()] == [
        "NWJ, separable", "NWJ, concat", "DoE (Gaussian)", "CCA",
    ]  # fmt: skip
    assert [label.get_text() for label in held_out.get_xticklabels()] == ["2", "10"]
    headings = [text for axes in drawn.axes for text in texts(axes) if ":" in text]
    assert headings == ["gaussian: in-batch", "gaussian: held out"]


def test_names_with_commas_are_kept_apart():
    rows = [Row("biased-stable", "concat"), Row("nwj", "separable")]
    assert names_of(rows) == "concat Biased, log-sum-exp; separable NWJ"
    assert names_of(rows[1:] * 2) == "separable NWJ, separable NWJ"


def test_the_title_names_who_is_right_at_the_top_and_never_a_baseline():
    drawn = FIGURES["scores"].draw({"scores": SCORES})
    assert title(drawn).startswith("At 10 nats on gaussian data 1 of 3 are surely within 10 % of the truth held out")
    assert title(drawn).endswith(": DoE (Gaussian)")
    wrong = SCORES.assign(heldout_within="no")
    assert title(FIGURES["scores"].draw({"scores": wrong})).startswith("At 10 nats on gaussian data none of 3")
    assert "n = 3 seeds a cell" in words(drawn)


def test_the_ramp_is_darkest_at_both_ends_in_greyscale():
    grey = np.array([np.dot(ERROR(share)[:3], (0.299, 0.587, 0.114)) for share in np.linspace(0, 1, 11)])
    assert np.all(np.diff(grey[:6]) > 0)
    assert np.all(np.diff(grey[5:]) < 0)


def test_the_legend_tells_the_two_ends_apart_in_greyscale():
    """Their greys are near each other: by the sign, which every cell has."""
    low, _, high, *_ = [patch.get_label() for patch in cell_handles()]
    assert low.endswith("(−)")
    assert high.endswith("(+)")


@pytest.mark.parametrize(
    ("error", "text"),
    [(-0.104, "−0.10"), (0.0, "+0.00"), (12.34, "+12.3"), (-123.4, "−123"), (-148219.6, "−1e5"), (-3.1e26, "−3e26")],
)
def test_an_error_keeps_its_sign_and_fits_a_cell(error, text):
    assert signed(error) == text


def test_rows_stand_in_the_registrys_order_with_baselines_last():
    found = rows_of(SCORES.sample(frac=1.0, random_state=0))
    assert found == [
        Row("nwj", "separable"), Row("nwj", "concat"), Row("doe-gaussian", "density"), Row("cca", "baseline"),
    ]  # fmt: skip


def test_the_heat_map_has_a_column_a_task_and_counts_the_tasks():
    tasks = pd.concat([SCORES[SCORES["mi_true"] == 2.0].assign(task=task) for task in ("gaussian", "uniform")])
    drawn = FIGURES["task_errors"].draw({"scores": tasks})
    assert title(drawn) == "Surely within 10 % of the truth on most tasks (2 of 2): DoE (Gaussian)"
    (axes,) = drawn.axes
    assert [label.get_text() for label in axes.get_xticklabels()] == ["gaussian", "uniform"]
    none = FIGURES["task_errors"].draw({"scores": tasks.assign(heldout_within="undecided")})
    assert title(none).startswith("No trained estimator is surely within")


def make_windows(ends=None):
    """Two seeds of two estimators on two stairs of 400 steps; ``ends``: last window of seed 1 of nwj."""
    rows = []
    for variant, critic in (("nwj", "separable"), ("nwj", "concat"), ("doe-gaussian", "density")):
        for seed in (0, 1):
            for step in range(100, 801, 100):
                if ends and (variant, critic, seed) == ("nwj", "concat", 1) and step > ends:
                    continue
                truth = 2.0 if step <= 400 else 4.0
                rows.append((variant, critic, "gaussian", 20, seed, step, truth, truth - 0.3, truth - 1, truth + 1))
    columns = ("variant", "critic", "task", "dim", "seed", "step", "mi_true", "mi_batch_mean", "mi_batch_low")
    return pd.DataFrame(rows, columns=[*columns, "mi_batch_high"])


def make_stairs(windows, ended=False):
    rows = []
    for (variant, critic, seed), run in windows.groupby(["variant", "critic", "seed"]):
        for mi in (2.0, 4.0):
            whole = run["step"].max() == 800 or mi == 2.0
            outcome = "completed" if whole else "overflow"
            rows.append((variant, critic, "gaussian", seed, mi, outcome, mi - 0.3 if whole else np.nan))
    return pd.DataFrame(rows, columns=["variant", "critic", "task", "seed", "mi_true", "outcome", "mi_batch_mean"])


def test_the_staircase_has_a_panel_an_estimator_and_a_line_a_seed():
    windows = make_windows()
    drawn = FIGURES["staircase"].draw({"windows": windows, "stairs": make_stairs(windows)}, "gaussian")
    drawn.draw_without_rendering()
    panels = [axes for axes in drawn.axes if axes.axison]
    assert len(panels) == 2
    lines = [line.get_gid() for line in panels[0].lines if line.get_gid()]
    assert sorted(lines) == ["concat", "concat", "separable", "separable"]
    assert title(drawn).startswith("At 4 nats (gaussian) 3 of 3 read within 10 % of it in-batch: ")
    assert "no run overflowed" in title(drawn)


def test_a_run_that_ended_is_marked_and_counted():
    windows = make_windows(ends=500)
    drawn = FIGURES["staircase"].draw({"windows": windows, "stairs": make_stairs(windows)}, "gaussian")
    ended = [line for axes in drawn.axes for line in axes.lines if line.get_gid() == "ended:concat"]
    assert [line.get_xdata()[0] for line in ended] == [0.5]
    assert "2 of 3 read within" in title(drawn)
    assert "NWJ, concat" not in title(drawn)
    assert "with 1 a run overflowed" in title(drawn)


def test_a_missing_column_or_task_is_one_line():
    with pytest.raises(UserError, match="has no column 'bias'"):
        FIGURES["scores"].draw({"scores": SCORES.drop(columns="bias")})
    windows = make_windows()
    with pytest.raises(UserError, match="'cubic' is no task of this experiment"):
        FIGURES["staircase"].draw({"windows": windows, "stairs": make_stairs(windows)}, "cubic")
