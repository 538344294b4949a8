"""How each method of ``mine.reach`` looks: as the estimator that it trains, where it is one."""

from __future__ import annotations

from dataclasses import replace

from mine.figures.looks import LOOKS, Look
from mine.reach.scores import label_of

_DASHED, _DASH_DOTS = (0, (6, 1.5)), (0, (3, 1, 1, 1, 1, 1))

_AS = {"dv": "biased", "mine": "ema", "neighbours": "ksg"}
"""Method to the estimator of LOOKS whose look it has; any other that LOOKS knows has its own."""

_OWN = {
    "ours": ("#111111", "-", "s"),
    "cross-fit": ("#444444", _DASHED, "D"),
    "gaussian-mixture": ("#E69F00", _DASHED, "v"),
    "latent-neighbours": ("#56B4E9", _DASH_DOTS, "P"),
}
"""Method to colour, line and marker, where it trains no estimator of LOOKS."""

_PEER = "#8a8a8a"
"""Of other packages' methods, each with the marker of the estimator that its name ends with."""


def look_of(method: str) -> Look:
    """The look of a method; the same in every figure."""
    if method in _OWN:
        return Look(label_of(method), *_OWN[method])
    estimator = _AS.get(method, method)
    if estimator in LOOKS:
        return replace(LOOKS[estimator], label=label_of(method))
    last = method.rpartition("-")[2]
    estimator = _AS.get(last, last)
    marker = LOOKS[estimator].marker if estimator in LOOKS else "p"
    return Look(label_of(method), _PEER, (0, (1.5, 1.5)), marker)
