"""What each experiment asks, in a sentence, for the page of published figures."""

from __future__ import annotations

from collections.abc import Sequence

QUESTIONS = {
    "claims": "Which claims hold, and how biased are gradients at critics that are held fixed?",
    "search": "Which settings made the write-up's two figures?",
    "own": "How far off is `mine estimate` on data whose mutual information is known, beside other packages, and which "
    "estimator is best for which data?",
    "concepts": "How much leaks through predicted concepts, from how many rows on is that seen, and can it be stopped?",
    "pictures": "Do the write-up's two figures come out again, in its own form, at the settings that the search found?",
    "writeup": "Which variant diverges, when, and what are its critics worth, over d, ρ and two ways of shuffling?",
    "ablation": "Is divergence the objective's bias or float32's overflow, and what does step 5 do as it is printed?",
    "smoothing": "How small must the EMA's rate α be?",
    "finite-data": "What changes when batches come from a data set drawn once, of 500 to 100,000 pairs?",
    "start": "Does it matter that the moving average starts at the first batch's mean instead of 1?",
    "independent": "What if the z of a product pair is drawn anew, instead of shuffled?",
    "ceiling": "Is the logarithm of the batch size the ceiling of a permutation?",
    "remedies": "Would something simpler than a moving average do?",
    "phase": "Where in d and ρ does training diverge?",
    "repository-gaussian": "Is the estimate about 0.50 nats on the repository's Gaussian check, as it says?",
    "repository-xor": "Is the estimate about 0.69 nats on the repository's XOR data, as it says?",
    "repository-concepts": "What do the two concepts behind the XOR data say of its label, together and one alone?",
    "control": "Does an estimate survive being optimised: how near the best encoder does each estimator come?",
    "control-full": "The same for ten estimators, with five critic steps for one of the encoder, in 16 dimensions, and "
    "with perceptrons as encoders.",
}
"""Experiment, or folder of figures, to its question."""


def section(name: str) -> list[str]:
    """The heading of an experiment, and its question where it has one here."""
    return [f"## {name}", *([f"*{QUESTIONS[name]}*"] if name in QUESTIONS else [])]


def contents(names: Sequence[str]) -> str:
    """A list of the sections that follow, each with its question."""
    return "\n".join(f"- [{name}](#{name})" + (f": {QUESTIONS[name]}" if name in QUESTIONS else "") for name in names)
