"""Print what a training run was and how it ended. All information in nats."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mine.errors import escaped
from mine.settings import EPOCH

if TYPE_CHECKING:
    from mine.runs import RunFile
    from mine.settings import TrainingSettings
    from mine.trace import Trace

HELP = "print what one run was and how it ended"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The file, and how to print it."""
    parser.add_argument("file", type=Path, metavar="FILE", help="a run's parquet file, as mine train writes it")
    parser.add_argument("--json", action="store_true", help="print one JSON object (a value that is not finite: null)")


def run(arguments: argparse.Namespace) -> None:
    """Read one file and print it."""
    from mine.errors import UserError
    from mine.runs import read_run, run_of
    from mine.summary import summary_row
    from mine.trace import read_metadata

    if not arguments.file.is_file():
        raise UserError(f"{arguments.file}: no such file; mine train writes one a seed")
    run_file = run_of(arguments.file, read_metadata(arguments.file))
    trace = read_run(run_file)
    if run_file.cell.stairs > 1:
        _show_stairs(arguments, run_file, trace)
        return
    summary = summary_row("", run_file, trace)
    if arguments.json:
        print(json.dumps({"metadata": trace.metadata, "summary": _all_plain(summary)}, indent=2))
        return
    packages = ", ".join(f"{name} {version}" for name, version in trace.metadata["packages"].items())
    windows = run_file.training.window > 1
    averaged = "last 10 % of the updates; sd of the windows' means" if windows else "last 10 % of the rows"
    typical = f"median {summary['grad_norm_median']:.3g}{' (of the medians of windows)' if windows else ''}"
    lines = {
        "run": _cell(run_file),
        "settings": _settings(run_file.training.to_dict()),
        **({"rows": _rows(run_file.training, len(trace.frame))} if windows else {}),
        "outcome": _ending(trace.metadata, summary),
        "truth": f"{summary['mi_true']:.4f} nats",
        "in-batch": f"{summary['mi_batch_mean']:.4f} nats, sd {summary['mi_batch_sd']:.4f} ({averaged})",
        "held out": _measured(summary["mi_heldout"], summary["heldout_ess"]),
        "population": _measured(summary["mi_population"], summary["population_ess"]),
        "gradient norm": f"{typical}, largest {summary['grad_norm_max']:.3g}",
        "made by": f"{packages} on {trace.metadata['device']}, code {trace.metadata['code'][:12]}",
    }
    _print(lines)


def _settings(values: dict[str, Any]) -> str:
    """Settings in words; of steps and epochs the one that the run was given."""
    derived = "steps" if values["epochs"] is not None else "epochs"
    return ", ".join(f"{name} {value}" for name, value in values.items() if value is not None and name != derived)


def _rows(training: TrainingSettings, rows: int) -> str:
    """How many rows a trace of windows has, and what one stands for."""
    span = "an epoch" if training.record_every == EPOCH else "a window"
    return f"{rows}, one {span} of {training.window} updates, the last one the critic that training ended with"


def _cell(run_file: RunFile) -> str:
    return ", ".join(f"{name} {value}" for name, value in run_file.cell.to_dict().items() if value is not None)


def _measured(value: float, ess: float) -> str:
    """A value with its effective sample size; estimators without a critic T have none."""
    if math.isnan(value):
        return "not measured"
    return f"{value:.4f} nats" + ("" if math.isnan(ess) else f", effective sample size {ess:.1f}")


def _show_stairs(arguments: argparse.Namespace, run_file: RunFile, trace: Trace) -> None:
    """Print a run up a staircase: a line a stair."""
    from mine.estimators.names import ESTIMATORS
    from mine.estimators.stairs import stair_rows

    stairs = stair_rows("", run_file, trace)
    if arguments.json:
        print(json.dumps({"metadata": trace.metadata, "stairs": [_all_plain(row) for row in stairs]}, indent=2))
        return
    ended = trace.metadata["overflow_step"]
    lines = {
        "run": _cell(run_file),
        "settings": ", ".join(f"{n} {v}" for n, v in trace.metadata["settings"].items() if v is not None),
        "outcome": trace.metadata["outcome"] + (f" at step {ended}" if ended is not None else ""),
    }
    for index, row in enumerate(stairs, 1):
        text = row["outcome"]
        if text == "completed":
            text = (
                f"in-batch {row['mi_batch_mean']:.4f}, held out {row['mi_heldout']:.4f} nats, "
                f"gradient norm median {row['grad_norm_median']:.3g}"
            )
        lines[f"stair {index}"] = f"truth {row['mi_true']:.4f}: {text}"
    lines["estimator"] = ESTIMATORS[run_file.cell.variant].label
    _print(lines)


def _all_plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: _plain(value) for name, value in row.items()}


def _print(lines: dict[str, str]) -> None:
    width = max(map(len, lines))
    for name, text in lines.items():
        print(f"{name.ljust(width)}  {escaped(text)}")


def _ending(metadata: dict[str, Any], summary: dict[str, Any]) -> str:
    text = metadata["outcome"]
    if metadata["overflow_step"] is not None:
        text += f" at step {metadata['overflow_step']}"
    runaway = summary["runaway_step"]
    return text if runaway is None else f"{text}, runaway from step {runaway}"


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
