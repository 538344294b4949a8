"""A copy of the project whose jobs go to the test SLURM, and what that SLURM says of them."""

from __future__ import annotations

import copy
import importlib.util
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from children import heeding_interrupts

TESTS = Path(__file__).parents[1]
# The copy of the project that the workflow's tests run on; two files named conftest cannot import each other by name.
_spec = importlib.util.spec_from_file_location("workflow_conftest", TESTS / "workflow" / "conftest.py")
workflow = importlib.util.module_from_spec(_spec)
sys.modules[_spec.name] = workflow
_spec.loader.exec_module(workflow)

SMALL: dict[str, Any] = copy.deepcopy(workflow.TINY)
"""Six runs in two training jobs, long enough to be caught at it."""
SMALL["runs_per_job"] = 3
SMALL["experiments"]["tiny"]["grid"].update(rho=[0.9], seeds="0-2")
SMALL["experiments"]["tiny"]["training"].update(steps=4000, eval_every=2000)
SMALL["experiments"]["tiny"]["figures"] = ["divergence"]

NODE = os.uname().nodename.partition(".")[0]
TABLES = ("summary", "curves", "evaluations")

# The profiles' patience is for jobs of hours.
IMPATIENT = str(Path(__file__).with_name("impatient.py"))
# It computes nothing: a GPU is asked for, and the CPU is used.
PRETENDED_GPU = ["--config", "device=cpu", "gpus_per_job=1"]


@dataclass(frozen=True)
class Job:
    """A job as SLURM's controller knows it."""

    id: int
    state: str
    partition: str
    account: str
    gpus: str
    memory: str
    limit: str
    restarts: int
    folder: str

    @classmethod
    def parsed(cls, line: str) -> Job:
        """From one line of ``scontrol --oneliner show jobs``."""
        values = dict(re.findall(r"(\w+)=(\S+)", line))
        return cls(
            id=int(values["JobId"]),
            state=values["JobState"],
            partition=values["Partition"],
            account=values["Account"],
            gpus=values.get("TresPerJob", ""),
            memory=values["MinMemoryNode"],
            limit=values["TimeLimit"],
            restarts=int(values["Restarts"]),
            folder=re.search(r" WorkDir=(.*?) (?:StdErr|Comment|Power)=", line)[1],
        )


def slurm(*command: str) -> str:
    """What a SLURM command says."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout


def until(happens: Callable[[], Any], what: str, seconds: float = 240) -> Any:
    """Wait for something and return it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := happens():
            return found
        time.sleep(0.1)
    raise AssertionError(f"within {seconds} s: {what}")


@dataclass
class Submitted(workflow.Project):
    """A copy of the project whose jobs go to the cluster."""

    profile: str = "slurm"
    options: list[str] = field(default_factory=lambda: list(PRETENDED_GPU))

    def words(self, *arguments: str, configfile: str | None = "tiny.yaml") -> list[str]:
        """What docs/cluster.md has one type."""
        profile = ["--workflow-profile", f"workflow/profiles/{self.profile}"]
        chosen = ["--configfile", configfile] if configfile else []
        return [*profile, *arguments, *chosen, *self.options]

    @property
    def screen(self) -> str:
        """What Snakemake has printed in the background so far."""
        return (self.folder / "screen.txt").read_text()

    def start(self) -> subprocess.Popen[bytes]:
        """Run Snakemake in the background."""
        self.write_config()
        with (self.folder / "screen.txt").open("w") as screen, heeding_interrupts():
            return subprocess.Popen(
                [sys.executable, IMPATIENT, *self.words()],
                cwd=self.folder,
                env=self.environment,
                stdout=screen,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def finish(self, running: subprocess.Popen[bytes]) -> None:
        """Wait for Snakemake, which has to succeed."""
        try:
            code = running.wait(600)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"snakemake hangs:\n{self.screen}\n{self.jobs}") from None
        assert code == 0, self.screen

    def set_site_facts(self, **facts: str | bool | int) -> None:
        """Change the lines at the profile's top, as a user would."""
        file = self.folder / "workflow" / "profiles" / self.profile / "config.yaml"
        text = file.read_text()
        for name, value in facts.items():
            text, changed = re.subn(rf"^(  - {name} = )\S+", rf"\g<1>{value!r}", text, flags=re.M)
            assert changed == 1
        file.write_text(text)

    @property
    def jobs(self) -> list[Job]:
        """Every job that was submitted from here, the first first."""
        lines = slurm("scontrol", "--oneliner", "show", "jobs").splitlines()
        found = [Job.parsed(line) for line in lines if line.startswith("JobId=")]
        return sorted((job for job in found if job.folder == str(self.folder)), key=lambda job: job.id)

    def job(self, id: int) -> Job:
        """One of them."""
        return next(job for job in self.jobs if job.id == id)

    def training(self, id: int) -> int | None:
        """The process that trains in one of them, if one does by now."""
        for process in Path("/proc").glob("[0-9]*"):
            try:
                words = (process / "cmdline").read_bytes().split(b"\0")
                environment = (process / "environ").read_bytes().split(b"\0")
            except OSError:  # it has just ended
                continue
            if words[1:4] == [b"-m", b"mine", b"train"] and f"SLURM_JOB_ID={id}".encode() in environment:
                return int(process.name)
        return None

    def caught_training(self) -> tuple[Job, Job]:
        """Wait until one training job is at it and the other waits for the only GPU."""

        def caught() -> tuple[Job, Job] | None:
            jobs = {job.state: job for job in self.jobs}
            trains = jobs.get("RUNNING")
            return (trains, jobs["PENDING"]) if trains and len(jobs) == 2 and self.training(trains.id) else None

        return until(caught, "one job trains and another waits")

    def assert_as_undisturbed(self, reference: workflow.Project) -> None:
        """Nothing is left to do, and the tables are those of a run that nothing disturbed."""
        assert self.planned() == {}
        for table in TABLES:
            ours, theirs = (
                pd.read_parquet(project.folder / "results" / "tiny" / f"{table}.parquet")
                for project in (self, reference)
            )
            pd.testing.assert_frame_equal(ours, theirs, check_exact=True)
        runs = self.folder / "results" / "tiny" / "runs"
        assert len(list(runs.rglob("*.parquet"))) == 6
        assert not list(runs.rglob("*.tmp"))
