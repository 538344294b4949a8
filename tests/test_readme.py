"""What the README claims, held against the published data and the project's own files."""

import re
from pathlib import Path

import pandas as pd
import pytest

from mine.published_page import cell_table

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DATA = ROOT / "figures/data/writeup_summary.parquet"


def disagreements(readme, table):
    """Rows of the README's probe table whose number does not stand in the same cell's row of the published table."""
    published = {}
    for line in table.splitlines()[2:]:
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        published[", ".join(cells[:4])] = cells[4:]
    section = readme.split("<!-- probes:")[1].split("<!-- end of probes -->")[0]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in section.splitlines() if line.startswith("|")]
    assert len(rows) > 10
    return [row for row in rows[2:] if row[3] not in published.get(row[0], [])]


def test_the_probe_table_is_the_published_data():
    assert disagreements(README, cell_table(pd.read_parquet(DATA))) == []


def test_a_changed_number_is_found():
    table = cell_table(pd.read_parquet(DATA))
    changed = README.replace("| 2.82 [2.79, 2.84] |", "| 2.92 [2.79, 2.84] |")
    assert len(disagreements(changed, table)) == 1


def test_links_lead_to_files():
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", README)
    assert len(links) > 10
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_picture_of_the_pipeline_is_the_one_of_the_workflow():
    assert (ROOT / "docs/pipeline.mmd").read_text(encoding="utf-8").strip() in README


@pytest.mark.parametrize(
    "claim", ["none of 160 diverges", "0 of 480", "0 of 40", "17 and 20 of 20 seeds", "14 of 20 runs", "62 of 80"]
)
def test_claims_in_words(claim):
    """The counts of the summary's five lines, computed."""
    runs = pd.read_parquet(DATA)
    ablation = pd.read_parquet(ROOT / "figures/data/ablation_summary.parquet")
    error = runs.assign(error=runs["mi_batch_error"].abs()).set_index(["setting", "dim", "rho", "seed", "variant"])
    error = error["error"].unstack("variant").loc["permutation", 5]
    farther = [int((error.loc[rho, "ema"] > error.loc[rho, "biased"]).sum()) for rho in (0.85, 0.9)]
    stable = ablation[ablation["variant"] == "biased-stable"]
    one = runs[(runs["dim"] == 1) & (runs["variant"] == "biased")]
    ema = runs[runs["variant"] == "ema"]
    away = ema[(ema["setting"] == "derangement") & ema["runaway_step"].notna()]
    computed = {
        "14 of 20 runs": f"{((away['dim'] == 5) & (away['rho'] == 0.99)).sum()} of 20 runs",
        "62 of 80": f"{(away['dim'] == 20).sum()} of 80",
        "none of 160 diverges": f"{'none' if one['diverged_step'].isna().all() else 'some'} of {len(one)} diverges",
        "0 of 480": f"{ema['overflow_step'].notna().sum()} of {len(ema)}",
        "0 of 40": f"{stable['overflow_step'].notna().sum()} of {len(stable)}",
        "17 and 20 of 20 seeds": f"{farther[0]} and {farther[1]} of {error.loc[0.9].shape[0]} seeds",
    }
    assert claim in README
    assert computed[claim] == claim
