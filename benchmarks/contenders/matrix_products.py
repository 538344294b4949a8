"""The arithmetic floor: the matrix products of one update, in memory set aside beforehand, and nothing else.

For a stack of critics. Of a concatenated critic: two products of the forward pass and three of the backward pass, joint
and product pairs at once; those of the one-unit output layer are left out, so the floor is if anything too low. Of a
separable critic: three and five for each of its two networks, and the scores of all pairs with their gradients.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch

import protocol

Matrix = Callable[..., torch.Tensor]


def main() -> None:
    parser = protocol.options()
    parser.add_argument("--stack", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.backends.cuda.matmul.allow_tf32 = False
    generator = torch.Generator(device=arguments.device).manual_seed(arguments.seed)
    setup = protocol.SETUPS[arguments.variant]

    def matrix(*shape: int) -> torch.Tensor:
        return torch.randn(arguments.stack, *shape, generator=generator, device=arguments.device)

    update, written = (separable if setup.critic == "separable" else concat)(setup, matrix)

    def run(steps: int) -> None:
        for _ in range(steps):
            update()
        written[0, 0, 0].item()  # waits for a GPU

    protocol.contend(arguments, run, arguments.stack)


def concat(setup: protocol.Setup, matrix: Matrix) -> tuple[Callable[[], None], torch.Tensor]:
    """One update's products, and what the last of them writes."""
    rows, inputs, hidden = 2 * setup.batch_size, 2 * setup.dim, setup.hidden
    pairs, weight_1, weight_2, delta_2 = (
        matrix(rows, inputs),
        matrix(inputs, hidden),
        matrix(hidden, hidden),
        matrix(rows, hidden),
    )
    hidden_1, hidden_2, delta_1 = (torch.empty_like(delta_2) for _ in range(3))
    gradient_1, gradient_2 = torch.empty_like(weight_1), torch.empty_like(weight_2)

    def update() -> None:
        torch.bmm(pairs, weight_1, out=hidden_1)
        torch.bmm(hidden_1, weight_2, out=hidden_2)
        torch.bmm(hidden_1.mT, delta_2, out=gradient_2)
        torch.bmm(delta_2, weight_2.mT, out=delta_1)
        torch.bmm(pairs.mT, delta_1, out=gradient_1)

    return update, gradient_1


def separable(setup: protocol.Setup, matrix: Matrix) -> tuple[Callable[[], None], torch.Tensor]:
    """The same of two networks whose outputs are multiplied."""
    widths = [setup.dim, setup.hidden, setup.hidden, setup.embedding]
    networks = []
    for _ in range(2):
        weights = [matrix(*shape) for shape in pairwise(widths)]
        values = [matrix(setup.batch_size, width) for width in widths]
        networks.append((weights, values, [torch.empty_like(weight) for weight in weights]))
    deltas = [[torch.empty_like(each) for each in values] for _, values, _ in networks]
    of_scores = matrix(setup.batch_size, setup.batch_size)
    scores = torch.empty_like(of_scores)
    (_, f, _), (_, g, _) = networks

    def update() -> None:
        for weights, values, _ in networks:
            for weight, before, after in zip(weights, values, values[1:], strict=False):
                torch.bmm(before, weight, out=after)
        torch.bmm(g[-1], f[-1].mT, out=scores)
        torch.bmm(of_scores.mT, g[-1], out=deltas[0][-1])
        torch.bmm(of_scores, f[-1], out=deltas[1][-1])
        for (weights, values, gradients), delta in zip(networks, deltas, strict=True):
            for layer in reversed(range(3)):
                torch.bmm(values[layer].mT, delta[layer + 1], out=gradients[layer])
                if layer:
                    torch.bmm(delta[layer + 1], weights[layer].mT, out=delta[layer])

    return update, networks[1][2][0]


if __name__ == "__main__":
    main()
