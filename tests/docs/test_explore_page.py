"""The interactive page: what it keeps of a trace, and what a reader sees of it in a real browser."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import OVERFLOW, SPIKE, SPIKE_STEP, STEPS, Browser
from matplotlib.image import imread

from mine.cli import main
from mine.explorer import payload as payload_module
from mine.explorer.epochs import curves as curves_of_epochs
from mine.explorer.page import page as page_text
from mine.explorer.payload import payload
from mine.explorer.thinning import thin
from mine.trace import Trace, read_trace


@pytest.fixture(scope="module")
def page(results: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("page") / "explore.html"
    assert main(["explore", "--results", str(results), "--output", str(output)]) == 0
    return output


# What is kept


@pytest.mark.parametrize("size", [1, 7, 20, 21, 999, 1000, 3001])
def test_thinning_keeps_spikes_gaps_and_ends(size: int):
    values = np.random.default_rng(size).normal(size=size)
    values[size // 2] = 1e6
    values[size // 3] = -1e6
    values[-1] = np.nan
    kept = thin(values, 10)
    assert len(kept) <= max(20, 3 * 10 + 3)
    assert (np.diff(kept) > 0).all()
    assert {0, size - 1} <= {*kept}
    if size > 3:
        assert {size // 2, size // 3, size - 2} <= {*kept}


def test_thinning_keeps_the_first_value_that_is_not_finite():
    values = np.ones(1000)
    values[613] = np.inf
    values[700:] = np.nan
    assert {613, 699, 700} <= {*thin(values, 10)}
    assert len(thin(np.full(1000, np.nan), 10)) <= 12


def test_thousands_of_runs_stay_under_20_mb(results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    one = read_trace(next((results / "writeup" / "runs").rglob("variant=ema/**/seed=0.parquet")))
    monkeypatch.setattr(payload_module, "read_trace", lambda path: Trace(one.frame, one.metadata))
    rows = pd.read_parquet(results / "writeup" / "summary.parquet")
    rows = rows[rows["variant"] == "ema"].iloc[[0]]
    many = pd.concat([rows.assign(seed=seed, rho=rho) for seed in range(500) for rho in (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)])
    (tmp_path / "many").mkdir()
    many.to_parquet(tmp_path / "many" / "summary.parquet")
    content = payload(tmp_path)
    assert content["runs"] == 3000
    assert len(page_text(content).encode()) < 20_000_000


# Results that are not what they should be


def test_nothing_to_show_is_an_error_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    output = tmp_path / "page.html"
    for folder in (tmp_path, tmp_path / "none"):
        assert main(["explore", "--results", str(folder), "--output", str(output)]) == 2
        assert capsys.readouterr().err.count("\n") == 1
    assert not output.exists()


def test_what_is_missing_stands_on_the_page(results: Path, tmp_path: Path, browser: Browser):
    folder = tmp_path / "partial" / "writeup"
    folder.mkdir(parents=True)
    (folder / "summary.parquet").write_bytes((results / "writeup" / "summary.parquet").read_bytes())
    (folder / "curves.parquet").write_bytes(b"cut short")
    output = tmp_path / "page.html"
    assert main(["explore", "--results", str(tmp_path / "partial"), "--output", str(output)]) == 0
    browser.open(output)
    notes = browser.run("return document.getElementById('missing').innerText")
    assert "curves.parquet cannot be read" in notes
    assert "16 of 16 runs have no readable results file" in notes
    assert "2 of 2 overflow" in browser.run("return document.getElementById('said').textContent")
    assert browser.complaints == []


def epochs_and_summary() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Three runs of 4 epochs of 10 updates; the last overflows in its third."""
    cell = {"setting": "biased", "variant": "biased", "dim": 2, "rho": 0.9}
    ends = [4, 4, 3]
    epochs = pd.concat(
        pd.DataFrame({"epoch": range(end), "mi_mean": [seed + 0.1 * epoch for epoch in range(end)]}).assign(
            grad_norm_max=lambda rows: 2.0 + rows["mi_mean"], seed=seed, **cell
        )
        for seed, end in enumerate(ends)
    )
    epochs.loc[(epochs["seed"] == 2) & (epochs["epoch"] == 2), "mi_mean"] = np.inf
    summary = pd.DataFrame([{**cell, "seed": seed, "steps": 40, "epochs": 4} for seed in range(3)])
    return epochs, summary


def test_epochs_stand_in_for_curves_with_ended_runs_ranked_above_all():
    made = curves_of_epochs(*epochs_and_summary())
    values = made[made["quantity"] == "mi_batch"].set_index("step")
    assert list(values.index) == [10, 20, 30, 40]
    assert values["median"].tolist() == pytest.approx([1.0, 1.1, 1.2, 1.3])
    assert values["q25"].tolist() == pytest.approx([0.5, 0.6, 0.7, 0.8])
    assert values["q75"].isna().tolist() == [False, False, True, True]
    assert values["live_share"].tolist() == pytest.approx([1, 1, 2 / 3, 2 / 3])


# In the browser


def test_the_page_of_the_published_runs(site: Path, browser: Browser):
    browser.open(site / "runs.html")
    assert browser.run("return [...document.links].some(a => a.href.endsWith('/explore.html'))")
    browser.open(site / "explore.html", "#experiment=pictures&setting=biased&d=2&rho=0.99&runs=all")
    assert browser.run("return document.documentElement.dataset.ready") == "yes"
    assert len(drawn(browser)) > 40
    said = browser.run("return document.getElementById('said').textContent")
    assert "40 of 40 overflow" in said
    assert "EMA: no run here; it has some in setting ema." in said
    assert browser.complaints == []


def drawn(browser: Browser, plot: str = "values") -> list[dict]:
    """The curves with points that Plotly has drawn."""
    script = "return JSON.stringify(document.getElementById(arguments[0]).data.filter(t => t.x.some(x => x !== null)))"
    return json.loads(browser.run(script, plot))


def choose(browser: Browser, control: str, value: str) -> None:
    browser.run(
        "const s = document.getElementById(arguments[0]); s.value = arguments[1];"
        "if (s.value !== arguments[1]) throw new Error('no such choice');"
        "s.dispatchEvent(new Event('change', {bubbles: true}))",
        control,
        value,
    )


def test_it_loads_without_a_network_or_a_complaint(page: Path, browser: Browser):
    browser.open(page)
    assert browser.run("return document.documentElement.dataset.ready") == "yes"
    assert browser.run("return document.querySelectorAll('#values path.js-line, #norm path.js-line').length") >= 3
    assert (
        browser.run("return performance.getEntriesByType('resource').filter(e => e.name.startsWith('http')).length")
        == 0
    )
    assert browser.complaints == []


def test_a_complaint_would_be_seen(tmp_path: Path, browser: Browser):
    broken = tmp_path / "broken.html"
    broken.write_text("<script>nothing_of_this_name()</script><script src='https://example.org/x.js'></script>")
    browser.open(broken)
    assert len(browser.complaints) >= 2


@pytest.mark.parametrize(
    ("control", "value"),
    [("setting", "permutation"), ("rho", "0.9"), ("runs", "all"), ("runs", "1"), ("range", "all")],
)
def test_a_changed_control_changes_the_plot(page: Path, browser: Browser, control: str, value: str):
    browser.open(page)
    state = "const p = document.getElementById('values'); return JSON.stringify([p.data, p.layout.yaxis.range])"
    before = browser.run(state), browser.run("return document.getElementById('said').textContent")
    choose(browser, {"runs": "seeds"}.get(control, control), value)
    after = browser.run(state), browser.run("return document.getElementById('said').textContent")
    if control == "setting":  # made results differ in nothing else
        assert after[1] != before[1]
    else:
        assert after[0] != before[0]
    assert f"{control}={value}" in browser.run("return location.hash")


@pytest.mark.parametrize("box", ["#variants input[value=biased]", "#quantities input[value=population]"])
def test_a_box_takes_its_curves_away(page: Path, browser: Browser, box: str):
    browser.open(page)
    before = len(drawn(browser))
    browser.run("document.querySelector(arguments[0]).click()", box)
    assert len(drawn(browser)) < before


def test_a_spike_the_overflow_and_the_last_finite_value_are_drawn(page: Path, browser: Browser):
    browser.open(page, "#setting=derangement&rho=0.9&runs=0&range=all")
    curves = {trace.get("hovertemplate", "").partition("<extra>")[2]: trace for trace in drawn(browser)}
    ema, biased = curves["EMA, seed 0, in-batch</extra>"], curves["Biased, seed 0, in-batch</extra>"]
    assert ema["y"][ema["x"].index(SPIKE_STEP)] == SPIKE
    assert ema["x"][-1] == STEPS + 1
    assert biased["x"][-2:] == [OVERFLOW - 1, OVERFLOW]
    assert biased["y"][-1] is None
    assert biased["y"][-2] is not None
    assert curves["overflow</extra>"]["x"] == [OVERFLOW]


def test_one_run_of_many_is_faint_until_it_is_pointed_at(page: Path, browser: Browser):
    browser.open(page, "#setting=derangement&rho=0.9&runs=all")
    opacities = "return document.getElementById('norm').data.map(trace => trace.opacity)"
    before = browser.run(opacities)
    assert len(before) == 4
    assert all(opacity < 0.5 for opacity in before)
    point = (
        "const plot = document.getElementById('norm');"
        "plot.emit(arguments[0], {points: [{curveNumber: 1, data: plot.data[1]}]});"
    )
    browser.run(point, "plotly_hover")
    assert browser.run(opacities) == [before[0], 1, *before[2:]]
    browser.run(point, "plotly_unhover")
    assert browser.run(opacities) == before
    browser.open(page, "#setting=derangement&rho=0.9&runs=0")
    assert browser.run(opacities) == [1, 1]


def test_a_claim_that_cannot_be_decided_says_what_is_missing(page: Path, browser: Browser):
    browser.open(page)
    assert "frozen" in browser.run("return document.getElementById('claim-gradient_bias').cells[3].textContent")


def test_light_and_dark(page: Path, browser: Browser):
    shades, colours = {}, {}
    for scheme in ("light", "dark"):
        browser.open(page, scheme=scheme)
        picture = imread(io.BytesIO(browser.driver.get_screenshot_as_png()))[..., :3].mean(2)
        shades[scheme] = float(np.median(picture))
        assert picture.std() > 0.02  # something is drawn
        colours[scheme] = [trace["line"]["color"] for trace in drawn(browser) if "color" in trace.get("line", {})]
    assert shades["light"] > 0.9
    assert shades["dark"] < 0.2
    assert colours["light"] != colours["dark"]


def test_a_claim_leads_to_its_traces(page: Path, browser: Browser):
    browser.open(page)
    link = browser.run(
        "const a = document.querySelector('#claim-diverges_sooner a'); a.click(); return a.getAttribute('href')"
    )
    assert "claim=diverges_sooner" in link
    browser.wait("return document.querySelector('tr.here')?.id === 'claim-diverges_sooner'")
    assert browser.run("return document.getElementById('setting').value") in link
    browser.open(page, "#claim-diverges_sooner")
    assert browser.run("return document.querySelector('tr.here').id") == "claim-diverges_sooner"
    assert browser.complaints == []


def test_by_keyboard_and_as_a_table(page: Path, browser: Browser):
    from selenium.webdriver.common.keys import Keys

    browser.open(page)
    before = browser.run("return document.getElementById('said').textContent")
    browser.run("document.getElementById('rho').focus()")
    browser.driver.switch_to.active_element.send_keys(Keys.ARROW_UP)
    said = browser.run("return document.getElementById('said').textContent")
    assert said != before
    assert browser.run("return document.getElementById('values').getAttribute('aria-label')").endswith(said)
    assert browser.run("return document.querySelectorAll('#table tr').length") > 5
