"""The EMA at frozen critics: its bias and variance against biased's, and the lag and noise of its v."""

from __future__ import annotations

import numpy as np
import pytest
from figure_tables import lines, make_bias, make_lag, panels, texts, title, words

from mine.cli import main
from mine.errors import UserError
from mine.figures import FIGURES

FIRST = "d = 5, ρ = 0.85, after 100 updates"


@pytest.fixture(scope="module")
def bias():
    return make_bias(seeds=6)


def draw_ema(bias):
    drawn = FIGURES["ema_bias"].draw({"bias": bias})
    drawn.draw_without_rendering()
    return drawn


def test_ema_ratios_are_paired_at_the_same_critic(bias):
    axes = panels(draw_ema(bias))[FIRST]
    rows = bias.query("rho == 0.85 and step == 100 and scheme == 'independent' and batch_size == 128")
    below = rows.query("estimator == 'biased'").set_index("seed")
    expected = []
    for rate in (0.001, 0.01, 0.1, 1.0):
        above = rows[rows["ema_rate"] == rate].set_index("seed")
        expected.append((above["bias_squared"] / below["bias_squared"]).median())
    (line,) = lines(axes, "line:bias")
    np.testing.assert_allclose(line.get_ydata(), np.where(np.array(expected) > 0, expected, np.nan))
    (line,) = lines(axes, "line:variance")
    np.testing.assert_allclose(line.get_ydata(), 1.5 - 0.5 * np.array([0.001, 0.01, 0.1, 1.0]))


@pytest.mark.parametrize(
    ("shrink", "said"),
    [(lambda rate: 0.3, "is less biased"), (lambda rate: 2.0, "is more biased: squared bias 4 times")],
)
def test_the_emas_title_turns_with_the_data(shrink, said):
    assert said in title(draw_ema(make_bias(shrink=shrink, seeds=5, noise=0.01)))


def test_a_mixed_ema_is_said_to_be_mixed():
    mixed = make_bias(shrink=lambda rate: 0.3, seeds=5, noise=0.01)
    ema = (mixed["estimator"] == "ema") & (mixed["rho"] == 0.95)
    mixed.loc[ema, "bias_squared"] *= 100
    assert "is not less biased everywhere" in title(draw_ema(mixed))


def test_what_has_no_ratio_is_counted(bias):
    below = bias.copy()
    at = (below["estimator"] == "biased") & (below["seed"] == 0)
    below.loc[at, "bias_squared"] = -1.0
    drawn = draw_ema(below.assign(variance=np.nan))
    assert "24 that are not numbers left out" in words(drawn)
    assert "Variance: 144 ratios were not measured (24 points are empty)" in words(drawn)
    assert "cannot be told" in title(draw_ema(bias.assign(bias_squared=np.nan)))
    assert "cannot be told" in title(draw_ema(bias.assign(ess=10.0)))


def test_the_ema_at_another_batch_size_is_named(bias):
    drawn = draw_ema(bias[bias["batch_size"] == 128].assign(batch_size=64))
    assert "batches of 64" in title(drawn)
    with pytest.raises(UserError, match="no EMA with independent pairs"):
        draw_ema(bias[bias["estimator"] == "biased"])


def draw_lag(lag):
    drawn = FIGURES["lag_and_noise"].draw({"lag": lag})
    drawn.draw_without_rendering()
    return drawn


def test_lag_and_noise_are_root_mean_squares_over_seeds():
    lag = make_lag(steps=(100, 1000, 3000))
    axes = panels(draw_lag(lag))["d = 5, ρ = 0.85"]
    for name in ("lag", "noise"):
        (line,) = lines(axes, f"rms:{name}")
        expected = lag[lag["rho"] == 0.85].groupby("step")[name].apply(lambda part: np.sqrt(np.mean(part**2)))
        np.testing.assert_allclose(line.get_ydata(), expected)
    assert any(text.startswith("lag 0.") for text in texts(axes))


def test_a_partial_grid_is_drawn(bias):
    assert len(panels(draw_ema(bias[~((bias["rho"] == 0.95) & (bias["step"] == 3000))]))) == 5


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ({"lag": 2.0, "noise": 0.01}, "Lag outweighs sampling noise in the error of the EMA's v at 60 of 60"),
        ({"lag": 0.01, "noise": 2.0}, "Sampling noise outweighs lag in the error of the EMA's v at 60 of 60"),
    ],
)
def test_the_title_says_which_dominates(sizes, said):
    assert said in title(draw_lag(make_lag(**sizes)))
    equal = make_lag()
    assert "Neither lag nor sampling noise dominates" in title(draw_lag(equal.assign(noise=equal["lag"])))


def test_lag_without_numbers_or_samples_is_counted():
    lag = make_lag(steps=(100, 1000), seeds=2)
    empty = draw_lag(lag.assign(lag=np.nan, noise=np.inf))
    assert "cannot be told" in title(empty)
    assert title(empty).endswith("2 seeds: nothing is decided")
    assert "Values left out because not numbers: 16." in words(empty)
    some = lag.copy()
    some.loc[0, "lag"] = np.inf
    assert "Values left out because not numbers: 1." in words(draw_lag(some))
    poor = draw_lag(lag.assign(ess=3.0))
    assert "8 of 8 E have an effective sample size under 50" in words(poor)
    assert lines(panels(poor)["d = 5, ρ = 0.85"], "low-ess:lag")[0].get_xdata().size == 2
    assert "4 root mean squares are 0" in words(draw_lag(lag.assign(noise=0.0)))
    huge = draw_lag(lag.assign(lag=1e200))
    np.testing.assert_allclose(lines(huge.axes[0], "rms:lag")[0].get_ydata(), 1e200)


@pytest.mark.parametrize(
    ("name", "table", "column"), [("ema_bias", "bias", "variance"), ("lag_and_noise", "lag", "noise")]
)
def test_a_missing_column_is_named(bias, name, table, column):
    tables = {"bias": bias, "lag": make_lag(seeds=1)}
    with pytest.raises(UserError, match=f"table '{table}': column '{column}' is missing"):
        FIGURES[name].draw({**tables, table: tables[table].drop(columns=column)})


def test_figures_of_other_tables_can_be_told_apart():
    assert {spec.name: spec.of for spec in FIGURES.values() if spec.of != "experiment"} == {
        **dict.fromkeys(("benchmark_failures", "benchmark_n", "benchmark_scores"), "own"),
        "bias_against_batch": "frozen",
        "concepts_frontier": "concepts",
        "concepts_leakage": "concepts",
        "concepts_power": "concepts",
        "ema_bias": "frozen",
        "lag_and_noise": "frozen",
        "ledger": "claims",
        "own_errors": "own",
        "search": "search",
    }


def test_the_command_draws_them_from_a_folder(tmp_path, capsys):
    make_lag(seeds=1, steps=(100,)).to_parquet(tmp_path / "lag.parquet")
    given = ["--experiment-dir", str(tmp_path), "--output", str(tmp_path / "out" / "lag_and_noise")]
    assert main(["figures", "lag_and_noise", *given]) == 0
    assert len(list((tmp_path / "out").iterdir())) == 3
    assert main(["figures", "ema_bias", *given]) == 2
    assert "bias.parquet: not a readable table" in capsys.readouterr().err
