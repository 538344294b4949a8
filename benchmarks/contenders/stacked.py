"""This project's engine, as ``mine train`` calls it: a stack of seeds of one cell.

--engine analytic is what is shipped. autograd: the same loop with the backward pass left to torch.autograd.
compiled: the same loop with its update compiled by torch.compile (needs a C++ compiler).
"""

from __future__ import annotations

import torch
from torch import Tensor

import protocol
from mine import critic, training
from mine.settings import TrainingSettings

NEVER = 10**9


class AutogradPasses:
    """Stands in for mine.critic.Passes."""

    def __init__(self, parameters: Tensor, n: int, architecture: critic.Architecture) -> None:
        self._parameters, self._architecture = parameters.detach(), architecture

    def forward(self, pairs: Tensor) -> Tensor:
        self._leaf = self._parameters.detach().requires_grad_()
        layers = critic.layers_of(self._leaf, self._architecture)
        values = pairs
        for weight, bias in zip(layers[:-2:2], layers[1:-2:2], strict=True):
            values = getattr(torch, self._architecture.activation)(torch.baddbmm(bias, values, weight))
        self._scores = torch.baddbmm(layers[-1], values, layers[-2])[:, :, 0]
        return self._scores.detach()

    def backward(self, weights: Tensor) -> Tensor:
        (gradient,) = torch.autograd.grad(self._scores, self._leaf, weights, retain_graph=True)
        return gradient


def main() -> None:
    parser = protocol.options()
    parser.add_argument("--stack", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--engine", choices=("analytic", "autograd", "compiled"), default="analytic")
    parser.add_argument("--eval-every", type=int, default=NEVER)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.engine == "autograd":
        training.Passes = AutogradPasses
    elif arguments.engine == "compiled":
        training.replayable = lambda update, device: torch.compile(update)
    seeds = range(arguments.seed * arguments.stack, (arguments.seed + 1) * arguments.stack)

    def run(steps: int) -> float:
        settings = TrainingSettings(
            steps=steps,
            batch_size=protocol.BATCH_SIZE,
            hidden=protocol.HIDDEN,
            learning_rate=protocol.LEARNING_RATE,
            ema_rate=protocol.EMA_RATE,
            eval_every=arguments.eval_every,
        )
        results = training.train("ema", protocol.DIM, protocol.RHO, seeds, settings, device=arguments.device)
        last = [result.columns["mi_batch"][-100:].mean() for result in results]
        return float(sum(last) / len(last))

    protocol.contend(arguments, run, arguments.stack)


if __name__ == "__main__":
    main()
