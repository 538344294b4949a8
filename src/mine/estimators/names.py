"""Every estimator by name, with what can be said of it without importing torch: a Snakefile reads this.

Its label stands here and nowhere else; how it looks in a figure is in ``mine.figures.looks``.
"""

from __future__ import annotations

from dataclasses import dataclass

from mine.settings import CONCAT, CONCAT_ALL, DENSITY, SEPARABLE


@dataclass(frozen=True)
class Named:
    """One estimator. module: file below ``mine.estimators`` whose ``build(name, parts)`` makes it.

    label: as figures and tables write it. critics: those it exists with.
    """

    name: str
    label: str
    module: str
    critics: tuple[str, ...]
    contains_gaussian: bool = False
    """Whether its family contains the answer on Gaussian data."""


_BOTH = (CONCAT, SEPARABLE)
_ALL = (CONCAT, SEPARABLE, CONCAT_ALL)

ESTIMATORS: dict[str, Named] = {
    each.name: each
    for each in (
        Named("biased", "Biased", "donsker_varadhan", _BOTH),
        Named("biased-stable", "Biased, log-sum-exp", "donsker_varadhan", _ALL),
        Named("ema", "EMA", "donsker_varadhan", _BOTH),
        Named("ema-as-printed", "EMA, step 5 as printed", "donsker_varadhan", _BOTH),
        Named("ema-attached", "EMA, v attached", "donsker_varadhan", _BOTH),
        Named("ema-log", "EMA, log space", "donsker_varadhan", _ALL),
        Named("nwj", "NWJ", "nwj", _ALL),
        Named("tuba", "TUBA", "tuba", _BOTH),
        Named("infonce", "InfoNCE", "infonce", (SEPARABLE, CONCAT_ALL)),
        Named("interpolated", "α-interpolated", "interpolated", (SEPARABLE,)),
        Named("flo", "FLO", "flo", _BOTH),
        Named("js", "JS", "jensen_shannon", _ALL),
        Named("smile", "SMILE", "smile", _ALL),
        Named("kl-dime", "KL-DIME", "dime", _BOTH),
        Named("gan-dime", "GAN-DIME", "dime", _ALL),
        Named("hd-dime", "HD-DIME", "dime", _BOTH),
        Named("doe-gaussian", "DoE (Gaussian)", "doe", (DENSITY,), contains_gaussian=True),
        Named("doe-logistic", "DoE (logistic)", "doe", (DENSITY,)),
        Named("doe-flow", "DoE (flow)", "doe_flow", (DENSITY,), contains_gaussian=True),
        Named("minde", "MINDE", "minde", (DENSITY,)),
        Named("club", "CLUB", "club", (DENSITY,), contains_gaussian=True),
    )
}
"""In the order of tables and figures."""

BASELINES = {"ksg": "KSG", "cca": "CCA", "histogram": "Histogram"}
"""Labels of what trains nothing, in the order of tables and figures, after all estimators."""


def label(name: str) -> str:
    """As figures, tables and captions write it; the name itself where it is none of these."""
    if name in ESTIMATORS:
        return ESTIMATORS[name].label
    return BASELINES.get(name, name)
