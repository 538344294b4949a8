"""What a reader opens: notebooks, the interactive page, the report. `make test-docs` runs these; plain pytest does not.

They need Chromium and its driver (Debian: chromium, chromium-driver).
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from factories import write_run

from mine.cli import main
from mine.settings import TrainingSettings

if not os.environ.get("MINE_DOCS_TESTS"):
    collect_ignore_glob = ["test_*.py"]

ROOT = Path(__file__).parents[2]
_spec = importlib.util.spec_from_file_location("workflow_conftest", ROOT / "tests" / "workflow" / "conftest.py")
workflow = importlib.util.module_from_spec(_spec)
sys.modules[_spec.name] = workflow
_spec.loader.exec_module(workflow)

STEPS = 2000
SPIKE, SPIKE_STEP = 77.0, 1234
OVERFLOW = 801


def made_results(folder: Path, seeds: int = 2) -> Path:
    """A results folder with one experiment: biased overflows, seed 0 of EMA has one spike, all seeds are collected."""
    runs = folder / "writeup" / "runs"
    training = TrainingSettings(steps=STEPS, eval_every=500)
    for setting in ("permutation", "derangement"):
        settings = TrainingSettings.from_dict({**training.to_dict(), "product": setting})
        for rho in (0.9, 0.95):
            for seed in range(seeds):
                source = np.random.default_rng(seed)
                values = 3.0 + rho + source.normal(0, 0.1, STEPS + 1)
                if seed == 0:
                    values[SPIKE_STEP - 1] = SPIKE
                place = {"setting": setting, "dim": 5, "rho": rho, "seed": seed, "training": settings}
                write_run(runs, variant="ema", mi_batch=values, grad_norm=np.exp(values / 4), **place)
                ended = np.append(values[: OVERFLOW - 1] * 1.5, np.inf)
                write_run(runs, variant="biased", overflow_step=OVERFLOW, mi_batch=ended, population_ess=10.0, **place)
    tables = {name: str(folder / "writeup" / f"{name}.parquet") for name in ("summary", "curves", "evaluations")}
    options = [word for name, path in tables.items() for word in (f"--{name}", path)]
    assert main(["collect", str(runs), "--experiment", "writeup", *options]) == 0
    assert main(["claims", str(folder), "--output", str(folder / "claims" / "runs" / "claims.parquet")]) == 0
    return folder


@pytest.fixture(scope="session")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made results that no test changes."""
    return made_results(tmp_path_factory.mktemp("results"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests of the built documentation go to one process: it is built once, and its notebooks run once."""
    for item in items:
        if "site" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("site"))


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The documentation as `make docs` builds it, warnings being errors."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", folder]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


class Browser:
    """Headless Chromium without a network."""

    def __init__(self) -> None:
        """Start it."""
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service

        binary = shutil.which("chromium") or shutil.which("google-chrome")
        driver = shutil.which("chromedriver")
        if not binary or not driver:
            pytest.fail("no Chromium here: on Debian, apt install chromium chromium-driver")
        options = webdriver.ChromeOptions()
        options.binary_location = binary
        for word in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1280,1600"):
            options.add_argument(word)
        # Every name resolves to nothing: what a page would fetch fails, and says so on the console.
        options.add_argument("--host-resolver-rules=MAP * ~NOTFOUND")
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(options=options, service=Service(driver))
        self.driver.set_script_timeout(60)

    def open(self, page: Path, anchor: str = "", scheme: str = "light") -> None:
        """Open a page from disk, as a reader whose system is light or dark."""
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [feature]})
        self.driver.get("about:blank")
        self.driver.get(page.resolve().as_uri() + anchor)

    def run(self, script: str, *arguments: object) -> object:
        """What a script returns."""
        return self.driver.execute_script(script, *arguments)

    def wait(self, script: str) -> None:
        """Until a script returns something true."""
        from selenium.webdriver.support.ui import WebDriverWait

        WebDriverWait(self.driver, 60).until(lambda driver: driver.execute_script(script))

    @property
    def complaints(self) -> list[str]:
        """Warnings and errors on the console since this was last asked."""
        return [entry["message"] for entry in self.driver.get_log("browser") if entry["level"] in ("WARNING", "SEVERE")]


@pytest.fixture(scope="session")
def _browser() -> Iterator[Browser]:
    browser = Browser()
    yield browser
    browser.driver.quit()


@pytest.fixture
def browser(_browser: Browser) -> Browser:
    """The browser, with an empty console."""
    _ = _browser.complaints
    return _browser
