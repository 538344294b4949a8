"""Faults that need no scheduler: what happens, and that a re-run gives the tables of an undisturbed run exactly.

docs/faults.md lists them. A kill of Snakemake itself in the middle of its jobs is in test_run.py.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from children import heeding_interrupts
from factories import write_run

from mine.cli import main
from mine.experiments import expand
from mine.runs import planned_runs, read_run

pytestmark = pytest.mark.xdist_group("workflow")
ROOT = Path(__file__).parents[2]
TABLES = ("summary", "curves", "evaluations")
CELL = "setting=base/critic=concat/variant=ema/task=gaussian/dim=1/rho=0.9"
CELL_LOG = "results/logs/train/tiny/base/concat_ema_gaussian_1_rho=0.9_0-1.log"

# Python imports a module of this name as it starts. Training then stops where a file is written and not yet in its
# place: the worst moment for a kill, and one that a test can wait for.
HOLD = """
import os, sys, time

sync = os.fsync

def hold(file):
    while "train" in sys.argv:
        time.sleep(0.1)
    sync(file)

os.fsync = hold
"""


@pytest.fixture
def undisturbed(_finished) -> Path:
    """The results of a run that nothing disturbed."""
    return _finished[0] / "results" / "tiny"


def targets(project) -> list[str]:
    """Every run and table, and no figure, which would only take time here."""
    folder = f"results/{next(iter(project.config['experiments']))}"
    return [*(f"{folder}/runs/{run.path}" for run in expand(project.experiment)), f"{folder}/summary.parquet"]


def status(project, *arguments: str) -> tuple[int, dict]:
    """Exit code of `mine status` in a project's folder, and what it says."""
    with contextlib.chdir(project.folder), contextlib.redirect_stdout(io.StringIO()) as printed:
        code = main(["status", "--config", "tiny.yaml", "--json", *arguments])
    assert code in (0, 1), printed.getvalue()
    return code, json.loads(printed.getvalue())


def lose_a_cell(project) -> None:
    """Delete the two runs that one job makes, so that there is something to do."""
    for path in (project.folder / "results/tiny/runs" / CELL).iterdir():
        path.unlink()


def rerun(project, undisturbed: Path) -> None:
    """Run again as a person would, and hold everything against the undisturbed run."""
    done = project.snakemake(*targets(project))
    assert done.returncode == 0, done.stdout + done.stderr
    code, told = status(project)
    assert code == 0, told
    assert (told["total"]["done"], told["total"]["collected"]) == (8, 8)
    assert not told["locked"]
    assert_the_same(project.folder / "results/tiny", undisturbed)


def assert_the_same(ours: Path, undisturbed: Path) -> None:
    for table in TABLES:
        pd.testing.assert_frame_equal(
            *(pd.read_parquet(folder / f"{table}.parquet") for folder in (ours, undisturbed)), check_exact=True
        )
    runs = {path.relative_to(undisturbed) for path in (undisturbed / "runs").rglob("*.parquet")}
    assert {path.relative_to(ours) for path in (ours / "runs").rglob("*.parquet")} == runs
    assert all((ours / run).read_bytes() == (undisturbed / run).read_bytes() for run in runs)
    # The folder as one table, as the README reads it: what a kill left behind is not in it.
    assert len(pd.read_parquet(ours / "runs")) == len(pd.read_parquet(undisturbed / "runs"))


@contextlib.contextmanager
def held(project) -> Iterator[tuple[subprocess.Popen, int]]:
    """A pipeline whose training job stands still with its first file written and not yet in place.

    Gives Snakemake's process, which leads a process group as at a terminal, and the id of the training process.
    """
    project.write_config()
    hold = project.folder / "hold"
    hold.mkdir()
    (hold / "sitecustomize.py").write_text(HOLD)
    environment = project.environment
    environment["PYTHONPATH"] = f"{hold}{os.pathsep}{environment['PYTHONPATH']}"
    with (project.folder / "screen.txt").open("w") as screen:
        with heeding_interrupts():
            running = subprocess.Popen(
                project.command(*targets(project)), cwd=project.folder, env=environment, stdout=screen,
                stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        try:
            yield running, _training_process(project, running)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGKILL)
            running.wait()


def _training_process(project, running: subprocess.Popen) -> int:
    deadline = time.monotonic() + 150
    while time.monotonic() < deadline and running.poll() is None:
        for path in (project.folder / "results/tiny/runs").rglob(".seed=*.tmp"):
            # One that is done is renamed in the moment between being listed and looked at.
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_size:
                    return int(path.name.split(".")[-3])
        time.sleep(0.05)
    raise AssertionError((project.folder / "screen.txt").read_text())


# ---------------------------------------------------------------- processes


def test_kill_9_of_a_training_process(finished, undisturbed):
    lose_a_cell(finished)
    with held(finished) as (running, training):
        os.kill(training, signal.SIGKILL)
        assert running.wait(150) == 1
    screen = (finished.folder / "screen.txt").read_text()
    assert "Error in rule train_tiny_seeds_0_to_1" in screen
    assert "137" in screen
    assert CELL_LOG in screen

    code, told = status(finished)
    assert code == 1
    assert (told["total"]["done"], told["total"]["missing"], told["locked"]) == (6, 2, False)
    assert [(job["log"], job["state"], job["missing"]) for job in told["jobs"]] == [(CELL_LOG, "failed", 2)]
    assert "Killed" in told["jobs"][0]["last_line"]
    (left,) = told["leftovers"]

    rerun(finished, undisturbed)
    status(finished, "--remove-damaged")
    assert not (finished.folder / left).exists()


def test_ctrl_c_at_the_terminal(finished, undisturbed):
    lose_a_cell(finished)
    with held(finished) as (running, _):
        os.killpg(running.pid, signal.SIGINT)  # as a terminal does: to everything that runs in it
        assert running.wait(150) == 1
    assert "Terminating processes on user request" in (finished.folder / "screen.txt").read_text()
    assert not list((finished.folder / "results").rglob(".*.tmp"))
    code, told = status(finished)
    assert code == 0
    assert not told["locked"]
    assert [(job["log"], job["state"], job["last_line"]) for job in told["jobs"]] == [
        (CELL_LOG, "stopped", "mine: interrupted")
    ]
    rerun(finished, undisturbed)


def test_a_second_pipeline_is_refused_and_after_a_kill_make_unlock_helps(finished, undisturbed):
    lose_a_cell(finished)
    with held(finished) as (running, _):
        code, told = status(finished)
        assert (code, told["locked"]) == (0, True)
        assert [(job["log"], job["state"]) for job in told["jobs"]] == [(CELL_LOG, "begun")]
        _assert_refused(finished)
        assert running.poll() is None  # the first is not disturbed
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
    assert status(finished)[1]["locked"]
    _assert_refused(finished)
    done = _make_unlock(finished)
    assert done.returncode == 0, done.stderr
    assert not status(finished)[1]["locked"]
    rerun(finished, undisturbed)


def _assert_refused(project) -> None:
    before = {path: path.stat().st_mtime_ns for path in (project.folder / "results").rglob("*")}
    second = project.snakemake(*targets(project))
    assert second.returncode == 1
    message = " ".join(second.stderr.split())
    assert "Directory cannot be locked. Please make sure that no other Snakemake process is trying" in message
    assert "It can be removed with the --unlock argument" in message
    assert "Traceback" not in second.stderr
    assert {path: path.stat().st_mtime_ns for path in (project.folder / "results").rglob("*")} == before


def _make_unlock(project) -> subprocess.CompletedProcess[str]:
    """`make unlock` with a set-up that is there already."""
    for name in ("Makefile", "requirements.lock", "pyproject.toml"):
        shutil.copy(ROOT / name, project.folder)
    programs = project.folder / ".venv/bin"
    programs.mkdir(parents=True)
    snakemake = programs / "snakemake"
    snakemake.write_text(f'#!/bin/sh\nPYTHONPATH=src exec {shlex.quote(sys.executable)} -m snakemake "$@"\n')
    snakemake.chmod(0o755)
    for stamp in (".locked", ".installed"):
        (programs.parent / stamp).touch()
    return subprocess.run(
        ["make", "unlock"], cwd=project.folder, env=project.environment, capture_output=True, text=True
    )


# ---------------------------------------------------------------- files


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _noise(path: Path) -> None:
    path.write_bytes(np.random.default_rng(0).bytes(path.stat().st_size))


def _noise_in_the_rows(path: Path) -> None:
    """The footer, and with it the metadata, stays as it is."""
    content = bytearray(path.read_bytes())
    content[20:60] = np.random.default_rng(0).bytes(40)
    path.write_bytes(content)


def _other_settings(path: Path) -> None:
    run = read_one(path)
    settings = type(run.training).from_dict({**run.training.to_dict(), "learning_rate": 0.002})
    cell = run.cell
    write_run(path.parents[6], variant=cell.variant, dim=cell.dim, rho=cell.rho, seed=cell.seed, training=settings)


def _other_cell(path: Path) -> None:
    other = next(one for one in sorted(path.parent.glob("seed=*.parquet")) if one != path)
    path.write_bytes(other.read_bytes())


def read_one(path: Path):
    """The planned run whose place a file has."""
    from mine.runs import found_runs

    (run,) = (run for run in found_runs(path.parent) if run.path == path)
    return run


DAMAGE = {
    "critic=concat/variant=biased/task=gaussian/dim=1/rho=0.9/seed=0": _truncate,
    "critic=concat/variant=biased/task=gaussian/dim=1/rho=0.9/seed=1": _empty,
    "critic=concat/variant=biased/task=gaussian/dim=1/rho=-0.5/seed=0": _noise,
    "critic=concat/variant=biased/task=gaussian/dim=1/rho=-0.5/seed=1": _noise_in_the_rows,
    "critic=concat/variant=ema/task=gaussian/dim=1/rho=0.9/seed=0": _other_settings,
    "critic=concat/variant=ema/task=gaussian/dim=1/rho=-0.5/seed=0": _other_cell,
}
"""A run to what happens to its file."""


@pytest.mark.parametrize("run", DAMAGE, ids=[damage.__name__.strip("_") for damage in DAMAGE.values()])
def test_collect_refuses_each_kind_of_damage(finished, capsys, run):
    folder = finished.folder / "results/tiny"
    path = folder / "runs/setting=base" / f"{run}.parquet"
    DAMAGE[run](path)
    before = {table: (folder / f"{table}.parquet").read_bytes() for table in TABLES}
    tables = [f"--{table}={folder / table}.parquet" for table in TABLES]
    assert main(["collect", str(folder / "runs"), "--grid", json.dumps(finished.experiment), *tables]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"mine: error: {path}: ")
    assert error.count("\n") == 1
    assert {table: (folder / f"{table}.parquet").read_bytes() for table in TABLES} == before


def test_damaged_results_stop_the_tables_and_are_removed_and_made_again(finished, undisturbed):
    runs = finished.folder / "results/tiny/runs"
    for run, damage in DAMAGE.items():
        damage(runs / "setting=base" / f"{run}.parquet")
    finished.write_config()
    done = finished.snakemake(*targets(finished))
    screen = done.stdout + done.stderr
    assert done.returncode == 1
    assert "Error in rule collect" in screen
    first = "results/tiny/runs/setting=base/critic=concat/variant=biased/task=gaussian/dim=1/rho=-0.5/seed=0.parquet"
    assert f"mine: error: {first}: not a readable results file" in screen
    assert not (finished.folder / "results/tiny/summary.parquet").exists()

    code, told = status(finished, "--rows")
    assert code == 1
    assert {each["file"] for each in told["damaged"]} == {
        f"results/tiny/runs/setting=base/{run}.parquet" for run in DAMAGE
    }
    assert [job["log"] for job in told["jobs"]] == ["results/logs/collect/tiny.log"]
    status(finished, "--remove-damaged")
    assert len(list(runs.rglob("*.parquet"))) == 8 - len(DAMAGE)
    rerun(finished, undisturbed)


# ---------------------------------------------------------------- disks


def in_private_mounts(project, script: str) -> str:
    """Run a shell script whose mounts nobody else sees and that vanish with it. Skips where that is not permitted.

    In the script, "$@" is the call of Snakemake. Returns what it printed.
    """
    for prefix in (["unshare", "--mount"], ["unshare", "--map-root-user", "--mount"]):
        try:
            trial = subprocess.run(
                [*prefix, "mount", "-t", "tmpfs", "tmpfs", str(project.folder)], capture_output=True, text=True
            )
        except FileNotFoundError:
            pytest.skip("no unshare (util-linux) to mount anything with")
        if trial.returncode == 0:
            break
    else:
        pytest.skip(f"mounting is not permitted here: {trial.stderr.strip()}")
    project.write_config()
    done = subprocess.run(
        [*prefix, "sh", "-euc", script, "sh", *project.command(*targets(project))],
        cwd=project.folder, env=project.environment, capture_output=True, text=True, timeout=170,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_full_disk_while_writing(project, undisturbed):
    printed = in_private_mounts(
        project,
        """
        mkdir results
        mount -t tmpfs -o size=56k tmpfs results  # room for about four of eight runs
        "$@" > full.txt 2>&1 && exit 1
        cp -r results results-when-full
        mount -o remount,size=50m results
        "$@" > again.txt 2>&1 || { cat again.txt; exit 1; }
        cp -r results results-again
        echo survived
        """,
    )
    assert printed.split() == ["survived"]
    assert "No space left on device" in (project.folder / "full.txt").read_text()
    full = project.folder / "results-when-full/tiny"
    there = {path.relative_to(full) for path in (full / "runs").rglob("*.parquet")}
    assert 0 < len(there) < 8
    # What is there is whole, and nothing stands for the rest.
    assert all((full / run).read_bytes() == (undisturbed / run).read_bytes() for run in there)
    assert not list(full.rglob(".*.tmp"))
    assert not list(full.glob("*.parquet"))
    assert_the_same(project.folder / "results-again/tiny", undisturbed)


def test_a_read_only_results_folder(finished, undisturbed):
    lose_a_cell(finished)
    before = {path: path.stat().st_mtime_ns for path in (finished.folder / "results").rglob("*")}
    mine = f"{shlex.quote(sys.executable)} -m mine"
    target = shlex.quote(f"results/tiny/runs/{CELL}/seed=0.parquet")
    printed = in_private_mounts(
        finished,
        f"""
        mount --bind results results
        mount -o remount,ro,bind results
        "$@" > read-only.txt 2>&1 && exit 1
        {mine} train --variant ema --dim 1 --rho 0.9 --seed 0 --output {target} 2>&1 && exit 1
        {mine} status --config tiny.yaml
        """,
    )
    screen = (finished.folder / "read-only.txt").read_text()
    assert re.search("Write-protected output files|Read-only file system", screen)
    assert "results/tiny/summary.parquet" in screen
    assert "Traceback" not in screen
    assert "seed=0.parquet: cannot be written (Read-only file system)\nresults: 6 of 8 runs done" in printed
    assert {path: path.stat().st_mtime_ns for path in (finished.folder / "results").rglob("*")} == before
    rerun(finished, undisturbed)


# ---------------------------------------------------------------- who made them

SENTINELS = {"user": "sentinel-user", "host": "sentinel-host", "secret": "sentinel-secret", "account": "sentinel-acct"}

# What asks the system for the machine's name or the user's gets a name that a search can find.
IDENTITY = """
import os, platform, pwd, socket

uname = os.uname()
os.uname = lambda: type(uname)((uname.sysname, "sentinel-host", *tuple(uname)[2:]))
platform.node = socket.gethostname = socket.getfqdn = lambda *arguments: "sentinel-host"
user = pwd.getpwuid(os.getuid())
pwd.getpwuid = lambda uid: type(user)(("sentinel-user", *tuple(user)[1:]))
"""


def test_no_name_of_a_person_or_machine_and_no_secret_goes_into_results(finished):
    lose_a_cell(finished)
    finished.write_config()
    identity = finished.folder / "identity"
    identity.mkdir()
    (identity / "sitecustomize.py").write_text(IDENTITY)
    environment = {
        **finished.environment,
        "PYTHONPATH": f"{identity}{os.pathsep}{finished.folder / 'src'}",
        "USER": SENTINELS["user"], "LOGNAME": SENTINELS["user"], "HOME": str(finished.folder / SENTINELS["user"]),
        "HOSTNAME": SENTINELS["host"], "SLURMD_NODENAME": SENTINELS["host"],
        "API_TOKEN": SENTINELS["secret"], "SLURM_JOB_ACCOUNT": SENTINELS["account"],
    }  # fmt: skip
    publish = [sys.executable, "-m", "mine", "publish", "--config", "tiny.yaml", "--output", "published"]
    for command in (finished.command(*targets(finished)), publish):
        done = subprocess.run(command, cwd=finished.folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
    # The names do reach what runs: Snakemake prints them, into its own folder.
    records = [path.read_text() for path in (finished.folder / ".snakemake/log").iterdir()]
    assert any(SENTINELS["user"] in text and SENTINELS["host"] in text for text in records)

    written = [path for name in ("results", "published") for path in (finished.folder / name).rglob("*")]
    files = [path for path in written if path.is_file()]
    assert finished.folder / "published/published.json" in files
    for path in files:
        content = path.read_bytes()
        for sentinel in (*SENTINELS.values(), str(finished.folder)):
            assert sentinel.encode() not in content, path
    # Parquet's own metadata may be compressed or encoded: what stands in it is listed.
    run, *_ = planned_runs(finished.folder / "results/tiny/runs", finished.experiment)[0]
    assert set(read_run(run).metadata) == {
        "contract", "cell", "settings", "outcome", "overflow_step", "device", "dtype", "tf32", "threads", "packages",
        "code",
    }  # fmt: skip


def test_the_published_record_names_no_folder_of_a_person():
    text = (ROOT / "figures/published.json").read_text()
    assert '"commit"' in text
    assert not re.search(r'"/|/home/|/Users/|/root/|[\w.-]+@[\w.-]+\.\w', text)
