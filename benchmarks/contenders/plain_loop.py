"""Algorithm 1 as a reader would write it: one critic, torch's own layers, autograd and Adam, fresh pairs every step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn

import protocol


def critic(dim: int, hidden: int) -> nn.Module:
    return nn.Sequential(
        nn.Linear(2 * dim, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 1)
    )


def batches(dim: int, rho: float, k: int, device: str) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    while True:
        x = torch.randn(k, dim, device=device)
        z = rho * x + (1 - rho**2) ** 0.5 * torch.randn(k, dim, device=device)
        yield x, z, z[torch.randperm(k, device=device)]


def train(
    network: nn.Module,
    batches: Iterable[tuple[Tensor, Tensor, Tensor]],
    steps: int,
    learning_rate: float,
    ema_rate: float | None,
) -> list[tuple[float, float]]:
    """Each step's in-batch value (nats) and gradient norm. ema_rate: None trains the biased objective."""
    optimizer = torch.optim.Adam(network.parameters(), lr=learning_rate, maximize=True)
    v = 1.0
    trace = []
    for _, (x, z, z_product) in zip(range(steps), batches, strict=False):
        joint = network(torch.cat([x, z], 1)).mean()
        mean_exp = network(torch.cat([x, z_product], 1)).exp().mean()
        mi = joint - mean_exp.log()
        if ema_rate is None:
            objective = mi
        else:
            v = (1 - ema_rate) * v + ema_rate * mean_exp.detach()
            objective = joint - mean_exp / v
        optimizer.zero_grad()
        objective.backward()
        norm = torch.stack([parameter.grad.norm() for parameter in network.parameters()]).norm()
        optimizer.step()
        trace.append((mi.item(), norm.item()))
    return trace


def main() -> None:
    parser = protocol.options()
    parser.add_argument("--device", default="cpu")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(arguments.seed)

    def run(steps: int) -> float:
        network = critic(protocol.MINE.dim, protocol.MINE.hidden).to(arguments.device)
        source = batches(protocol.MINE.dim, protocol.MINE.rho, protocol.MINE.batch_size, arguments.device)
        trace = train(network, source, steps, protocol.MINE.learning_rate, protocol.MINE.ema_rate)
        last = [mi for mi, _ in trace[-100:]]
        return sum(last) / len(last)

    protocol.contend(arguments, run)


if __name__ == "__main__":
    main()
