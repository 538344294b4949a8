"""Snakemake's report: made and opened without a network, claims first, every item shown."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path

import pytest
from conftest import ROOT, Browser, workflow

TARGETS = ("results/explore.html", "results/notebooks/3_claims.html", "all")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report on a tiny experiment."""
    folder = workflow._copy(tmp_path_factory.mktemp("report") / "a copy")
    shutil.copytree(ROOT / "notebooks", folder / "notebooks")
    project = workflow.Project(folder, copy.deepcopy(workflow.TINY))
    project.write_config()
    for options in ((), ("--report", "report.html")):
        done = project.snakemake(*options, "--configfile", "tiny.yaml", "--", *TARGETS, configfile=None)
        assert done.returncode == 0, done.stdout + done.stderr
    return folder / "report.html"


SHOWN = """
const done = arguments[0];
Promise.all(Object.entries(results).map(async ([path, result]) => {
  const uri = result.data_uri;
  let shows;
  if (path.endsWith(".svg")) {
    const image = new Image();
    image.src = uri;
    await image.decode();
    shows = image.naturalWidth;
  } else {
    const frame = document.createElement("iframe");
    frame.srcdoc = await (await fetch(uri)).text();
    const loaded = new Promise(resolve => frame.onload = resolve);
    document.body.append(frame);
    await loaded;
    shows = frame.contentDocument.body.textContent.trim().length;
    frame.remove();
  }
  return [path.split("/").at(-1), shows, result.caption, Object.keys(result.labels).length];
})).then(done, error => done(String(error)));
"""


def _complaints(browser: Browser) -> list[str]:
    """What stands on the console, less what the report's own style library says of itself."""
    return [text for text in browser.complaints if "should not be used in production" not in text]


def test_it_opens_without_a_network_claims_first(report: Path, browser: Browser):
    browser.open(report)
    browser.wait("return document.body.innerText.includes('3 Pages')")
    menu = browser.run("return document.body.innerText")
    assert "Mutual Information Neural Estimation" in menu
    assert -1 < menu.index("1 Claims") < menu.index("2 Figures") < menu.index("3 Pages")
    assert _complaints(browser) == []


def test_every_item_shows(report: Path, browser: Browser):
    browser.open(report)
    items = browser.driver.execute_async_script(SHOWN)
    wanted = ["3_claims.html", "claims.html", "divergence.svg", "estimate_base.svg", "explore.html"]
    assert sorted(name for name, *_ in items) == wanted
    for name, shows, caption, labels in items:
        assert shows > 100, name
        assert caption, name
        assert labels, name
