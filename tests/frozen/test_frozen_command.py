"""`mine frozen` as a person and a rule call it, from training to one table of all runs."""

import re

import numpy as np
import pandas as pd
import pytest

from mine.cli import main

TRAIN = (
    "train --variant ema --dim 1 --rho 0.9 --steps 20 --batch-size 8 --hidden 4 --eval-every 20 --product derangement"
)
SMALL = "--batch-sizes 8,64 --ema-rates 1,0.1 --samples 4096"


def mine(text, **paths):
    return main([part.format(**paths) for part in text.split()])


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    files = "--output {run} --checkpoints 0,5,10,20 --critics {critics}"
    assert mine(f"{TRAIN} --seed 0-1 {files}", run=folder / "{seed}.parquet", critics=folder / "{seed}.npz") == 0
    return folder


def measure(trained, to, seed=0, steps="10,20", more=SMALL):
    outputs = " ".join(f"--{name} {to / name}-{seed}.parquet" for name in ("bias", "directions", "identities"))
    return mine(f"frozen measure --critics {trained / str(seed)}.npz --steps {steps} {more} {outputs}")


def test_from_critics_to_one_table_of_all_runs(trained, tmp_path, capsys):
    for seed in (0, 1):
        assert measure(trained, tmp_path, seed) == 0
    assert "d=1 rho=0.9 seed 1: critic after 20 updates" in capsys.readouterr().err
    parts = [tmp_path / f"bias-{seed}.parquet" for seed in (1, 0)]
    assert (
        mine("frozen gather {one} {two} --output {out}", one=parts[0], two=parts[1], out=tmp_path / "all.parquet") == 0
    )
    whole = pd.read_parquet(tmp_path / "all.parquet")
    assert capsys.readouterr().out == f"{tmp_path / 'all.parquet'}: {len(whole)} rows of 2 tables\n"
    pd.testing.assert_frame_equal(whole, pd.concat([pd.read_parquet(part) for part in parts], ignore_index=True))
    assert set(whole["step"]) == {10, 20}
    assert whole["seed"].drop_duplicates().tolist() == [1, 0]
    assert (whole["dim"] == 1).all()


def test_the_same_again_is_the_same_bytes(trained, tmp_path):
    for again in ("a", "b"):
        (tmp_path / again).mkdir()
        assert measure(trained, tmp_path / again) == 0
    for name in ("bias", "directions", "identities"):
        one, two = ((tmp_path / again / f"{name}-0.parquet").read_bytes() for again in ("a", "b"))
        assert one == two


def test_lag_along_a_run(trained, tmp_path):
    out = tmp_path / "lag.parquet"
    run, critics = trained / "0.parquet", trained / "0.npz"
    assert mine("frozen lag --critics {c} --trace {r} --output {out}", c=critics, r=run, out=out) == 0
    table, trace = pd.read_parquet(out), pd.read_parquet(run, partitioning=None).set_index("step")
    assert table["step"].tolist() == [0, 5, 10]  # the critic after 20 updates trained no more
    assert np.allclose(table["log_v"], trace.loc[table["step"] + 1, "log_ema"])
    # What is left of v is what lag and noise do not explain.
    error = np.exp(table["log_v"] - table["log_expectation"]) - 1.0
    assert np.allclose(table["lag"] + table["noise"], error)


@pytest.mark.parametrize(
    ("steps", "more", "message"),
    [
        ("10,15", SMALL, r"0\.npz: no critic after 15 updates; it has 0, 5, 10, 20"),
        ("30", SMALL, r"steps: '30' is not a number of updates from 1 to 20"),
        ("10", "--batch-sizes 8,x", "batch-sizes: 'x' is not a whole number"),
        ("10", "--batch-sizes 16,64", "batch-sizes: without 8"),
        ("10", "--ema-rates 1,fast", "ema-rates: 'fast' is not a number"),
        ("10", "--ema-rates 2", r"ema-rates: 2 is not a number in \(0, 1\]"),
        ("10", "--samples many", "samples: 'many' is not a whole number"),
        ("10", f"{SMALL} --samples 9", "samples: 9 is not a whole number of at least 4096"),
        ("10", f"{SMALL} --threads 0", "threads: 0 is not"),
        ("10", f"{SMALL} --threads two", "threads: 'two' is not"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(trained, tmp_path, capsys, steps, more, message):
    assert measure(trained, tmp_path, steps=steps, more=more) == 2
    error = capsys.readouterr().err
    assert error.startswith("mine: error: ")
    assert error.count("\n") == 1
    assert re.search(message, error)
    assert list(tmp_path.iterdir()) == []


def test_files_that_are_not_what_they_should_be(trained, tmp_path, capsys):
    def refused(message, text, **paths):
        assert mine(text, **paths) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert re.search(message, error)

    lag = "frozen lag --critics {c} --trace {r} --output {out}"
    out = tmp_path / "out.parquet"
    one, run, other = trained / "0.npz", trained / "0.parquet", trained / "1.parquet"
    refused(r"1\.parquet: its cell is not that of .*0\.npz", lag, c=one, r=other, out=out)
    refused(r"none\.npz: not a readable file of critics", lag, c=tmp_path / "none.npz", r=run, out=out)
    refused(r"0\.npz: not a readable results file", lag, c=one, r=one, out=out)
    refused("cannot be written", lag, c=one, r=run, out=trained)
    gather = "frozen gather {a} {b} --output {out}"
    refused(r"none\.parquet: not a readable table", gather, a=run, b=tmp_path / "none.parquet", out=out)
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "a.parquet")
    refused(r"a\.parquet: other columns than .*0\.parquet", gather, a=run, b=tmp_path / "a.parquet", out=out)
    same = "frozen measure --critics {c} --steps 10 --bias {a} --directions {a} --identities {b}"
    refused("named as two outputs at once", same, c=one, a=out, b=run)
    refused("is an input too", lag, c=one, r=run, out=trained / ".." / trained.name / "0.parquet")
    refused("is an input too", lag, c=one, r=run, out=one)
    refused("is an input too", gather, a=tmp_path / "a.parquet", b=run, out=tmp_path / "a.parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]


@pytest.mark.parametrize("text", ["frozen", "frozen melt", "frozen measure", "frozen gather --output x"])
def test_a_wrong_command_line_is_one_line(capsys, text):
    with pytest.raises(SystemExit) as exit_code:
        mine(text)
    assert exit_code.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1
