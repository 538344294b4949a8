"""What an encoder is trained for, and on which data: the control settings of a run, with the range of each.

Imported by the Snakefile: nothing here imports torch, numpy or pandas.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

from mine.errors import UserError
from mine.estimators import check_critic
from mine.settings import TrainingSettings, check_choice

MAXIMISE, COMPRESS, REMOVE = "maximise", "compress", "remove"
GOALS = (MAXIMISE, COMPRESS, REMOVE)
LINEAR, MLP = "linear", "mlp"
ENCODERS = (LINEAR, MLP)
"""Kinds of encoders, a file each in ``mine.control.encoders``."""
PRODUCTS = ("permutation", "derangement", "shift")
"""Product schemes that re-order a batch of encoded pairs."""

MOST_DIM = 1_000
MOST_CRITIC_STEPS = 1_000
MOST_POWER = 1e6
MOST_HIDDEN = 4096
MOST_STEPS = 10_000_000


@dataclass(frozen=True)
class ControlSettings:
    """Settings of an encoder's training. Construction checks every value and raises UserError.

    goal: ``maximise`` I(t; y); ``compress``: minimise I(x; t) - beta I(t; y); ``remove``: maximise
        I(t; y) - removal I(t; s).
    correlations: canonical correlations of x with y, each in (0, 1); as many as x has dimensions, d.
    sensitive: those of x with s, along the same directions where ``angle`` is 0; of ``remove``, else None.
    angle: degrees by which s's directions are turned from y's, the i-th against the (d + 1 - i)-th.
    encoder_dim: m, dimensions of t = f(x) + unit noise, at most d.
    power: P, the largest E|f(x)|^2, tr(W W') of a linear f; None of ``compress``, which needs no limit.
    beta, removal: weights of ``compress`` and ``remove``, above 0; None of the other goals.
    encoder_learning_rate: of the encoder's own optimiser, Adam.
    critic_steps: updates of each critic between two of the encoder.
    fresh_steps: updates of the fresh critic that is trained on the finished encoder of ``remove``.
    encoder: what f is: ``linear``, f(x) = Wx, or ``mlp``, a perceptron with one hidden layer.
    encoder_hidden: units of that layer; of ``mlp`` only.
    """

    goal: str
    correlations: tuple[float, ...]
    encoder_dim: int
    sensitive: tuple[float, ...] | None = None
    angle: float = 0.0
    power: float | None = None
    beta: float | None = None
    removal: float | None = None
    encoder_learning_rate: float = 1e-3
    critic_steps: int = 1
    fresh_steps: int = 3000
    encoder: str = LINEAR
    encoder_hidden: int = 32

    def __post_init__(self) -> None:
        """Check every value."""
        check_choice("goal", self.goal, GOALS)
        object.__setattr__(self, "correlations", _spectrum("correlations", self.correlations))
        if self.sensitive is not None:
            object.__setattr__(self, "sensitive", _spectrum("sensitive", self.sensitive))
        self._check_encoder()
        _number("encoder_learning_rate", self.encoder_learning_rate, 10.0)
        _whole("critic_steps", self.critic_steps, MOST_CRITIC_STEPS)
        _whole("fresh_steps", self.fresh_steps, MOST_STEPS)
        self._check_goal()
        check_choice("encoder", self.encoder, ENCODERS)
        _whole("encoder_hidden", self.encoder_hidden, MOST_HIDDEN)
        if self.encoder == LINEAR and self.encoder_hidden != type(self).encoder_hidden:
            raise UserError(
                f"encoder_hidden: {self.encoder_hidden!r} belongs to encoder 'mlp', not to encoder 'linear'"
            )

    def _check_encoder(self) -> None:
        m, d = self.encoder_dim, self.dim
        if isinstance(m, bool) or not isinstance(m, int) or not 1 <= m <= d:
            why = "; an encoder without parameters has nothing to train" if m == 0 and not isinstance(m, bool) else ""
            raise UserError(f"encoder_dim: {m!r} is not a whole number from 1 to d = {d}, the dimensions of x{why}")
        if self.goal == COMPRESS:
            if self.power is not None:
                raise UserError(f"power: {self.power!r} with goal 'compress', whose I(x; t) limits it: leave it out")
        elif self.power is None:
            raise UserError(f"power: missing; goal {self.goal!r} has no optimum without a limit above 0 on E|f(x)|^2")
        else:
            _number("power", self.power, MOST_POWER)

    def _check_goal(self) -> None:
        for name, goal in (("beta", COMPRESS), ("removal", REMOVE), ("sensitive", REMOVE)):
            value = getattr(self, name)
            if (value is None) == (self.goal == goal):
                what = "missing, it belongs to" if value is None else f"{value!r} belongs to goal {goal!r}, not to"
                raise UserError(f"{name}: {what} goal {self.goal!r}")
        if self.beta is not None:
            _number("beta", self.beta, MOST_POWER)
        if self.removal is not None:
            _number("removal", self.removal, MOST_POWER)
        if self.sensitive is not None and len(self.sensitive) != self.dim:
            raise UserError(f"sensitive: {len(self.sensitive)} correlations where x has {self.dim} dimensions")
        if isinstance(self.angle, bool) or not isinstance(self.angle, (int, float)) or not math.isfinite(self.angle):
            raise UserError(f"angle: {self.angle!r} is not a number of degrees")
        if self.angle and self.goal != REMOVE:
            raise UserError(f"angle: {self.angle!r} belongs to goal 'remove', not to goal {self.goal!r}")

    @property
    def dim(self) -> int:
        """D, the dimensions of x and of y."""
        return len(self.correlations)

    @property
    def terms(self) -> tuple[str, ...]:
        """What t is paired with, a critic each: ``y``, and of compress ``x`` or of remove ``s``."""
        return {MAXIMISE: ("y",), COMPRESS: ("y", "x"), REMOVE: ("y", "s")}[self.goal]

    @property
    def weights(self) -> tuple[float, ...]:
        """Weight of each term in what the encoder ascends."""
        if self.goal == COMPRESS:
            assert self.beta is not None, "checked"
            return self.beta, -1.0
        return (1.0,) if self.removal is None else (1.0, -self.removal)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> ControlSettings:
        """Settings from a mapping; an unknown or missing key raises UserError."""
        known = [field.name for field in fields(cls)]
        for key in values:
            if key not in known:
                raise UserError(f"control setting {key!r} is unknown; known are {', '.join(known)}")
        for key in ("goal", "correlations", "encoder_dim"):
            if key not in values:
                raise UserError(f"{key}: missing; control needs it")
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """All settings by name, as they go into the metadata of a results file.

        Those of ``mlp`` are left out of a linear encoder: it has none, and files from before there was another say so.
        """
        values = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}
        of_mlp = ("encoder", "encoder_hidden") if self.encoder == LINEAR else ()
        return {name: value for name, value in values.items() if name not in of_mlp}


@dataclass(frozen=True)
class EncoderCell:
    """One encoder's place in the grid: estimator and critic, what it is trained for, dimension d of x, and seed."""

    variant: str
    critic: str
    task: str
    dim: int
    seed: int
    rho: None = None
    mi: None = None
    """An encoder's truth is its own."""

    def __post_init__(self) -> None:
        """Check every value."""
        check_critic(self.variant, self.critic)
        check_choice("task", self.task, GOALS)

    def to_dict(self) -> dict[str, Any]:
        """The cell by name, as it goes into the metadata of a results file."""
        return asdict(self)


def options_of(control: ControlSettings) -> str:
    """The settings as options of ``mine control train``, all that are not None."""
    values = {name: value for name, value in control.to_dict().items() if value is not None}
    words = {
        name: ",".join(map(repr, value)) if isinstance(value, list) else str(value) for name, value in values.items()
    }
    return " ".join(f"--{name.replace('_', '-')}={word}" for name, word in words.items())


def check_together(control: ControlSettings, training: TrainingSettings) -> None:
    """Raise UserError for a training setting that encoders are not trained with."""
    if training.data != "stream":
        raise UserError(f"data: {training.data!r}; encoders are trained on fresh pairs: leave data out")
    for name, nothing in (("second_look", False), ("average", 0.0)):
        if getattr(training, name) != nothing:
            raise UserError(f"{name}: {getattr(training, name)!r}; an encoder's critics have none: leave it out")
    if training.product not in PRODUCTS:
        raise UserError(f"product: {training.product!r}; an encoder's critics have {', '.join(PRODUCTS)}")


def _spectrum(name: str, values: Any) -> tuple[float, ...]:
    if not isinstance(values, (list, tuple)) or not 1 <= len(values) <= MOST_DIM:
        raise UserError(f"{name}: {values!r} is no list of 1 to {MOST_DIM} correlations")
    for value in values:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0.0 < value < 1.0:
            raise UserError(f"{name}: {value!r} is not a number in (0, 1)")
    return tuple(map(float, values))


def _number(name: str, value: Any, high: float) -> None:
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and 0.0 < value <= high
    if not good:
        raise UserError(f"{name}: {value!r} is not a number in (0, {high:g}]")


def _whole(name: str, value: Any, high: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= high:
        raise UserError(f"{name}: {value!r} is not a whole number from 1 to {high:,}")
