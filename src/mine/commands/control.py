"""Train encoders by an estimate of mutual information, and judge them by the exact one.

  train    one cell of the grid: encoders t = f(x) + unit noise of Gaussian data, one parquet file a seed
  collect  the runs of an experiment as three tables: encoders, encoder_steps and optima

Example: mine control train --variant ema --goal maximise --correlations 0.95,0.85,0.6,0.3 --encoder-dim 2 --power 8
--seed 3 --output run.parquet
Goals: maximise I(t; y) within a power; compress, I(x; t) - beta I(t; y); remove, I(t; y) - removal I(t; s).

An encoder or a critic that becomes non-finite stops there, keeps its rows and counts as finished (exit 0): it is a
result. All information is in nats.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from mine.commands.options import add_settings, integer, made_with, number
from mine.commands.train import add_running_options, made_ready, seeds_and_outputs, settings_of
from mine.control.settings import ENCODERS, GOALS, ControlSettings, EncoderCell, check_together
from mine.errors import UserError
from mine.estimators import default_critic
from mine.estimators.names import ESTIMATORS
from mine.settings import CRITICS, TrainingSettings, check_size

HELP = "train encoders by an estimate, judged by the exact information"

STACK = {"cpu": 10, "cuda": 4096}
"""Encoders that train together by default, by device."""

_OPTIONS = (
    ("goal", str, "NAME", " or ".join(GOALS)),
    ("correlations", str, "LIST", "canonical correlations of x with y, each in (0, 1); as many as x has dimensions"),
    ("encoder_dim", integer, "M", "dimensions of t, from 1 to those of x"),
    ("sensitive", str, "LIST", "of remove: canonical correlations of x with s"),
    ("angle", number, "DEGREES", "of remove: how far the directions of s are turned from those of y"),
    ("power", number, "P", "largest E|f(x)|^2, above 0; compress has none"),
    ("beta", number, "BETA", "of compress: weight of I(t; y), above 0"),
    ("removal", number, "WEIGHT", "of remove: weight of I(t; s), above 0"),
    ("encoder_learning_rate", number, "LR", "of the encoder's own Adam"),
    ("critic_steps", integer, "N", "updates of each critic between two of the encoder"),
    ("fresh_steps", integer, "N", "of remove: updates of the fresh critic on the finished encoder"),
    ("encoder", str, "KIND", f"{' or '.join(ENCODERS)}: f(x) = W x, or a perceptron with one hidden layer"),
    ("encoder_hidden", integer, "N", "of mlp: units of its hidden layer"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Two commands below this one."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    train = actions.add_parser("train", help="one cell of the grid, one parquet file a seed", allow_abbrev=False)
    train.add_argument("--variant", required=True, metavar="NAME", help=f"estimator: {', '.join(ESTIMATORS)}")
    train.add_argument("--critic", metavar="NAME", help=f"{', '.join(CRITICS)} (default: the estimator's first)")
    train.add_argument("--seed", required=True, metavar="SEEDS", help="a seed, or several: 0-15 or 0,3,7")
    train.add_argument("--output", required=True, metavar="FILE", help="parquet file; '{seed}' stands for the seed")
    group = train.add_argument_group("the encoder")
    for name, kind, metavar, text in _OPTIONS:
        option = f"--{name.replace('_', '-')}"
        group.add_argument(option, dest=name, type=kind, default=argparse.SUPPRESS, metavar=metavar, help=text)
    add_settings(train.add_argument_group("training settings"), TrainingSettings)
    add_running_options(train)

    gather = actions.add_parser("collect", help="the runs of an experiment as three tables", allow_abbrev=False)
    gather.add_argument("runs", type=Path, metavar="RUNS_DIR", help="the experiment's runs folder")
    gather.add_argument("--grid", required=True, metavar="JSON", help="the experiment's part of the configuration")
    gather.add_argument("--experiment", required=True, metavar="NAME", help="its name in the tables")
    for name in ("encoders", "encoder-steps", "optima"):
        gather.add_argument(f"--{name}", required=True, type=Path, metavar="FILE", help="parquet table to write")


def run(arguments: argparse.Namespace) -> None:
    """Run the command. Raises UserError."""
    (_train if arguments.action == "train" else _collect)(arguments)


def _train(arguments: argparse.Namespace) -> None:
    seeds, outputs = seeds_and_outputs(arguments)
    control, training = _control(arguments), settings_of(arguments)
    check_together(control, training)
    check_size(control.dim, training)
    critic = arguments.critic or default_critic(arguments.variant)
    cells = [EncoderCell(arguments.variant, critic, control.goal, control.dim, seed) for seed in seeds]

    from mine.control.code import encoder_code_hash
    from mine.control.runs import train_encoders
    from mine.control.trace import write_run
    from mine.progress import ProgressLine

    device = made_ready(arguments, outputs)
    where = {**made_with(arguments, device), "code": encoder_code_hash(arguments.variant)}
    size, total = arguments.stack or STACK[device.type], training.steps or 0
    line = ProgressLine(total * -(-len(seeds) // size))
    for first in range(0, len(seeds), size):
        stack = slice(first, first + size)

        def report(step: int, live: float, first: int = first) -> None:
            words = (
                f"{arguments.variant} to {control.goal}, seeds {arguments.seed}: step {step}/{total}, {live:.0%} live"
            )
            line.update(first // size * total + step, words)

        results = train_encoders(
            arguments.variant, critic, seeds[stack], control, training, device=device, report=report
        )
        line.close()
        for cell, output, result in zip(cells[stack], outputs[stack], results, strict=True):
            metadata = {
                "cell": cell.to_dict(),
                "settings": training.to_dict(),
                "control": control.to_dict(),
                "outcome": result.outcome,
                "overflow_step": result.overflow_step,
                "encoder": result.encoder.saved(),
                **result.uncertain,
                **where,
            }
            write_run(output, result.columns, metadata)
            ending = result.outcome if result.overflow_step is None else f"overflow at step {result.overflow_step}"
            print(f"{output}: {ending}", flush=True)


def _control(arguments: argparse.Namespace) -> ControlSettings:
    """The control settings on the command line. Raises UserError."""
    given = {name: getattr(arguments, name) for name, *_ in _OPTIONS if hasattr(arguments, name)}
    for name in ("correlations", "sensitive"):
        if name in given:
            given[name] = [number(part) for part in given[name].split(",")]
    return ControlSettings.from_dict(given)


def _collect(arguments: argparse.Namespace) -> None:
    from mine.control.tables import collect
    from mine.experiments import expand, parse_grid
    from mine.progress import ProgressLine

    runs = [(arguments.runs / run.path, run) for run in expand(parse_grid(arguments.grid))]
    if any(run.control is None for _, run in runs):
        raise UserError("--grid: an experiment without control, which trains no encoders: use `mine collect`")
    missing = [path for path, _ in runs if not path.is_file()]
    if missing:
        raise UserError(f"{missing[0]}: missing ({len(missing)} of the grid's {len(runs)} runs are)")
    line = ProgressLine(len(runs), log_lines=0)
    try:
        collect(
            arguments.experiment,
            runs,
            arguments.encoders,
            arguments.encoder_steps,
            arguments.optima,
            lambda done, total: line.update(done, f"{done} of {total} runs read"),
        )
    finally:
        line.close()
