"""`mine train` and `mine show` as a person and a rule call them."""

import json
import os
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch

from mine.cli import main
from mine.engine.runs import gaussian_runs
from mine.engine.sources import source_of
from mine.errors import UserError
from mine.frozen.critics import read_critics
from mine.frozen.gradients import FrozenCritic
from mine.settings import TrainingSettings
from mine.trace import read_trace

TINY = [
    "--variant",
    "ema",
    "--dim",
    "1",
    "--rho",
    "0.9",
    "--steps",
    "20",
    "--batch-size",
    "8",
    "--hidden",
    "4",
    "--eval-every",
    "20",
]


def mine(*arguments):
    return main([str(argument) for argument in arguments])


def test_one_seed_writes_one_run(tmp_path, capsys):
    output = tmp_path / "run.parquet"
    assert mine("train", *TINY, "--seed", 3, "--output", output) == 0
    assert capsys.readouterr().out == f"{output}: completed\n"
    trace = read_trace(output)
    assert trace.metadata["cell"] == {
        "variant": "ema", "dim": 1, "rho": 0.9, "seed": 3, "critic": "concat", "task": "gaussian", "mi": None,
    }  # fmt: skip
    assert trace.metadata["settings"]["batch_size"] == 8
    assert set(trace.metadata["settings"]) == set(TrainingSettings().to_dict())
    assert len(trace.frame) == 21


def test_several_seeds_write_a_file_each_and_the_same_as_alone(tmp_path):
    assert mine("train", *TINY, "--seed", "0-1,4", "--output", tmp_path / "seed={seed}.parquet") == 0
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["seed=0.parquet", "seed=1.parquet", "seed=4.parquet"]
    assert mine("train", *TINY, "--seed", 4, "--output", tmp_path / "alone.parquet") == 0
    assert (tmp_path / "alone.parquet").read_bytes() == (tmp_path / "seed=4.parquet").read_bytes()


def test_critics_are_kept_with_the_runs_own_metadata_and_change_nothing_else(tmp_path):
    kept = ["--checkpoints", "0,5,20", "--critics", tmp_path / "seed={seed}.npz"]
    assert mine("train", *TINY, "--seed", "0,3", "--output", tmp_path / "seed={seed}.parquet", *kept) == 0
    assert mine("train", *TINY, "--seed", 3, "--output", tmp_path / "alone.parquet") == 0
    assert (tmp_path / "alone.parquet").read_bytes() == (tmp_path / "seed=3.parquet").read_bytes()
    critics, trace = read_critics(tmp_path / "seed=3.npz"), read_trace(tmp_path / "seed=3.parquet")
    assert critics.steps.tolist() == [0, 5, 20]
    assert {key: critics.metadata[key] for key in trace.metadata if key != "contract"} == {
        key: value for key, value in trace.metadata.items() if key != "contract"
    }
    # What row 6 of the trace says of its batch, the critic after 5 updates says too.
    batch = source_of(gaussian_runs(1, 0.9, [3]), critics.settings, "cpu").take(10)
    x, z, z_product = (part[0, 5] for part in (batch.x, batch.z, batch.z_product))
    model = FrozenCritic.of(critics, 5)
    joint, product = (model.scores(torch.cat([x, other], 1)) for other in (z, z_product))
    row = trace.frame.iloc[5]
    assert row["joint_mean"] == pytest.approx(joint.mean().item(), abs=1e-6)
    assert row["log_mean_exp"] == pytest.approx(product.exp().mean().log().item(), abs=1e-6)


def test_a_run_that_overflows_keeps_the_critics_it_got_to(tmp_path):
    output, critics = tmp_path / "run.parquet", tmp_path / "critics.npz"
    wild = (
        "--variant biased --dim 5 --rho 0.99 --optimizer sgd --learning-rate 5 --steps 200 --batch-size 32 --hidden 16"
    )
    kept = ["--checkpoints", "0,200", "--critics", critics]
    assert mine("train", *wild.split(), "--seed", 0, "--output", output, *kept) == 0
    found = read_critics(critics)
    assert found.steps.tolist() == [0]
    with pytest.raises(UserError, match=r"no critic after 200 updates; the run overflowed at step \d+; it has 0"):
        found.at(200)


def test_a_run_that_overflows_is_a_result(tmp_path, capsys):
    output = tmp_path / "run.parquet"
    wild = [
        "--variant",
        "biased",
        "--dim",
        "5",
        "--rho",
        "0.99",
        "--optimizer",
        "sgd",
        "--learning-rate",
        "5",
        "--steps",
        "200",
        "--batch-size",
        "32",
    ]
    assert mine("train", *wild, "--hidden", 16, "--seed", 0, "--output", output) == 0
    assert re.search(r"overflow at step \d+", capsys.readouterr().out)
    metadata = read_trace(output).metadata
    assert metadata["outcome"] == "overflow"
    table = pq.read_table(output, partitioning=None)
    assert table["step"][-1].as_py() == metadata["overflow_step"]
    assert not np.isfinite(table["mi_batch"][-1].as_py() + (table["grad_norm"][-1].as_py() or 0.0))
    capsys.readouterr()
    assert mine("show", output) == 0
    assert f"overflow at step {metadata['overflow_step']}" in capsys.readouterr().out


def test_show_prints_the_numbers_of_the_file(tmp_path, capsys):
    output = tmp_path / "run.parquet"
    mine("train", *TINY, "--seed", 3, "--output", output)
    capsys.readouterr()
    assert mine("show", output) == 0
    text = capsys.readouterr().out
    last = pd.read_parquet(output, partitioning=None).iloc[-1]
    assert f"{last['mi_population']:.4f} nats" in text
    assert "0.8304 nats" in text
    assert mine("show", output, "--json") == 0
    assert json.loads(capsys.readouterr().out)["summary"]["mi_heldout"] == last["mi_heldout"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--rho", "1"], r"rho: 1\.0 is not a number in \(-1, 1\)"),
        (["--rho", "high"], r"rho: 'high' is not a number in \(-1, 1\)"),
        (["--rho", "nan"], r"rho: nan"),
        (["--dim", "0"], r"dim: 0 is not a whole number of at least 1"),
        (["--batch-size", "1"], r"batch_size: 1 is not a whole number of at least 2"),
        (["--steps", "0"], r"steps: 0 is not a whole number of at least 1"),
        (["--steps", "1.5"], r"steps: '1.5' is not a whole number"),
        (["--variant", "emma"], r"variant: 'emma' is unknown; allowed are biased, .*ema"),
        (["--ema-rate", "0"], r"ema_rate: 0\.0 is not a number in \(0, 1\]"),
        (["--learning-rate", "-1"], r"learning_rate: -1\.0"),
        (["--data", "7"], r"data: 7 is not a whole number of at least 8 \(the batch size\)"),
        (["--data", "flow"], r"data: 'flow'"),
        (["--product", "mix"], r"product: 'mix' is unknown; allowed are permutation"),
        (["--seed", "3-1"], r"seed: range '3-1' runs backwards"),
        (["--seed", "x"], r"seed: 'x' is not a list of seeds"),
        (["--seed", "0-1"], r"output: .* is one file for 2 seeds"),
        (["--grad-clip", "0"], r"grad_clip: 0\.0"),
        (["--critic", "deep"], r"critic: 'deep' is unknown; allowed are separable, concat, concat-all, density"),
        (["--critic", "density"], r"critic: 'density' is none that ema exists with; allowed are concat, separable"),
        (["--mi", "2"], r"rho: give the data by --rho \(correlation\) or by --mi"),
        (["--task", "cubic"], r"rho: task 'cubic' is given by its mutual information: use mi in place"),
        (["--epochs", "5"], r"epochs: --epochs 5 with --steps 20; give one of the two"),
        (["--record-every", "21"], r"record_every: 21 is beyond the run's 20 updates"),
        (["--record-every", "epoch"], r"record_every: 'epoch' needs a data set"),
        (["--record-every", "day"], r"record_every: 'day' is neither 'epoch' nor a whole number of updates"),
        (["--last-batch", "keep"], r"last_batch: 'keep' needs a data set"),
        (
            ["--data", "17", "--last-batch", "keep", "--product", "derangement"],
            r"last_batch: .* which has no derangement",
        ),
        (["--threads", "0"], r"threads: 0 is not a whole number from 1 to 1024"),
        (["--device", "cpu", "--tf32"], r"tf32: only a CUDA device has it"),
        (["--dim", "100000000000000000000"], r"dim: 1\d+ is not a whole number of at most 10,000"),
        (["--dim", "1e20"], r"dim: '1e20' is not a whole number"),
        (["--hidden", "1000000000"], r"hidden: 1000000000 is not a whole number of at most 16,384"),
        (["--layers", "1000000000"], r"layers: 1000000000 is not a whole number of at most 100"),
        (["--batch-size", "10000000000"], r"batch_size: 10000000000 is not a whole number of at most 1,000,000"),
        (["--hidden", "16384", "--layers", "100"], r"hidden: 16384 units in 100 layers at dim 1 need 396 GiB"),
        (["--seed", "99999999999999999999"], r"seed: '9+' is not a list of seeds"),
        (["--seed", "0-999999,1000000-1999999"], r"seed: more than 1,000,000 seeds in all"),
        (["--threads", "two"], r"threads: 'two' is not a whole number from 1 to 1024"),
        (["--threads", "nan"], r"threads: 'nan' is not"),
        (["--threads", "1e20"], r"threads: '1e20' is not"),
        (["--threads", "100000"], r"threads: 100000 is not"),
        (["--checkpoints", "10"], r"checkpoints: critics that no file is named for; add --critics FILE"),
        (["--critics", "c.npz"], r"critics: a file for critics of no step; add --checkpoints STEPS"),
        (
            ["--critics", "c.npz", "--checkpoints", "10,21"],
            r"checkpoints: '21' is not a number of updates from 1 to 20",
        ),
        (["--critics", "c.npz", "--checkpoints", "ten"], r"checkpoints: 'ten' is not a number of updates"),
        (
            ["--critics", "c.npz", "--checkpoints", "1", "--seed", "0-1", "--output", "{seed}"],
            r"critics: 'c.npz' is one",
        ),
        (
            ["--critics", "run.parquet", "--checkpoints", "1", "--output", "run.parquet"],
            r"critics: .* is the output too",
        ),
        (
            ["--critics", "{seed}/../same", "--checkpoints", "1", "--output", "same"],
            r"critics: '\{seed\}/\.\./same' is the output too",
        ),
        (["--seed", "0-1", "--output", "{seed}/../same"], r"output: '\{seed\}/\.\./same' is one file for several"),
        (["--output", "/dev/null"], r"/dev/null: cannot be written \(it is a device, no regular file\)"),
        (["--output", "n" * 240], r"n: cannot be written \(File name too long\)"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(tmp_path, capsys, change, message):
    output = tmp_path / "run.parquet"
    assert mine("train", *TINY, "--seed", 3, "--output", output, *change) == 2
    error = capsys.readouterr().err
    assert error.startswith("mine: error: ")
    assert error.count("\n") == 1
    assert re.search(message, error)
    assert list(tmp_path.iterdir()) == []


def without_steps():
    at = TINY.index("--steps")
    return [*TINY[:at], *TINY[at + 2 :]]


@pytest.mark.parametrize("epochs", ["5", "0", "x"])
def test_epochs_without_a_data_set_write_nothing(tmp_path, capsys, epochs):
    assert mine("train", *without_steps(), "--seed", 3, "--output", tmp_path / "r.parquet", "--epochs", epochs) == 2
    error = capsys.readouterr().err
    assert re.fullmatch(r"mine: error: epochs: .*\n", error)
    assert list(tmp_path.iterdir()) == []


def test_every_estimator_takes_every_option(tmp_path):
    """No option switches to another loop: NWJ by epochs of a data set, in windows, with its critics kept."""
    output, critics = tmp_path / "run.parquet", tmp_path / "critics.npz"
    by_epochs = ["--variant", "nwj", "--data", "43", "--epochs", "20", "--record-every", "epoch", "--seed", "3"]
    kept = ["--checkpoints", "0,50", "--critics", critics]
    assert mine("train", *without_steps(), *by_epochs, "--output", output, *kept) == 0
    frame = read_trace(output).frame
    assert frame["epoch"].dropna().tolist() == list(range(1, 21))
    assert frame["mi_population"].notna().sum() == frame["mi_heldout"].notna().sum() > 1
    assert read_critics(critics).steps.tolist() == [0, 50]


def test_a_negative_rho_keeps_its_sign_with_every_estimator(tmp_path):
    for variant in ("ema", "nwj"):
        output = tmp_path / f"{variant}.parquet"
        assert mine("train", *TINY, "--variant", variant, "--rho=-0.5", "--seed", 3, "--output", output) == 0
        assert read_trace(output).metadata["cell"]["rho"] == -0.5


def test_a_run_by_epochs_is_written_and_shown(tmp_path, capsys):
    output = tmp_path / "run.parquet"
    by_epochs = ["--data", "43", "--last-batch", "keep", "--epochs", "20", "--record-every", "epoch"]
    assert mine("train", *without_steps(), *by_epochs, "--seed", 3, "--output", output) == 0
    trace = read_trace(output)
    assert (trace.metadata["settings"]["epochs"], trace.metadata["settings"]["steps"]) == (20, 120)
    assert trace.frame["step"].tolist() == [*range(6, 121, 6), 121]
    capsys.readouterr()
    assert mine("show", output) == 0
    text = capsys.readouterr().out
    settings = next(line for line in text.splitlines() if line.startswith("settings"))
    assert "epochs 20" in settings
    assert "steps" not in settings.replace("term_norms", "")
    assert "21, one an epoch of 6 updates" in text
    assert "sd of the windows' means" in text
    # The number that is shown is over the last tenth's updates: the last two epochs, and the look after them.
    window, look = trace.frame["mi_batch_mean"].iloc[18:20], trace.frame["mi_batch"].iloc[-1]
    assert f"{(6 * window.sum() + look) / 13:.4f} nats" in text


def test_runs_of_windows_are_collected_wherever_they_ended(tmp_path, capsys):
    wild = (
        "--variant biased --dim 5 --rho 0.99 --optimizer sgd --learning-rate 2 --steps 60 --batch-size 16 --hidden 16"
    )
    output = tmp_path / "runs" / "seed={seed}.parquet"
    assert mine("train", *wild.split(), "--record-every", 7, "--seed", "0-3", "--output", output) == 0
    ends = [int(step) for step in re.findall(r"overflow at step (\d+)", capsys.readouterr().out)]
    assert ends, "a run must overflow to test this"
    assert any(end % 7 for end in ends)
    tables = [f"--{name}={tmp_path / name}.parquet" for name in ("summary", "curves", "evaluations")]
    assert mine("collect", tmp_path / "runs", *tables) == 0
    assert sorted(pd.read_parquet(tmp_path / "summary.parquet")["overflow_step"].dropna()) == sorted(ends)


def test_an_unwritable_output_stops_before_training(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert mine("train", *TINY, "--seed", 3, "--output", tmp_path / "file" / "run.parquet") == 2
    assert "cannot be written" in capsys.readouterr().err


def test_cuda_without_a_gpu_is_refused(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert mine("train", *TINY, "--seed", 3, "--output", tmp_path / "r.parquet", "--device", "cuda") == 2
    assert "device: 'cuda'" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["train"], ["train", *TINY, "--sped", "3"], ["trian"]])
def test_a_wrong_command_line_is_one_line(capsys, arguments):
    with pytest.raises(SystemExit) as exit_code:
        mine(*arguments)
    assert exit_code.value.code == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert re.match(r"mine( train)?: error: .*; see mine( train)? --help", error)


def test_help_explains_every_setting(capsys):
    with pytest.raises(SystemExit):
        mine("train", "--help")
    text = capsys.readouterr().out
    for name in TrainingSettings().to_dict():
        assert f"--{name.replace('_', '-')}" in text


def test_the_module_runs_without_an_activated_environment(tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != "PATH"}
    done = subprocess.run(
        [sys.executable, "-m", "mine", "show", tmp_path / "none.parquet"],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("mine: error: ")
    assert "no such file" in done.stderr
