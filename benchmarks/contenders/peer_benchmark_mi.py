"""benchmark-mi's MINE through its own estimator; it measures test data once, after the last update."""

from __future__ import annotations

import numpy as np
from bmi.estimators import MINEEstimator

import protocol

PAIRS = 20_000
"""Half of them are its test data."""


def main() -> None:
    arguments = protocol.options().parse_args()
    random = np.random.default_rng(arguments.seed)
    x = random.standard_normal((PAIRS, protocol.DIM))
    z = protocol.RHO * x + (1 - protocol.RHO**2) ** 0.5 * random.standard_normal((PAIRS, protocol.DIM))

    def run(steps: int) -> float:
        estimator = MINEEstimator(
            batch_size=protocol.BATCH_SIZE,
            max_n_steps=steps,
            train_test_split=0.5,
            test_every_n_steps=steps,
            learning_rate=protocol.LEARNING_RATE,
            hidden_layers=[protocol.HIDDEN] * 2,
            smoothing_alpha=1 - protocol.EMA_RATE,
            standardize=False,
            verbose=False,
            seed=arguments.seed,
        )
        result = estimator.estimate_with_info(x, z)
        if result.additional_information["n_training_steps"] != steps:
            raise SystemExit(f"stopped after {result.additional_information['n_training_steps']} of {steps} updates")
        return float(result.mi_estimate)

    protocol.contend(arguments, run)


if __name__ == "__main__":
    main()
