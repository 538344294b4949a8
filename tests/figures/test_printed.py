"""Ours beside the printed values: what is counted, what is drawn, and experiments that nothing was printed of."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mine.errors import UserError
from mine.figures import FIGURES
from mine.settings import TrainingSettings
from mine.summary import SETTING_COLUMNS
from mine.writeup.repository import GAUSSIAN, XOR


def made(experiment=GAUSSIAN.experiment, level=0.5, spread=0.01, epochs=120):
    settings = {**TrainingSettings(epochs=2, data=500).to_dict(), "experiment": experiment, "mi_true": 0.5108}
    settings |= {"setting": "base", "variant": "biased", "dim": 1, "rho": 0.8}
    summary = pd.DataFrame([{**settings, "seed": seed, "steps": 6} for seed in range(2)])
    assert set(SETTING_COLUMNS) <= set(summary)
    rows = [
        {"seed": seed, "epoch": epoch, "mi_mean": level + spread * (seed - 0.5)}
        for seed in range(2)
        for epoch in range(epochs)
    ]
    return {"summary": summary, "epochs": pd.DataFrame(rows)}


def texts(drawn):
    return " ".join(text.get_text() for text in drawn.findobj(lambda artist: hasattr(artist, "get_text")))


def test_every_seed_and_every_printed_value_is_drawn_and_counted():
    drawn = FIGURES["printed"].draw(made())
    lines = [line.get_xydata() for axes in drawn.axes for line in axes.get_lines()]
    assert sum(len(line) == 120 for line in lines) == 2
    assert any(np.array_equal(line[:, 1], GAUSSIAN.values) for line in lines)
    # 0.5012 and 0.4993, of epochs 50 and 100, between 0.495 and 0.505.
    assert "2 of 2 printed values lie between" in texts(drawn)
    assert "ours end at 0.495-0.505 nats" in texts(drawn).replace("\n", " ")


def test_values_elsewhere_are_counted_as_such():
    assert "0 of 2 printed values lie between" in texts(FIGURES["printed"].draw(made(level=0.6)))


def test_an_experiment_of_another_name_is_refused():
    with pytest.raises(UserError, match="of 'writeup' the notebooks print nothing"):
        FIGURES["printed"].draw(made("writeup"))


def test_data_without_a_correlation_are_drawn_too():
    tables = made(XOR.experiment, level=0.64)
    tables["summary"] = tables["summary"].assign(rho=np.nan, mi_true=np.log(2))
    tables["epochs"] = tables["epochs"].rename(columns={"mi_mean": "mi_again_mean"})
    shown = texts(FIGURES["printed"].draw(tables))
    assert "n = 2 seeds a cell" in shown
    assert "truth 0.693 nats" in shown
