"""What a training run is: its cell and its settings, with the range of each and nothing that trains.

Every default here is the published one; ``config/README.md`` gives the reason for each. The options of ``mine train``
and their help, the configuration's schema and the settings in a results file's metadata are made from these fields.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields
from typing import Any

from mine.errors import UserError
from mine.kinds import Choice, Flag, Real, Whole, check, kinds_of, setting

SEPARABLE, CONCAT, CONCAT_ALL, DENSITY = "separable", "concat", "concat-all", "density"
CRITICS = (SEPARABLE, CONCAT, CONCAT_ALL, DENSITY)
"""``density``: no critic T(x, z) but a model of densities (DoE, CLUB)."""
GAUSSIAN = "gaussian"
"""The write-up's task."""
MAX_FLOATS = 2**32
"""Numbers that one run works on at once, 16 GiB of them."""

MAX_ROWS = 10_000_000
"""Rows of one trace."""

STREAM = "stream"
EPOCH = "epoch"
STEPS = 3000
"""Updates where neither steps nor epochs are given."""

# The largest whole numbers are far beyond what is published, and a slip of the keyboard is above them.
DIM = Whole(1, 10_000)
SEED = Whole(0, 999_999_999)
RHO = Real(-1, 1, "()")
NATS = Real(0, math.inf, "[)")

_MANY = 100_000_000
_POSITIVE = Real(0, math.inf, "()")


@dataclass(frozen=True)
class TrainingSettings:
    """Settings of one training run. Construction checks every value and raises UserError.

    steps: updates at each mutual information of the data; 3,000 where neither these nor epochs are given.
    epochs: passes over the data set in place of steps, which then follow from it; data must be a number.
    batch_size: joint pairs in a batch, k; as many product pairs.
    learning_rate: step size of the optimiser, per update.
    optimizer: ``adam`` (betas 0.9 and 0.999, eps 1e-8), ``adamw`` (the same with a weight decay of 0.01) or ``sgd``
        (no momentum).
    ema_rate: alpha in v <- (1 - alpha) v + alpha B_exp; 1 remembers one batch only.
    ema_init: v before the first update: 1 (``one``) or the first batch's mean of e^T (``first-batch``).
    grad_clip: largest L2 norm of an applied gradient; without one, nothing is clipped.
    hidden: units of each hidden layer of every network.
    layers: hidden layers of every network.
    activation: what follows each hidden layer.
    data: ``stream`` (fresh pairs every step) or the number of pairs drawn once, that batches come from.
    last_batch: whether an epoch's incomplete last batch is left out (``drop``) or trained on (``keep``).
    product: how z of a product pair is chosen, see ``mine.engine.sources``; a separable critic takes all pairs of a
        batch.
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

    steps: int | None = setting(None, Whole(1, _MANY))
    epochs: int | None = setting(None, Whole(1, _MANY))
    batch_size: int = setting(128, Whole(2, 1_000_000))
    learning_rate: float = setting(1e-3, Real(0, 10, "(]"))
    optimizer: str = setting("adam", Choice(("adam", "adamw", "sgd")))
    ema_rate: float = setting(0.01, Real(0, 1, "(]"))
    ema_init: str = setting("one", Choice(("one", "first-batch")))
    grad_clip: float | None = setting(None, _POSITIVE)
    hidden: int = setting(128, Whole(1, 16_384))
    layers: int = setting(2, Whole(1, 100))
    activation: str = setting("relu", Choice(("relu", "elu", "tanh")))
    data: str | int = setting(STREAM, Whole(2, _MANY, STREAM, "pairs"))
    last_batch: str = setting("drop", Choice(("drop", "keep")))
    product: str = setting("permutation", Choice(("permutation", "derangement", "independent", "shift")))
    embedding: int = setting(32, Whole(1, 16_384))
    smile_tau: float = setting(5.0, _POSITIVE)
    alpha: float = setting(0.01, Real(0, 1))
    average: float = setting(0.0, Real(0, 1, "[)"))
    second_look: bool = setting(False, Flag())
    record_every: str | int = setting(1, Whole(1, _MANY, EPOCH, "updates"))
    eval_every: int = setting(500, Whole(1, _MANY))
    term_norms_every: int = setting(50, Whole(1, _MANY))

    def __post_init__(self) -> None:
        """Check every value, and work out the steps."""
        check(self)
        if self.data != STREAM and self.data < self.batch_size:
            raise UserError(f"data: {self.data} is not a whole number of at least {self.batch_size} (the batch size)")
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
            if steps > _MANY:
                raise UserError(f"epochs: {self.epochs} are {steps:,} updates; a run has at most {_MANY:,}")
        # The one derived field: read everywhere as the number of updates, however that was said.
        object.__setattr__(self, "steps", steps)

    def _check_windows(self) -> None:
        if self.record_every == EPOCH and self.data == STREAM:
            raise UserError(f"record_every: {EPOCH!r} needs a data set; data is {STREAM!r}, which has no epochs")
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


MOST = {
    name: kind.most
    for name, kind in {"dim": DIM, "seed": SEED, **kinds_of(TrainingSettings)}.items()
    if isinstance(kind, Whole)
}
"""The largest value of each whole number."""


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
        DIM.check("dim", self.dim)
        SEED.check("seed", self.seed)
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
        NATS.check("mi", value)
    return tuple(map(float, mi))


def check_rho(rho: Any) -> None:
    """Raise UserError unless rho is a number with -1 < rho < 1."""
    RHO.check("rho", rho)


def check_size(dim: int, settings: TrainingSettings) -> None:
    """Raise UserError where a run would need more than MAX_FLOATS, before any memory is asked for."""
    DIM.check("dim", dim)
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


def check_choice(name: str, value: Any, allowed: tuple[str, ...]) -> None:
    """Raise UserError unless value is among those allowed."""
    Choice(allowed).check(name, value)
