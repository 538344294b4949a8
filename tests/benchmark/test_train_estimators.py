"""`mine train` on estimators and tasks, as a person and a rule call it."""

from __future__ import annotations

import pytest
from factories import VARIANTS

from mine.cli import main
from mine.engine import instruments
from mine.errors import UserError
from mine.estimators.names import ESTIMATORS
from mine.experiments import expand, seed_blocks
from mine.provenance import statements, training_code_hash
from mine.runs import read_run, run_of
from mine.settings import Cell
from mine.trace import read_trace

TINY = ["--dim", "2", "--steps", "5", "--batch-size", "4", "--hidden", "4", "--embedding", "4", "--threads", "1"]


@pytest.fixture(autouse=True)
def few_heldout_pairs(monkeypatch):
    monkeypatch.setattr(instruments, "HELDOUT_PAIRS", 40)
    monkeypatch.setattr(instruments, "POPULATION_PAIRS", 40)


def mine(*arguments):
    return main([str(argument) for argument in arguments])


def test_a_staircase_is_written_and_read_back(tmp_path, capsys):
    output = tmp_path / "seed={seed}.parquet"
    assert (
        mine("train", "--variant", "nwj", "--task", "cubic", "--mi", "1,2", *TINY, "--seed", "0-1", "--output", output)
        == 0
    )
    assert capsys.readouterr().out.count("completed") == 2
    trace = read_trace(tmp_path / "seed=1.parquet")
    assert trace.metadata["cell"] == {
        "variant": "nwj", "dim": 2, "rho": None, "seed": 1, "critic": "concat", "task": "cubic", "mi": [1.0, 2.0],
    }  # fmt: skip
    assert trace.metadata["code"] == training_code_hash("nwj", "cubic")
    assert len(read_run(run_of(tmp_path / "seed=1.parquet", trace.metadata)).frame) == 11


def test_the_same_command_gives_the_same_bytes(tmp_path):
    for name in ("one", "other"):
        arguments = ["--variant", "flo", "--rho", "0.9", *TINY, "--seed", "3", "--output", tmp_path / name]
        assert mine("train", *arguments) == 0
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_rho_means_the_gaussian_task_of_that_correlation(tmp_path):
    assert mine("train", "--variant", "club", "--rho", "0.9", *TINY, "--seed", "3", "--output", tmp_path / "run") == 0
    trace = read_trace(tmp_path / "run")
    assert trace.frame["mi_true"].iloc[0] == pytest.approx(1.6607312068216509)
    assert trace.metadata["cell"]["critic"] == "density"


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("data", [["--rho", "0.9"], ["--task", "cubic", "--mi", "1,2"]])
def test_an_objective_of_mine_is_trained_with_a_separable_critic_and_up_a_staircase(tmp_path, variant, data):
    arguments = ["--variant", variant, "--critic", "separable", *data, *TINY, "--seed", "3"]
    assert mine("train", *arguments, "--output", tmp_path / "run") == 0
    trace = read_trace(tmp_path / "run")
    assert trace.metadata["cell"]["critic"] == "separable"
    assert trace.metadata["outcome"] == "completed"
    assert trace.frame["log_ema"].notna().sum() == variant.startswith("ema") * (len(trace.frame) - 1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--variant", "nwjj", "--rho", "0.9"], "variant: 'nwjj' is unknown; allowed are biased,"),
        (["--variant", "infonce", "--critic", "concat", "--rho", "0.9"], "critic: 'concat' is none that infonce"),
        (["--variant", "nwj", "--critic", "deep", "--rho", "0.9"], "critic: 'deep' is unknown"),
        (["--variant", "ema"], "rho: give the data by --rho"),
        (["--variant", "nwj"], "rho: give the data by --rho"),
        (["--variant", "nwj", "--rho", "0.9", "--mi", "2"], "rho: give the data by --rho"),
        (["--variant", "nwj", "--task", "cubic", "--rho", "0.9"], "rho: task 'cubic' is given by its"),
        (["--variant", "nwj", "--task", "moons", "--mi", "2"], "task: 'moons' is unknown"),
        (["--variant", "nwj", "--mi", "2,x"], "mi: '2,x' is not a list of numbers"),
        (["--variant", "nwj", "--mi", "nan"], "mi: nan is not a number in [0, inf)"),
        (["--variant", "nwj", "--task", "student-t", "--mi", "0.0001"], "mi: 0.0001 is not in"),
        (["--variant", "nwj", "--rho", "1.5"], "rho: 1.5"),
        (["--variant", "nwj", "--mi", "1,2", "--data", "50"], "data: 50 up a staircase, which has fresh pairs"),
        (["--variant", "nwj", "--rho", "0.9", "--product", "all"], "product: 'all' is unknown"),
        (["--variant", "nwj", "--rho", "0.9", "--average", "1"], "average: 1.0 is not a number in [0, 1)"),
        (["--variant", "nwj", "--rho", "0.9", "--eval-every", "1" * 20], "is not a whole number of at most 100,000"),
        (["--variant", "nwj", "--rho", "half"], "rho: 'half' is not a number in (-1, 1)"),
        (["--variant", "nwj", "--rho", "0.9", "--device", "cpu", "--tf32"], "tf32: only a CUDA device has it"),
        (["--variant", "interpolated", "--rho", "0.9", "--alpha", "1.5"], "alpha: 1.5 is not a number in [0, 1]"),
        (["--variant", "smile", "--rho", "0.9", "--smile-tau", "0"], "smile_tau: 0.0 is not a number in (0, inf)"),
        (["--variant", "nwj", "--rho", "0.9", "--checkpoints", "1"], "checkpoints: critics that no file is named for"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line_and_leaves_nothing(tmp_path, capsys, arguments, words):
    assert mine("train", *arguments, *TINY, "--seed", "0", "--output", tmp_path / "run") == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_show_prints_a_run_of_an_estimator(tmp_path, capsys):
    mine("train", "--variant", "nwj", "--mi", "1,2", *TINY, "--seed", "0", "--output", tmp_path / "run")
    capsys.readouterr()
    assert mine("show", tmp_path / "run") == 0
    text = capsys.readouterr().out
    assert "nwj" in text
    assert "truth 2.0000" in text
    assert mine("show", tmp_path / "run", "--json") == 0
    assert '"stairs"' in capsys.readouterr().out


def test_every_pair_that_exists_is_planned_once():
    benchmark = {
        "grid": {
            "variant": ["nwj", "infonce", "club"],
            "critic": ["concat", "separable"],
            "task": ["gaussian"],
            "dim": [1, 2],
            "mi": [1, [1, 2.5]],
            "seeds": "0-24",
        },
    }
    planned = list(expand(benchmark))
    assert len(planned) == len({run.path for run in planned}) == 3 * 2 * 2 * 25
    assert planned[0].path == "setting=base/critic=concat/variant=nwj/task=gaussian/dim=1/mi=1/seed=0.parquet"
    assert planned[25].path == "setting=base/critic=concat/variant=nwj/task=gaussian/dim=1/mi=1,2.5/seed=0.parquet"
    assert planned[25].cell.truths == (1.0, 2.5)
    assert len(seed_blocks(list(range(25)), 20)) == 2
    with pytest.raises(UserError, match="no estimator of"):
        list(expand({**benchmark, "grid": {**benchmark["grid"], "variant": ["club"]}}))


def test_another_estimators_file_leaves_a_result_fresh():
    assert training_code_hash("nwj", "gaussian") != training_code_hash("tuba", "gaussian")
    assert training_code_hash("nwj", "gaussian") != training_code_hash("nwj", "uniform")
    assert training_code_hash("smile", "gaussian") == training_code_hash("smile", "gaussian")


def test_mines_objectives_are_of_the_family_and_come_first():
    assert tuple(ESTIMATORS)[: len(VARIANTS)] == VARIANTS


@pytest.mark.parametrize(
    ("name", "value"), [("dim", 0), ("dim", True), ("seed", -1), ("task", ";x"), ("variant", "../x"), ("mi", (-1.0,))]
)
def test_a_cell_refuses_what_must_not_reach_a_path(name, value):
    good = {"critic": "separable", "variant": "nwj", "dim": 1, "seed": 0, "rho": None, "mi": (1.0,)}
    Cell(**good)
    with pytest.raises(UserError, match=name):
        Cell(**{**good, name: value})


def test_docstrings_leave_the_hash_alone_and_statements_do_not():
    source = (
        b'"""Module."""\n\nA = "text"\n"""Of A."""\n\n\ndef f():\n    """Two\n    lines.\n    """\n    return "kept"\n'
    )
    assert statements(source) == b'A = "text"\ndef f():\n    return "kept"\n'
    # Counting lines must not be thrown off by a docstring removed before.
    assert b"Of" not in statements(b'"""1\n2."""\nX = 1\n"""Of X."""\nclass C:\n    """C."""\n    y = 2\n')
