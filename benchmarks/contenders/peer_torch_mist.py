"""torch-mist's estimators through its own training function, with what costs time and is not training switched off."""

from __future__ import annotations

import torch
from torch_mist.estimators import MIEstimator, infonce, mine, nwj, smile
from torch_mist.utils import evaluate_mi, train_mi_estimator

import protocol

PAIRS = 20_000


def made(variant: str, setup: protocol.Setup) -> MIEstimator:
    shape = {"x_dim": setup.dim, "y_dim": setup.dim, "hidden_dims": [setup.hidden] * 2}
    if variant == "ema":
        return mine(**shape, critic_type="joint", neg_samples=1, gamma=1 - setup.ema_rate)
    # As many negatives as other pairs in the batch; its InfoNCE takes the pair's own partner too, which is 0 there.
    negatives = {"neg_samples": 0 if variant == "infonce" else -1}
    make = {"nwj": nwj, "smile": smile, "infonce": infonce}[variant]
    return make(**shape, **negatives, critic_type="separable", k_dim=setup.embedding)


def main() -> None:
    arguments = protocol.options().parse_args()
    setup = protocol.SETUPS[arguments.variant]
    torch.set_num_threads(1)
    torch.manual_seed(arguments.seed)
    x = torch.randn(PAIRS, setup.dim)
    z = setup.rho * x + (1 - setup.rho**2) ** 0.5 * torch.randn(PAIRS, setup.dim)

    def run(steps: int) -> float:
        estimator = made(arguments.variant, setup)
        train_mi_estimator(
            estimator,
            (x, z),
            valid_percentage=0,
            batch_size=setup.batch_size,
            max_iterations=steps,
            optimizer_params={"lr": setup.learning_rate},
            verbose=False,
            logger=False,
            fast_train=True,
        )
        return float(evaluate_mi(estimator, data=(x, z), batch_size=setup.batch_size))

    protocol.contend(arguments, run)


if __name__ == "__main__":
    main()
