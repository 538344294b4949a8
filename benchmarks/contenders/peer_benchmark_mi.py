"""benchmark-mi's estimators through their own training; each measures test data once, after the last update.

Its critic is always one network on x and z. MINE there takes as many product pairs as joint ones, NWJ and InfoNCE all
pairs of a batch.
"""

from __future__ import annotations

import numpy as np
from bmi.estimators import InfoNCEEstimator, MINEEstimator, NWJEstimator

import protocol

PAIRS = 20_000
TRAINED_ON = {"ema": 0.5, "nwj": 0.99, "infonce": 0.99}
"""Share of the pairs; the others are test data, of which NWJ and InfoNCE take all pairs."""


def main() -> None:
    arguments = protocol.options().parse_args()
    variant, setup = arguments.variant, protocol.SETUPS[arguments.variant]
    make = {"ema": MINEEstimator, "nwj": NWJEstimator, "infonce": InfoNCEEstimator}[variant]
    random = np.random.default_rng(arguments.seed)
    x = random.standard_normal((PAIRS, setup.dim))
    z = setup.rho * x + (1 - setup.rho**2) ** 0.5 * random.standard_normal((PAIRS, setup.dim))

    def run(steps: int) -> float:
        estimator = make(
            batch_size=setup.batch_size,
            max_n_steps=steps,
            train_test_split=TRAINED_ON[variant],
            test_every_n_steps=steps,
            learning_rate=setup.learning_rate,
            hidden_layers=[setup.hidden] * 2,
            standardize=False,
            verbose=False,
            seed=arguments.seed,
            **({"smoothing_alpha": 1 - setup.ema_rate} if variant == "ema" else {}),
        )
        result = estimator.estimate_with_info(x, z)
        if result.additional_information["n_training_steps"] != steps:
            raise SystemExit(f"stopped after {result.additional_information['n_training_steps']} of {steps} updates")
        return float(result.mi_estimate)

    protocol.contend(arguments, run)


if __name__ == "__main__":
    main()
