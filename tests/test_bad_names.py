"""Names from a configuration: what could leave the results folder or reach a shell is refused; see also test_config."""

from __future__ import annotations

import shlex
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from test_config import EXPERIMENT, GOOD, GRID, TRAINING, changed, refusal

from mine.config import check_config
from mine.errors import UserError
from mine.experiments import expand, training_of, training_options

HOSTILE = [
    "a\tb", "a\rb", "a\x1bb", "a&b", "a|b", "a>b", "a<b", "a*", "a?", "a[b]", "a{b}", "~", "~root", "#a", "!a", "%a",
    "a\\b", "a'b", 'a"b', "a b ", " a", "$HOME", "${HOME}", "$(touch x)", "a;touch x", "a\ntouch x", "--config", "-",
    "../a", "a/../..", "/etc", "a/", "./a", ".", "...", "a..", "a,b", "a:b", "a@b", "a+b", "(a)", "ﬁ", "а", "١",
    "naïve", "a\u202eb", "a\u200bb", "a\u0301", "＄(x)", "日本", "🙂",
]  # fmt: skip
"""Beyond those of test_config: more of the shell's and of the glob's signs, ways out of a folder, look-alikes."""


@pytest.mark.parametrize("name", HOSTILE)
def test_no_experiment_and_no_setting_has_such_a_name(name):
    assert "is no name; allowed is letters, digits" in refusal(changed("experiments", name, GOOD["experiments"]["one"]))
    assert "is no name; allowed is letters, digits" in refusal(changed(*EXPERIMENT, "settings", name, {}))


@pytest.mark.parametrize("name", ["figures", "smoke", "logs", "benchmarks", "claims", "frozen"])
def test_no_experiment_takes_the_place_of_another_folder_of_the_results(name):
    message = refusal(changed("experiments", name, GOOD["experiments"]["one"]))
    assert "is no name" in message
    assert "are reserved" in message


MAY_HOLD_FOLDERS = {"a/", "/etc"}


@pytest.mark.parametrize("folder", [*(name for name in HOSTILE if name not in MAY_HOLD_FOLDERS), "", "/", "a b", "-a"])
def test_no_results_folder_has_such_a_name(folder):
    message = refusal(changed("results", folder))
    assert message.startswith("my.yaml: results: ")
    assert "without '..'" in message


@pytest.mark.parametrize("folder", ["results", "results/smoke", "/scratch/mine", "a/b-c_d.e=1"])
def test_a_folder_elsewhere_is_the_users_choice(folder):
    check_config(changed("results", folder))


@pytest.mark.parametrize(
    "place_and_value",
    [
        (*GRID, "variant", ["ema; touch x"]),
        (*GRID, "dim", ["1; touch x"]),
        (*GRID, "rho", ["0.9; touch x"]),
        (*GRID, "seeds", "0-1; touch x"),
        (*GRID, "seeds", "0-1\ntouch x"),
        (*TRAINING, "optimizer", "adam; touch x"),
        (*TRAINING, "data", "$(touch x)"),
        (*TRAINING, "steps", "60; touch x"),
        (*EXPERIMENT, "settings", "base", {"activation": "`touch x`"}),
        (*EXPERIMENT, "figures", ["../estimate"]),
        (*EXPERIMENT, "target", "all; touch x"),
        ("device", "cpu; touch x"),
    ],
)
def test_no_value_reaches_a_command_as_text_of_its_own(place_and_value):
    refusal(changed(*place_and_value))


# Half of them from signs that names do have, so that many are accepted.
NAMES = st.text(max_size=12) | st.text(alphabet="aZ09._=-/ ;$'\"\n", min_size=1, max_size=8)


@settings(max_examples=300, deadline=None)
@example("ema_rate=0.01")
@example("A-b.c")
@given(NAMES)
def test_whatever_name_is_accepted_needs_no_quotes_and_stays_in_its_folder(name):
    experiment = {**GOOD["experiments"]["one"], "settings": {name: {}}}
    config = {**GOOD, "experiments": {name: experiment}}
    try:
        check_config(config)
    except UserError:
        return
    assert shlex.quote(name) == name
    assert not name.startswith("-")
    for run in expand(experiment):
        parts = PurePosixPath(f"results/{name}/runs/{run.path}").parts
        assert len(parts) == 10
        assert ".." not in parts
        assert Path("results", name, "runs", run.path).resolve().is_relative_to(Path("results").resolve())
        options = training_options(training_of(experiment, name))
        assert all(shlex.quote(word) == word for word in options.split(" "))
