"""torch-mist's MINE through its own training function, with what costs time and is not training switched off."""

from __future__ import annotations

import torch
from torch_mist.estimators import mine
from torch_mist.utils import evaluate_mi, train_mi_estimator

import protocol

PAIRS = 20_000


def main() -> None:
    arguments = protocol.options().parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(arguments.seed)
    x = torch.randn(PAIRS, protocol.DIM)
    z = protocol.RHO * x + (1 - protocol.RHO**2) ** 0.5 * torch.randn(PAIRS, protocol.DIM)

    def run(steps: int) -> float:
        estimator = mine(
            x_dim=protocol.DIM,
            y_dim=protocol.DIM,
            hidden_dims=[protocol.HIDDEN] * 2,
            critic_type="joint",
            neg_samples=1,
            gamma=1 - protocol.EMA_RATE,
        )
        train_mi_estimator(
            estimator,
            (x, z),
            valid_percentage=0,
            batch_size=protocol.BATCH_SIZE,
            max_iterations=steps,
            optimizer_params={"lr": protocol.LEARNING_RATE},
            verbose=False,
            logger=False,
            fast_train=True,
        )
        return float(evaluate_mi(estimator, data=(x, z), batch_size=protocol.BATCH_SIZE))

    protocol.contend(arguments, run)


if __name__ == "__main__":
    main()
