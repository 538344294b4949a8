"""Estimators that model densities and have no critic, on a draw: trained, stopped and read on rows apart.

What `mine estimate` does with a critic, less all that needs one. The split, widths, batch and rate are its defaults.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from mine.engine.loop import train
from mine.engine.networks import Layout
from mine.engine.optimizers import Adam
from mine.engine.sources import Rows
from mine.engine.stopping import Patience
from mine.estimators import build
from mine.own.streams import Use, generator, numbers
from mine.reach.settings import own_settings
from mine.settings import DENSITY


def estimate(x: np.ndarray, z: np.ndarray, seed: int, estimator: str, **settings: float) -> float:
    """The estimator's value on the test rows, nats, of the parameters that the validation rows found best.

    x: (n, d_x). z: (n, d_z). seed: of split, initial parameters and batches. estimator: one with densities.
    settings: of ``OwnSettings``. Infinite or NaN where it is; raises UserError as ``OwnSettings.parts`` does.
    """
    chosen = own_settings(settings)
    order = numbers(seed, Use.SPLIT).permutation(len(x))
    places = np.split(order, np.cumsum(chosen.parts(len(x)))[:2])
    training, validation, test = ((tensor(x[of]), tensor(z[of])) for of in places)
    batch = min(chosen.batch_size, len(training[0]))
    of_densities = build(estimator, DENSITY, x.shape[1], z.shape[1], chosen.networks(batch))
    layout = Layout(of_densities.networks)

    def outputs(parameters: Tensor, rows: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        with torch.no_grad():
            said = of_densities.outputs(layout.views(parameters), *(side[None] for side in rows))
        return {name: values.double() for name, values in said.items()}

    def criterion(update: int, parameters: Tensor) -> Tensor:
        seen = outputs(parameters, validation)
        return of_densities.loss(seen, of_densities.start(seen))[0].loss.nan_to_num(torch.inf, torch.inf, torch.inf)

    stopping = Patience(criterion, chosen.eval_every, chosen.patience, chosen.max_updates)
    starts, batches = ([generator(seed, use)] for use in (Use.INITIALISATION, Use.BATCHES))
    optimizers = [Adam(chosen.learning_rate)]
    source = Rows(*training, batch, starts, batches)
    train(of_densities, source, stopping, optimizers, average=chosen.average)  # type: ignore[arg-type]  # its sizes' type
    return float(of_densities.value(outputs(stopping.kept, test))[0])


def tensor(values: np.ndarray) -> Tensor:
    """As networks take it."""
    return torch.from_numpy(values).float()


def made_with() -> str:
    """Name and version of what does the work."""
    return f"torch {torch.__version__.partition('+')[0]}"
