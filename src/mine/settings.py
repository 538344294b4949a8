"""What a training run is: its cell and its settings, with the range of each and nothing that trains.

Every default here is the published one; ``config/README.md`` gives the reason for each. The command line's
options, the configuration's schema and the metadata of a results file all use these names.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

from mine.errors import UserError

OPTIMIZERS = ("adam", "adamw", "sgd")
EMA_INITS = ("one", "first-batch")
ACTIVATIONS = ("relu", "elu", "tanh")
PRODUCTS = ("permutation", "derangement", "independent", "shift")
LAST_BATCHES = ("drop", "keep")
SEPARABLE, CONCAT, DENSITY = "separable", "concat", "density"
CRITICS = (SEPARABLE, CONCAT, DENSITY)
"""``density``: no critic T(x, z) but a model of densities (DoE, CLUB)."""
GAUSSIAN = "gaussian"
"""The write-up's task."""
MOST = {
    "dim": 10_000,
    "seed": 999_999_999,
    "steps": 100_000_000,
    "epochs": 100_000_000,
    "batch_size": 1_000_000,
    "hidden": 16_384,
    "layers": 100,
    "embedding": 16_384,
    "data": 100_000_000,
    "record_every": 100_000_000,
    "eval_every": 100_000_000,
    "term_norms_every": 100_000_000,
}
"""The largest value of each whole number: far beyond what is published, and a slip of the keyboard above it."""

MAX_FLOATS = 2**32
"""Numbers that one run works on at once, 16 GiB of them."""

MAX_ROWS = 10_000_000
"""Rows of one trace."""

STREAM = "stream"
EPOCH = "epoch"
STEPS = 3000
"""Updates where neither steps nor epochs are given."""


@dataclass(frozen=True)
class TrainingSettings:
    """Settings of one training run. Construction checks every value and raises UserError.

    steps: updates at each mutual information of the data; 3,000 where neither these nor epochs are given.
    epochs: passes over the data set in place of steps, which then follow from it.
    batch_size: joint pairs in a batch, k; as many product pairs.
    learning_rate: of the optimiser, per update.
    optimizer: ``adam`` (betas 0.9 and 0.999, eps 1e-8), ``adamw`` (the same with a weight decay of 0.01) or ``sgd``
        (no momentum).
    ema_rate: alpha in v <- (1 - alpha) v + alpha B_exp; 1 remembers one batch only.
    ema_init: v before the first update: ``one``, or the first batch's mean of e^T.
    grad_clip: largest L2 norm of an applied gradient; None does not clip.
    hidden, layers, activation: units of a hidden layer, how many, and what follows each.
    data: ``stream`` (fresh pairs every step) or the number of pairs drawn once, that batches come from.
    last_batch: whether an epoch's incomplete last batch is left out (``drop``) or trained on (``keep``).
    product: how a product pair is chosen, see ``mine.engine.sources``; a separable critic takes all pairs of a batch.
    embedding: dimension of the space that a separable critic maps x and z into.
    smile_tau: log of the largest e^T that SMILE lets through.
    alpha: of the alpha-interpolated bound; 1 is InfoNCE.
    average: decay of the exponential moving average of the parameters that critics are judged at; 0 takes the
        parameters themselves.
    second_look: whether each batch is looked at again after its update, with product pairs chosen anew.
    record_every: updates that one row of the trace stands for, a window; ``epoch``: those of an epoch.
    eval_every: updates between evaluations (there is one in the first window and one after the last update).
    term_norms_every: updates between records of the gradient norms of the objective's two terms.
    """

    steps: int | None = None
    epochs: int | None = None
    batch_size: int = 128
    learning_rate: float = 1e-3
    optimizer: str = "adam"
    ema_rate: float = 0.01
    ema_init: str = "one"
    grad_clip: float | None = None
    hidden: int = 128
    layers: int = 2
    activation: str = "relu"
    data: str | int = STREAM
    last_batch: str = "drop"
    product: str = "permutation"
    embedding: int = 32
    smile_tau: float = 5.0
    alpha: float = 0.01
    average: float = 0.0
    second_look: bool = False
    record_every: str | int = 1
    eval_every: int = 500
    term_norms_every: int = 50

    def __post_init__(self) -> None:
        """Check every value, and work out the steps."""
        for name in ("hidden", "layers", "embedding", "eval_every", "term_norms_every"):
            _check_int(name, getattr(self, name), 1)
        for name in ("steps", "epochs"):
            if getattr(self, name) is not None:
                _check_int(name, getattr(self, name), 1)
        _check_int("batch_size", self.batch_size, 2)
        _check_number("learning_rate", self.learning_rate, 0.0, 10.0, low_open=True)
        _check_number("ema_rate", self.ema_rate, 0.0, 1.0, low_open=True)
        _check_number("smile_tau", self.smile_tau, 0.0, math.inf, low_open=True, high_open=True)
        _check_number("alpha", self.alpha, 0.0, 1.0)
        _check_number("average", self.average, 0.0, 1.0, high_open=True)
        if self.grad_clip is not None:
            _check_number("grad_clip", self.grad_clip, 0.0, math.inf, low_open=True, high_open=True)
        for name, allowed in (
            ("optimizer", OPTIMIZERS),
            ("ema_init", EMA_INITS),
            ("activation", ACTIVATIONS),
            ("last_batch", LAST_BATCHES),
            ("product", PRODUCTS),
        ):
            check_choice(name, getattr(self, name), allowed)
        if self.data != STREAM:
            if isinstance(self.data, str):
                raise UserError(f"data: {self.data!r} is neither 'stream' nor a whole number of pairs")
            _check_int("data", self.data, self.batch_size, "the batch size")
        if not isinstance(self.second_look, bool):
            raise UserError(f"second_look: {self.second_look!r} is neither true nor false")
        if self.second_look and self.product not in ("permutation", "derangement"):
            raise UserError(f"second_look: product pairs are chosen by {self.product!r}, which has no other choice")
        self._check_epochs()
        self._check_windows()

    def _check_epochs(self) -> None:
        if self.data == STREAM:
            for name, given in (("epochs", self.epochs is not None), ("last_batch", self.last_batch != "drop")):
                if given:
                    raise UserError(
                        f"{name}: {getattr(self, name)!r} needs a data set; data is {STREAM!r}, which has no epochs: "
                        "give a number of pairs"
                    )
        if self.short_batch == 1 and self.product in ("derangement", "shift"):
            raise UserError(
                f"last_batch: 'keep' leaves a last batch of 1 of {self.data} pairs in batches of {self.batch_size}, "
                "which has no derangement; drop it, or change data or batch_size"
            )
        steps = STEPS if self.steps is None else self.steps
        if self.epochs is not None:
            steps = self.epochs * self.batches_per_epoch
            if self.steps not in (None, steps):
                raise UserError(
                    f"epochs: {self.epochs} with steps {self.steps}; give one of the two "
                    f"({self.epochs} epochs are {steps} updates)"
                )
            if steps > MOST["steps"]:
                raise UserError(f"epochs: {self.epochs} are {steps:,} updates; a run has at most {MOST['steps']:,}")
        # The one derived field: read everywhere as the number of updates, however that was said.
        object.__setattr__(self, "steps", steps)

    def _check_windows(self) -> None:
        if self.record_every == EPOCH:
            if self.data == STREAM:
                raise UserError(f"record_every: {EPOCH!r} needs a data set; data is {STREAM!r}, which has no epochs")
        elif isinstance(self.record_every, str):
            raise UserError(f"record_every: {self.record_every!r} is neither {EPOCH!r} nor a whole number of updates")
        else:
            _check_int("record_every", self.record_every, 1)
        if self.window > self.steps:
            raise UserError(f"record_every: {self.record_every} is beyond the run's {self.steps} updates")
        if self.steps // self.window > MAX_ROWS:
            rows = self.steps // self.window
            raise UserError(
                f"record_every: {self.record_every} makes {rows:,} rows of {self.steps:,} updates; a trace has at most "
                f"{MAX_ROWS:,}"
            )

    @property
    def short_batch(self) -> int:
        """Pairs in the incomplete last batch of an epoch, 0 where there is none or it is left out."""
        return 0 if self.data == STREAM or self.last_batch == "drop" else int(self.data) % self.batch_size

    @property
    def batches_per_epoch(self) -> int | None:
        """Updates in an epoch, None without a data set."""
        if self.data == STREAM:
            return None
        return int(self.data) // self.batch_size + (self.short_batch > 0)

    @property
    def window(self) -> int:
        """Updates that one row of the trace stands for."""
        return self.batches_per_epoch if self.record_every == EPOCH else int(self.record_every)

    def size_of_batch(self, index: int) -> int:
        """Pairs in the batch of this index, counted from 0 over all epochs."""
        last = self.short_batch and index % self.batches_per_epoch == self.batches_per_epoch - 1
        return self.short_batch if last else self.batch_size

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> TrainingSettings:
        """Settings from a mapping; an unknown key raises UserError, which lists the known ones."""
        known = [f.name for f in fields(cls)]
        for key in values:
            if key not in known:
                raise UserError(f"training setting {key!r} is unknown; known are {', '.join(known)}")
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """All settings by name, as they go into the metadata of a results file."""
        return asdict(self)


@dataclass(frozen=True)
class Cell:
    """One run's place in the grid: estimator and critic, distribution of the data, dimension d of X and of Z, and seed.

    rho: correlation of each coordinate of X with its partner in Z, which task ``gaussian`` may be given by.
    critic: of those that the estimator exists with; the first of them where it is left out.
    task: of ``mine.tasks.TASKS``, or a fixed one of ``mine.tasks.FIXED``, whose dimension and truth are its own: dim is
        that of its X then, and neither rho nor mi is given.
    mi: in place of rho, the mutual information of each stair in turn, nats; one is no staircase.
    """

    variant: str
    dim: int
    rho: float | None
    seed: int
    critic: str = ""
    task: str = GAUSSIAN
    mi: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        """Check every value."""
        from mine.estimators import check_critic, default_critic
        from mine.tasks import FIXED, TASKS

        if not self.critic:
            object.__setattr__(self, "critic", default_critic(self.variant))
        check_choice("critic", self.critic, CRITICS)
        check_critic(self.variant, self.critic)
        _check_int("dim", self.dim, 1)
        _check_int("seed", self.seed, 0)
        if self.task in FIXED:
            self._check_fixed(FIXED[self.task].dim_x)
            return
        check_choice("task", self.task, TASKS)
        if (self.mi is None) == (self.rho is None):
            raise UserError("rho: give the data by their correlation (rho) or by their mutual information (mi, nats)")
        if self.mi is not None:
            object.__setattr__(self, "mi", check_mis(self.mi))
        else:
            check_rho(self.rho)
            if self.task != GAUSSIAN:
                raise UserError(f"rho: task {self.task!r} is given by its mutual information: use mi in place of rho")

    def _check_fixed(self, dim: int) -> None:
        if self.dim != dim:
            raise UserError(f"dim: {self.dim} with task {self.task!r}, whose X has {dim} dimension{'s' * (dim > 1)}")
        for name in ("rho", "mi"):
            if getattr(self, name) is not None:
                raise UserError(f"{name}: {getattr(self, name)!r} with task {self.task!r}, whose truth is its own")

    @property
    def stairs(self) -> int:
        """How many stairs the data rise by; 1 is no staircase."""
        return 1 if self.mi is None else len(self.mi)

    @property
    def truths(self) -> tuple[float, ...]:
        """Exact mutual information of each stair, nats; given by rho, -d/2 ln(1 - rho^2)."""
        if self.mi is not None:
            return self.mi
        if self.rho is None:
            from mine.tasks import fixed_task  # imports torch

            return (fixed_task(self.task).mi,)
        # As mine.gaussian has it, which would import torch here.
        return (-0.5 * self.dim * math.log1p(-self.rho * self.rho),)

    def to_dict(self) -> dict[str, Any]:
        """The cell by name, as it goes into the metadata of a results file."""
        return {**asdict(self), "mi": None if self.mi is None else list(self.mi)}


def check_mis(mi: Any) -> tuple[float, ...]:
    """Mutual information of each stair, nats, as numbers. Raises UserError unless each is at least 0 and finite."""
    if not isinstance(mi, (list, tuple)) or not mi:
        raise UserError(f"mi: {mi!r} is no list of numbers of nats")
    for value in mi:
        _check_number("mi", value, 0.0, math.inf, high_open=True)
    return tuple(map(float, mi))


def check_rho(rho: Any) -> None:
    """Raise UserError unless rho is a number with -1 < rho < 1."""
    _check_number("rho", rho, -1.0, 1.0, low_open=True, high_open=True)


def check_size(dim: int, settings: TrainingSettings) -> None:
    """Raise UserError where a run would need more than MAX_FLOATS, before any memory is asked for."""
    _check_int("dim", dim, 1)
    hidden, layers, pairs = settings.hidden, settings.layers, settings.batch_size
    critic = (2 * dim + 1) * hidden + (hidden + 1) * hidden * (layers - 1) + hidden + 1
    data = 0 if settings.data == STREAM else int(settings.data)
    for what, floats in (
        # Parameters, gradient and two moments.
        (f"hidden: {hidden} units in {layers} layers at dim {dim}", 4 * critic),
        # Activations of each layer and of the pass back, of both batches, and the pairs themselves.
        (f"batch_size: {pairs} pairs of dim {dim} through layers of {hidden}", 2 * pairs * (hidden * layers + 2 * dim)),
        (f"data: {data} pairs of dim {dim}", 2 * data * dim),
    ):
        if floats > MAX_FLOATS:
            most = 4 * MAX_FLOATS // 2**30
            raise UserError(f"{what} need {4 * floats / 2**30:,.0f} GiB of memory; a run may need at most {most}")


def _check_int(name: str, value: Any, low: int, meaning: str = "") -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        bound = f"{low} ({meaning})" if meaning else str(low)
        raise UserError(f"{name}: {value!r} is not a whole number of at least {bound}")
    if value > MOST[name]:
        raise UserError(f"{name}: {value!r} is not a whole number of at most {MOST[name]:,}")


def _check_number(
    name: str, value: Any, low: float, high: float, *, low_open: bool = False, high_open: bool = False
) -> None:
    interval = f"{'(' if low_open else '['}{low:g}, {high:g}{')' if high_open else ']'}"
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    good = good and (value > low if low_open else value >= low)
    good = good and (value < high if high_open else value <= high)
    if not good:
        raise UserError(f"{name}: {value!r} is not a number in {interval}")


def check_choice(name: str, value: Any, allowed: tuple[str, ...]) -> None:
    """Raise UserError unless value is among those allowed."""
    if value not in allowed:
        raise UserError(f"{name}: {value!r} is unknown; allowed are {', '.join(allowed)}")
