"""Every objective of the family as a differentiable loss on scores, for a reader's own networks and loop.

Thin: shapes are checked and a stack of one is made; loss and value are those of ``mine.estimators``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from mine.errors import UserError
from mine.estimators import build
from mine.estimators.interface import Estimator, Outputs, State
from mine.estimators.names import ESTIMATORS
from mine.settings import TrainingSettings, check_choice

_PAIRS: dict[str, tuple[str, ...]] = {
    "tuba": ("joint", "product", "log_baseline"),
    "interpolated": ("joint", "product", "log_baseline"),
    "flo": ("joint", "product", "u"),
    "doe-gaussian": ("conditional", "marginal"),
    "doe-logistic": ("conditional", "marginal"),
    "doe-flow": ("conditional", "marginal"),
    "minde": ("conditional", "marginal", "difference"),
    "club": ("conditional", "others"),
}
_OF_OTHERS = ("product", "others")


@dataclass
class Objective:
    """One objective. A call gives its loss; ``value`` gives its estimate in nats.

    Scores in float16 or bfloat16, as networks under autocast give them, are taken to float32, and autocast does not
    reach what is done with them: e^T has left float16's range at T = 11.1, and of the sums little would be left.

    Scores, by name, of n joint pairs (x_i, z_i):
        joint (n,): T(x_i, z_i).
        product (n, m): T of m other x with z_i; (n,) is one each. InfoNCE and the interpolated bound choose among
            them row by row; for all others only their distribution counts.
        log_baseline (n,): log a(z_i), of TUBA and the interpolated bound.
        u (n,): u(x_i, z_i), of FLO.
        conditional, marginal (n,): log q(z_i | x_i) and log q(z_i), of DoE.
        others (n, m): log q(z_i | x_j) of other x_j, of CLUB.
        conditional, marginal, difference (n,), of MINDE: squared errors of two guesses of the noise in z_i, with x_i
            and without, and the squared difference of the two, at log signal-to-noise ratios drawn uniformly.

    needs: which of them this objective takes. value_is: what its value bounds. state: MINE's moving average, which a
    call carries on; None before the first.
    """

    name: str
    estimator: Estimator
    needs: tuple[str, ...]
    value_is: str
    state: State | None = field(default=None)

    def __call__(self, *scores: Tensor, **named: Tensor) -> Tensor:
        """The loss to descend, a scalar. Its gradient is the objective's; its number need not mean anything.

        Args:
            *scores: what ``needs`` names, in that order.
            **named: or by name.

        Raises:
            UserError: scores that are missing, not known, or of another shape.
        """
        outputs = self._outputs(scores, named)
        with _in_full(outputs):
            if self.state is None:
                self.state = self.estimator.start({name: each.detach() for name, each in outputs.items()})
            loss, self.state = self.estimator.loss(outputs, self.state)
        return loss.loss[0]

    def value(self, *scores: Tensor, **named: Tensor) -> Tensor:
        """The estimate from these scores in nats, a scalar. Raises as a call does."""
        outputs = self._outputs(scores, named)
        with _in_full(outputs):
            return self.estimator.value(outputs)[0]

    def _outputs(self, scores: tuple[Tensor, ...], named: dict[str, Tensor]) -> Outputs:
        given = dict(zip(self.needs, scores, strict=False)) | named
        if len(scores) > len(self.needs) or set(given) != set(self.needs) or len(given) != len(scores) + len(named):
            raise UserError(f"{self.name} takes the scores {', '.join(self.needs)}")
        rows = len(given[self.needs[0]]) if given[self.needs[0]].ndim else 0
        outputs = {}
        for name, each in given.items():
            if name in _OF_OTHERS and each.ndim == 1:
                each = each[:, None]
            if each.ndim != (2 if name in _OF_OTHERS else 1) or not rows or len(each) != rows or not each.numel():
                wanted = "(n, m)" if name in _OF_OTHERS else "(n,)"
                raise UserError(f"{name}: shape {tuple(each.shape)} is not {wanted} of the n = {rows} joint pairs")
            outputs[name] = each[None].float() if each.dtype.itemsize < 4 else each[None]
        return outputs


def _in_full(outputs: Outputs) -> torch.autocast:
    """No autocast on the device of these scores."""
    return torch.autocast(next(iter(outputs.values())).device.type, enabled=False)


def objective(name: str, **settings: Any) -> Objective:
    """The objective of that name.

    Args:
        name: of ``mine.estimators.names.ESTIMATORS``.
        **settings: of ``TrainingSettings`` that the objective has, such as smile_tau, alpha, ema_rate.

    Raises:
        UserError: an unknown name or setting.
    """
    check_choice("objective", name, tuple(ESTIMATORS))
    estimator = build(name, ESTIMATORS[name].critics[0], 1, 1, TrainingSettings.from_dict(settings))
    return Objective(name, estimator, _PAIRS.get(name, ("joint", "product")), estimator.value_is)
