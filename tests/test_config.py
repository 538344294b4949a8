"""Configurations: what is refused, in what words, and that schema, settings, figures and manual say the same."""

from __future__ import annotations

import copy
import dataclasses
import re
from pathlib import Path

import pytest
import yaml
from factories import VARIANTS

from mine.baselines import BASELINES
from mine.config import DEFAULTS, check_config, check_or_exit, load_config
from mine.control.settings import ENCODERS, GOALS, MOST_HIDDEN, ControlSettings
from mine.errors import UserError
from mine.estimators.names import ESTIMATORS
from mine.experiments import expand, kept_steps, training_of
from mine.schema import schema as whole_schema
from mine.settings import TrainingSettings
from mine.tasks import TASKS
from mine.yaml_files import read_yaml

ROOT = Path(__file__).parents[1]
GOOD = {
    "results": "results",
    "runs_per_job": 2,
    "experiments": {
        "one": {
            "grid": {"variant": ["biased", "ema"], "dim": [1], "rho": [0.9, -0.5], "seeds": "0-1"},
            "training": {"steps": 60},
            "settings": {"base": {}, "n=500": {"data": 500}},
            "figures": ["estimate"],
        }
    },
}
FROZEN = {
    "grid": {"variant": ["ema"], "dim": [1], "rho": [0.9], "seeds": "0-1"},
    "training": {"steps": 60},
    "steps": [10, 60],
    "lag_every": 20,
    "batch_sizes": [16, 512],
    "ema_rates": [0.1],
    "samples": 2000,
}
BENCHMARK = {
    "grid": {
        "variant": ["nwj"],
        "critic": ["separable"],
        "task": ["gaussian"],
        "dim": [2],
        "mi": [[1, 2]],
        "seeds": "0-1",
    },
    "training": {},
    "figures": ["scores"],
}
BENCHMARKS = {"staircase", "staircase-others", "staircase-all-pairs", "literature", "tasks"}
CONTROL = {"control", "control-full"}
REPOSITORY = {"repository-gaussian", "repository-xor", "repository-concepts"}
EXPERIMENT = ("experiments", "one")
GRID = (*EXPERIMENT, "grid")
TRAINING = (*EXPERIMENT, "training")


MANY = {name: {"grid": {**GOOD["experiments"]["one"]["grid"], "seeds": "0-99999"}} for name in ("one", "two", "three")}
"""Three experiments of 400,000 runs."""


def changed(*path_and_value):
    """GOOD with one value replaced or added."""
    config = copy.deepcopy(GOOD)
    *path, last, value = path_and_value
    inner = config
    for key in path:
        inner = inner[key]
    inner[last] = value
    return config


def refusal(config) -> str:
    """The one line that a configuration is refused with."""
    with pytest.raises(UserError) as caught:
        check_config(config, "my.yaml")
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_misspelt_required_key_is_called_misspelt_not_missing():
    config = copy.deepcopy(GOOD)
    grid = config["experiments"]["one"]["grid"]
    grid["rhoo"] = grid.pop("rho")
    assert "grid.rhoo: unknown key 'rhoo'; did you mean 'rho'?" in refusal(config)


def test_a_good_configuration_passes():
    check_config(GOOD)


@pytest.mark.parametrize(
    ("place_and_value", "words"),
    [
        ((*EXPERIMENT, "trainng", {}), ["experiments.one.trainng", "did you mean 'training'?"]),
        ((*TRAINING, "learning_rat", 1), ["experiments.one.training.learning_rat", "did you mean 'learning_rate'?"]),
        ((*TRAINING, "zzz", 1), ["experiments.one.training.zzz", "known are steps, epochs"]),
        (("gpu_per_job", 1), ["gpu_per_job", "did you mean 'gpus_per_job'?"]),
        ((*GRID, "rho", [0.9, 1.0]), ["grid.rho[1]: 1.0", "greater than -1 and less than 1"]),
        ((*GRID, "rho", [-1]), ["grid.rho[0]: -1", "greater than -1 and less than 1"]),
        ((*GRID, "rho", [float("nan")]), ["experiments.one: rho: nan", "(-1, 1)"]),
        ((*GRID, "rho", ["0.9"]), ["grid.rho[0]: '0.9'", "YAML reads this as text"]),
        ((*GRID, "rho", ["x"]), ["grid.rho[0]: 'x'", "a number"]),
        ((*GRID, "rho", [0.9, 0.9]), ["grid.rho", "twice"]),
        ((*GRID, "rho", 0.9), ["grid.rho: 0.9", "a list"]),
        ((*GRID, "dim", [0]), ["grid.dim[0]: 0", "at least 1"]),
        ((*GRID, "dim", [1.0]), ["dim: 1.0", "at least 1"]),
        ((*GRID, "variant", ["emma"]), ["grid.variant[0]: 'emma'", "biased-stable", "did you mean 'ema'?"]),
        ((*GRID, "variant", []), ["grid.variant: []", "at least one entry"]),
        ((*GRID, "seeds", "0-"), ["grid.seeds: '0-'", "0-19"]),
        ((*GRID, "seeds", "5-1"), ["experiments.one: seed:", "runs backwards"]),
        ((*GRID, "seeds", [-1]), ["grid.seeds: [-1]"]),
        ((*GRID, "seeds", None), ["grid.seeds: None"]),
        ((*TRAINING, "learning_rate", "1e-3"), ["training.learning_rate: '1e-3'", "1.0e-3 or 0.001"]),
        ((*TRAINING, "batch_size", 1), ["training.batch_size: 1", "at least 2"]),
        ((*TRAINING, "steps", 0), ["training.steps: 0", "at least 1"]),
        ((*TRAINING, "steps", True), ["training.steps: True", "a whole number"]),
        ((*TRAINING, "data", "strem"), ["training.data: 'strem'", "'stream' or a whole number"]),
        ((*TRAINING, "batch_size", 501), ["experiments.one: data: 500", "at least 501 (the batch size)"]),
        ((*TRAINING, "grad_clip", float("inf")), ["experiments.one: grad_clip: inf"]),
        ((*EXPERIMENT, "settings", {}), ["experiments.one.settings: {}", "at least one entry"]),
        ((*EXPERIMENT, "settings", "base", None), ["experiments.one.settings.base: None", "a mapping"]),
        ((*EXPERIMENT, "settings", {0.1: {}}), ["experiments.one.settings.0.1", "put it in quotes"]),
        ((*EXPERIMENT, "figures", ["estimat"]), ["figures[0]: 'estimat'", "did you mean 'estimate'?"]),
        ((*EXPERIMENT, {"training": {}}), ["experiments.one.grid: missing"]),
        ((*GRID, "dim", [10**20]), ["experiments.one: dim: 100000000000000000000", "of at most 10,000"]),
        ((*GRID, "seeds", "0-999999"), ["experiments.one: grid: 8,000,000 runs; there may be at most 1,000,000"]),
        ((*GRID, "seeds", "0-999999,1000000"), ["experiments.one: seed: more than 1,000,000 seeds in all"]),
        (("experiments", MANY), ["experiments.three: makes it 1,200,000 runs; a configuration has at most 1,000,000"]),
        ((*TRAINING, "hidden", 10**20), ["one.training.hidden: 100000000000000000000", "of at most 16384"]),
        (("experiments", {}), ["experiments: {}", "at least one entry"]),
        (("experiments", None), ["experiments: None"]),
        (("results", "../elsewhere"), ["results: '../elsewhere'", "without '..'"]),
        (("results", "a b"), ["results: 'a b'"]),
        (("runs_per_job", 0), ["runs_per_job: 0", "at least 1"]),
        (("device", "gpu"), ["device: 'gpu'", "auto, cpu, cuda"]),
        ((*EXPERIMENT, "target", "../al"), ["experiments.one.target: '../al'", "with a letter first"]),
        (("frozen", {**FROZEN, "steps": [61]}), ["frozen.steps: 61", "from 0 to 60"]),
        (("frozen", {**FROZEN, "samples": 1000}), ["frozen.samples: 1000", "two batches of 512"]),
        (("frozen", {**FROZEN, "sample": 1}), ["frozen.sample: unknown key 'sample'", "did you mean 'samples'?"]),
        (("frozen", {**FROZEN, "grid": {**FROZEN["grid"], "variant": ["biased"]}}), ["frozen.grid.variant", "ema"]),
        (("frozen", {**FROZEN, "grid": {**FROZEN["grid"], "rho": [1]}}), ["frozen.grid.rho[0]: 1"]),
        (("experiments", {"frozen": GOOD["experiments"]["one"]}), ["experiments.frozen", "are reserved"]),
        (("experiments", {"own": GOOD["experiments"]["one"]}), ["experiments.own", "are reserved"]),
        (("own", {"draws": 0}), ["own.draws", "of at least 1"]),
        (("own", {"tasks": ["none"]}), ["own.tasks", "'none' is unknown"]),
    ],
)
def test_a_wrong_value_is_refused_with_its_place_and_what_is_allowed(place_and_value, words):
    message = refusal(changed(*place_and_value))
    assert message.startswith("my.yaml: ")
    for word in words:
        assert word in message


@pytest.mark.parametrize("config", [None, [], "text", {}])
def test_what_is_no_configuration_is_refused(config):
    assert refusal(config)


BAD_NAMES = [
    "a b",
    "a;b",
    "$(x)",
    "`x`",
    "-a",
    "é",
    "a/b",
    "..",
    "a..b",
    "a\n",
    "'a'",
    '"',
    "",
    ".a",
    "{seed}",
    "a\x00",
]


@pytest.mark.parametrize("name", [*BAD_NAMES, "figures", "smoke", "logs", "benchmarks"])
def test_names_of_experiments_are_safe_in_paths_and_shells(name):
    config = copy.deepcopy(GOOD)
    config["experiments"][name] = config["experiments"]["one"]
    assert "is no name; allowed is letters, digits" in refusal(config)


@pytest.mark.parametrize("name", BAD_NAMES)
def test_names_of_settings_are_safe_in_paths_and_shells(name):
    assert "is no name; allowed is letters, digits" in refusal(changed(*EXPERIMENT, "settings", name, {}))


@pytest.mark.parametrize("name", ["ema_rate=0.01", "n=500", "figures2", "A-b.c"])
def test_names_with_a_sense_are_accepted(name):
    check_config(changed("experiments", name, GOOD["experiments"]["one"]))
    check_config(changed(*EXPERIMENT, "settings", name, {}))


LAUGHTER = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]\n" for level in range(1, 12)
)
"""Twelve lines that hold 282 billion values."""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("results: a\nresults: b\n", ["my.yaml:2", "key 'results' stands twice"]),
        ("a: {b: 1,\n b: 2}\n", ["my.yaml:2", "key 'b' stands twice"]),
        ("a: [1\nb: 2\n", ["my.yaml:", "not a valid configuration"]),
        ("a: !!python/object:os.system x\n", ["not a valid configuration"]),
        ("\x00", ["not a valid configuration"]),
        ("a: 1\na: 2\n", ["my.yaml:2", "key 'a' stands twice"]),
        ("dim: [010]\n", ["my.yaml:1", "010 would be read as 8; write 8, or what is meant"]),
        ("dim:\n - 1:30\n", ["my.yaml:2", "1:30 would be read as 90"]),
        ("rho: 1:30.5\n", ["my.yaml:1", "1:30.5 would be read as 90.5"]),
        ("day: 2020-13-45\n", ["not a valid configuration: month must be in 1..12"]),
        (f"dim: {'9' * 5000}\n", ["not a valid configuration"]),
        (f"a: {'[' * 3000}{']' * 3000}\n", ["my.yaml:1", "nested deeper than 20 levels"]),
        (f"a: {'[' * 300_000}", ["my.yaml:1", "nested deeper than 20 levels"]),
        ("a: &a [*a]\n", ["my.yaml: a[0][0]", "nested deeper than 20 levels"]),
        ("experiments: &e {one: *e}\n", ["my.yaml: experiments.one.one", "nested deeper than 20 levels"]),
        (LAUGHTER, ["my.yaml: holds more than 1,000,000 values"]),
    ],
)
def test_a_file_that_is_no_plain_yaml_is_refused_with_its_line(tmp_path, text, words):
    path = tmp_path / "my.yaml"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        load_config(path)
    assert "\n" not in str(caught.value)
    for word in words:
        assert word in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"none\.yaml: cannot be read"):
        load_config(tmp_path / "none.yaml")


def test_a_key_may_override_what_was_merged(tmp_path):
    path = tmp_path / "my.yaml"
    path.write_text("a: &a {x: 1, y: 2}\nb: {<<: *a, x: 3}\nc: {x: 4, <<: *a}\n")
    config = read_yaml(path)
    assert config["b"] == {"x": 3, "y": 2}
    assert config["c"] == {"x": 4, "y": 2}
    assert config == yaml.safe_load(path.read_text())


def test_the_snakefile_gets_one_line_and_exit_code_2(capsys):
    with pytest.raises(SystemExit) as caught:
        check_or_exit({}, [])
    assert caught.value.code == 2
    assert capsys.readouterr().err == "mine: error: config: experiments: missing; 'experiments' is required here\n"


def test_keys_left_out_have_their_defaults(tmp_path):
    path = tmp_path / "my.yaml"
    path.write_text(yaml.safe_dump({"experiments": GOOD["experiments"]}))
    assert {key: load_config(path)[key] for key in DEFAULTS} == DEFAULTS


def test_the_schema_has_what_settings_and_registries_know():
    parts = whole_schema()["$defs"]
    training = parts["training"]["properties"]
    assert list(training) == [field.name for field in dataclasses.fields(TrainingSettings)]
    assert training["batch_size"] == {"type": "integer", "minimum": 2, "maximum": 1_000_000}
    assert training["learning_rate"] == {"type": "number", "exclusiveMinimum": 0, "maximum": 10}
    assert training["average"] == {"type": "number", "minimum": 0, "exclusiveMaximum": 1}
    assert training["grad_clip"] == {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "null"}]}
    assert training["data"]["anyOf"][0] == {"const": "stream"}
    assert training["product"] == {"enum": ["permutation", "derangement", "independent", "shift"]}
    assert list(parts["setting"]["properties"]) == ["variant", "control", *training]
    assert parts["variant"] == {"enum": list(ESTIMATORS)}
    assert {"estimate", "scores"} < set(parts["figure"]["enum"])


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(TrainingSettings)])
@pytest.mark.parametrize("value", [-1, 0, 0.5, 1, 2, 10, 10.5, 128, "stream", "adam", "one", "relu", "x", True, None])
def test_schema_and_training_settings_have_the_same_ranges(name, value):
    """On its own each value passes both or neither, whatever the schema leaves to the settings' own check."""
    config = changed(*EXPERIMENT, "training", {name: value})
    config["experiments"]["one"].pop("settings")
    try:
        TrainingSettings(**{name: value})
        good = True
    except UserError:
        good = False
    if good:
        check_config(config)
    else:
        assert name in refusal(config)


def test_the_published_experiments_are_those_of_the_write_up_and_its_open_questions():
    config = load_config(ROOT / "config" / "config.yaml")
    runs = {name: list(expand(experiment)) for name, experiment in config["experiments"].items()}
    assert list(runs) == [
        "pictures", "writeup", "ablation", "smoothing", "finite-data", "start", "independent", "ceiling", "remedies",
        "phase", "staircase", "staircase-others", "staircase-all-pairs",
        "literature", "tasks",
        "repository-gaussian", "repository-xor", "repository-concepts", "control", "control-full",
    ]  # fmt: skip
    assert {
        name for name in runs if config["experiments"][name].get("target", "").startswith("benchmark")
    } == BENCHMARKS
    assert {name for name in runs if config["experiments"][name].get("target") == "repository"} == REPOSITORY
    assert {name for name in runs if "control" in config["experiments"][name]} == CONTROL
    runs = {name: planned for name, planned in runs.items() if name not in BENCHMARKS | REPOSITORY | CONTROL}
    writeup = runs["writeup"]
    assert len(writeup) == 2 * 2 * 4 * 4 * 20
    assert {(run.setting, run.training.product) for run in writeup} == {
        ("permutation", "permutation"),
        ("derangement", "derangement"),
    }
    assert {run.dim for run in writeup} == {1, 2, 5, 20}
    assert {run.variant for run in runs["ablation"]} == set(VARIANTS) - {"ema-attached"}
    assert [s["ema_rate"] for s in config["experiments"]["smoothing"]["settings"].values()] == [
        1, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001,
    ]  # fmt: skip
    assert [s["data"] for s in config["experiments"]["finite-data"]["settings"].values()] == [500, 2000, 10000, 100000]
    assert {run.rho for name in runs.keys() - {"phase"} for run in runs[name]} == {"0.85", "0.9", "0.95", "0.99"}
    for name, experiment in [*config["experiments"].items(), ("frozen", config["frozen"])]:
        if name in BENCHMARKS | REPOSITORY | CONTROL:
            continue
        runs[name] = list(expand(experiment))
        length = {(run.training.steps, None) if name != "pictures" else run.training.epochs for run in runs[name]}
        assert length == ({500} if name == "pictures" else {(3000, None)})
        # Written out, so that a change of a default in the code cannot move a published result.
        written = set(experiment["training"]) | {k for s in experiment.get("settings", {"": {}}).values() for k in s}
        # Where every setting names its product scheme, or needs none named, the rest of them is there.
        other_length = {"steps"} if name == "pictures" else set()
        assert {field.name for field in dataclasses.fields(TrainingSettings)} - written == other_length, name


def test_kept_steps_are_those_measured_and_those_in_between():
    assert kept_steps({**FROZEN, "steps": [10, 60]}) == [0, 10, 20, 40, 60]
    assert kept_steps({**FROZEN, "training": {"steps": 50}, "steps": [0]}) == [0, 20, 40, 50]


def test_smoke_has_the_published_experiments_small():
    published, smoke = (load_config(ROOT / "config" / f"{name}.yaml") for name in ("config", "smoke"))
    assert smoke["results"] == "results/smoke"
    # These are staircase with other estimators.
    left_out = ("literature", "staircase-others", "staircase-all-pairs")
    assert list(smoke["experiments"]) == [name for name in published["experiments"] if name not in left_out]
    for name, experiment in smoke["experiments"].items():
        assert set(experiment.get("figures", [])) <= set(published["experiments"][name].get("figures", []))
        assert experiment.get("target") == published["experiments"][name].get("target")
        given, whole = (set(each["grid"]["variant"]) for each in (experiment, published["experiments"][name]))
        whole |= set(published["experiments"]["staircase-others"]["grid"]["variant"]) if name == "staircase" else set()
        assert given < whole if name in BENCHMARKS | CONTROL else given == whole
        length = 100 if name in BENCHMARKS | CONTROL else 220 if name in REPOSITORY else 200
        assert {run.training.steps for run in expand(experiment)} == {length}
        assert {run.seed for run in expand(experiment)} == {0, 1}


def test_the_manual_has_every_key_and_its_default():
    text = (ROOT / "config" / "README.md").read_text()
    rows = {m[1]: m[0] for m in re.finditer(r"^\| `(\w+)` \|.*$", text, re.M)}
    schema = whole_schema()
    parts = [part.get("properties", {}) for part in schema["$defs"].values()]
    grid = schema["$defs"]["grid"]["properties"]
    keys = [*schema["properties"], *grid, *(key for part in parts for key in part)]
    assert sorted(rows) == sorted(set(keys))
    for key, value in {**DEFAULTS, **TrainingSettings().to_dict()}.items():
        if key == "steps":
            continue  # what it is depends on epochs
        shown = "null" if value is None else f"{value}"
        assert f"| `{shown}` |" in rows[key], key


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (("grid", "variant"), ["nwjj"], "grid.variant[0]: 'nwjj' is not allowed; it must be one of biased, biased-st"),
        (("grid", "task"), ["../x"], "task: '../x' is unknown; allowed are gaussian,"),
        (("grid", "critic"), ["density"], "grid: no estimator of ['nwj'] exists with a critic of ['density']"),
        (("grid", "critic"), ["deep"], "grid.critic[0]: 'deep' is not allowed; it must be one of separable, concat"),
        (("baselines",), ["knn"], "baselines[0]: 'knn' is not allowed; it must be one of ksg, cca, histogram"),
        (("grid", "mi"), [], "mi: [] is not allowed; it must be a list with at least one entry"),
        (("grid", "mi"), [-1], "mi[0]: -1 is not allowed; it must be a number of at least 0 or a list"),
        (("grid", "rho"), [0.5], "grid: has rho (correlations) or mi (mutual information, nats), one of the two"),
        (("figures",), ["phase"], "figures: 'phase' needs the table 'summary', and this experiment has stairs, scores"),
        (("target",), "collect_tiny", "target: 'collect_tiny' is a rule of the workflow; choose another name"),
        (("target",), "claims", "target: 'claims' is a rule of the workflow; choose another name"),
        (
            ("target",),
            "a b",
            "target: 'a b' is not allowed; it must be text: letters, digits and _ -, with a letter first",
        ),
        (("training", "data"), 500, "data: 500 up a staircase, which has fresh pairs: leave data out"),
    ],
)
def test_data_given_by_mutual_information_are_refused_in_words(place, value, words):
    benchmark = copy.deepcopy(BENCHMARK)
    *path, last = place
    inner = benchmark
    for key in path:
        inner = inner[key]
    inner[last] = value
    assert words in refusal({**GOOD, "experiments": {"one": benchmark}})


def test_figures_of_runs_do_not_pool_critics_or_tasks():
    several = copy.deepcopy(GOOD)
    experiment = next(iter(several["experiments"].values()))
    experiment["grid"]["critic"] = ["separable", "concat"]
    experiment["figures"] = ["divergence"]
    assert "figures: 'divergence' shows one task and one critic" in refusal(several)


def test_schema_and_baselines_agree():
    allowed = whole_schema()["$defs"]["experiment"]["properties"]["baselines"]["items"]["enum"]
    assert allowed == list(BASELINES)


def test_the_published_benchmarks_have_every_estimator_and_task():
    published = load_config(ROOT / "config" / "config.yaml")["experiments"]
    staircase = published["staircase"]
    assert {run.cell.truths for run in expand(staircase)} == {(2.0, 4.0, 6.0, 8.0, 10.0)}
    assert training_of(staircase, "base") == TrainingSettings(
        steps=4000, batch_size=64, learning_rate=0.0005, hidden=256, product="shift", eval_every=4000
    )
    both = [*staircase["grid"]["variant"], *published["staircase-others"]["grid"]["variant"]]
    assert both == list(dict.fromkeys(both))
    assert set(both) == set(published["tasks"]["grid"]["variant"])
    on_draws = {"doe_flow", "minde"}  # of own.further alone
    assert {ESTIMATORS[name].module for name in both} == {named.module for named in ESTIMATORS.values()} - on_draws
    assert published["tasks"]["grid"]["task"] == list(TASKS)


def test_schema_and_control_settings_agree():
    properties = whole_schema()["$defs"]["control"]["properties"]
    assert set(properties) == {field.name for field in dataclasses.fields(ControlSettings)}
    assert properties["goal"]["enum"] == list(GOALS)
    assert properties["encoder"]["enum"] == list(ENCODERS)
    assert properties["encoder_hidden"]["maximum"] == MOST_HIDDEN


@pytest.mark.parametrize(
    ("place_and_value", "words"),
    [
        (("control", "betta", 1), ["one.control.betta", "did you mean 'beta'?"]),
        (("settings", "b", "control", "beta", 0), ["settings.b.control.beta: 0", "greater than 0"]),
        (("settings", "b", "control", "beta", -1), ["settings.b.control.beta: -1", "greater than 0"]),
        (("settings", "b", "control", "encoder_dim", 3), ["settings.b.control: encoder_dim: 3", "from 1 to d = 2"]),
        (("settings", "b", "control", "encoder_dim", 0), ["encoder_dim: 0", "an encoder without parameters"]),
        (("settings", "b", "control", {"goal": "maximise"}), ["settings.b.control: power: missing", "no optimum"]),
        (("grid", "rho", [0.9]), ["grid: rho belongs to no experiment with control"]),
        (("training", "product", "independent"), ["product: 'independent'"]),
        (("figures", ["estimate"]), ["figures: 'estimate' needs the table 'summary'"]),
    ],
)
def test_a_wrong_encoder_is_refused_in_one_line(place_and_value, words):
    *place, key, value = ("experiments", "one", *place_and_value)
    config = {
        "experiments": {
            "one": {
                "grid": {"variant": ["ema"], "seeds": 0},
                "training": {"steps": 10},
                "control": {"correlations": [0.9, 0.5], "encoder_dim": 2},
                "settings": {"b": {"control": {"goal": "compress", "beta": 2}}},
            }
        }
    }
    check_config(config)
    inner = config
    for name in place:
        inner = inner[name]
    inner[key] = value
    text = refusal(config)
    for word in words:
        assert word in text


def test_a_setting_may_not_change_control_where_there_is_none():
    config = changed(*EXPERIMENT, "settings", {"base": {"control": {"beta": 2}}})
    assert "settings.base.control: of an experiment that trains no encoders" in refusal(config)
