"""Made tables of encoders, as ``mine control collect`` writes them, for tests of figures."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mine.columns import table
from mine.control.gaussian import information
from mine.control.settings import ControlSettings
from mine.control.tables import ENCODER_COLUMNS, OPTIMA_COLUMNS, STEP_COLUMNS, optima_rows, optimum_of
from mine.experiments import PlannedRun
from mine.settings import TrainingSettings

SPECTRUM, SENSITIVE = (0.95, 0.85, 0.6, 0.3), (0.3, 0.7, 0.8, 0.9)
SETTINGS = {
    "maximise": ControlSettings("maximise", SPECTRUM, 2, power=8.0),
    "beta=2": ControlSettings("compress", SPECTRUM, 4, beta=2.0),
    "beta=20": ControlSettings("compress", SPECTRUM, 4, beta=20.0),
    "removal=1": ControlSettings("remove", SPECTRUM, 4, sensitive=SENSITIVE, power=4.0, removal=1.0),
}
VARIANTS = ("biased", "ema", "nwj", "smile", "infonce", "club")
STEPS = tuple(range(50, 501, 50))


def made_encoders(seeds=10, variants=VARIANTS, settings=SETTINGS, share=0.97, gap=0.05, **changes):
    """encoders, encoder_steps and optima. changes: (setting, variant) as ``beta=20_biased`` to columns of its runs.

    gap: nats by which an estimate lies above the exact value. Every encoder's values are ``share`` of the optimum's.
    """
    generator, runs, rows, steps = np.random.default_rng(0), [], [], []
    for setting, control in settings.items():
        best = optimum_of(control)
        exact = {f"mi_{name}": float(value) for name, value in information(control, best.encoder).items()}
        for variant in variants:
            for seed in range(seeds):
                run = PlannedRun(
                    setting, "concat", variant, control.goal, control.dim, "mi=own", seed, TrainingSettings(), control
                )
                runs.append(run)
                cell = {"experiment": "made", "setting": setting, "critic": "concat", "variant": variant}
                cell |= {"task": control.goal, "dim": control.dim, "rho": None, "seed": seed}
                near = share - 0.01 * generator.random()
                row = dict.fromkeys(ENCODER_COLUMNS) | cell | {name: near * value for name, value in exact.items()}
                row |= {f"estimate_{term}": row[f"mi_{term}"] + gap for term in control.terms}
                row |= {"beta": control.beta, "removal": control.removal, "angle": control.angle, "share": near}
                row |= {"power_limit": control.power, "critic_steps": 1, "steps": STEPS[-1], "outcome": "completed"}
                row |= {"optimum": best.objective, "optimum_exact": best.exact, "encoder_dim": control.encoder_dim}
                row |= {"fresh_s": row["mi_s"] - 0.01 if control.goal == "remove" else None}
                row |= changes.get(f"{setting}_{variant}", {})
                rows.append(row)
                for step in (*STEPS, STEPS[-1] + 1):
                    grown = 1.0 - np.exp(-step / 100.0)
                    one = dict.fromkeys(STEP_COLUMNS) | cell | {"step": step}
                    one |= {f"mi_{term}": grown * row[f"mi_{term}"] for term in ("y", "x", "s") if row[f"mi_{term}"]}
                    one |= {f"estimate_{term}": grown * row[f"estimate_{term}"] for term in control.terms}
                    steps.append(one | {"fresh_s": row["fresh_s"] if step > STEPS[-1] else None})
    made = (ENCODER_COLUMNS, rows), (STEP_COLUMNS, steps), (OPTIMA_COLUMNS, optima_rows("made", runs))
    names = "encoders", "encoder_steps", "optima"
    return {name: table(columns, of).to_pandas() for name, (columns, of) in zip(names, made, strict=True)}


def realistic(seeds=10) -> dict[str, pd.DataFrame]:
    """What a run might look like: two estimators far off, some runs ended."""
    return made_encoders(
        seeds,
        **{
            "beta=20_biased": {"share": 0.88, "mi_x": 3.9, "estimate_x": 6.2},
            "beta=20_nwj": {"share": None, "outcome": "overflow", "overflow_step": 300},
            "beta=20_club": {"share": -0.4, "mi_x": 0.8, "estimate_x": 30.0},
            "removal=1_infonce": {"share": 0.8},
        },
    )
