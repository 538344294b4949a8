"""Reading and checking a configuration: one line says what is wrong, where, and what is allowed.

The Snakefile checks with the same functions and the same schema before any job starts. Imported by every job of a
cluster, so nothing here imports torch, numpy, pandas, or jsonschema before there is something to check with it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mine.concepts.plan import Plan as Concepts
from mine.errors import UserError, escaped
from mine.experiments import ALL, MAX_RUNS, check_figures, check_target, count_runs, expand, kept_steps
from mine.reach.plan import Plan
from mine.schema import violations
from mine.yaml_files import check_keys, read_yaml

DEFAULTS: dict[str, Any] = {"results": "results", "runs_per_job": 1, "device": "auto", "gpus_per_job": 0}
"""What the keys outside ``experiments`` are where a configuration leaves them out."""


def load_config(path: Path | str) -> dict[str, Any]:
    """Read and check one configuration file, and fill in DEFAULTS.

    Args:
        path: a YAML (or JSON) file.

    Raises:
        UserError: the file cannot be read, is no YAML, names a key twice, or fails ``check_config``.
    """
    path = Path(path)
    config = read_yaml(path)
    check_config(config, str(path))
    return with_defaults(config)


def check_config(config: Any, source: str = "config") -> None:
    """Check a configuration against the schema, then every run that it asks for.

    Args:
        config: the whole configuration.
        source: where the configuration came from, for the message.

    Raises:
        UserError: one line that names source, key, value and what is allowed.
    """
    check_keys(config, source, ())
    if found := violations(config):
        raise UserError(f"{source}: {found[0]}{f' (and {len(found) - 1} more)' if found[1:] else ''}")
    _check_count(config, source)
    for name, experiment in config["experiments"].items():
        _check_runs(f"{source}: experiments.{name}", experiment)
    try:
        for target in Plan.from_dict(config.get("own", {})).further:
            check_target(target)
        Concepts.from_dict(config.get("concepts", {}))
    except UserError as error:
        raise UserError(f"{source}: {error}") from None
    if frozen := config.get("frozen"):
        _check_runs(f"{source}: frozen", frozen)
        try:
            kept_steps(frozen)
        except UserError as error:
            raise UserError(f"{source}: frozen.{error}") from None
        if frozen["samples"] < 2 * max(frozen["batch_sizes"]):
            raise UserError(
                f"{source}: frozen.samples: {frozen['samples']} is not enough for two batches of "
                f"{max(frozen['batch_sizes'])}, the largest of batch_sizes"
            )


def check_or_exit(config: Any, files: Sequence[Path | str]) -> dict[str, Any]:
    """What a Snakefile calls: the configuration with DEFAULTS, or one line on stderr and exit code 2.

    Args:
        config: the configuration as Snakemake merged it.
        files: the files that it was merged from; read once more, because Snakemake lets a key stand twice.
    """
    try:
        for file in files:
            read_yaml(file)
        check_config(config, ", ".join(map(_relative, files)) or "config")
    except UserError as error:
        print(f"mine: error: {escaped(str(error))}", file=sys.stderr)
        raise SystemExit(2) from None
    return with_defaults(config)


def with_defaults(config: dict[str, Any]) -> dict[str, Any]:
    """A configuration that has been checked, with DEFAULTS: what a job's own process takes instead of checking anew."""
    return {**DEFAULTS, **config}


def _check_count(config: dict[str, Any], source: str) -> None:
    """Refuse more runs than anybody means, before any is listed."""
    total = 0
    for name, each in config["experiments"].items():
        try:
            total += count_runs(each)
        except UserError as error:
            raise UserError(f"{source}: experiments.{name}: {error}") from None
        if total > MAX_RUNS:
            raise UserError(
                f"{source}: experiments.{name}: makes it {total:,} runs; a configuration has at most {MAX_RUNS:,}"
            )


def _check_runs(place: str, experiment: dict[str, Any]) -> None:
    try:
        for run in expand(experiment):
            run.cell  # noqa: B018 - building the cell checks it
        check_figures(experiment)
        check_target(experiment.get("target", ALL))
    except UserError as error:
        raise UserError(f"{place}: {error}") from None


def _relative(path: Path | str) -> str:
    path = Path(path)
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
