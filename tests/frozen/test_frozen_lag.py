"""v against the expectation that it follows, on made runs."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from handmade import SETTINGS, linear_parameters, made_critics

from mine.errors import UserError
from mine.frozen.lag import lag_table
from mine.trace import Trace

SLOPES = [0.3, 0.2]
LOG_E = (0.3**2 + 0.2**2) / 2.0
TRACE = Path("made.parquet")


def made_run(constants, v, steps=None, settings=SETTINGS, **metadata):
    """Critics with the same slopes and these constants after 0, 1, ... updates; v (n,) on the trace's rows 1 to n."""
    every = [linear_parameters(SLOPES, constant) for constant in constants]
    steps = range(len(every)) if steps is None else steps
    critics = made_critics([every[step] for step in steps], steps=steps, settings=settings, **metadata)
    rows = np.arange(1, len(v) + 1)
    # The row beyond the last update has a batch and no v.
    frame = pd.DataFrame({"step": rows, "log_ema": np.log(v), "log_mean_exp": 0.01 * rows})
    frame = pd.concat([frame, pd.DataFrame({"step": [len(v) + 1], "log_ema": [np.nan], "log_mean_exp": [9.0]})])
    return critics, Trace(frame.reset_index(drop=True), dict(critics.metadata))


def found(critics, trace, **keywords):
    return lag_table(critics, trace, TRACE, pairs=20_000, **keywords).to_pandas()


def followed(expectations, rate, start):
    values, v = [], start
    for expectation in expectations:
        v = (1.0 - rate) * v + rate * expectation
        values.append(v)
    return np.array(values)


def test_a_constant_critic_that_v_has_reached_lags_nothing():
    constants = np.full(21, -LOG_E)  # E_Q[e^T] = 1, where v starts
    table = found(*made_run(constants, np.ones(20)))
    assert table["step"].tolist() == list(range(20))
    assert table["log_expectation"].abs().max() < 0.02
    assert table["lag"].abs().max() < 0.02
    assert table["noise"].abs().max() < 0.02
    assert (table["ess"] > 5_000).all()


def test_the_first_batch_as_a_start_lags_nothing_wherever_the_critic_is():
    settings = dataclasses.replace(SETTINGS, ema_init="first-batch")
    table = found(*made_run(np.full(21, 3.0), np.full(20, math.exp(3.0 + LOG_E)), settings=settings))
    assert table["lag"].abs().max() == pytest.approx(0.0, abs=1e-12)
    assert table["noise"].abs().max() < 0.02


def test_a_moving_critic_lags_as_its_moving_average_does_and_each_row_is_its_own():
    constants = np.linspace(0.0, 2.0, 21)
    expectations = np.exp(constants + LOG_E)
    smooth = followed(expectations[:20], SETTINGS.ema_rate, 1.0)
    disturbance = 1.0 + 0.1 * np.sin(np.arange(20))
    table = found(*made_run(constants, smooth * disturbance))
    assert np.allclose(table["lag"], smooth / expectations[:20] - 1.0, atol=0.01)
    assert np.allclose(table["noise"], smooth * (disturbance - 1.0) / expectations[:20], atol=0.01)
    assert table["log_v"].tolist() == pytest.approx(np.log(smooth * disturbance).tolist())
    assert table["log_mean_exp"].tolist() == pytest.approx((0.01 * np.arange(1, 21)).tolist())


def test_between_critics_the_log_is_a_straight_line():
    constants = np.linspace(0.0, 2.0, 21)
    smooth = followed(np.exp(constants[:20] + LOG_E), SETTINGS.ema_rate, 1.0)
    whole, some = (found(*made_run(constants, smooth, steps=steps)) for steps in (range(21), range(0, 21, 5)))
    some = some.set_index("step")
    assert some.index.tolist() == [0, 5, 10, 15]  # the critic after 20 updates saw no batch
    for column in ("lag", "noise", "log_expectation"):
        assert np.allclose(some[column], whole[column][some.index])


def test_moments_are_over_every_update_since_the_row_before():
    constants = np.linspace(0.0, 2.0, 21)
    expectations = np.exp(constants[:20] + LOG_E)
    smooth = followed(expectations, SETTINGS.ema_rate, 1.0)
    v = smooth * (1.0 + 0.2 * np.cos(np.arange(20)))
    table = found(*made_run(constants, v, steps=range(0, 21, 5))).set_index("step")
    assert table["updates"].tolist() == [1, 5, 5, 5]
    noise, batch = v - smooth, np.exp(0.01 * np.arange(1, 21)) - expectations
    for column, values in (("noise_squared", noise**2), ("batch_squared", batch**2), ("noise_batch", noise * batch)):
        assert table.loc[10, column] == pytest.approx(values[6:11].mean() / expectations[10] ** 2, rel=0.05)
        assert table.loc[0, column] == pytest.approx(values[0] / expectations[0] ** 2, rel=0.05, abs=0.002)


def test_scale_changes_neither_lag_nor_noise():
    constants = np.full(21, 400.0)
    settings = dataclasses.replace(SETTINGS, ema_init="first-batch")
    critics, trace = made_run(constants, np.ones(20), settings=settings)
    trace.frame.loc[:19, "log_ema"] = 400.0 + LOG_E
    table = found(critics, trace)
    assert table[["lag", "noise"]].abs().max().max() < 0.02


def test_the_same_again():
    run = made_run(np.linspace(0.0, 1.0, 6), np.ones(5))
    pd.testing.assert_frame_equal(found(*run), found(*run))


def test_progress_counts_critics():
    seen = []
    found(*made_run(np.zeros(6), np.ones(5)), report=lambda done, text: seen.append((done, text)))
    assert seen[-1] == (5, "critic after 4 updates")


def test_what_has_no_lag_is_refused():
    critics, trace = made_run(np.zeros(6), np.ones(5))

    def refused(message, critics=critics, trace=trace):
        with pytest.raises(UserError, match=message):
            lag_table(critics, trace, TRACE)

    for key, value in (("cell", {"variant": "ema"}), ("settings", {}), ("code", "other")):
        refused(
            f"made.parquet: its {key} is not that of made.npz", trace=Trace(trace.frame, trace.metadata | {key: value})
        )
    refused("no moving average", trace=Trace(trace.frame.assign(log_ema=np.nan), trace.metadata))
    for change, message in (({"product": "permutation"}, "product: 'permutation'"), ({"data": 500}, "data: 500")):
        refused(message, *made_run(np.zeros(6), np.ones(5), settings=dataclasses.replace(SETTINGS, **change)))
    refused("no critic after 0 updates", *made_run(np.zeros(6), np.ones(5), steps=(1, 2)))
    refused("a single critic", *made_run(np.zeros(6), np.ones(5), steps=(0,)))
