"""The three tables at critics of which the answer is known, small."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from handmade import linear_parameters, made_critics

from mine.errors import UserError
from mine.frozen.measure import RANDOM_DIRECTIONS, Plan, measure
from mine.frozen.reference import moments
from mine.frozen.tables import BIAS, DIRECTIONS, IDENTITIES

STEEP, FLAT = linear_parameters([1.0, -0.8], 0.3), linear_parameters([0.05, 0.05])


def plan(sizes=(4, 8, 64), rates=(1.0, 0.1, 0.01), k=8, samples=16_384):
    return Plan(tuple(sizes), tuple(rates), k, samples)


def measured(parameters, steps=(0,), made=None, **keywords):
    tables = measure(made_critics(parameters, **keywords), steps, made or plan())
    return {name: table.to_pandas() for name, table in tables.items()}


@pytest.fixture(scope="module")
def steep():
    return measured([STEEP])


def test_every_row_and_column_is_there(steep):
    for name, columns in (("bias", BIAS), ("directions", DIRECTIONS), ("identities", IDENTITIES)):
        assert list(steep[name].columns) == list(columns)
    bias, directions = steep["bias"], steep["directions"]
    assert bias.groupby(["scheme", "estimator"]).size().to_dict() == {
        ("independent", "biased"): 3,
        ("independent", "ema"): 3,
        ("permutation", "biased"): 3,
    }
    assert set(directions["direction"]) == {"true gradient", *(f"random {n}" for n in range(1, RANDOM_DIRECTIONS + 1))}
    assert len(directions) == 3 * (1 + RANDOM_DIRECTIONS)
    assert set(steep["identities"]["n_batches"]) == {250, 500, 1000, 2000}
    assert bias["ema_rate"].isna().equals(bias["estimator"] == "biased")
    assert (bias["variance"].notna() == (bias["scheme"].eq("independent") & bias["batch_size"].eq(8))).all()


def test_a_rate_of_one_is_the_biased_gradient(steep):
    bias = steep["bias"]
    one = bias[bias["ema_rate"] == 1.0].iloc[0]
    biased = bias[(bias["estimator"] == "biased") & (bias["scheme"] == "independent") & (bias["batch_size"] == 8)].iloc[
        0
    ]
    assert one[["bias_squared", "variance", "n_batches"]].tolist() == pytest.approx(
        biased[["bias_squared", "variance", "n_batches"]].tolist(), rel=1e-4
    )


def test_the_bias_falls_with_the_batch_and_with_smoothing(steep):
    bias = steep["bias"]
    biased = bias[(bias["estimator"] == "biased") & (bias["scheme"] == "independent")].set_index("batch_size")
    assert biased["bias_squared"].is_monotonic_decreasing
    assert biased.loc[4, "bias_squared"] > 0.01
    ema = bias[bias["estimator"] == "ema"].set_index("ema_rate")["bias_squared"]
    assert ema[0.01] < 0.2 * ema[1.0]


def test_bias_along_a_direction_is_taylors_where_e_to_the_t_is_tame():
    tables = measured([linear_parameters([0.5, -0.4])], made=plan(samples=65_536, sizes=(8, 16, 32)))
    rows = tables["directions"].query("direction == 'true gradient'").set_index("batch_size")
    assert (np.abs(rows["bias"] - rows["taylor"]) < 3.0 * rows["bias_se"] + 0.15 * rows["taylor"].abs()).all()
    assert (rows["taylor"] == rows["taylor_covariance"] + rows["taylor_variance"]).all()
    assert rows.loc[8, "bias"] < -5.0 * rows.loc[8, "bias_se"]
    assert rows["taylor"].tolist() == pytest.approx((rows.loc[8, "taylor"] * 8 / rows.index).tolist())


def test_the_error_of_a_bias_has_the_references_in_it(steep, monkeypatch):
    def uncertain(*arguments):
        return dataclasses.replace(moments(*arguments), reference_se=np.full(1 + RANDOM_DIRECTIONS, 10.0))

    monkeypatch.setattr("mine.frozen.measure.moments", uncertain)
    error = measured([STEEP])["directions"]["bias_se"]
    assert (error > 10.0).all()
    assert (steep["directions"]["bias_se"] < 1.0).all()


def test_the_squared_bias_has_no_floor():
    """A flat critic has next to no bias. A mean's own squared norm would be its variance over the batches instead."""
    flat = linear_parameters([0.01] * 40)
    rows = pd.concat([measured([flat], seed=seed)["bias"] for seed in range(12)])
    at_k = rows[(rows["estimator"] == "biased") & (rows["scheme"] == "independent") & (rows["batch_size"] == 8)]
    floor = (at_k["variance"] / at_k["n_batches"]).mean()
    assert abs(at_k["bias_squared"].mean()) < 0.3 * floor
    assert (at_k["bias_squared"] < 0.0).any()


def test_variance_is_that_of_batches_one_at_a_time():
    """Worked out by hand for a flat critic, of which one of the two units is on at every pair."""
    row = measured([FLAT], made=plan(samples=65_536))["bias"].query("estimator == 'ema' and ema_rate == 1.0").iloc[0]
    # Where it is on, grad T is (x, z) and 1 in that unit's weights and bias: E|grad T|^2 is 2 + 1, |E grad T|^2 has
    # (E[x; on])^2 = 1 / (4 pi) for x and z in both units, and 1/4 for both biases. Its value is as good as 0.
    assert row["variance"] == pytest.approx((3.0 - 4.0 / (4.0 * np.pi) - 0.5) / 8.0, rel=0.05)


def test_identities_hold_for_light_tails(steep):
    identities = steep["identities"].query("direction == 'true gradient' and n_batches == 2000").set_index("ema_rate")
    assert identities.loc[1.0, ["covariance_ratio", "variance_ratio"]].tolist() == pytest.approx([1.0, 1.0])
    assert identities.loc[0.1, ["covariance_ratio", "variance_ratio"]].tolist() == pytest.approx([1.0, 1.0], abs=0.25)


def test_too_few_batches_for_a_rate_are_no_number(steep):
    tables = measured([STEEP], made=plan(sizes=(64,), k=64, samples=16_384))
    row = tables["bias"].query("ema_rate == 0.01").iloc[0]
    assert row["n_batches"] == 0
    assert np.isnan(row["bias_squared"])
    assert np.isnan(row["variance"])
    assert set(tables["identities"]["ema_rate"]) == {1.0}  # 256 batches: 250, and none to start v
    assert steep["bias"].query("ema_rate == 0.01").iloc[0]["n_batches"] == 2 * (1024 - 300)


def test_the_same_again_and_whatever_else_is_measured(steep):
    both = measured([STEEP, FLAT], steps=(1, 0))
    for name, table in steep.items():
        alone = both[name][both[name]["step"] == 0].reset_index(drop=True)
        pd.testing.assert_frame_equal(alone, table)
    assert set(both["bias"]["step"]) == {0, 1}
    other = measured([STEEP], seed=1)["bias"]
    assert not np.isclose(other["bias_squared"], steep["bias"]["bias_squared"], rtol=1e-6).any()


def test_progress_ends_at_the_plans_work():
    seen, small = [], plan()
    measure(made_critics([STEEP, FLAT]), (0, 1), small, lambda done, text: seen.append((done, text)))
    assert seen[-1] == (2 * small.work, "critic after 1 updates")
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})


def test_a_missing_critic_stops_before_anything_is_measured():
    seen = []
    with pytest.raises(UserError, match="no critic after 7 updates"):
        measure(made_critics([STEEP]), (0, 7), plan(), lambda done, text: seen.append(done))
    assert seen == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sizes": (1, 8)}, "batch-sizes: 1 is not a whole number of at least 2"),
        ({"sizes": (8, 24, 64)}, "batch-sizes: 24 does not divide the largest, 64"),
        ({"sizes": (4, 64)}, "batch-sizes: without 8, the batch size that the critics were trained with"),
        ({"sizes": (8, 8)}, "batch-sizes: a value stands twice"),
        ({"rates": (0.0,)}, r"ema-rates: 0 is not a number in \(0, 1\]"),
        ({"rates": (float("nan"),)}, "ema-rates: nan"),
        ({"rates": (0.1, 0.1)}, "ema-rates: a value stands twice"),
        ({"samples": 100}, "samples: 100 is not a whole number of at least 4096"),
    ],
)
def test_a_bad_plan_is_refused(change, message):
    with pytest.raises(UserError, match=message):
        plan(**change)
