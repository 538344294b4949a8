"""Descent for a stack against torch.optim, which is the same rule written by others."""

import pytest
import torch

from mine.engine import optimizers
from mine.settings import TrainingSettings


@pytest.mark.parametrize(
    ("name", "peer"),
    [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW), ("sgd", torch.optim.SGD)],
)
def test_descent_is_torchs(name, peer):
    generator = torch.Generator().manual_seed(0)
    start = torch.randn(3, 11, generator=generator, dtype=torch.float64)
    gradients = [torch.randn(3, 11, generator=generator, dtype=torch.float64) for _ in range(20)]

    theirs = start.clone().requires_grad_()
    their_optimizer = peer([theirs], lr=1e-2)
    ours, optimizer = start.clone(), optimizers.of(TrainingSettings(learning_rate=1e-2, optimizer=name))
    state = optimizer.init(ours)
    for step, gradient in enumerate(gradients, start=1):
        theirs.grad = gradient.clone()
        their_optimizer.step()
        rates = torch.tensor(optimizer.rates(step), dtype=torch.float64)
        ours -= optimizer.descent(gradient, gradient.square(), state, rates) + rates[2] * ours
    torch.testing.assert_close(ours, theirs.detach(), rtol=1e-12, atol=1e-14)
