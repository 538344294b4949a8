"""The workflow run for real on a tiny configuration: values, the printed commands, and a kill in the middle."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time

import pandas as pd
import pytest

from mine.experiments import expand

pytestmark = pytest.mark.xdist_group("workflow")


def test_every_run_is_in_the_summary_with_the_values_that_training_wrote(finished):
    tables = finished.folder / "results" / "tiny"
    summary = pd.read_parquet(tables / "summary.parquet")
    planned = list(expand(finished.experiment))
    keys = ["setting", "variant", "dim", "rho", "seed"]
    rows = summary[keys].itertuples(index=False, name=None)
    assert sorted(rows) == sorted((r.setting, r.variant, r.dim, float(r.rho), r.seed) for r in planned)
    by_cell = summary.set_index(keys)
    for run in planned:
        trace = pd.read_parquet(tables / "runs" / run.path, partitioning=None)
        row = by_cell.loc[(run.setting, run.variant, run.dim, float(run.rho), run.seed)]
        assert row["outcome"] == "completed"
        assert row["last_step"] == trace["step"].iloc[-1] == 61
        assert row["mi_true"] == pytest.approx(0.8304 if run.rho == "0.9" else 0.1438, abs=1e-4)
        for name in ("mi_heldout", "heldout_ess", "mi_population", "population_ess"):
            assert row[name] == trace[name].iloc[-1]
        assert row["grad_norm_max"] == pytest.approx(trace["grad_norm"].max())
        assert row["steps"] == 60
        assert row["hidden"] == 16


def test_variants_of_one_seed_see_the_same_first_batch(finished):
    first = {
        (run.variant, run.rho, run.seed): pd.read_parquet(
            finished.folder / "results" / "tiny" / "runs" / run.path, partitioning=None
        )["mi_batch"].iloc[0]
        for run in expand(finished.experiment)
    }
    assert len(set(first.values())) == 4
    for (_, rho, seed), value in first.items():
        assert value == first["biased", rho, seed]


def test_the_runs_folder_reads_as_one_table(finished):
    runs = pd.read_parquet(finished.folder / "results" / "tiny" / "runs")
    assert len(runs) == 8 * 61
    assert set(runs["setting"].astype(str)) == {"base"}
    assert set(runs["rho"].astype(float)) == {0.9, -0.5}


def test_figures_logs_and_benchmarks_are_there(finished):
    results = finished.folder / "results"
    stems = {path.stem for path in (results / "figures" / "tiny").iterdir()}
    assert stems == {"estimate_base", "divergence"}
    for stem in stems:
        assert (results / "figures" / "tiny" / f"{stem}.svg").read_text().lstrip().startswith("<?xml")
        assert (results / "figures" / "tiny" / f"{stem}.pdf").read_bytes().startswith(b"%PDF")
        assert (results / "figures" / "tiny" / f"{stem}.png").read_bytes().startswith(b"\x89PNG")
    logs = list((results / "logs").rglob("*.log"))
    assert len(logs) == len(list((results / "benchmarks").rglob("*.tsv"))) == 4 + 1 + 2 + 1
    assert not list(results.rglob("*.tmp"))


def test_a_printed_command_repeats_the_job(finished, screen):
    commands = re.findall(r"^(?:Shell command|    shell): *(mine train .*)$", screen, re.M)
    commands = commands or re.findall(r"(mine train [^\n]*)", screen)
    assert len(set(commands)) == 4
    words = shlex.split(commands[0].partition(" > ")[0])
    target = finished.folder / words[-1].replace("{seed}", "0")
    before = target.read_bytes()
    target.unlink()
    command = [sys.executable, "-m", *words]
    subprocess.run(command, cwd=finished.folder, env=finished.environment, check=True, capture_output=True)
    assert target.read_bytes() == before


def test_a_kill_loses_only_the_jobs_in_flight(project, finished):
    project.write_config()
    runs = project.folder / "results" / "tiny" / "runs"
    with (project.folder / "screen.txt").open("w") as screen:
        running = subprocess.Popen(
            project.command("--cores", "1"),
            cwd=project.folder,
            env=project.environment,
            stdout=screen,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            deadline = time.monotonic() + 170
            while len(_finished_jobs(project)) < 2 and time.monotonic() < deadline:
                time.sleep(0.05)
            time.sleep(0.5)  # into the next job
        finally:
            os.killpg(running.pid, signal.SIGKILL)  # as a power cut: Snakemake and its job
            running.wait()
    done = len(_finished_jobs(project))
    assert 2 <= done < 4
    kept = {path: path.stat().st_mtime_ns for path in runs.rglob("seed=*.parquet")}

    unlocked = project.snakemake("--unlock")
    assert unlocked.returncode == 0, unlocked.stderr
    assert project.planned()["train_tiny"] == 4 - done
    again = project.snakemake()
    assert again.returncode == 0, again.stdout + again.stderr

    redone = [path for path, written in kept.items() if path.stat().st_mtime_ns != written]
    assert len(redone) <= len(kept) - 2 * done
    for table in ("summary", "curves", "evaluations"):
        ours, undisturbed = (
            pd.read_parquet(p.folder / "results" / "tiny" / f"{table}.parquet") for p in (project, finished)
        )
        pd.testing.assert_frame_equal(ours, undisturbed, check_exact=True)
    assert not list(runs.rglob("*.tmp"))


def _finished_jobs(project) -> list[str]:
    return re.findall(r"^Finished jobid: \d+ \(Rule: (train\S+)\)", (project.folder / "screen.txt").read_text(), re.M)
