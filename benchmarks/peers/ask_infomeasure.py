"""infomeasure's nearest neighbours with their defaults."""

from __future__ import annotations

import infomeasure
import numpy as np
from asked import answer

if __name__ == "__main__":
    np.random.seed(0)  # noqa: NPY002 - it adds noise from there
    answer(
        "infomeasure",
        {"infomeasure-ksg": lambda x, z: infomeasure.mutual_information(x, z, approach="ksg")},
    )
