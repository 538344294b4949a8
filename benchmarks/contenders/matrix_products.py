"""The arithmetic floor: the matrix products of one update, in memory set aside beforehand, and nothing else.

For a stack of critics: two products of the forward pass and three of the backward pass, joint and product pairs at
once. The products of the one-unit output layer are left out, so the floor is if anything too low.
"""

from __future__ import annotations

import torch

import protocol


def main() -> None:
    parser = protocol.options()
    parser.add_argument("--stack", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.backends.cuda.matmul.allow_tf32 = False
    generator = torch.Generator(device=arguments.device).manual_seed(arguments.seed)
    rows, inputs, hidden = 2 * protocol.BATCH_SIZE, 2 * protocol.DIM, protocol.HIDDEN

    def matrix(*shape: int) -> torch.Tensor:
        return torch.randn(arguments.stack, *shape, generator=generator, device=arguments.device)

    pairs, weight_1, weight_2, delta_2 = (
        matrix(rows, inputs),
        matrix(inputs, hidden),
        matrix(hidden, hidden),
        matrix(rows, hidden),
    )
    hidden_1, hidden_2, delta_1 = (torch.empty_like(delta_2) for _ in range(3))
    gradient_1, gradient_2 = torch.empty_like(weight_1), torch.empty_like(weight_2)

    def run(steps: int) -> None:
        for _ in range(steps):
            torch.bmm(pairs, weight_1, out=hidden_1)
            torch.bmm(hidden_1, weight_2, out=hidden_2)
            torch.bmm(hidden_1.mT, delta_2, out=gradient_2)
            torch.bmm(delta_2, weight_2.mT, out=delta_1)
            torch.bmm(pairs.mT, delta_1, out=gradient_1)
        gradient_1[0, 0, 0].item()  # waits for a GPU

    protocol.contend(arguments, run, arguments.stack)


if __name__ == "__main__":
    main()
