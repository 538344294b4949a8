"""What an estimate from a reader's own data is made with, and the range of each setting. Nothing here imports torch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from mine import settings as training_settings
from mine.errors import UserError
from mine.estimators import check_critic
from mine.estimators.names import ESTIMATORS
from mine.settings import CONCAT, CONCAT_ALL, DENSITY, SEPARABLE, TrainingSettings, check_choice

WITH_CRITIC = tuple(name for name, named in ESTIMATORS.items() if DENSITY not in named.critics)
"""Estimators that an estimate can be made with: interval and permutation test put other pairs into a critic."""

PER_Z = ("infonce", "interpolated", "tuba", "flo")
"""Those of them whose T training fixes up to a function of z. Their value is the one that no such function changes."""

ABOVE = {"nwj": 1.0}
"""By how much T of an estimator stands above the log ratio where it is best; of others not at all, or by anything."""

FREE = tuple(name for name, named in ESTIMATORS.items() if named.module == "donsker_varadhan")
"""Estimators whose T training fixes up to a constant, which Donsker-Varadhan's value does not see."""

NORMAL_SCORES, STANDARDISE, NONE = MARGINALS = ("normal-scores", "standardise", "none")
"""``standardise`` sees a column of amounts by its mean and deviation, ``none`` as it is."""

EITHER = "either"
"""A concatenated and a separable critic are both trained, and the validation rows choose."""

KNOWN = COPULA, _ = ("copula", "none")
COMBINE = AVERAGE, _ = ("average", "choose")
VALUES = DONSKER_VARADHAN, SMILE, GAN_DIME, NWJ, INFONCE = ("donsker-varadhan", "smile", "gan-dime", "nwj", "infonce")

FEWEST_OF_A_BATCH = 2
"""Joint pairs that a derangement needs."""

MIN_TRAINING, MIN_HELD_OUT = 20, 10
"""Fewest rows to train on, and fewest validation and test rows."""

MOST = {
    "seed": training_settings.MOST["seed"],
    "blocks": 1_000_000,
    "cross_fit": 100,
    "initialisations": 100,
    "permutations": 100_000,
    "resamples": 10_000,
    "eval_every": training_settings.MOST["eval_every"],
    "patience": training_settings.MOST["eval_every"],
    "max_updates": training_settings.MOST["steps"],
}
"""The largest value of each whole number that ``mine.settings`` does not bound."""

MOST_SHARE = 1_000_000


@dataclass(frozen=True)
class OwnSettings:
    """Settings of one estimate. Construction checks every value and raises UserError.

    Chosen on Gaussian and independent data of 300 to 10,000 rows and on draws of the choosing tasks
    (``mine.tasks.split``), the same for all data.

    estimator: of WITH_CRITIC.
    critic: ``separable``, ``concat``, or ``either`` (``candidates``); None is ``either`` where the estimator exists
        with both and averages, else ``concat`` where it exists with that.
    marginals: of MARGINALS, the scale of each column that holds amounts.
    known: ``copula`` starts T from the log ratio of a fitted Gaussian or t copula (of normal scores only), ``none``
        from 0.
    combine: ``average`` reads the calibrated mean of the initialisations (mine.own.blend), ``choose`` the one that the
        validation rows choose, as it is. Estimators of PER_Z, whose T is free by a function of z, choose and start
        from 0.
    value: of VALUES, what is read of that critic on the test rows.
    seed: of split, initial parameters, batches, derangements and resamples.
    blocks: rows of one stretch of a time series, or ``auto``; None or 1: rows are independent, which None looks into.
    cross_fit: splits whose test rows together are every row once; None is one split.
    initialisations: critics trained side by side; validation rows choose among them.
    split: shares of training, validation and test rows; any positive numbers, only their ratio counts. With
        ``cross_fit`` one row of so many is a test row, and the first two share the others.
    permutations: derangements of the test rows in the permutation test.
    resamples: of the test rows, for the interval. level: coverage that the interval aims at.
    hidden, layers, embedding: widths of the critic. batch_size: of at most all training rows. learning_rate: Adam's.
    average: decay of the moving average of the parameters that is judged and kept.
    weight_decay: decoupled, as AdamW's: an update first multiplies parameters by 1 - learning_rate * weight_decay.
    grad_clip, ema_rate, smile_tau, alpha: see ``mine.settings.TrainingSettings``.
    eval_every: updates between looks at the validation rows. patience: looks without an improvement that end training.
    max_updates: end of training that has not ended by itself.
    """

    estimator: str = "js"
    critic: str | None = None
    marginals: str = NORMAL_SCORES
    known: str = COPULA
    combine: str = AVERAGE
    value: str = DONSKER_VARADHAN
    seed: int = 0
    blocks: int | str | None = None
    cross_fit: int | None = None
    initialisations: int = 3
    split: tuple[float, float, float] = (60.0, 20.0, 20.0)
    permutations: int = 999
    resamples: int = 1000
    level: float = 0.95
    hidden: int = 64
    layers: int = 2
    embedding: int = 32
    batch_size: int = 256
    learning_rate: float = 1e-3
    average: float = 0.99
    weight_decay: float = 0.0
    grad_clip: float | None = None
    ema_rate: float = 0.01
    smile_tau: float = 5.0
    alpha: float = 0.01
    eval_every: int = 25
    patience: int = 20
    max_updates: int = 10_000

    def __post_init__(self) -> None:
        """Check every value; widths and rates by TrainingSettings."""
        for name, value in vars(self).items():
            object.__setattr__(self, name, _plain(value))
        object.__setattr__(self, "split", _split(self.split))
        if self.estimator in tuple(ESTIMATORS) and self.estimator not in WITH_CRITIC:
            raise UserError(
                f"estimator: {self.estimator!r} models densities and has no critic, which interval and permutation "
                f"test need; allowed are {', '.join(WITH_CRITIC)}"
            )
        check_choice("estimator", self.estimator, WITH_CRITIC)
        for name, allowed in (("marginals", MARGINALS), ("known", KNOWN), ("combine", COMBINE), ("value", VALUES)):
            check_choice(name, getattr(self, name), allowed)
        self._settle_critic()
        if self.estimator in PER_Z and self.value not in (DONSKER_VARADHAN, INFONCE):
            raise UserError(
                f"value: {self.value!r} changes with a function of z, by which {self.estimator} leaves T free; its "
                f"value is {INFONCE}'s"
            )
        if self.estimator in FREE and not self.averages and self.value not in (DONSKER_VARADHAN, INFONCE):
            raise UserError(
                f"value: {self.value!r} changes with a constant, by which {self.estimator} leaves T free; with combine "
                f"{AVERAGE} the validation rows fix it, and {DONSKER_VARADHAN} does without"
            )
        _check_count("seed", self.seed, 0)
        if self.blocks not in (None, "auto"):
            _check_count("blocks", self.blocks, 1)
        if self.cross_fit is not None:
            _check_count("cross_fit", self.cross_fit, 2)
        for name in ("initialisations", "eval_every", "patience", "max_updates"):
            _check_count(name, getattr(self, name), 1)
        for name in ("permutations", "resamples"):
            _check_count(name, getattr(self, name), 99)
        _check_open("level", self.level, 0.0, 1.0)
        if self.weight_decay != 0.0:
            _check_open("weight_decay", self.weight_decay, 0.0, math.inf)
        self.networks()

    def _settle_critic(self) -> None:
        """Put a kind where ``critic`` is None; raise UserError for one that the estimator or ``combine`` rules out."""
        critics = ESTIMATORS[self.estimator].critics
        both = self.averages and {CONCAT, SEPARABLE} <= set(critics)
        if self.critic is None:
            alone = CONCAT if CONCAT in critics else critics[0]
            object.__setattr__(self, "critic", EITHER if both else alone)
        if self.critic == EITHER:
            if not both:
                raise UserError(
                    f"critic: {EITHER!r} compares calibrated means; it needs combine {AVERAGE} and an estimator that "
                    f"exists with both critics, not {self.estimator} with combine {self.combine}"
                )
            return
        check_critic(self.estimator, self.critic)
        if self.critic == CONCAT_ALL:
            raise UserError(f"critic: {self.critic!r} costs the square of the rows; allowed are {SEPARABLE}, {CONCAT}")

    @property
    def candidates(self) -> tuple[OwnSettings, ...]:
        """Settings of each critic that is trained, in order; the validation rows choose one.

        Of EITHER the separable one has a layer more and batches of half as many: where x and z are each bent, as on
        spirals, it errs by half as much as a concatenated one, and where they are not, both find the same. Chosen on
        draws of the choosing tasks (``mine.tasks.split``).
        """
        if self.critic != EITHER:
            return (self,)
        batch_size = max(self.batch_size // 2, FEWEST_OF_A_BATCH)
        separable = replace(self, critic=SEPARABLE, layers=self.layers + 1, batch_size=batch_size)
        return replace(self, critic=CONCAT), separable

    @property
    def reads(self) -> str:
        """What is read on the test rows: ``value``, or InfoNCE's of an estimator of PER_Z."""
        return INFONCE if self.estimator in PER_Z else self.value

    @property
    def averages(self) -> bool:
        """Whether the calibrated mean of the initialisations is read."""
        return self.combine == AVERAGE and self.estimator not in PER_Z

    @property
    def above(self) -> float:
        """By how much T as it is read stands above the log ratio: ABOVE where the critic is read as it is."""
        return 0.0 if self.averages else ABOVE.get(self.estimator, 0.0)

    @property
    def starts_from_copula(self) -> bool:
        """Whether T starts from a copula's log ratio."""
        return self.known == COPULA and self.marginals == NORMAL_SCORES and self.estimator not in PER_Z

    @classmethod
    def check_names(cls, names: Iterable[str], place: str) -> None:
        """Raise UserError, which begins with ``place``, for a name that is no setting."""
        known = [each.name for each in fields(cls)]
        for name in names:
            if name not in known:
                raise UserError(f"{place}.{name}: unknown key; known are {', '.join(known)}")

    def networks(self, batch_size: int | None = None) -> TrainingSettings:
        """The part that estimators know."""
        return TrainingSettings(
            batch_size=self.batch_size if batch_size is None else batch_size,
            learning_rate=self.learning_rate,
            hidden=self.hidden,
            layers=self.layers,
            embedding=self.embedding,
            average=self.average,
            grad_clip=self.grad_clip,
            ema_rate=self.ema_rate,
            smile_tau=self.smile_tau,
            alpha=self.alpha,
            eval_every=self.eval_every,
            product="shift",
        )

    def parts(self, rows: int) -> tuple[int, int, int]:
        """How many of so many rows are training, validation and test rows.

        Raises:
            UserError: fewer than MIN_TRAINING or MIN_HELD_OUT in one of them.
        """
        split = self.split
        if self.cross_fit is not None:
            split = (*split[:2], sum(split[:2]) / (self.cross_fit - 1))
        total = sum(split)
        validation, test = (round(rows * share / total) for share in split[1:])
        counts = (rows - validation - test, validation, test)
        if counts[0] < MIN_TRAINING or min(counts[1:]) < MIN_HELD_OUT:
            needs = (MIN_TRAINING, MIN_HELD_OUT, MIN_HELD_OUT)
            least = math.ceil(max(need * total / share for need, share in zip(needs, split, strict=True)))
            raise UserError(
                f"rows: {rows} give {counts[0]} training, {counts[1]} validation and {counts[2]} test rows; at least "
                f"{needs[0]}, {needs[1]} and {needs[2]} are needed, so about {least} rows at this split"
            )
        return counts

    def to_dict(self) -> dict[str, Any]:
        """All settings by name."""
        return asdict(self)


def _plain(value: Any) -> Any:
    """NumPy's numbers as Python's, and its arrays as tuples."""
    value = value.tolist() if hasattr(value, "tolist") else value
    return tuple(value) if isinstance(value, list) else value


def _split(values: Sequence[float]) -> tuple[float, float, float]:
    several = isinstance(values, Sequence) and not isinstance(values, str)
    parts = tuple(_plain(part) for part in values) if several else ()
    good = len(parts) == 3 and all(
        isinstance(part, (int, float)) and not isinstance(part, bool) and 1.0 / MOST_SHARE <= part <= MOST_SHARE
        for part in parts
    )
    if not good:
        raise UserError(
            f"split: {values!r} is not three positive shares of at most {MOST_SHARE:,}: training, validation, test, "
            "such as 60,20,20"
        )
    return tuple(float(part) for part in parts)


def _check_count(name: str, value: Any, low: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < low:
        raise UserError(f"{name}: {value!r} is not a whole number of at least {low}")
    if value > MOST[name]:
        raise UserError(f"{name}: {value!r} is not a whole number of at most {MOST[name]:,}")


def _check_open(name: str, value: Any, low: float, high: float) -> None:
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not low < value < high:
        raise UserError(f"{name}: {value!r} is not a number in ({low:g}, {high:g})")
