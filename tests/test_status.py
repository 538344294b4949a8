"""`mine status`: what it counts, which damage it sees, which jobs it calls failed, and what it deletes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from base64 import urlsafe_b64encode
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from factories import write_run

from mine.cli import main
from mine.experiments import expand
from mine.provenance import training_code_hash
from mine.settings import TrainingSettings

TRAINING = {"steps": 20, "eval_every": 10}
CONFIG = {
    "results": "results",
    "experiments": {
        "one": {
            "grid": {"variant": ["biased", "ema"], "dim": [1], "rho": [-0.5, 0.9], "seeds": "0-2"},
            "training": TRAINING,
            "settings": {"base": {}, "n=500": {"data": 500}},
        },
        "two": {"grid": {"variant": ["ema"], "dim": [2], "rho": [0.9], "seeds": "0-1"}, "training": TRAINING},
    },
}
RUN = "results/two/runs/setting=base/critic=concat/variant=ema/task=gaussian/dim=2/rho=0.9/seed=0.parquet"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A project's folder, with CONFIG and no results, as the working directory; 100 columns, 40 lines of screen."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.setenv("LINES", "40")
    Path("config.yaml").write_text(yaml.safe_dump(CONFIG, sort_keys=False))
    return tmp_path


def make(name, *, keep=lambda run: True, overflow=lambda run: False):
    """Write an experiment's runs, by this version of the code."""
    for run in filter(keep, expand(CONFIG["experiments"][name])):
        write_run(
            Path("results", name, "runs"), setting=run.setting, variant=run.variant, dim=run.dim, rho=float(run.rho),
            seed=run.seed, training=run.training, overflow_step=15 if overflow(run) else None,
            metadata={"code": training_code_hash("ema")},
        )  # fmt: skip


def status(*arguments):
    """The exit code."""
    return main(["status", "--config", "config.yaml", *map(str, arguments)])


def told(capsys, *arguments, code=0):
    """What --json says."""
    capsys.readouterr()
    assert status("--json", *arguments) == code
    return json.loads(capsys.readouterr().out)


def collect(name):
    tables = [f"--{table}=results/{name}/{table}.parquet" for table in ("summary", "curves", "evaluations")]
    assert main(["collect", f"results/{name}/runs", "--grid", json.dumps(CONFIG["experiments"][name]), *tables]) == 0


def log(path, text):
    path = Path("results/logs", path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def mark(file):
    """Snakemake's mark on a file whose job has begun and not ended: its name in base64, in pieces if it is long."""
    encoded = urlsafe_b64encode(file.encode()).decode()
    *folders, last = [encoded[i : i + 100] for i in range(0, len(encoded), 100)]
    path = Path(".snakemake/incomplete", *(f"@{part}" for part in folders), last)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{}")


def lock(*files):
    Path(".snakemake/locks").mkdir(parents=True)
    Path(".snakemake/locks/0.output.lock").write_text("".join(f"{file}\n" for file in files))


# ---------------------------------------------------------------- counting


def test_every_run_is_counted_once_in_its_cell(capsys):
    make("one", keep=lambda run: run.seed < 2, overflow=lambda run: run.variant == "biased" and run.seed == 0)
    make("two")
    Path(RUN).write_bytes(b"")
    found = told(capsys, code=1)
    assert found["results"] == "results"
    cells = found["experiments"]["one"]["cells"]
    assert [(c["setting"], c["variant"], c["dim"], c["truth"]) for c in cells] == [
        (setting, variant, 1, f"rho={rho}") for setting in ("base", "n=500") for variant in ("biased", "ema")
        for rho in (-0.5, 0.9)
    ]  # fmt: skip
    for cell in cells:
        assert (cell["planned"], cell["done"], cell["missing"], cell["damaged"]) == (3, 2, 1, 0)
        assert cell["overflowed"] == (cell["variant"] == "biased")
        assert cell["collected"] == cell["runaway"] == cell["other_code"] == 0
    assert found["experiments"]["two"]["total"]["damaged"] == 1
    total = found["total"]
    assert (total["planned"], total["done"], total["missing"], total["damaged"]) == (26, 17, 8, 1)
    assert total["overflowed"] == 4


def test_nothing_begun_is_no_error(capsys):
    found = told(capsys)
    assert (found["total"]["planned"], found["total"]["missing"]) == (26, 26)
    assert not found["locked"]
    assert status() == 0
    assert "results: 0 of 26 runs done (0 %), 26 missing" in capsys.readouterr().out


def test_runs_of_other_code_are_told_apart(capsys):
    make("two")
    write_run(Path("results/two/runs"), dim=2, seed=0, training=TrainingSettings(**TRAINING))  # by code "abc123"
    assert told(capsys)["total"]["other_code"] == 1
    status()
    assert "1 run(s) were trained by another version of the code" in capsys.readouterr().out


def test_runaway_is_known_only_of_what_was_collected(capsys):
    make("two")
    for seed, mi_batch in enumerate((1.6, 9.0)):
        write_run(
            Path("results/two/runs"), dim=2, seed=seed, training=TrainingSettings(**TRAINING), mi_batch=mi_batch,
            metadata={"code": training_code_hash("ema")},
        )  # fmt: skip
    assert told(capsys, "two")["total"]["collected"] == 0
    status()
    assert "not collected yet" in capsys.readouterr().out
    collect("two")
    total = told(capsys, "two")["total"]
    assert (total["collected"], total["runaway"]) == (2, 1)
    made = Path("results/two/summary.parquet").stat().st_mtime_ns
    os.utime(RUN, ns=(made + 1, made + 1))  # a run that is newer than the summary
    total = told(capsys, "two")["total"]
    assert (total["done"], total["collected"], total["runaway"]) == (2, 1, 1)
    status("two")
    assert "1 of 1 collected" in capsys.readouterr().out


# ---------------------------------------------------------------- damage


def truncated(path):
    path.write_bytes(path.read_bytes()[:-100])


def emptied(path):
    path.write_bytes(b"")


def noise(path):
    path.write_bytes(np.random.default_rng(0).bytes(path.stat().st_size))


def other_settings(path):
    write_run(Path("results/two/runs"), dim=2, training=TrainingSettings(**TRAINING, learning_rate=0.002))


def other_cell(path):
    path.write_bytes(path.with_name("seed=1.parquet").read_bytes())


def other_contract(path):
    table = pq.read_table(path, partitioning=None)
    held = json.loads(table.schema.metadata[b"mine"])
    pq.write_table(table.replace_schema_metadata({b"mine": json.dumps({**held, "contract": 99})}), path)


def no_metadata(path):
    pq.write_table(pq.read_table(path, partitioning=None).replace_schema_metadata(None), path)


def broken_metadata(path):
    table = pq.read_table(path, partitioning=None)
    pq.write_table(table.replace_schema_metadata({b"mine": b'{"contract": 1, "cell": \xff'}), path)


def another_list(path):
    table = pq.read_table(path, partitioning=None)
    pq.write_table(table.replace_schema_metadata({b"mine": b"[1]"}), path)


def a_folder(path):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (truncated, "not a readable results file"),
        (emptied, "not a readable results file"),
        (noise, "not a readable results file"),
        (broken_metadata, "not a results file of this project (its metadata is no JSON)"),
        (another_list, "not a results file of this project (its metadata is no JSON object)"),
        (a_folder, "not a readable results file"),
        (other_settings, "trained with learning_rate 0.002, the grid says 0.001"),
        (
            other_cell,
            "holds ema (concat), task gaussian, dim 2, rho 0.9, seed 1, its place is that of ema (concat), task",
        ),
        (other_contract, "results file of contract 99"),
        (no_metadata, "not a results file of this project"),
    ],
)
def test_damage_is_seen_and_named(capsys, damage, why):
    make("two")
    damage(Path(RUN))
    found = told(capsys, code=1)
    assert [each["file"] for each in found["damaged"]] == [RUN]
    assert found["damaged"][0]["why"].startswith(why)
    total = found["experiments"]["two"]["total"]
    assert (total["done"], total["damaged"], total["missing"]) == (1, 1, 0)
    assert status() == 1
    text = capsys.readouterr().out
    assert f"  {RUN}: {why}" in text
    assert "1 damaged file(s); --remove-damaged" in text


def test_damage_inside_the_rows_is_seen_where_they_are_read(capsys):
    make("two")
    content = bytearray(Path(RUN).read_bytes())
    content[20:60] = np.random.default_rng(0).bytes(40)
    Path(RUN).write_bytes(content)
    assert told(capsys)["damaged"] == []
    assert [each["file"] for each in told(capsys, "--rows", code=1)["damaged"]] == [RUN]


def test_a_damaged_table_is_named_too(capsys):
    make("two")
    collect("two")
    truncated(Path("results/two/curves.parquet"))
    found = told(capsys, code=1)
    assert [each["file"] for each in found["damaged"]] == ["results/two/curves.parquet"]
    assert found["total"]["damaged"] == 0


def test_only_damaged_files_are_removed_and_each_is_named(capsys):
    make("one")
    make("two")
    collect("two")
    kept = set(Path("results").rglob("*.parquet")) - {Path(RUN)}
    other_settings(Path(RUN))
    inside = Path("results/one/runs/setting=base/critic=concat/variant=ema/task=gaussian/dim=1/rho=0.9/seed=2.parquet")
    content = bytearray(inside.read_bytes())
    content[20:60] = np.random.default_rng(0).bytes(40)  # seen in the rows only
    inside.write_bytes(content)
    assert status("--remove-damaged") == 0
    captured = capsys.readouterr()
    removed = {line.split(": ")[0].removeprefix("removed ") for line in captured.err.splitlines()}
    assert removed == {RUN, str(inside)}
    assert "the grid says 0.001" in captured.err
    assert "24 of 26 runs done (92 %), 2 missing" in captured.out
    assert set(Path("results").rglob("*.parquet")) == kept - {inside}


def test_what_killed_processes_left_is_removed_and_what_live_ones_write_is_not(capsys):
    make("two")
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    left, written = (Path(RUN).with_name(f".seed=0.parquet.{pid}.0f3a.tmp") for pid in (gone.pid, os.getpid()))
    left.write_bytes(b"half")
    written.write_bytes(b"half")
    assert told(capsys)["leftovers"] == sorted(map(str, (left, written)))
    assert status("--remove-damaged") == 0
    assert f"removed {left}: left by a process that was killed" in capsys.readouterr().err
    assert not left.exists()
    assert written.exists()
    assert Path(RUN).exists()


def test_nothing_is_removed_while_a_pipeline_may_be_at_work(capsys):
    make("two")
    emptied(Path(RUN))
    lock(RUN)
    assert status("--remove-damaged") == 2
    error = capsys.readouterr().err
    assert error.startswith("mine: error: results: a pipeline is at work here, or was killed")
    assert error.count("\n") == 1
    assert Path(RUN).exists()


def test_a_lock_on_other_results_is_not_ours(capsys):
    lock(RUN.replace("results/", "results/smoke/"))
    assert not told(capsys)["locked"]
    lock_file = Path(".snakemake/locks/0.output.lock")
    lock_file.write_text(f"{lock_file.read_text()}{RUN}\n")
    assert told(capsys)["locked"]
    assert not told(capsys, "one")["locked"]
    status()
    assert "make unlock" in capsys.readouterr().out


# ---------------------------------------------------------------- jobs

PROGRESS = "ema d=2 rho=0.9 seed 0-1: step 4/20, in-batch 0.11 nats (truth 0.83), 2 of 2 live\n"
KILLED = f'{PROGRESS}environment: line 1: 17260 Killed                  python -m mine "$@"\n'
TRAINING_LOG = "train/two/base/concat_ema_gaussian_2_rho=0.9_0-1.log"


def jobs(capsys, *arguments, code=0):
    return [(job["log"], job["state"], job["missing"]) for job in told(capsys, *arguments, code=code)["jobs"]]


def test_a_job_whose_end_was_seen_and_whose_files_are_missing_failed(capsys):
    Path(".snakemake/incomplete").mkdir(parents=True)
    path = log(TRAINING_LOG, KILLED)
    assert jobs(capsys, code=1) == [(str(path), "failed", 2)]
    assert status() == 1
    text = capsys.readouterr().out
    assert "1 failed job(s), with the last line of each log:" in text
    assert f'  {path}: environment: line 1: 17260 Killed                  python -m mine "$@"' in text


@pytest.mark.parametrize(("locked", "state"), [(True, "begun"), (False, "stopped")])
def test_a_job_whose_end_was_not_seen_is_not_called_failed(capsys, locked, state):
    mark(RUN)
    mark(RUN.replace("seed=0", "seed=1"))
    if locked:
        lock(RUN)
    path = log(TRAINING_LOG, PROGRESS)
    assert jobs(capsys) == [(str(path), state, 2)]
    status()
    assert {"begun": "1 training job(s) begun, 2 runs between them", "stopped": "1 training job(s) were cut off"}[
        state
    ] in capsys.readouterr().out


def test_a_finished_job_whose_file_is_gone_did_not_fail(capsys):
    make("two")
    log(TRAINING_LOG, f"{PROGRESS}{RUN}: completed\n{RUN.replace('seed=0', 'seed=1')}: overflow at step 7\n")
    assert jobs(capsys) == []
    Path(RUN).unlink()
    assert jobs(capsys) == []
    assert told(capsys, "two")["total"]["missing"] == 1


def test_a_job_that_was_not_begun_is_only_missing(capsys):
    log("train/two/base/concat_ema_gaussian_2_rho=0.99_0-1.log", KILLED)  # another rho
    log("train/two/other/concat_ema_gaussian_2_rho=0.9_0-1.log", KILLED)
    log("train/two/base/concat_ema_gaussian_2_rho=0.9_2-3.log", KILLED)  # other seeds
    log("train/two/base/concat_ema_gaussian_2_rho=0.9_notes.log", KILLED)
    assert jobs(capsys) == []


def test_the_latest_log_of_a_run_counts(capsys):
    """runs_per_job may have changed between two calls, and with it the names of the logs."""
    old, new = (
        log("train/two/base/concat_ema_gaussian_2_rho=0.9_0-1.log", KILLED),
        log("train/two/base/concat_ema_gaussian_2_rho=0.9_0.log", PROGRESS),
    )
    os.utime(old, (1, 1))
    mark(RUN)
    assert sorted(jobs(capsys, code=1)) == sorted([(str(new), "stopped", 1), (str(old), "failed", 1)])


@pytest.mark.parametrize(
    ("last", "failed"),
    [
        ("mine: error: results/two/runs/a.parquet: not a readable results file (x)", True),
        ("Traceback (most recent call last):\n  File what\npyarrow.lib.ArrowInvalid: what", True),
        ("Traceback (most recent call last):\n  File what\nAssertionError", True),
        ("Traceback (most recent call last):\n  File what\nKeyboardInterrupt", False),
        ("DeprecationWarning: what", False),
        ("environment: line 1:  1726 Killed                  python", True),
        ("note: 3 file(s) beyond the grid left out, the first: a.parquet", False),
        ("mine: interrupted", False),
        ("\n", False),
    ],
)
def test_other_jobs_failed_where_their_log_ends_with_an_error(capsys, last, failed):
    for name in ("collect/two.log", "figures/two/divergence.log", "claims/runs.log", "frozen/measure/5_0.9_0.log"):
        path = log(name, f"3 of 5 read\nmine: note: what\n{last}\n")
        expected = [(str(path), "failed", 0)] if failed else []
        assert jobs(capsys, code=int(failed)) == expected
        path.unlink()


def test_logs_of_experiments_that_are_not_asked_for_do_not_count(capsys):
    log("collect/two.log", "mine: error: what")
    log("collect/former.log", "mine: error: what")
    log("claims/runs.log", "mine: error: what")
    assert jobs(capsys, "one") == []
    assert len(jobs(capsys, code=1)) == 2


# ---------------------------------------------------------------- the screen


def test_cells_are_shown_where_they_fit(capsys, monkeypatch):
    make("two")
    assert status() == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 40
    assert [line.split()[0] for line in lines if line.startswith(("one ", "two "))] == ["one", "two"]
    assert "  n=500  ema  d=1  ρ=-0.5        3     0        3" in "\n".join(lines)

    monkeypatch.setenv("LINES", "14")
    status()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 14
    assert not [line for line in lines if "ρ=" in line]
    assert "9 cells: --cells, or the name of an experiment, shows them" in lines
    status("--cells")
    assert len([line for line in capsys.readouterr().out.splitlines() if "ρ=" in line]) == 9
    status("two")
    lines = capsys.readouterr().out.splitlines()
    assert len([line for line in lines if "ρ=" in line]) == 1
    assert not [line for line in lines if line.startswith("one")]


def test_only_the_first_damaged_files_are_named_on_the_screen(capsys):
    make("one")
    for path in Path("results/one/runs").rglob("seed=[01].parquet"):
        emptied(path)
    assert status() == 1
    lines = capsys.readouterr().out.splitlines()
    assert len([line for line in lines if "not a readable" in line]) == 5
    assert "  and 11 more; --json lists all" in lines
    assert len(told(capsys, code=1)["damaged"]) == 16


def test_an_experiment_that_is_almost_done_is_not_called_done(capsys):
    make("one", keep=lambda run: run.seed or run.variant == "ema" or run.rho == "0.9" or run.setting != "base")
    make("two")
    status()
    assert "25 of 26 runs done (96 %), 1 missing" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["three"], "experiment: 'three' is unknown; the configuration has one, two"),
        (["--config", "none.yaml"], "none.yaml: cannot be read"),
    ],
)
def test_a_wrong_call_is_one_line(capsys, arguments, message):
    assert status(*arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"mine: error: {message}")
    assert error.count("\n") == 1


def test_looking_changes_nothing(capsys):
    make("two")
    emptied(Path(RUN))
    before = {path: path.stat().st_mtime_ns for path in Path().rglob("*")}
    status("--rows")
    status("--json")
    assert {path: path.stat().st_mtime_ns for path in Path().rglob("*")} == before


def test_runs_of_windows_are_read_and_their_damage_seen(capsys):
    """Rows of epochs are what the grid asks for; the same run with other rows is damaged."""
    grid = {"variant": ["ema"], "dim": [1], "rho": [0.9], "seeds": "0-1"}
    training = {"data": 48, "batch_size": 8, "epochs": 4, "record_every": "epoch"}
    config = {"results": "results", "experiments": {"epochs": {"grid": grid, "training": training}}}
    Path("config.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
    for run in expand(config["experiments"]["epochs"]):
        more = {"window": 4} if run.seed else {}
        place = {"setting": "base", "variant": "ema", "dim": 1, "rho": 0.9, "seed": run.seed, "training": run.training}
        write_run(Path("results/epochs/runs"), **place, **more)
    assert told(capsys)["total"]["done"] == 2
    found = told(capsys, "--rows", code=1)
    assert (found["total"]["done"], found["total"]["damaged"]) == (1, 1)
    assert found["damaged"][0]["why"] == "its rows are not windows of 6 updates of a run"


def test_a_staircase_is_counted_and_not_asked_whether_it_ran_away(capsys):
    grid = {
        "variant": ["nwj"],
        "critic": ["separable"],
        "task": ["cubic"],
        "dim": [1],
        "mi": [[0.5, 1]],
        "seeds": "0-1",
    }
    stairs = {"grid": grid, "training": {"steps": 4, "batch_size": 4, "hidden": 4}, "target": "mine"}
    Path("config.yaml").write_text(yaml.safe_dump({"results": "results", "experiments": {"stairs": stairs}}))
    training = ["--steps", "4", "--batch-size", "4", "--hidden", "4", "--seed", "1"]
    (run,) = [run for run in expand(stairs) if run.seed == 1]
    output = Path("results/stairs/runs", run.path)
    data = ["--critic", "separable", "--task", "cubic", "--dim", "1", "--mi", "0.5,1"]
    assert main(["train", "--variant", "nwj", *data, *training, "--output", str(output)]) == 0
    (cell,) = told(capsys)["experiments"]["stairs"]["cells"]
    assert (cell["planned"], cell["done"], cell["missing"], cell["other_code"]) == (2, 1, 1, 0)
    assert (cell["critic"], cell["task"], cell["truth"]) == ("separable", "cubic", "mi=0.5,1")
    assert status() == 0
    text = capsys.readouterr().out
    assert "nwj (separable)  cubic  d=1  mi=0.5,1" in text
    assert "not collected" not in text
