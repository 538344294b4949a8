"""A latent approximation: both sides in few dimensions by small networks, then nearest neighbours of what they say.

Source: Gowri et al. 2024 (arXiv:2409.02732), LMI. Each side's encoder is trained so that both sides can be predicted
from what it says, and other rows are judged; eight dimensions and halves of the rows are the paper's. Theirs has a
decoder for each side, here one network has all outputs; theirs is their package, which `latentmi` of the methods is.
"""

from __future__ import annotations

import numpy as np
import sklearn
from sklearn.neural_network import MLPRegressor

from mine.baselines.ksg import nearest_neighbours
from mine.baselines.samples import checked

DIMENSIONS, HIDDEN = 8, 64
"""Of what an encoder says, and units of the layers before and after."""

_LEAST = 40


def estimate(x: np.ndarray, z: np.ndarray, seed: int) -> float:
    """Nearest neighbours' value between the two sides' latent variables, nats; may be negative.

    x: (n, d_x). z: (n, d_z). seed: of the halves and of the networks. Raises UserError as ``nearest_neighbours`` does,
    and for n < 40.
    """
    x, z = (side / side.std(0) for side in checked(x, z, _LEAST))
    training, rest = np.array_split(np.random.default_rng(seed).permutation(len(x)), 2)
    both = np.hstack([x, z])[training]
    of_x, of_z = (embedded(side[rest], side[training], both, seed) for side in (x, z))
    return nearest_neighbours(of_x, of_z)


def embedded(side: np.ndarray, training: np.ndarray, both: np.ndarray, seed: int) -> np.ndarray:
    """What an encoder trained to predict ``both`` from ``training`` says of ``side`` (n, d): (n, DIMENSIONS).

    As many dimensions as the side has where those are fewer.
    """
    widths = HIDDEN, min(DIMENSIONS, side.shape[1]), HIDDEN
    network = MLPRegressor(hidden_layer_sizes=widths, activation="tanh", early_stopping=True, random_state=seed).fit(
        training, both
    )
    first, bottleneck = zip(network.coefs_[:2], network.intercepts_[:2], strict=True)
    # Before the layer's tanh, which is strictly increasing and so takes no information.
    return np.asarray(np.tanh(side @ first[0] + first[1]) @ bottleneck[0] + bottleneck[1])


def made_with() -> str:
    """Name and version of what does the work."""
    return f"scikit-learn {sklearn.__version__}"
