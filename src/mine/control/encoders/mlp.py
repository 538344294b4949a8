"""Encoders t = f(x) + unit noise whose f is a perceptron with one hidden layer of rectified units.

Such an f can be any linear map exactly, so it can do all that a linear encoder can.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Generator, Tensor

from mine.control.data import draw
from mine.control.encoders.interface import Encoders
from mine.control.gaussian import Array
from mine.control.monte_carlo import Estimate, LinearFit, judged
from mine.control.settings import ControlSettings
from mine.engine.networks import Layout, Mlp, Parameters, Passes
from mine.engine.sources import Run
from mine.tasks.interface import Task

LAYERS = 1
"""Hidden layers."""

SAMPLE = 1024
"""Inputs over which the power is held, at the least; four a dimension of x."""

_POWER, _JUDGE = 2, 3
"""Keep the random numbers of the power's inputs and of the judge apart, from each other and from training's."""


class MlpEncoders(Encoders):
    """See Encoders. f is what its network says, scaled by sqrt(P / q) wherever q = E|network(x)|^2 is above P.

    The mean is over inputs that are drawn once by each member's own seed, in pairs x and -x and with unit covariance,
    which makes it exact for what is linear in f. So the encoder that trains is one map, the one that is judged; its
    power at other inputs is in the trace. The gradient goes through the scale too: a step is not spent on being larger.
    Where less power than P is better, the network can say the rest as a constant, which tells nothing.
    """

    def __init__(
        self, control: ControlSettings, runs: Sequence[Run], starts: Sequence[torch.Generator], k: int
    ) -> None:
        """See Encoders."""
        self._network = network_of(control)
        self._layout = Layout([self._network])
        self._begin(control, self._layout.matrix(self._network.init(starts)))
        self._runs, parameters, name = runs, self.parameters, self._network.name
        self._batch = Passes(self._layout, parameters, {name: parameters.new_empty(len(runs), k, control.dim)})
        self._scale = parameters.new_ones(len(runs))
        if self._power is not None:
            points = np.stack([even_inputs(control.dim, _numbers(run, _POWER)) for run in runs])
            self._points = torch.as_tensor(points, dtype=parameters.dtype, device=parameters.device)
            self._sample = Passes(self._layout, parameters, {name: self._points})
        self._limit()

    def encode(self, x: Tensor, noise: Tensor) -> Tensor:
        """See Encoders."""
        self._said = self._batch.forward({self._network.name: x})[self._network.name]
        return self._said * self._scale[:, None, None] + noise

    def member(self, place: int) -> MlpEncoder:
        """See Encoders. The scale goes into its last layer."""
        parameters = {
            name: values[place].detach().cpu().double().numpy().copy()
            for name, values in self._layout.views(self.parameters).items()
        }
        for kind in ("weight", "bias"):
            parameters[f"{self._network.name}.{LAYERS}.{kind}"] *= float(self._scale[place])
        return MlpEncoder(self._control, self._runs[place], parameters)

    def kept(self) -> Tensor:
        """Nothing: no closed form would use it."""
        return self.parameters[:, :0].clone()

    def as_kept(self, steps: Tensor) -> Array:
        """Nothing, (steps, S, 0)."""
        return steps.cpu().double().numpy()

    def exact(self, kept: Array) -> dict[str, Array]:
        """Nothing: ``MlpEncoder.estimated`` has it."""
        return {}

    def _pull(self, slope: Tensor) -> Tensor:
        name, descended = self._network.name, -slope
        gradient = self._batch.backward({name: descended * self._scale[:, None, None]})
        if self._power is not None:
            # d scale / d q = -scale / 2q where the limit holds, and q is the mean of the squares over the sample.
            of_scale = (descended * self._said).flatten(1).sum(1)
            of_mean = torch.where(self._scale < 1.0, -0.5 * of_scale * self._scale / self._mean_square, 0.0)
            of_said = self._of_sample * (2.0 / self._points.shape[1] * of_mean)[:, None, None]
            gradient += self._sample.backward({name: of_said})
        return gradient

    def _limit(self) -> None:
        if self._power is not None:
            self._of_sample = self._sample.forward({self._network.name: self._points})[self._network.name]
            self._mean_square = self._of_sample.square().flatten(1).sum(1) / self._points.shape[1]
            self._scale = (self._power / self._mean_square).sqrt().clamp(max=1.0)


@dataclass(frozen=True)
class MlpEncoder:
    """See Encoder. parameters: (rows, columns) of each layer's weight and bias, the scale among them; float64."""

    control: ControlSettings
    run: Run
    parameters: dict[str, Array]

    def __call__(self, x: Array) -> Array:
        """The code without its noise: x (n, d) to (n, m), in float64."""
        given = {name: torch.from_numpy(values)[None] for name, values in self.parameters.items()}
        return network_of(self.control)(given, torch.from_numpy(np.ascontiguousarray(x))[None])[0].numpy()

    def task(self, term: str) -> Task:
        """See Encoder."""
        return _Pairs(self, term)

    def estimated(self) -> dict[str, Estimate]:
        """Power, objective and information, see ``mine.control.monte_carlo``; by the same numbers whenever asked."""
        numbers = _numbers(self.run, _JUDGE)
        return judged(self.control, self, LinearFit.of(self, self.control.dim, numbers), numbers)

    def saved(self) -> dict[str, list[list[float]]]:
        """Rows of each parameter, by name."""
        return {name: values.tolist() for name, values in self.parameters.items()}


class _Pairs(Task):
    """(t, z) of one encoder as a task. Neither its information nor its density ratio is known in closed form."""

    name = "encoded"
    mi = math.nan

    def __init__(self, encoder: MlpEncoder, term: str) -> None:
        self._encoder, self._term = encoder, term
        self.dim_x, self.dim_z = encoder.control.encoder_dim, encoder.control.dim

    def sample(self, shape: tuple[int, ...], generators: Sequence[Generator]) -> tuple[Tensor, Tensor]:
        """See Task."""
        control = self._encoder.control
        x, seen, noise = draw(control, shape, generators)
        parameters: Parameters = {
            name: torch.as_tensor(values, dtype=x.dtype, device=x.device)[None]
            for name, values in self._encoder.parameters.items()
        }
        # Run by run, so that a run's numbers do not depend on the stack.
        said = torch.stack([network_of(control)(parameters, one.flatten(0, -2)[None])[0] for one in x])
        return said.view_as(noise) + noise, x if self._term == "x" else seen[self._term]


def network_of(control: ControlSettings) -> Mlp:
    """The network of an encoder of these settings."""
    return Mlp("encoder", control.dim, control.encoder_dim, control.encoder_hidden, LAYERS, "relu")


def even_inputs(dim: int, numbers: np.random.Generator) -> Array:
    """Inputs (n, d) whose mean is 0 and whose covariance is the identity, as those of x are; n: see SAMPLE."""
    half = numbers.standard_normal((max(SAMPLE, 4 * dim) // 2, dim))
    white = half @ np.linalg.inv(np.linalg.cholesky(half.T @ half / len(half))).T
    return np.concatenate([white, -white])


def _numbers(run: Run, use: int) -> np.random.Generator:
    return np.random.default_rng([run.seed, run.key[0], use])
