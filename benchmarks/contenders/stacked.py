"""This project's engine, as ``mine train`` calls it: a stack of seeds of one cell.

--engine shipped is what is shipped. autograd: the same loop with the networks' backward pass left to torch.autograd.
compiled: the same loop with its update compiled by torch.compile (needs a C++ compiler).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

import protocol
from mine.engine import loop, stack
from mine.engine.networks import Layout, Said, say
from mine.engine.runs import gaussian_runs, train_runs
from mine.settings import TrainingSettings

NEVER = 10**8


class AutogradPasses:
    """Stands in for mine.engine.stack.Passes."""

    def __init__(self, layout: Layout, parameters: Tensor, inputs: Mapping[str, Tensor]) -> None:
        self._layout, self._parameters = layout, parameters

    def forward(self, inputs: Mapping[str, Tensor]) -> Said:
        self._leaf = self._parameters.detach().requires_grad_()
        self._said = say(self._layout.networks, self._layout.views(self._leaf), inputs)
        return {name: each.detach() for name, each in self._said.items()}

    def backward(self, gradients: Said) -> Tensor:
        of_said = [gradients[name] for name in self._said]
        (gradient,) = torch.autograd.grad(list(self._said.values()), self._leaf, of_said, retain_graph=True)
        return gradient


def main() -> None:
    parser = protocol.options()
    parser.add_argument("--stack", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--engine", choices=("shipped", "autograd", "compiled"), default="shipped")
    parser.add_argument("--eval-every", type=int, default=NEVER)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.engine == "autograd":
        stack.Passes = AutogradPasses
    elif arguments.engine == "compiled":
        loop.replayable = lambda update, device: torch.compile(update)
    setup = protocol.SETUPS[arguments.variant]
    of_this_estimator = {"ema_rate": setup.ema_rate} if setup.ema_rate else {"embedding": setup.embedding}
    seeds = range(arguments.seed * arguments.stack, (arguments.seed + 1) * arguments.stack)

    def run(steps: int) -> float:
        settings = TrainingSettings(
            steps=steps,
            batch_size=setup.batch_size,
            hidden=setup.hidden,
            learning_rate=setup.learning_rate,
            eval_every=arguments.eval_every,
            **of_this_estimator,
        )
        runs = gaussian_runs(setup.dim, setup.rho, seeds)
        results = train_runs(arguments.variant, setup.critic, runs, settings, device=arguments.device)
        last = [result.columns["mi_batch"][-100:].mean() for result in results]
        return float(sum(last) / len(last))

    protocol.contend(arguments, run, arguments.stack)


if __name__ == "__main__":
    main()
