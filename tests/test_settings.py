"""Settings, seeds and the grid."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mine.errors import UserError
from mine.experiments import canonical_rho, expand, parse_seeds, seed_blocks, training_options
from mine.settings import TrainingSettings

EXPERIMENT = {
    "grid": {"variant": ["biased", "ema"], "dim": [1, 5], "rho": [0.9, 0.95], "seeds": "0-2"},
    "training": {"steps": 10},
    "settings": {"slow": {"ema_rate": 0.001}, "fast": {"ema_rate": 0.1, "steps": 20}},
}


def test_a_grid_expands_to_every_combination_once():
    runs = list(expand(EXPERIMENT))
    assert len(runs) == len({run.path for run in runs}) == 2 * 2 * 2 * 2 * 3
    assert runs[0].path == "setting=slow/variant=biased/dim=1/rho=0.9/seed=0.parquet"
    assert {(run.setting, run.training.steps, run.training.ema_rate) for run in runs} == {
        ("slow", 10, 0.001),
        ("fast", 20, 0.1),
    }


def test_without_named_settings_there_is_one_called_base():
    runs = list(expand({"grid": EXPERIMENT["grid"]}))
    assert {run.setting for run in runs} == {"base"}
    assert runs[0].training == TrainingSettings()


def test_an_unknown_setting_is_refused():
    with pytest.raises(UserError, match="'learning_rat' is unknown"):
        TrainingSettings.from_dict({"learning_rat": 1})


@pytest.mark.parametrize(
    ("value", "text"), [(0.9, "0.9"), ("0.90", "0.9"), (0.95, "0.95"), ("-0.5", "-0.5"), (0, "0.0"), ("9e-1", "0.9")]
)
def test_canonical_rho(value, text):
    assert canonical_rho(value) == text


@given(st.sets(st.integers(0, 300), min_size=1))
def test_seeds_survive_being_written_as_blocks(seeds):
    for size in (1, 3, 8):
        blocks = seed_blocks(sorted(seeds), size)
        if size == 1:
            assert [block.seeds for block in blocks] == ["{seed}"]
        else:
            assert sorted(seed for block in blocks for seed in parse_seeds(block.seeds)) == sorted(seeds)
            assert all(len(block.files) <= size for block in blocks)


@given(st.sets(st.integers(0, 100), min_size=1), st.integers(0, 100))
def test_a_new_seed_changes_one_job_at_most(seeds, extra):
    before = {block.seeds for block in seed_blocks(sorted(seeds), 8)}
    after = {block.seeds for block in seed_blocks(sorted(seeds | {extra}), 8)}
    assert len(after - before) <= 1


@pytest.mark.parametrize(
    ("text", "seeds"),
    [("3", [3]), ("0-2", [0, 1, 2]), ("0,3,7", [0, 3, 7]), ("5,0-1,1", [0, 1, 5]), (4, [4]), ([2, 1], [1, 2])],
)
def test_ways_to_write_seeds(text, seeds):
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize("text", ["", "-1", "a", "1-", "2-1", "1;2", True, [], "0-999999999"])
def test_seeds_that_are_none(text):
    with pytest.raises(UserError, match="seed: "):
        parse_seeds(text)


def test_options_of_a_command_name_every_setting_that_has_a_value():
    text = training_options(TrainingSettings(data=500, grad_clip=None))
    assert "--data 500" in text
    assert "--grad-clip" not in text
