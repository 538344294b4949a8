"""Reading and checking a configuration: one line says what is wrong, where, and what is allowed.

The Snakefile checks with the same functions and the same schema before any job starts. Imported by every job of a
cluster, so nothing here imports torch, numpy, pandas, or jsonschema before there is something to check with it.
"""

from __future__ import annotations

import difflib
import itertools
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from mine.errors import UserError, escaped
from mine.experiments import ALL, MAX_RUNS, check_figures, check_target, count_runs, expand, kept_steps

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

SCHEMA = Path(str(resources.files("mine").joinpath("config.schema.yaml")))
"""The schema, which is installed with the package."""

MAX_DEPTH = 20
"""Levels of lists and mappings in each other; a configuration has a third of them, and a list may hold itself."""

MAX_VALUES = 1_000_000
"""Values in all, those of an anchor as often as it is named: a few lines can name billions."""

DEFAULTS: dict[str, Any] = {"results": "results", "runs_per_job": 1, "device": "auto", "gpus_per_job": 0}
"""What the keys outside ``experiments`` are where a configuration leaves them out."""


def load_config(path: Path | str, schema: Path = SCHEMA) -> dict[str, Any]:
    """Read and check one configuration file, and fill in DEFAULTS.

    Args:
        path: a YAML (or JSON) file.
        schema: file of the schema.

    Raises:
        UserError: the file cannot be read, is no YAML, names a key twice, or fails ``check_config``.
    """
    path = Path(path)
    config = read_yaml(path)
    check_config(config, schema, str(path))
    return with_defaults(config)


def read_yaml(path: Path | str) -> Any:
    """Content of a YAML file. Raises UserError where it cannot be read, is no YAML or has a key twice."""
    try:
        text = Path(path).read_text(encoding="utf-8")
        _check_depth(text)
        return yaml.load(text, _UniqueKeyLoader)
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from None
    except RecursionError:
        raise UserError(f"{path}: not a valid configuration: a mapping is merged into itself") from None
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise UserError(f"{path}{line}: not a valid configuration: {error.problem}") from None
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date that is none, a number of 5,000 digits
        raise UserError(f"{path}: not a valid configuration: {' '.join(str(error).split())}") from None


def _check_depth(text: str) -> None:
    """Refuse what is nested too deep for a loader, which goes down by calls of itself and takes the process along."""
    depth = 0
    for event in yaml.parse(text, _UniqueKeyLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            problem = f"nested deeper than {MAX_DEPTH} levels"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=event.start_mark)


def check_config(config: Any, schema: Path, source: str = "config") -> None:
    """Check a configuration against the schema, then every run that it asks for.

    Args:
        config: the whole configuration.
        schema: file of the schema.
        source: where the configuration came from, for the message.

    Raises:
        UserError: one line that names source, key, value and what is allowed.
    """
    _check_keys(config, source, ())
    found = _validator()(read_yaml(schema)).iter_errors(config)
    # A misspelt key also leaves one missing: the misspelling is what to say.
    errors = sorted(
        found,
        key=lambda error: (error.validator != "additionalProperties", [*map(str, error.absolute_path)], error.message),
    )
    if errors:
        more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        raise UserError(f"{source}: {_describe(errors[0])}{more}")
    _check_count(config, source)
    for name, experiment in config["experiments"].items():
        _check_runs(f"{source}: experiments.{name}", experiment)
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


def check_or_exit(config: Any, schema: Path, files: Sequence[Path | str]) -> dict[str, Any]:
    """What a Snakefile calls: the configuration with DEFAULTS, or one line on stderr and exit code 2.

    Args:
        config: the configuration as Snakemake merged it.
        schema: file of the schema.
        files: the files that it was merged from; read once more, because Snakemake lets a key stand twice.
    """
    try:
        for file in files:
            read_yaml(file)
        check_config(config, schema, ", ".join(map(_relative, files)) or "config")
    except UserError as error:
        print(f"mine: error: {escaped(str(error))}", file=sys.stderr)
        raise SystemExit(2) from None
    return with_defaults(config)


def _validator() -> type:
    """The class that checks against a schema, of jsonschema, imported where there is something to check.

    It looks for a library for each format that a text may have, of which the schema names none; one of them compiles
    a grammar as it is imported, which is nearly all of the time. So it is not there while jsonschema looks.
    """
    slow = "rfc3987_syntax"
    hidden = slow not in sys.modules
    if hidden:
        sys.modules[slow] = None  # type: ignore[assignment]
    try:
        from jsonschema import Draft202012Validator
    finally:
        if hidden:
            del sys.modules[slow]
    return Draft202012Validator


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


class _UniqueKeyLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # the compiled one, where there is one
    """Safe YAML less what reads as something else than it looks like.

    A mapping may not name a key twice (YAML itself would keep the last one, silently), and a number may not be octal
    (010 would be 8) or sexagesimal (1:30 would be 90).
    """

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        """Refuse a number that would not be the one that stands there."""
        value, text = super().construct_yaml_int(node), str(node.value)
        if ":" in text or re.match(r"[-+]?0[0-9_]", text):
            raise yaml.MarkedYAMLError(
                problem=f"{text} would be read as {value}; write {value}, or what is meant, without a leading 0 or a :",
                problem_mark=node.start_mark,
            )
        return value

    def construct_yaml_float(self, node: yaml.ScalarNode) -> float:
        """As ``construct_yaml_int``."""
        value, text = super().construct_yaml_float(node), str(node.value)
        if ":" in text:
            problem = f"{text} would be read as {value:g}; write what is meant without a :"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)
        return value

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Refuse repeats among the keys as written; a key may override one that "<<" merged in."""
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise yaml.MarkedYAMLError(problem=f"key {key.value!r} stands twice", problem_mark=key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Merge "<<", then drop what the mapping's own keys override, so that no repeat is left."""
        own = {key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)}
        written = len([key for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"])
        super().flatten_mapping(node)
        merged = len(node.value) - written
        node.value = [(k, v) for i, (k, v) in enumerate(node.value) if i >= merged or k.value not in own]


_UniqueKeyLoader.add_constructor("tag:yaml.org,2002:int", _UniqueKeyLoader.construct_yaml_int)
_UniqueKeyLoader.add_constructor("tag:yaml.org,2002:float", _UniqueKeyLoader.construct_yaml_float)


def _check_keys(value: Any, source: str, place: tuple[str | int, ...], seen: Iterator[int] | None = None) -> None:
    """Keys must be text: YAML reads ``0.01:`` as a number and ``on:`` as true. And there may not be too many."""
    seen = seen or itertools.count(1)
    if len(place) > MAX_DEPTH:
        raise UserError(f"{source}: {_place(place)}: nested deeper than {MAX_DEPTH} levels")
    if next(seen) > MAX_VALUES:
        raise UserError(f"{source}: holds more than {MAX_VALUES:,} values, those of an anchor where it is named")
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                where = _place((*place, str(key)))
                raise UserError(f"{source}: {where}: the key {key!r} is not text; put it in quotes")
            _check_keys(inner, source, (*place, key), seen)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            _check_keys(inner, source, (*place, index), seen)


def _describe(error: ValidationError) -> str:
    """One violation in words: key, value, what is allowed."""
    place, schema = tuple(error.absolute_path), error.schema
    if error.validator == "additionalProperties":
        known = list(schema.get("properties", {}))
        unknown = sorted(set(error.instance) - set(known))
        if not known:  # names that the user chooses: experiments, settings
            bad = [name for name in unknown if not _named_well(name, schema)]
            return f"{_place((*place, bad[0]))}: {bad[0]!r} is no name; allowed is {schema['description']}"
        near = difflib.get_close_matches(unknown[0], known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
        return f"{_place((*place, unknown[0]))}: unknown key {unknown[0]!r}; {hint}"
    if error.validator == "required":
        missing = next(name for name in error.validator_value if name not in error.instance)
        return f"{_place((*place, missing))}: missing; {missing!r} is required here"
    if error.validator == "uniqueItems":
        return f"{_place(place)}: {error.instance!r} names something twice"
    text = f"{_place(place)}: {_short(error.instance)} is not allowed; it must be {_allowed(schema)}"
    if schema.get("type") in ("number", "integer") and isinstance(error.instance, str) and _is_number(error.instance):
        text += " (YAML reads this as text: write it without quotes, and 1.0e-3 or 0.001 for 1e-3)"
    if isinstance(error.instance, str) and "enum" in schema:
        near = difflib.get_close_matches(error.instance, schema["enum"], n=1)
        text += f" (did you mean {near[0]!r}?)" if near else ""
    return text


def _named_well(name: str, schema: dict[str, Any]) -> bool:
    return any(re.search(pattern, name) for pattern in schema.get("patternProperties", {}))


def _allowed(schema: dict[str, Any]) -> str:
    """What a schema allows, in words."""
    if "anyOf" in schema:
        return " or ".join(map(_allowed, schema["anyOf"]))
    if "enum" in schema:
        return f"one of {', '.join(map(str, schema['enum']))}"
    if "const" in schema:
        return repr(schema["const"])
    kind = schema.get("type", "something else")
    words = {"integer": "a whole number", "object": "a mapping", "array": "a list", "null": "null", "string": "text"}
    text = words.get(kind, f"a {kind}")
    if kind in ("string", "array") and "description" in schema:
        text = f"{text}: {schema['description']}"
    bounds = [
        f"{word} {schema[key]}"
        for key, word in (
            ("minimum", "of at least"),
            ("exclusiveMinimum", "greater than"),
            ("maximum", "of at most"),
            ("exclusiveMaximum", "less than"),
        )
        if key in schema
    ]
    if "minItems" in schema or "minProperties" in schema:
        bounds.append("with at least one entry")
    return " ".join([text, " and ".join(bounds)]).strip()


def _place(path: Iterable[str | int]) -> str:
    text = "".join(
        f"[{part}]" if isinstance(part, int) else f".{part if part.isprintable() else repr(part)}" for part in path
    )
    return text.removeprefix(".") or "top level"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _relative(path: Path | str) -> str:
    path = Path(path)
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
