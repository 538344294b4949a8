"""What is shown of traces whose rows are windows says so: the page, `mine show`, and captions of figures."""

import base64

import numpy as np
import pandas as pd
import pytest
from factories import write_run

from mine.cli import main
from mine.explorer.page import page
from mine.explorer.payload import payload
from mine.figures import common, divergence, estimate, gradient_norm, parting
from mine.settings import TrainingSettings

BY_EPOCH = TrainingSettings(
    data=43, batch_size=8, last_batch="keep", epochs=300, record_every="epoch", eval_every=600
)  # fmt: skip
EVERY = TrainingSettings(steps=300, eval_every=100)
SPIKE = 171
"""Row with a spike in the means of mi_batch and in the largest norms, and none in the last values."""


def results(folder, training):
    """A folder with one collected experiment of two seeds, whose windows say other things than their last updates."""
    runs = folder / "made" / "runs"
    for seed in range(2):
        rows = 301
        means, largest = np.full(rows, 1.0), np.full(rows, 20.0)
        means[SPIKE], largest[SPIKE] = 50.0, 500.0
        windows = {"window": training.window, "of_windows": {"mi_batch_mean": means, "grad_norm_max": largest}}
        write_run(runs, seed=seed, training=training, mi_batch=3.0, grad_norm=5.0, **windows)
    tables = [f"--{name}={folder / 'made' / name}.parquet" for name in ("summary", "curves", "evaluations")]
    assert main(["collect", str(runs), "--experiment", "made", *tables]) == 0
    return folder


def unpacked(text):
    """Steps and values of a curve on the page."""
    both = np.frombuffer(base64.b64decode(text), dtype="<i4")
    return both[: len(both) // 2], both[len(both) // 2 :].view("<f4")


@pytest.fixture(scope="module")
def by_epoch(tmp_path_factory):
    return results(tmp_path_factory.mktemp("windows"), BY_EPOCH)


def test_the_page_holds_windows_and_says_so(by_epoch):
    content = payload(by_epoch)
    cell = content["experiments"]["made"]["cells"]["base|ema|5|0.9"]
    assert cell["window"] == "an epoch"
    assert "data 43, epochs 300, last_batch keep" in cell["training"]
    assert cell["steps"] == 1800
    for run in (cell["runs"][0], {"batch": cell["median"]["batch"]["line"], "grad": cell["median"]["grad"]["line"]}):
        for name, usual, spike in (("batch", 1.0, 50.0), ("grad", 20.0, 500.0)):
            step, values = unpacked(run[name])
            assert values[step == 6 * (SPIKE + 1)] == spike
            assert np.median(values) == usual
            assert set(step) <= {*range(6, 1801, 6)}
    assert cell["median"]["evals"][-1][:2] == [1801, 1.0], "at the end: the last window's mean, and no single batch"
    assert cell["median"]["evals"][-1][-1] == 1.0
    text = page(content)
    assert "in-batch is the mean of the window" in text
    assert "the largest of the window" in text


def test_a_page_of_updates_says_nothing_of_windows(tmp_path):
    content = payload(results(tmp_path, EVERY))
    cell = content["experiments"]["made"]["cells"]["base|ema|5|0.9"]
    assert cell["window"] == ""
    assert "last_batch" not in cell["training"]
    assert (unpacked(cell["runs"][0]["batch"])[1] == 3.0).all()


def test_captions_say_what_a_point_is(by_epoch):
    tables = [pd.read_parquet(by_epoch / "made" / f"{name}.parquet") for name in ("summary", "curves", "evaluations")]
    summary, curves, evaluations = tables

    def words(figure):
        return " ".join(text.get_text() for text in figure.texts).replace("\n", " ")

    assert "its mean over an epoch" in words(estimate.draw(summary, curves))
    assert "(the largest of an epoch)" in words(gradient_norm.draw(summary, curves))
    assert "mean over an epoch, median over seeds" in words(parting.draw(summary, curves, evaluations))
    assert "in-batch mean of 100 updates (whole rows of an epoch)" in words(divergence.draw(summary))
    assert "43 pairs for 300 epochs" in words(divergence.draw(summary))


def test_an_axis_of_epochs_counts_epochs(by_epoch):
    summary, curves = (pd.read_parquet(by_epoch / "made" / f"{name}.parquet") for name in ("summary", "curves"))
    for figure in (estimate.draw(summary, curves), gradient_norm.draw(summary, curves), divergence.draw(summary)):
        axes = next(axes for axes in figure.axes if axes.get_xlabel())
        assert axes.get_xlabel() == "training (epochs)"
        assert [text.get_text() for text in axes.get_xticklabels()] == ["0", "100", "200", "300"]
        assert axes.get_xticks().tolist() == [0, 600, 1200, 1800]


def test_what_a_point_stands_for():
    assert common.span_text(pd.DataFrame({"record_every": ["1", "1"]})) == ""
    assert common.span_text(pd.DataFrame({"record_every": ["50"]})) == "50 updates"
    assert common.span_text(pd.DataFrame({"record_every": ["1", "epoch"]})) == "an epoch or an update"
    assert common.span_text(pd.DataFrame({"steps": [3]})) == ""


def test_data_without_a_correlation_are_left_off_the_page_and_said(tmp_path):
    folder = results(tmp_path, EVERY)
    summary = pd.read_parquet(folder / "made/summary.parquet")
    (folder / "other").mkdir()
    summary.assign(experiment="other", rho=np.nan).to_parquet(folder / "other/summary.parquet")
    content = payload(folder)
    assert list(content["experiments"]) == ["made"]
    assert "other: its data are not given by ρ, so it is left out." in content["notes"]
