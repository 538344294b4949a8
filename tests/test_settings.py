"""Settings, seeds and the grid."""

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mine.errors import UserError
from mine.experiments import canonical_rho, expand, parse_seeds, seed_blocks, training_options
from mine.settings import MOST, TrainingSettings, check_size

EXPERIMENT = {
    "grid": {"variant": ["biased", "ema"], "dim": [1, 5], "rho": [0.9, 0.95], "seeds": "0-2"},
    "training": {"steps": 10},
    "settings": {"slow": {"ema_rate": 0.001}, "fast": {"ema_rate": 0.1, "steps": 20}},
}


def test_a_grid_expands_to_every_combination_once():
    runs = list(expand(EXPERIMENT))
    assert len(runs) == len({run.path for run in runs}) == 2 * 2 * 2 * 2 * 3
    assert runs[0].path == "setting=slow/critic=concat/variant=biased/task=gaussian/dim=1/rho=0.9/seed=0.parquet"
    assert {(run.setting, run.training.steps, run.training.ema_rate) for run in runs} == {
        ("slow", 10, 0.001),
        ("fast", 20, 0.1),
    }


def test_without_named_settings_there_is_one_called_base():
    runs = list(expand({"grid": EXPERIMENT["grid"]}))
    assert {run.setting for run in runs} == {"base"}
    assert runs[0].training == TrainingSettings()


DATA = {"data": 203, "batch_size": 20}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"epochs": 5}, r"epochs: 5 needs a data set; data is 'stream'"),
        ({"last_batch": "keep"}, r"last_batch: 'keep' needs a data set; data is 'stream'"),
        ({"record_every": "epoch"}, r"record_every: 'epoch' needs a data set; data is 'stream'"),
        (
            {**DATA, "epochs": 5, "steps": 49},
            r"epochs: 5 with steps 49; give one of the two \(5 epochs are 50 updates\)",
        ),
        ({**DATA, "epochs": 0}, r"epochs: 0 is not a whole number of at least 1"),
        ({**DATA, "epochs": 2.0}, r"epochs: 2\.0 is not a whole number"),
        ({**DATA, "record_every": 51, "epochs": 5}, r"record_every: 51 is beyond the run's 50 updates"),
        ({"record_every": 11, "steps": 10}, r"record_every: 11 is beyond the run's 10 updates"),
        ({**DATA, "record_every": "epoch", "steps": 9}, r"record_every: epoch is beyond the run's 9 updates"),
        ({"record_every": 0}, r"record_every: 0 is not a whole number of at least 1"),
        ({"record_every": "month"}, r"record_every: 'month' is neither 'epoch' nor a whole number of updates"),
        ({"data": 19, "batch_size": 20}, r"data: 19 is not a whole number of at least 20 \(the batch size\)"),
        ({**DATA, "last_batch": "half"}, r"last_batch: 'half' is unknown; allowed are drop, keep"),
        (
            {"data": 201, "batch_size": 20, "last_batch": "keep", "product": "derangement"},
            r"last_batch: 'keep' leaves a last batch of 1 of 201 pairs in batches of 20, which has no derangement",
        ),
    ],
)
def test_settings_that_cannot_be_are_refused_in_one_line(values, message):
    with pytest.raises(UserError, match=message) as caught:
        TrainingSettings(**values)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", sorted(set(MOST) & {field.name for field in dataclasses.fields(TrainingSettings)}))
def test_no_whole_number_is_without_a_bound(name):
    for value in (MOST[name] + 1, 10**20):
        with pytest.raises(UserError, match=f"{name}: {value} is not a whole number of at most {MOST[name]:,}"):
            TrainingSettings(**{name: value})


@pytest.mark.parametrize(
    ("dim", "values", "message"),
    [
        (10**20, {}, "dim: 100000000000000000000 is not a whole number of at most 10,000"),
        (1, {"hidden": 16_384, "layers": 100}, "hidden: 16384 units in 100 layers at dim 1 need 396 GiB of memory"),
        (1, {"hidden": 16_384, "batch_size": 1_000_000}, "batch_size: 1000000 pairs of dim 1 through layers of 16384"),
        (10_000, {"data": 100_000_000}, "data: 100000000 pairs of dim 10000 need 7,451 GiB of memory"),
    ],
)
def test_what_would_not_fit_in_memory_is_refused_before_it_is_asked_for(dim, values, message):
    with pytest.raises(UserError, match=message):
        check_size(dim, TrainingSettings(**values))


def test_a_trace_of_too_many_rows_is_refused():
    with pytest.raises(UserError, match="record_every: 1 makes 20,000,000 rows of 20,000,000 updates"):
        TrainingSettings(steps=20_000_000)
    assert TrainingSettings(steps=20_000_000, record_every=2).window == 2
    with pytest.raises(UserError, match="epochs: 100000000 are 1,000,000,000 updates"):
        TrainingSettings(**DATA, epochs=100_000_000)


@pytest.mark.parametrize(
    ("values", "per_epoch", "steps", "window"),
    [
        ({"last_batch": "drop", "epochs": 500, "record_every": "epoch"}, 10, 5000, 10),
        ({"last_batch": "keep", "epochs": 500, "record_every": "epoch"}, 11, 5500, 11),
        ({"last_batch": "keep", "epochs": 1}, 11, 11, 1),
        ({"last_batch": "keep", "steps": 30, "record_every": 7}, 11, 30, 7),
        ({"last_batch": "keep"}, 11, 3000, 1),
        ({"last_batch": "keep", "data": 200, "epochs": 3}, 10, 30, 1),
        ({"last_batch": "keep", "data": 20, "epochs": 3, "product": "derangement"}, 1, 3, 1),
    ],
)
def test_epochs_are_so_many_updates(values, per_epoch, steps, window):
    training = TrainingSettings(**{**DATA, **values})
    assert (training.batches_per_epoch, training.steps, training.window) == (per_epoch, steps, window)
    assert TrainingSettings.from_dict(training.to_dict()) == training
    epochs = -(-steps // per_epoch)
    sizes = [training.size_of_batch(index) for index in range(epochs * per_epoch)]
    used = training.data if training.last_batch == "keep" else training.data // 20 * 20
    assert sum(sizes) == epochs * used


def test_without_a_data_set_there_are_no_epochs():
    training = TrainingSettings()
    assert (training.steps, training.epochs, training.batches_per_epoch, training.window) == (3000, None, None, 1)
    assert {training.size_of_batch(index) for index in range(50)} == {128}


def test_a_printed_command_says_epochs_or_steps():
    assert "--epochs 5" in training_options(TrainingSettings(**DATA, epochs=5))
    assert "--steps" not in training_options(TrainingSettings(**DATA, epochs=5))
    assert "--epochs" not in training_options(TrainingSettings(**DATA, steps=5))


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


def test_a_setting_may_be_for_some_of_the_grids_variants():
    settings_ = {"one": {"variant": ["ema"], "ema_rate": 0.1}, "other": {"batch_size": 64}}
    runs = list(expand({**EXPERIMENT, "settings": settings_}))
    assert {(run.setting, run.variant) for run in runs} == {("one", "ema"), ("other", "biased"), ("other", "ema")}
    assert {run.training.ema_rate for run in runs if run.setting == "one"} == {0.1}
    with pytest.raises(UserError, match=r"settings.one.variant: 'ema-log' is not in the grid, which has biased, ema"):
        list(expand({**EXPERIMENT, "settings": {"one": {"variant": ["ema-log"]}}}))


def test_fixed_tasks_bring_their_dimension_and_truth():
    grid = {
        "variant": ["biased"],
        "task": ["xor", "gaussian", "xor-first-concept"],
        "dim": [3],
        "rho": [0.5],
        "seeds": 4,
    }
    runs = list(expand({"grid": grid}))
    assert [(run.task, run.dim, run.truth) for run in runs] == [
        ("xor", 2, "mi=own"), ("gaussian", 3, "rho=0.5"), ("xor-first-concept", 1, "mi=own"),
    ]  # fmt: skip
    assert runs[0].path.endswith("task=xor/dim=2/mi=own/seed=4.parquet")
    assert [run.cell.truths[0] for run in runs] == pytest.approx([math.log(2), -1.5 * math.log(0.75), 0.0])
    alone = {"variant": ["biased"], "task": ["xor"], "seeds": 4}
    assert [run.path for run in expand({"grid": alone})] == [runs[0].path]


@pytest.mark.parametrize(
    ("grid", "words"),
    [
        ({"task": ["gaussian"]}, "dim is missing"),
        ({"task": ["moons"], "dim": [1], "rho": [0.5]}, "task: 'moons' is unknown"),
        ({"dim": [1]}, "has rho .* or mi"),
    ],
)
def test_a_grid_that_says_too_little_is_refused(grid, words):
    with pytest.raises(UserError, match=words):
        list(expand({"grid": {"variant": ["biased"], "seeds": 0, **grid}}))
