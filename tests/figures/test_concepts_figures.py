"""The figures of concepts, from made tables: what their titles find, and that what has no reading is left out."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from mine.concepts.decision import decided
from mine.concepts.names import DATA, PENALTIES
from mine.concepts.page import NOT_RUN, known_part, models_part, penalised_part
from mine.errors import UserError
from mine.figures import figure
from mine.figures.concepts_frontier import best_accuracy


@pytest.fixture(scope="module")
def decision():
    """Critics tell 0.1 nats at 1,000 rows and 0.02 at 5,000; neighbours nothing at all at 1,000."""
    rows = []
    for method, strength in (("js", 1.0), ("neighbours", 0.5)):
        for count in (1000, 5000):
            for leakage in (0.0, 0.02, 0.1):
                for draw in range(20):
                    alarm = draw < 20 * min(1.0, 10 * leakage * strength * count / 1000)
                    row = {"method": method, "drawn": count, "leakage": leakage, "leakage_difference": leakage}
                    row |= {"conditional": leakage + 0.01, "low": 0.0, "high": 0.2, "p_value": 0.01 if alarm else 0.5}
                    rows.append(row | {"difference": leakage, "difference_low": -0.1, "cpu_s": 1.5})
    return pd.DataFrame(decided(pd.DataFrame(rows)))


def made_leakage():
    leaks, models = [], []
    for data in ("xor", "tabular-withheld"):
        for kind, weight, value in (("hard", None, 0.0), ("joint", 0.1, 0.3)):
            for seed in range(3):
                named = {"data": data, "kind": kind, "concept_weight": weight, "seed": seed}
                models.append(named | {"label_accuracy": 0.9})
                for concept in DATA[data].concepts:
                    row = named | {"relation": "label", "concept": concept, "target": "label", "method": "js"}
                    gone = kind == "hard" and concept == "second"
                    reading = dict.fromkeys(("conditional", "low", "high")) if gone else {
                        "conditional": value, "low": value - 0.02, "high": value + 0.02}  # fmt: skip
                    leaks.append(row | reading)
    return pd.DataFrame(leaks), pd.DataFrame(models)


def made_penalised(biased=0.2):
    rows = []
    for data, of_concepts in (("xor-withheld", 0.0), ("tabular-withheld", 0.4023)):
        for estimator in PENALTIES:
            for weight in (0.0, 1.0, 2.0):
                for seed in range(8):
                    leakage = 0.5 - 0.24 * weight if estimator != "biased" or weight < 2 else biased
                    row = {"data": data, "estimator": estimator, "weight": weight, "seed": seed, "outcome": "completed"}
                    row |= {"conditional": leakage + 0.001 * seed, "label_accuracy": 0.7, "concept_accuracy": 0.9}
                    rows.append(row | {"intervened_accuracy": 0.6, "of_concepts_exact": of_concepts, "said": leakage})
    return pd.DataFrame(rows)


def title(drawn):
    return " ".join(text.get_text() for text in drawn.texts[:2]).replace("\u00a0", " ")


def test_power_says_what_each_method_tells(decision):
    drawn = figure("concepts_power").draw({"decision": decision})
    assert "JS 0.1, 0.02" in title(drawn)
    assert len(drawn.axes) == 6
    with pytest.raises(UserError, match="spread"):
        figure("concepts_power").draw({"decision": decision.drop(columns="spread")})


def test_leakage_names_what_leaks_most():
    leakage, models = made_leakage()
    drawn = figure("concepts_leakage").draw({"leakage": leakage, "models": models})
    assert "joint, weight 0.1: 0.30 nats of the label" in title(drawn)
    xor = drawn.axes[0]
    assert [label.get_text() for label in xor.get_yticklabels()] == ["first → label", "second → label"]
    marks = [line for line in xor.lines if line.get_marker() not in ("None", "", None)]
    assert len(marks) == 3, "a hard second concept has no reading"


def test_the_frontier_counts_where_leakage_is_stopped():
    drawn = figure("concepts_frontier").draw({"penalised": made_penalised()})
    assert "of 2 data sets: Biased 0, EMA 2, NWJ 2" in title(drawn)
    assert len(drawn.axes) == 6
    gone = made_penalised()
    gone.loc[gone["estimator"] == "biased", ["outcome", "conditional"]] = ["overflow", np.nan]
    drawn = figure("concepts_frontier").draw({"penalised": gone})
    assert {line.get_gid() for line in drawn.axes[0].lines if str(line.get_gid()).startswith("line:")} == {
        f"line:{name}" for name in PENALTIES if name != "biased"
    }


def test_fanos_limit():
    assert best_accuracy(0.0, 0.0) == 0.5
    assert best_accuracy(math.log(2), 0.0) == 1.0
    error = 0.2
    left = -(error * math.log(error) + (1 - error) * math.log(1 - error))
    assert best_accuracy(math.log(2) - left, 0.0) == pytest.approx(0.8)
    assert best_accuracy(math.log(2) - left - 0.1, 0.1) == pytest.approx(0.8)


def test_the_page_has_a_line_a_decision(decision):
    assert known_part(None) == NOT_RUN
    page = known_part(decision)
    assert "| critics, JS | 1,000 | 0.1 | 20 of 20 | +0.010 ± 0.000 | 100% | 1.5 | **yes** |" in page
    assert "| nearest neighbours | 1,000 | 0.1 | 10 of 20 | +0.010 ± 0.000 | 100% | 1.5 | no |" in page
    assert page.count("\n| ") == 2 + 12


def test_the_page_says_what_each_penalty_leaves():
    assert penalised_part(None) == models_part(False) == NOT_RUN
    made = made_penalised()
    made.loc[(made["estimator"] == "nwj") & (made["weight"] == 2.0), ["outcome", "conditional"]] = ["overflow", np.nan]
    page = penalised_part(made)
    data = pd.unique(made["data"])
    runs = made[(made["data"] == data[0]) & (made["estimator"] == "ema")]
    middle = [runs[runs["weight"] == weight]["conditional"].median() for weight in sorted(runs["weight"].unique())]
    (line,) = [line for line in page.splitlines() if line.startswith(f"| `{data[0]}` | EMA |")]
    assert [cell.split()[0] for cell in line.split(" | ")[2 : 2 + len(middle)]] == [f"{each:.3f}" for each in middle]
    (gone,) = [line for line in page.splitlines() if line.startswith(f"| `{data[0]}` | NWJ |")]
    assert "inf [inf, inf]" in gone
    fooled = made.assign(said=made["of_concepts_exact"] + 0.003)
    assert " | 0.003 | 0.700" in penalised_part(fooled)
