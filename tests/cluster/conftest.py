"""Tests on a real SLURM: `make test-cluster` starts one and runs them. Plain pytest does not collect them."""

from __future__ import annotations

import copy
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from on_slurm import NODE, SMALL, Submitted, slurm, workflow

if not os.environ.get("MINE_TEST_CLUSTER"):
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> workflow.Project:
    """The same experiment on this machine without a cluster: what every table is held against."""
    folder = workflow._copy(tmp_path_factory.mktemp("undisturbed") / "copy")
    project = workflow.Project(folder, copy.deepcopy(SMALL))
    done = project.snakemake()
    assert done.returncode == 0, done.stdout + done.stderr
    return project


@pytest.fixture
def submitted(tmp_path: Path) -> Iterator[Submitted]:
    """A fresh copy for the cluster. Afterwards nothing that it started is left, whatever happened."""
    project = Submitted(workflow._copy(tmp_path / "copy"), copy.deepcopy(SMALL))
    # As shipped no GPU is asked for; what is tested is the harder case, but where a test turns it back.
    for project.profile in ("cluster-generic", "slurm"):
        project.set_site_facts(gpus=True)
    started: list[subprocess.Popen[bytes]] = []
    start = project.start
    project.start = lambda: started.append(start()) or started[-1]
    yield project
    for running in started:
        if running.poll() is None:
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()
    for job in project.jobs:
        subprocess.run(["scancel", str(job.id)], capture_output=True, timeout=30)
    if "down" in slurm("sinfo", "--noheader", "--format=%t"):
        slurm("scontrol", "update", f"nodename={NODE}", "state=resume")
