"""The notebooks: committed without outputs, and run on results, on parts of them and on none."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from conftest import ROOT, Browser

from mine.cli import main
from mine.explorer.notebook import Results
from mine.explorer.render import with_mathml, without_network

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
READS_RUNS = ["2_replication", "3_claims"]
"""What differs with the results of a checkout. The others are run for their pages of the documentation."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout without results, for notebooks to run in; published tables and all."""
    folder = tmp_path_factory.mktemp("notebooks") / "a copy"
    folder.mkdir()
    for name in ("notebooks", "workflow", "config", "figures/data", "figures/writeup", "figures/pictures"):
        shutil.copytree(ROOT / name, folder / name)
    for name in ("Snakefile", "environment.yml"):
        shutil.copy(ROOT / name, folder)
    (folder / "profiles").symlink_to("workflow/profiles")
    return folder


def rendered(project: Path, stem: str, results: Path, output: Path) -> str:
    command = ["notebook", str(project / "notebooks" / f"{stem}.ipynb"), "--results", str(results)]
    assert main([*command, "--output", str(output)]) == 0
    return output.read_text(encoding="utf-8")


def test_there_are_six():
    assert [path.stem[0] for path in NOTEBOOKS] == ["1", "2", "3", "4", "5", "6"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_committed_without_outputs(path: Path):
    text = path.read_text(encoding="utf-8")
    notebook = json.loads(text)
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
    assert sum("parameters" in cell["metadata"].get("tags", []) for cell in code) == 1
    assert set(notebook["metadata"]) == {"kernelspec", "language_info"}
    assert len(text) < 20_000
    # One line of text is one line of the file, and it ends like every text file.
    assert text.endswith("}\n")


@pytest.mark.parametrize("stem", READS_RUNS)
def test_on_results(project: Path, results: Path, tmp_path: Path, browser: Browser, stem: str):
    page = rendered(project, stem, results, tmp_path / "page.html")
    assert "Traceback" not in page
    assert "Not drawn" not in page
    # These results have no `pictures`: the published ones stand in for them alone.
    assert "writeup/summary.parquet is not" not in page
    assert "writeup/curves.parquet is not" not in page
    assert str(results.parent) not in page  # these lie outside the checkout, and where is nobody's business
    browser.open(tmp_path / "page.html")
    assert browser.complaints == []
    images = browser.run("return [...document.images].map(i => [i.alt, i.naturalWidth])")
    assert images
    assert all(len(alt) > 10 and width > 100 for alt, width in images)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_as_a_page_of_the_documentation(site: Path, browser: Browser, path: Path):
    """On the published tables, whatever results the checkout has."""
    at = site / "project" / "notebooks" / f"{path.stem}.html"
    page = at.read_text(encoding="utf-8")
    assert "Traceback" not in page
    assert str(ROOT) not in page
    browser.open(at)
    assert browser.complaints == []
    images = browser.run("return [...document.querySelectorAll('article img')].map(i => [i.alt, i.naturalWidth])")
    assert all(len(alt) > 10 and width > 100 for alt, width in images)
    if path.stem.startswith("4"):
        assert "Shown without its results" in page
    elif not path.stem.startswith("6") or [*(ROOT / "figures" / "data").glob("concepts_*.parquet")]:
        assert images  # what no table is published of has no picture yet
    if path.stem.startswith("1"):
        assert browser.run("return document.querySelectorAll('article math').length") > 10
        assert browser.run("return document.querySelector('article math').getBoundingClientRect().width") > 5
    if path.stem.startswith("2"):
        assert len(images) == 8
        assert "As published, figures/data/writeup_summary.parquet." in page
        assert "As published, figures/writeup/estimate_derangement.png." in page


def test_without_results_the_published_ones_stand_in_and_it_says_so():
    bare = Results(ROOT / "no results", ROOT)
    rows, said = bare.summary("writeup")
    assert len(rows) > 1000
    assert said.endswith("writeup/summary.parquet is not there: so this is the published run, "
                         "figures/data/writeup_summary.parquet.")  # fmt: skip
    shown = bare.picture("estimate", "writeup", "What it shows.", setting="derangement")
    assert "writeup/curves.parquet is not there: so this is the published figure, figures/writeup/" in shown.source
    assert shown.png == (ROOT / "figures" / "writeup" / "estimate_derangement.png").read_bytes()


def test_with_nothing_at_all_a_sentence(project: Path, tmp_path: Path):
    bare = tmp_path / "bare"
    shutil.copytree(project / "notebooks", bare / "notebooks")
    (bare / "Snakefile").touch()
    for stem in ("2_replication", "3_claims", "5_control"):
        page = rendered(bare, stem, bare / "results", tmp_path / "page.html")
        assert "Traceback" not in page
        # The exact curve of 5_control needs no table.
        assert page.count("<img") == (stem == "5_control")
        assert "and no published figures/data/" in page


def test_a_table_cut_short_is_named(project: Path, results: Path, tmp_path: Path):
    part = tmp_path / "part" / "writeup"
    part.mkdir(parents=True)
    shutil.copy(results / "writeup" / "summary.parquet", part)
    (part / "curves.parquet").write_bytes((results / "writeup" / "curves.parquet").read_bytes()[:100])
    page = rendered(project, "2_replication", tmp_path / "part", tmp_path / "page.html")
    assert "writeup/curves.parquet is not readable: so this is the published figure" in page
    assert "From part/writeup/summary.parquet" in page  # final values and divergence need no more
    assert page.count("<img") == 8
    assert "Traceback" not in page


def test_your_experiment_runs_the_workflow(project: Path, tmp_path: Path):
    page = rendered(project, "4_your_experiment", project / "results", tmp_path / "page.html")
    assert "<em>Done: 5 of 5 steps" in page
    assert page.count("<img") == 2
    assert (project / "results" / "your-experiment" / "results" / "mine" / "summary.parquet").exists()


def test_a_failing_cell_is_an_error_in_one_line(project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    broken = project / "notebooks" / "broken.ipynb"
    notebook = json.loads((project / "notebooks" / "3_claims.ipynb").read_text())
    code = next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")
    code["source"] = ["1 / 0"]
    broken.write_text(json.dumps(notebook))
    output = tmp_path / "page.html"
    assert main(["notebook", str(broken), "--output", str(output)]) == 2
    assert "ZeroDivisionError: division by zero" in capsys.readouterr().err
    assert not output.exists()


def test_formulas_become_mathml_and_prices_do_not():
    made = with_mathml("an $x$ and\n\n$$\\frac{1}{2}$$\n\nfor \\$5")
    assert made.count("<math") == 2
    assert "for \\$5" in made


def test_scripts_from_elsewhere_go():
    page = '<script src="https://example.org/a.js"></script><p>text</p><script>1</script>'
    assert without_network(page) == "<p>text</p><script>1</script>"
