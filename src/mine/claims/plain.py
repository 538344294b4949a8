"""Each claim's finding in one plain sentence, its numbers taken from the ledger."""

from __future__ import annotations

import re
from collections.abc import Callable
from types import MappingProxyType

import pandas as pd

from mine.claims.claim import FAILS, HOLDS, PARTLY, UNDECIDED
from mine.divergence import MARGIN

NOT_RUN = "Not run yet."


def in_plain_words(findings: pd.DataFrame) -> str:
    """What was found of one claim, as a sentence that needs no statistics.

    findings: the claim's rows of the ledger. Where it has not the findings that its sentence is about, how many of
    the primary ones hold.
    """
    primary = findings[findings["primary"]]
    if not (primary["n_seeds"] > 0).any():
        return NOT_RUN
    try:
        return _SENTENCES[findings["claim"].iloc[0]](primary)
    except (KeyError, IndexError, ValueError):
        return _counted(primary)


def _counted(primary: pd.DataFrame) -> str:
    holding = int(primary["verdict"].isin((HOLDS, PARTLY)).sum())
    decided = holding + int((primary["verdict"] == FAILS).sum())
    left = int((primary["verdict"] == UNDECIDED).sum())
    return f"Holds in {holding} of {decided} comparisons" + (f"; {left} more stay open." if left else ".")


def _at(primary: pd.DataFrame, quantity: str, cell: str = "") -> pd.DataFrame:
    """The findings whose quantity and cell have these words. Raises IndexError where there is none."""
    there = primary["quantity"].str.contains(quantity, regex=False) & primary["cell"].str.contains(cell, regex=False)
    if not there.any():
        raise IndexError(quantity)
    return primary[there]


def _noted(rows: pd.DataFrame) -> str:
    """``20 of 160``: the counts in the findings' notes, added up."""
    counts = [re.search(r"(\d+|none) of (\d+)", note) for note in rows["note"]]
    if None in counts:
        raise ValueError("a note without a count")
    some, all_ = (sum(int(count[i].replace("none", "0")) for count in counts if count) for i in (1, 2))
    return f"{some:,} of {all_:,}"


def _share(rows: pd.DataFrame) -> str:
    """``18 of 24``, from shares and how many each is of."""
    return f"{round((rows['effect'] * rows['n_seeds']).sum())} of {rows['n_seeds'].sum()}"


def _span(values: pd.Series, digits: int = 1) -> str:
    low, high = (f"{value:.{digits}f}" for value in (values.min(), values.max()))
    return low if low == high else f"{low} to {high}"


def _random(primary: pd.DataFrame) -> str:
    """In how many of the settings drawn at random the claim holds."""
    return _share(_at(primary, "share of settings", "plausible range"))


def _exact_mi(primary: pd.DataFrame) -> str:
    furthest = primary["effect"].abs().max()
    return f"Two other ways of computing it come within {furthest:.3f} nats in all {len(primary)} comparisons."


def _lower_bound(primary: pd.DataFrame) -> str:
    of = {name: _noted(_at(primary, f"{name} value")) for name in ("population", "in-batch")}
    return (
        f"For the population value of a critic: {of['population']} lie above the truth. What is plotted in training "
        f"is no bound: {of['in-batch']} lie above."
    )


def _gradient_bias(primary: pd.DataFrame) -> str:
    return (
        f"Its squared bias is {_span(100 * primary['effect'])} % of the true second term's, in batches of 128, d = 5."
    )


def _moving_average(primary: pd.DataFrame) -> str:
    noise = 100 * _at(primary, "share of sampling noise")["effect"]
    return f"Only {_span(noise, 0)} % of what v is off by is sampling noise; the rest is lag behind the critic."


def _ema_bias(primary: pd.DataFrame) -> str:
    return f"At most {100 * primary['effect'].max():.1f} % of the squared bias is left at d = 5, α = 0.01."


def _diverges_sooner(primary: pd.DataFrame) -> str:
    fresh = _noted(_at(primary, "step of overflow", "d = 2"))
    return f"In {_random(primary)} random settings of a data set; with fresh pairs at d = 2, {fresh} runs overflow."


def _produces_inf(primary: pd.DataFrame) -> str:
    fresh = _noted(_at(primary, "non-finite"))
    return f"In {_random(primary)} random settings of a data set, and in {fresh} runs on fresh pairs at d = 2."


def _ema_robust(primary: pd.DataFrame) -> str:
    fresh = _noted(_at(primary, "overflow"))
    return (
        f"With fresh pairs at d = 2, α = 0.01, {fresh} runs overflow; over random settings, α among them, it lasts in "
        f"{_random(primary)}."
    )


def _ema_better(primary: pd.DataFrame) -> str:
    of = {name: _share(_at(primary, "share of seeds", name)) for name in ("derangement", "permutation")}
    return (
        f"It depends on the shuffle: at d = 2 its batches are nearer the truth in {of['derangement']} pairs of runs "
        f"with a derangement, in {of['permutation']} with a permutation."
    )


def _gradient_norms(primary: pd.DataFrame) -> str:
    grow = (_at(primary, "Kendall")["effect"] > 0).all()
    reached = _share(_at(primary, "reaches 100"))
    return (
        f"They {'grow' if grow else 'do not always grow'} with ρ; 100 is reached by {reached} runs on fresh pairs at "
        f"d = 2, and all of the claim holds in {_random(primary)} random settings."
    )


def _step_five(primary: pd.DataFrame) -> str:
    finite = primary["effect"][primary["effect"].abs() < float("inf")]
    farther = _span(finite, 1)
    return f"Where both stay finite, d = 5, it ends {farther} nats farther from the truth."


def _shuffle(primary: pd.DataFrame) -> str:
    note = _at(primary, "diverge with one scheme only", "permutation against derangement, biased, d = 5, ρ = 0.85")[
        "note"
    ]
    one, other, n = re.findall(r"\d+", note.iloc[0])
    return (
        f"At d = 5, ρ = 0.85 biased diverges in {one} of {n} seeds with a permutation and in {other} with a "
        "derangement."
    )


def _simpler(primary: pd.DataFrame) -> str:
    worse = primary[primary["verdict"] == HOLDS]
    left = primary[primary["verdict"] == UNDECIDED]
    return (
        f"Clipping, a smaller step, larger batches: worse than the EMA in {len(worse)} of {len(primary)} comparisons "
        f"at d = 5, open in {len(left)}."
    )


def _looks_right(primary: pd.DataFrame) -> str:
    of = {name: _noted(_at(primary, "worthless", name)) for name in ("biased", "ema")}
    return (
        f"Of the runs at d = 5 whose batches end near the truth, {of['biased']} of biased and {of['ema']} of the EMA "
        f"surely have a critic that is worth over {MARGIN:g} nats less."
    )


def _repository(primary: pd.DataFrame) -> str:
    (said,) = re.findall(r"less (\d\.\d+)", primary["quantity"].iloc[0])
    return f"At the repository's own settings ours ends at {float(said) + primary['effect'].iloc[0]:.3f} nats."


def _usable(primary: pd.DataFrame) -> str:
    shares = [f"{each.cell} {100 * each.effect:.1f} %" for each in primary.itertuples()]
    return f"Of the best there is its encoders reach, in the worst setting of each goal: {', '.join(shares)}."


def _correction(primary: pd.DataFrame) -> str:
    shares = []
    for each in primary.itertuples():
        ema, biased = (100 * float(share) for share in re.findall(r"\d\.\d+", each.note))
        shares.append(f"{each.cell} {ema:.1f} and {biased:.1f} %")
    return f"Of the best there is, EMA and biased reach: {', '.join(shares)}."


def _truthful(primary: pd.DataFrame) -> str:
    holds = primary["verdict"] == HOLDS
    near = f"Within {primary['effect'][holds].max():.2f} nats in {holds.sum()} of {len(primary)} comparisons"
    far = (
        f", but off by {each.effect:.2f} of {re.findall(r'I[(].+?[)]', each.quantity)[0]}, {each.cell}"
        for each in primary[~holds].itertuples()
    )
    return near + "".join(far) + "."


def _stopped(primary: pd.DataFrame) -> str:
    left = []
    for each in primary.itertuples():
        ema, biased = (f"{float(nats) + 0.0:.3f}" for nats in re.findall(r"(-?\d\.\d+|inf)", each.note))
        left.append(f"{each.cell} {ema} and {biased}")
    return f"Nats that still leak under a penalty by the EMA and by biased: {', '.join(left)}."


_SENTENCES: MappingProxyType[str, Callable[[pd.DataFrame], str]] = MappingProxyType(
    {
        "exact_mi": _exact_mi,
        "lower_bound": _lower_bound,
        "gradient_bias": _gradient_bias,
        "moving_average": _moving_average,
        "ema_bias": _ema_bias,
        "diverges_sooner": _diverges_sooner,
        "produces_inf": _produces_inf,
        "ema_robust": _ema_robust,
        "ema_better": _ema_better,
        "gradient_norms": _gradient_norms,
        "step_five": _step_five,
        "shuffle": _shuffle,
        "simpler": _simpler,
        "looks_right": _looks_right,
        "repository_gaussian": _repository,
        "repository_xor": _repository,
        "control_usable": _usable,
        "control_correction": _correction,
        "control_truthful": _truthful,
        "concepts_correction": _stopped,
    }
)
