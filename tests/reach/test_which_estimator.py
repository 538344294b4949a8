"""Which estimator for which data: the decision table against its rows, the page against the data, and the figures."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_estimates import benchmark, benchmark_n

from mine.commands.publish import _write_which
from mine.errors import UserError
from mine.figures import figure
from mine.figures.benchmark_failures import middle_draws
from mine.figures.methods import look_of
from mine.reach import scores as of_scores
from mine.reach.methods import METHODS as KNOWN
from mine.reach.scores import ALL, judged, label_of, scored, together
from mine.reach.which import NO_SENTENCE, NOT_RUN, RELIABLE, TABLES, choices, finding, seconds, sentence, which_part

ROOT = Path(__file__).parents[2]
METHODS = ("ours", "cca", "nwj", "gaussian-mixture")
TASKS = (
    *("1v1-normal-0.75", "wiggly-1v1-normal-0.75", "multinormal-dense-25-25-0.5"),
    *("student-identity-5-5-2", "student-identity-5-5-3", "turned-labels-5-1-4-1.5"),
)


@pytest.fixture
def tables(monkeypatch):
    """A benchmark of four methods and one of another package, of one draw; few resamples, so that tests are quick."""
    monkeypatch.setattr(of_scores, "RESAMPLES", 200)
    made = benchmark(METHODS, tasks=TASKS)
    peer = made[(made["method"] == "cca") & (made["draw"] == 0)].assign(method="bmi-cca")
    return {"benchmark": made, "benchmark_peers": peer}


def cells_of(part, kind):
    (line,) = [line for line in part.splitlines() if line.startswith(f"| {kind} |")]
    return [cell.strip() for cell in line.split("|")[1:-1]]


def test_a_line_says_what_the_rows_say(tables):
    part = which_part(tables)
    made = tables["benchmark"]
    group = made[made["group"] == "heavy tails"]
    off = (group["value"] - group["mi_true"]).abs().fillna(np.inf)
    within = (off <= 0.1).groupby(group["method"]).mean()
    middle = off.groupby(group["method"]).apply(lambda each: np.sort(each)[1:-1].mean())  # of six
    cells = cells_of(part, "heavy tails (Student's t)")
    best = middle.idxmin()
    assert cells[1] == "2"
    assert cells[2].startswith(f"**{label_of(best)}**: {middle[best]:.3f} [")
    assert cells[2].endswith(f", {within[best]:.0%} within 0.1".replace("%", " %"))
    right = within.index[within >= RELIABLE]
    cost = group[group["method"].isin(right)].groupby("method")["cpu_s"].median()
    assert cells[5].startswith(label_of(cost.idxmin()) if len(cost) else "none")
    assert label_of("nwj") in cells[6]  # it ran away
    assert "fewer draws or tasks, and so in the figures alone: benchmark-mi CCA." in part


def test_nothing_is_compared_of_one_draw_or_none(tables):
    assert (which_part({}), sentence({})) == (NOT_RUN, NO_SENTENCE)
    one = tables["benchmark"]
    one = {"benchmark": one[one["draw"] == 0]}
    assert (which_part(one), sentence(one)) == (NOT_RUN, NO_SENTENCE)
    assert finding([]) == ""


def test_the_sentence_counts_the_kinds_that_its_best_leads(tables):
    found = choices(scored(together(*tables.values())))
    first, kinds = found[0], found[1:]
    leads = sum(first.best in (choice.best, *choice.tied) for choice in kinds)
    assert first.group.name == ALL
    said = sentence(tables)
    assert said.startswith(f"Of 4 estimators on 6 tasks {label_of(first.best)} errs least (")
    assert f"best or tied on {leads} of 4 kinds of data" in said
    assert said.endswith("(docs/which_estimator.md).")


def test_pages_hold_what_is_published():
    files = {name: ROOT / f"figures/data/own_{name}.parquet" for name in TABLES}
    published = {name: pd.read_parquet(file, partitioning=None) for name, file in files.items() if file.exists()}
    figures = {path.relative_to(ROOT / "figures").as_posix() for path in (ROOT / "figures/own").glob("*.png")}
    for page, part in (("docs/which_estimator.md", which_part(published, figures)), ("README.md", sentence(published))):
        assert held(ROOT / page) == part


def held(page):
    return page.read_text(encoding="utf-8").split("<!-- made: which -->\n")[1].split("\n<!-- end: which -->")[0]


def test_publishing_fills_the_pages_and_a_changed_estimate_is_seen(tables, tmp_path):
    (tmp_path / "data").mkdir()
    pages = {"readme": tmp_path / "README.md", "which_page": tmp_path / "which_estimator.md"}
    shutil.copy(ROOT / "README.md", pages["readme"])
    shutil.copy(ROOT / "docs/which_estimator.md", pages["which_page"])
    files = {"own/benchmark_scores.png"}
    for name, table in tables.items():
        table.to_parquet(tmp_path / f"data/own_{name}.parquet")
        files.add(f"data/own_{name}.parquet")
    _write_which(argparse.Namespace(output=tmp_path, **pages), files)
    assert held(pages["readme"]) == sentence(tables)
    assert held(pages["which_page"]) == which_part(tables, files)
    assert "(../figures/own/benchmark_scores.svg)" in held(pages["which_page"])
    assert "benchmark_n" not in held(pages["which_page"])
    changed = tables["benchmark"].assign(value=lambda table: table["value"] + 0.02)
    assert held(pages["which_page"]) != which_part({**tables, "benchmark": changed}, files)


def artists(axes):
    return {line.get_gid(): line for line in axes.lines if line.get_gid()}


def texts(drawn):
    return " ".join(text.get_text() for text in drawn.texts).replace("\u00a0", " ")


def test_scores_stand_where_they_are_and_the_best_on_top(tables):
    drawn = figure("benchmark_scores").draw(tables)
    first = scored(together(*tables.values()))[0][1].set_index("method")
    axes = drawn.axes[0]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == [label_of(name) for name in first.index]
    found = artists(axes)
    for place, (name, row) in enumerate(first.iterrows()):
        at, y = found[f"error:{name}"].get_xdata(), found[f"error:{name}"].get_ydata()
        assert (float(np.ravel(at)[0]), float(np.ravel(y)[0])) == (pytest.approx(min(row["error"], 3.0)), place)
    ends = found["interval:ours"].get_xdata()
    np.testing.assert_allclose(ends, first.loc["ours", ["error_low", "error_high"]].astype(float))
    assert "interval:bmi-cca" not in found
    assert finding(choices(scored(together(*tables.values())))) in texts(drawn)
    with pytest.raises(UserError, match="table 'benchmark_peers': column 'cpu_s' is missing"):
        figure("benchmark_scores").draw({**tables, "benchmark_peers": tables["benchmark_peers"].drop(columns="cpu_s")})


def test_failures_say_which_way_and_tell_no_value_from_not_measured(tables):
    part = tables["benchmark"]
    part = part[(part["method"] != "cca") | (part["task"] != TASKS[0])]
    drawn = figure("benchmark_failures").draw({"benchmark": part})
    (axes,) = drawn.axes
    rows = [tick.get_text() for tick in axes.get_yticklabels()]
    columns = [tick.get_text() for tick in axes.get_xticklabels()]
    words = {}
    for text in axes.texts:
        x, y = text.get_position()
        words[rows[int(y)].split(",")[0], columns[int(x)].replace("\n", " ")] = text.get_text()
    assert words["Features and class", label_of("gaussian-mixture")] == "–"
    assert words["Bivariate normal 1 × 1", label_of("cca")] == ""
    truth = part.loc[part["task"] == "student-identity-5-5-2", "mi_true"].iloc[0]
    assert words["Student-t 5 × 5 (dof=2)", label_of("nwj")] == f"+{40 - truth:.1f}*"  # two of three ran away
    found = middle_draws(together(part)).set_index(["task", "method"])["off"]
    off = found[TASKS[2], "ours"]
    assert words["Multinormal 25 × 25 (dense)", "mine estimate"] == f"{off:+.2f}".replace("-", "−")
    wrong, gone = (found.abs() > 0.1), found.isna()
    assert f"{(wrong & (found < 0)).sum()} are over 0.1 too low" in texts(drawn)
    assert f"{(found > 2).sum()} ran away, {gone.sum()} without a value" in texts(drawn)


def test_the_middle_draw_is_the_worse_one_of_two():
    made = benchmark(("ours",), draws=2, tasks=TASKS[:1])
    made["value"] = made["mi_true"] + [0.05, -0.2]
    (row,) = middle_draws(together(made)).itertuples()
    assert (row.off, row.mixed) == (pytest.approx(-0.2), False)
    made["value"] = made["mi_true"] + [0.05, np.nan]
    (row,) = middle_draws(together(made)).itertuples()
    assert np.isnan(row.off)
    assert row.mixed


def test_the_number_of_pairs_has_marks_filled_where_all_draws_are_near():
    made = benchmark_n(("ours", "gaussian-mixture"))
    drawn = figure("benchmark_n").draw({"benchmark_n": made})
    shown = judged(made.assign(error=(made["value"] - made["mi_true"]).abs().fillna(np.inf)))
    of_task = shown[(shown["task"] == "1v1-normal-0.75") & (shown["method"] == "gaussian-mixture")].groupby("rows")
    near = of_task["near"].all()
    found = artists(drawn.axes[0])
    np.testing.assert_array_equal(found["near:gaussian-mixture"].get_xdata(), near.index[near])
    line = found["error:gaussian-mixture"].get_ydata()
    assert line[0] == 3.0  # it gave no value
    np.testing.assert_allclose(line[1:], of_task["error"].median().iloc[1:].clip(lower=3e-3))
    first = near.index[near][0]
    cost = drawn.axes[3]
    said = {text.get_gid(): text.get_text() for text in cost.texts if text.get_gid()}
    assert said["n:gaussian-mixture"] == f"{first:,}"
    at = artists(cost)["cost:gaussian-mixture"].get_xdata()
    assert float(np.ravel(at)[0]) == of_task["cpu_s"].median()[first]
    never = made.assign(value=made["mi_true"] + 1.0)
    assert "No method has all draws within 10 % of the truth on any of 6 tasks" in texts(
        figure("benchmark_n").draw({"benchmark_n": never})
    )


def test_every_method_has_a_look_and_those_that_train_have_their_estimators():
    looks = {name: look_of(name) for name in (*KNOWN, "dv", "mine", "nwj", "minde", "gaussian-mixture", "unheard-of")}
    assert all(look.label == label_of(name) for name, look in looks.items())
    assert looks["nwj"].marker != looks["mine"].marker
    assert looks["bmi-mine"].marker == looks["mine"].marker
    assert looks["bmi-mine"].colour != looks["mine"].colour


def test_seconds_have_two_figures():
    assert [seconds(value) for value in (1234.5, 12.34, 3.456, 0.0456)] == ["1,234", "12", "3.5", "0.046"]
