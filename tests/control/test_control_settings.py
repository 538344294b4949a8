"""What control settings may be; anything else is one line."""

import pytest

from mine.control.settings import ControlSettings, check_together, options_of
from mine.errors import UserError
from mine.settings import TrainingSettings

GOOD = {"goal": "maximise", "correlations": [0.9, 0.5], "encoder_dim": 1, "power": 2.0}
COMPRESS = {"goal": "compress", "correlations": [0.9, 0.5], "encoder_dim": 2, "beta": 2.0}
REMOVE = {"goal": "remove", "correlations": [0.9, 0.5], "sensitive": [0.5, 0.9], "encoder_dim": 2, "removal": 0.5}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (GOOD | {"goal": "minimise"}, "goal: 'minimise' is unknown"),
        (GOOD | {"correlations": [0.9, 1.0]}, r"correlations: 1\.0 is not a number in \(0, 1\)"),
        (GOOD | {"correlations": []}, "correlations: .* is no list"),
        (GOOD | {"encoder_dim": 3}, "encoder_dim: 3 is not a whole number from 1 to d = 2"),
        (GOOD | {"encoder_dim": 0}, "encoder_dim: 0 .* an encoder without parameters has nothing to train"),
        (GOOD | {"power": None}, "power: missing; goal 'maximise' has no optimum without a limit"),
        (GOOD | {"power": 0}, r"power: 0 is not a number in \(0, 1e\+06\]"),
        (GOOD | {"beta": 2.0}, "beta: 2.0 belongs to goal 'compress', not to goal 'maximise'"),
        (GOOD | {"angle": 30}, "angle: 30 belongs to goal 'remove'"),
        (GOOD | {"critic_steps": 0}, "critic_steps: 0 is not a whole number from 1 to"),
        (GOOD | {"encoder": "cnn"}, "encoder: 'cnn' is unknown; allowed are linear, mlp"),
        (GOOD | {"encoder_hidden": 16}, "encoder_hidden: 16 belongs to encoder 'mlp'"),
        (GOOD | {"encoder": "mlp", "encoder_hidden": 0}, "encoder_hidden: 0 is not a whole number from 1 to 4,096"),
        (GOOD | {"colour": "red"}, "control setting 'colour' is unknown; known are goal"),
        ({"goal": "maximise"}, "correlations: missing"),
        (COMPRESS | {"beta": 0}, r"beta: 0 is not a number in \(0, "),
        (COMPRESS | {"beta": -1.0}, r"beta: -1.0 is not a number in \(0, "),
        (COMPRESS | {"beta": float("nan")}, "beta: nan is not a number"),
        (COMPRESS | {"beta": None}, "beta: missing, it belongs to goal 'compress'"),
        (COMPRESS | {"power": 1.0}, "power: 1.0 with goal 'compress'"),
        (REMOVE, "power: missing; goal 'remove'"),
        (REMOVE | {"power": 1.0, "sensitive": [0.5]}, "sensitive: 1 correlations where x has 2 dimensions"),
        (REMOVE | {"power": 1.0, "removal": None}, "removal: missing"),
    ],
)
def test_bad_settings_are_one_line(changes, words):
    with pytest.raises(UserError, match=words) as caught:
        ControlSettings.from_dict(changes)
    assert "\n" not in str(caught.value)


def test_settings_survive_the_metadata():
    control = ControlSettings.from_dict(REMOVE | {"power": 4})
    assert ControlSettings.from_dict(control.to_dict()) == control
    assert control.terms == ("y", "s")
    assert control.weights == (1.0, -0.5)


def test_a_linear_encoder_says_nothing_of_what_only_a_perceptron_has():
    linear, mlp = (ControlSettings.from_dict(GOOD | more) for more in ({}, {"encoder": "mlp", "encoder_hidden": 16}))
    assert not {"encoder", "encoder_hidden"} & linear.to_dict().keys()
    assert "--encoder=" not in options_of(linear)
    assert ControlSettings.from_dict(mlp.to_dict()) == mlp
    assert options_of(mlp).endswith("--encoder=mlp --encoder-hidden=16")


@pytest.mark.parametrize("changes", [{"data": 1000}, {"average": 0.9}, {"product": "independent"}])
def test_training_settings_that_encoders_have_no_use_for_are_refused(changes):
    with pytest.raises(UserError, match=next(iter(changes))):
        check_together(ControlSettings.from_dict(GOOD), TrainingSettings(**changes))
