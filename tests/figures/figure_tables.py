"""Made tables for the figures of the claims, as ``mine collect`` and the frozen-critic commands write them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from mine.claims.claim import FAILS, HOLDS, PARTLY, UNDECIDED
from mine.settings import TrainingSettings

NULLABLE = ("overflow_step", "runaway_step", "diverged_step")
VARIANTS = ("biased", "ema")


def truth_of(dim: int, rho: float) -> float:
    return float(-dim / 2 * np.log(1 - rho**2))


def make_summary(
    settings: dict[str, dict[str, Any]] | None = None,
    *,
    variants: Sequence[str] = VARIANTS,
    dims: Sequence[int] = (5,),
    rhos: Sequence[float] = (0.9, 0.99),
    seeds: int = 5,
    overflows: Callable[..., bool] = lambda **cell: False,
    runaways: Callable[..., bool] = lambda **cell: False,
    values: Callable[..., dict[str, float]] = lambda **cell: {},
) -> pd.DataFrame:
    """One row a run. The functions are asked with the cell's setting, variant, dim, rho and seed.

    values: columns that differ from those of a run that ends at the truth.
    """
    runs = []
    for name, overrides in (settings or {"derangement": {"product": "derangement"}}).items():
        training = TrainingSettings(**overrides)
        for variant in variants:
            for dim in dims:
                for rho in rhos:
                    for seed in range(seeds):
                        cell = {"setting": name, "variant": variant, "dim": dim, "rho": rho, "seed": seed}
                        over = 500 + seed if overflows(**cell) else None
                        away = 501 if runaways(**cell) else None
                        truth = truth_of(dim, rho)
                        rng = np.random.default_rng([seed, dim, int(1000 * rho), len(variant), len(name)])
                        run = {
                            "experiment": "made",
                            **cell,
                            **training.to_dict(),
                            "data": str(training.data),
                            "mi_true": truth,
                            "mi_batch_mean": np.inf if over else truth + 0.1 * rng.normal(),
                            "mi_heldout": truth - 0.3 + 0.1 * rng.normal(),
                            "heldout_ess": 1000.0,
                            "mi_population": truth - 0.4 + 0.1 * rng.normal(),
                            "population_ess": 5000.0,
                            "overflow_step": over,
                            "runaway_step": away,
                            "diverged_step": min((step for step in (over, away) if step), default=None),
                        }
                        runs.append(run | values(**cell))
    summary = pd.DataFrame(runs)
    for column in NULLABLE:
        summary[column] = pd.to_numeric(summary[column]).astype("Int64")
    return summary


def make_curves(summary: pd.DataFrame, points: int = 301) -> pd.DataFrame:
    """In-batch curves that rise to where the summary's runs of the cell end."""
    parts = []
    for (setting, variant, dim, rho), rows in summary.groupby(["setting", "variant", "dim", "rho"], sort=False):
        step = np.unique(np.linspace(1, rows["steps"].iloc[0] + 1, points).astype(int))
        noise = np.random.default_rng(len(variant)).normal(size=step.size)
        end = rows["mi_batch_mean"].median()
        median = end * (1 - np.exp(-step / 300)) + 0.2 * noise if np.isfinite(end) else np.full(step.size, np.nan)
        cell = {"experiment": "made", "setting": setting, "variant": variant, "dim": dim, "rho": rho}
        curve = {"quantity": "mi_batch", "step": step, "median": median, "q25": median - 0.3, "q75": median + 0.3}
        parts.append(pd.DataFrame(cell | curve))
    return pd.concat(parts, ignore_index=True)


def make_evaluations(summary: pd.DataFrame, at: Sequence[int] = (1, 501, 1001, 1501, 2001, 2501, 3001)) -> pd.DataFrame:
    """Evaluations that go from 0 to the summary's final values."""
    rows = []
    for run in summary.itertuples():
        for step in at:
            share = (step - 1) / 3000
            rows.append(
                {
                    "experiment": "made",
                    **{name: getattr(run, name) for name in ("setting", "variant", "dim", "rho", "seed", "mi_true")},
                    "step": step,
                    "mi_heldout": run.mi_heldout * share,
                    "heldout_ess": run.heldout_ess,
                    "mi_population": run.mi_population * share,
                    "population_ess": run.population_ess,
                }
            )
    return pd.DataFrame(rows)


def make_bias(
    *,
    rhos: Sequence[float] = (0.85, 0.95),
    steps: Sequence[int] = (100, 1000, 3000),
    seeds: int = 10,
    sizes: Sequence[int] = (16, 32, 64, 128, 256, 512, 1024),
    rates: Sequence[float] = (0.001, 0.01, 0.1, 1.0),
    exponent: float = -1.0,
    shrink: Callable[[float], float] = lambda rate: rate,
    noise: float = 0.3,
    ess: float = 20000.0,
) -> pd.DataFrame:
    """Frozen critics whose bias goes as batch ** exponent, and with the EMA ``shrink(rate)`` times as large."""
    rows = []
    for rho in rhos:
        for step in steps:
            for seed in range(seeds):
                rng = np.random.default_rng([seed, step, int(100 * rho)])
                reference = 4.0 * np.exp(0.2 * rng.normal())
                shared = {"dim": 5, "rho": rho, "seed": seed, "step": step, "reference_squared": reference, "ess": ess}
                for scheme, factor in (("independent", 1.0), ("permutation", 1.3)):
                    for size in sizes:
                        norm = 3.0 * factor * size**exponent
                        floor = 1e-4 * rng.normal()
                        square = reference * norm**2 * np.exp(noise * rng.normal()) + floor * noise
                        variance = 50.0 / size
                        one = {"scheme": scheme, "batch_size": size, "n_batches": 8000}
                        rows.append(
                            shared
                            | one
                            | {
                                "estimator": "biased",
                                "ema_rate": np.nan,
                                "bias_squared": square,
                                "variance": variance,
                            }
                        )
                        if scheme == "independent" and size == 128:
                            rows += [
                                shared
                                | one
                                | {
                                    "estimator": "ema",
                                    "ema_rate": rate,
                                    "bias_squared": square * shrink(rate) ** 2 + 1e-5 * noise * rng.normal(),
                                    "variance": variance * (1.5 - 0.5 * rate),
                                }
                                for rate in rates
                            ]
    return pd.DataFrame(rows)


def make_directions(bias: pd.DataFrame, *, factor: float = 0.9, sign: float = -1.0) -> pd.DataFrame:
    """Along the true gradient, ``factor`` times as much as the Taylor prediction says, which has this sign."""
    rows = []
    biased = bias[(bias["estimator"] == "biased") & (bias["scheme"] == "independent")]
    for run in biased.itertuples():
        reference = float(np.sqrt(run.reference_squared))
        taylor = sign * 2.5 * reference / run.batch_size
        wiggle = 1 + 0.1 * np.random.default_rng([run.seed, run.batch_size]).normal()
        for direction in ("true gradient", "random 1"):
            rows.append(
                {name: getattr(run, name) for name in ("dim", "rho", "seed", "step", "batch_size", "ess")}
                | {
                    "direction": direction,
                    "bias": factor * taylor * wiggle,
                    "bias_se": 0.01,
                    "taylor": taylor,
                    "reference": reference if direction == "true gradient" else 0.1,
                }
            )
    return pd.DataFrame(rows)


def make_lag(
    *,
    rhos: Sequence[float] = (0.85, 0.95),
    steps: Sequence[int] = tuple(range(100, 3001, 100)),
    seeds: int = 10,
    lag: float = 0.4,
    noise: float = 0.1,
    ess: float = 4000.0,
) -> pd.DataFrame:
    """Errors of v of these sizes, relative to the expectation."""
    rows = []
    for rho in rhos:
        for seed in range(seeds):
            rng = np.random.default_rng([seed, int(100 * rho)])
            rows += [
                {
                    "dim": 5,
                    "rho": rho,
                    "seed": seed,
                    "step": step,
                    "log_v": 0.1,
                    "log_expectation": 0.2,
                    "lag": -lag * np.exp(-step / 2000) * np.exp(0.3 * rng.normal()),
                    "noise": noise * rng.normal(),
                    "ess": ess,
                }
                for step in steps
            ]
    return pd.DataFrame(rows)


SENTENCES = (
    "The mutual information of the toy data is −d/2·ln(1−ρ²).",
    "The Donsker-Varadhan value is a lower bound on the mutual information; so are the values that MINE reports.",
    "The batch gradient of the biased objective is biased, and the bias falls as one over the batch size.",
    "The moving average cuts the covariance of numerator and denominator to α times its size.",
    "The EMA's gradient bias is smaller.",
    "The biased variant's estimates diverge, and the sooner the larger ρ is.",
    "The biased variant's estimate becomes infinite, and not because of a format's range.",
    "The EMA variant stays robust: it does not diverge at any ρ, and its gradients stay small.",
    "The EMA variant is better in expectation: its estimates end nearer the truth than the biased variant's.",
    "Gradient norms grow with ρ and reach 100, and the second term is the cause.",
    "Step 5 of Algorithm 1 as printed is the gradient that its derivation arrives at.",
    "Shuffling z gives product samples; which shuffle is taken does not matter.",
    "An exponential moving average is what it takes: nothing simpler keeps the biased objective from diverging.",
    "A plot of the training batches' own estimates shows when the estimator fails.",
)


def make_claims(
    verdicts: Sequence[str] = (
        HOLDS,
        PARTLY,
        HOLDS,
        UNDECIDED,
        HOLDS,
        HOLDS,
        PARTLY,
        FAILS,
        PARTLY,
        PARTLY,
        FAILS,
        FAILS,
        UNDECIDED,
        FAILS,
    ),
    *,
    seeds: int = 20,
    findings: int = 3,
) -> pd.DataFrame:
    """A ledger with so many primary findings a claim, of kinds that alternate, and one that is not primary."""
    kinds = (
        ("derangement, d = 5", "Kendall's τ of ρ and step of overflow", -0.81, -0.85, -0.77),
        (
            "derangement, d = 5, ρ = 0.99",
            "share of a spike's log height that is B_exp/v's, median over seeds",
            1.0,
            0.83,
            1.0,
        ),
        ("d = 5, ρ = 0.95, step 1,000", "ratio of Cov(v, A) to α·Cov(B_exp, A)", 0.98, 0.91, 1.07),
        (
            "permutation, d = 20, ρ = 0.99",
            "in-batch |error|, EMA less biased, median of pairs, nats",
            -31.4,
            -np.inf,
            -20.2,
        ),
    )
    rows = []
    for number, verdict in enumerate(verdicts, start=1):
        for index in range(findings + 1):
            cell, quantity, *effect = kinds[(number + index) % len(kinds)]
            own = (HOLDS, FAILS)[index % 2] if verdict == PARTLY else verdict
            if verdict == UNDECIDED:
                effect = [np.nan] * 3
            rows.append(
                {
                    "number": number,
                    "claim": f"claim_{number}",
                    "sentence": SENTENCES[(number - 1) % len(SENTENCES)],
                    "place": "Results",
                    "claim_verdict": verdict,
                    "claim_where": "no frozen/bias.parquet in the results" if verdict == UNDECIDED else cell,
                    "cell": cell,
                    "quantity": quantity,
                    **dict(zip(("effect", "low", "high"), effect, strict=True)),
                    "level": 0.95,
                    "n_seeds": 0 if verdict == UNDECIDED else seeds,
                    "verdict": own,
                    "primary": index < findings,
                    "note": "",
                    "figure": "writeup/divergence",
                }
            )
    return pd.DataFrame(rows)


def words(drawn: Figure) -> str:
    """Every text above and below the panels as one line, from top to bottom."""
    return " ".join(text.get_text() for text in sorted(drawn.texts, key=lambda text: -text.get_position()[1]))


def title(drawn: Figure) -> str:
    """The bold lines at the top as one."""
    return " ".join(text.get_text() for text in drawn.texts if text.get_fontweight() == "bold")


def panels(drawn: Figure) -> dict[str, Any]:
    """Axes by their heading."""
    return {
        next(text.get_text() for text in axes.texts if text.get_fontweight() == "bold"): axes
        for axes in drawn.axes
        if any(text.get_fontweight() == "bold" for text in axes.texts)
    }


def lines(axes: Any, gid: str) -> list[Any]:
    return [line for line in axes.lines if line.get_gid() == gid]


def texts(axes: Any) -> list[str]:
    return [text.get_text() for text in axes.texts]
