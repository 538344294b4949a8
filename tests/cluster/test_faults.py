"""What a cluster does to jobs, done to them on a real SLURM. docs/cluster.md has the table."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from on_slurm import NODE, slurm, until

both = pytest.mark.parametrize("profile", ["slurm", "cluster-generic"])
DOCS = Path(__file__).parents[2] / "docs" / "cluster.md"


@both
def test_an_undisturbed_run_trains_on_the_gpu_partition_and_draws_locally(submitted, undisturbed, profile):
    submitted.profile = profile
    submitted.experiment["figures"].append("final_values")  # for which the optimal critic is evaluated
    # The plugin asks the accounting whether an account exists, and there is none here.
    account = {"cluster-generic": "gauss-1777"}.get(profile)
    submitted.set_site_facts(gpu_type="fake", minutes=90, **({"account": account} if account else {}))
    submitted.finish(submitted.start())

    training = [job for job in submitted.jobs if job.partition == "gpu"]
    assert [(job.state, job.gpus, job.memory, job.limit) for job in training] == [
        ("COMPLETED", "gres:gpu:fake:1", "2000M", "01:30:00"),
        ("COMPLETED", "gres:gpu:fake:1", "2000M", "01:30:00"),
    ]
    (optimal,) = [job for job in submitted.jobs if job not in training]
    assert (optimal.state, optimal.partition, optimal.gpus) == ("COMPLETED", "cpu", "")
    if account:
        assert {job.account for job in submitted.jobs} == {account}
        results = [file for file in (submitted.folder / "results").rglob("*") if file.is_file()]
        assert not [file for file in results if account.encode() in file.read_bytes()]
    for rule in ("collect_tiny", "figure", "ledger"):
        assert f"localrule {rule}:" in submitted.screen
    submitted.assert_as_undisturbed(undisturbed)


@both
def test_cancelled_jobs_are_submitted_again_with_more_memory_and_time(submitted, undisturbed, profile):
    submitted.profile = profile
    running = submitted.start()
    trains, waits = submitted.caught_training()
    slurm("scancel", str(trains.id), str(waits.id))
    submitted.finish(running)

    jobs = submitted.jobs
    assert [job.state for job in jobs] == ["CANCELLED", "CANCELLED", "COMPLETED", "COMPLETED"]
    assert len({job.id for job in jobs}) == 4
    assert {(job.memory, job.limit) for job in jobs[:2]} == {("2000M", "02:00:00")}
    assert {(job.memory, job.limit) for job in jobs[2:]} == {("4000M", "04:00:00")}
    submitted.assert_as_undisturbed(undisturbed)


def test_a_job_on_a_node_that_goes_down_is_started_again_by_slurm(submitted, undisturbed):
    running = submitted.start()
    trains, _ = submitted.caught_training()
    slurm("scontrol", "update", f"nodename={NODE}", "state=down", "reason=test")
    until(lambda: submitted.job(trains.id).state == "PENDING", "the job waits for a node again")
    slurm("scontrol", "update", f"nodename={NODE}", "state=resume")
    submitted.finish(running)

    assert [(job.state, job.restarts) for job in submitted.jobs] == [("COMPLETED", 1), ("COMPLETED", 0)]
    submitted.assert_as_undisturbed(undisturbed)


def test_a_job_over_its_time_limit_gets_more_on_a_cluster_without_gpus(submitted, undisturbed):
    submitted.set_site_facts(gpus=False)
    submitted.options = []  # as shipped, but for the switch
    running = submitted.start()
    late = until(lambda: [job for job in submitted.jobs if job.state == "RUNNING"], "a job runs")[0]
    os.kill(until(lambda: submitted.training(late.id), "it trains"), signal.SIGSTOP)  # as on a disk that hangs
    slurm("scontrol", "update", f"jobid={late.id}", "endtime=now+1")  # two hours later
    until(lambda: submitted.job(late.id).state == "TIMEOUT", "SLURM ends it", seconds=120)
    submitted.finish(running)

    jobs = submitted.jobs
    assert {(job.partition, job.gpus) for job in jobs} == {("cpu", "")}
    assert [job.state for job in jobs if job.id != late.id] == ["COMPLETED", "COMPLETED"]
    assert (jobs[-1].memory, jobs[-1].limit) == ("4000M", "04:00:00")
    submitted.assert_as_undisturbed(undisturbed)


def test_ctrl_c_cancels_the_jobs_and_leaves_no_lock(submitted):
    running = submitted.start()
    submitted.caught_training()
    os.killpg(running.pid, signal.SIGINT)  # as a terminal does
    assert running.wait(120) != 0
    until(lambda: {job.state for job in submitted.jobs} == {"CANCELLED"}, "the jobs are cancelled")
    assert not list((submitted.folder / ".snakemake").glob("locks/*"))
    assert submitted.planned()["train_tiny"] == 2


def killed_while_training(submitted):
    """Snakemake is killed while jobs are on the cluster; before and after, a second one is refused. The process that
    trains, held so that its job does not end meanwhile."""
    running = submitted.start()
    trains, _ = submitted.caught_training()
    held = submitted.training(trains.id)
    os.kill(held, signal.SIGSTOP)
    for alive in (True, False):
        if not alive:
            os.killpg(running.pid, signal.SIGKILL)
            running.wait()
        second = submitted.snakemake()
        assert second.returncode != 0
        assert "Directory cannot be locked" in second.stderr
        assert "--unlock" in second.stderr
    assert [job.state for job in submitted.jobs] == ["RUNNING", "PENDING"]
    return held


def typed_after_a_kill():
    """What docs/cluster.md has one type, up to the new start, with this experiment's configuration."""
    block = re.search(r"^## After a kill$.*?```bash\n(.*?)```", DOCS.read_text(), re.S | re.M)[1]
    *commands, start = block.splitlines()
    assert start == ".venv/bin/snakemake --workflow-profile workflow/profiles/slurm"
    assert len(commands) == 2
    here = f"{sys.executable} -m snakemake --configfile tiny.yaml"
    return [command.replace(".venv/bin/snakemake", here) for command in commands]


def test_after_a_kill_what_the_docs_say_works(submitted, undisturbed):
    killed_while_training(submitted)
    for command in typed_after_a_kill():
        subprocess.run(["bash", "-c", command], cwd=submitted.folder, env=submitted.environment, check=True)
    until(lambda: {job.state for job in submitted.jobs} == {"CANCELLED"}, "nothing is left over")
    submitted.finish(submitted.start())

    assert [job.state for job in submitted.jobs] == ["CANCELLED", "CANCELLED", "COMPLETED", "COMPLETED"]
    submitted.assert_as_undisturbed(undisturbed)


def test_left_over_jobs_that_nobody_cancels_do_no_harm(submitted, undisturbed):
    submitted.profile = "cluster-generic"
    held = killed_while_training(submitted)
    unlocked = submitted.snakemake("--unlock")
    assert unlocked.returncode == 0, unlocked.stderr
    running = submitted.start()
    until(lambda: len(submitted.jobs) == 4, "both are submitted again")
    os.kill(held, signal.SIGCONT)
    submitted.finish(running)

    assert [job.state for job in submitted.jobs] == ["COMPLETED"] * 4
    submitted.assert_as_undisturbed(undisturbed)
