"""The configuration's schema, with what settings and registries know, and what it refuses in words.

Nothing here imports torch, numpy or pandas, nor jsonschema before there is something to check with it.
"""

from __future__ import annotations

import difflib
import math
import re
import sys
from dataclasses import fields
from importlib import resources
from typing import TYPE_CHECKING, Any

from mine.concepts.plan import Plan as Concepts
from mine.estimators.names import ESTIMATORS
from mine.figures import FIGURES
from mine.kinds import Choice, Kind, Real, Whole
from mine.reach.plan import Plan
from mine.settings import CRITICS, TrainingSettings
from mine.yaml_files import place, read_yaml

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

SCHEMA = resources.files("mine").joinpath("config.schema.yaml")
"""The part of it that only the schema knows, which is installed with the package."""


def schema() -> dict[str, Any]:
    """The whole schema."""
    whole = read_yaml(str(SCHEMA))
    parts = whole["$defs"]
    training = {each.name: _part(each.metadata["kind"], each.default) for each in fields(TrainingSettings)}
    parts["training"]["properties"] = training
    parts["setting"]["properties"] |= training
    own = {each.name: _part(each.metadata["kind"], each.default) for each in fields(Plan) if each.metadata}
    parts["own"]["properties"] |= own
    concepts = {each.name: _part(each.metadata["kind"], each.default) for each in fields(Concepts) if each.metadata}
    parts["concepts"]["properties"] |= concepts
    parts["variant"] = {"enum": list(ESTIMATORS)}
    parts["critic"] = {"enum": list(CRITICS)}
    parts["figure"] = {"enum": [name for name, figure in FIGURES.items() if figure.of == "experiment"]}
    return whole


def violations(config: Any) -> list[str]:
    """What the schema refuses of a configuration, in words: key, value, what is allowed; to be mended first, first."""
    # A misspelt key also leaves one missing: the misspelling is what to say.
    errors = sorted(
        _validator()(schema()).iter_errors(config),
        key=lambda error: (error.validator != "additionalProperties", [*map(str, error.absolute_path)], error.message),
    )
    return [_describe(error) for error in errors]


def _part(kind: Kind, default: Any) -> dict[str, Any]:
    """What a kind of values is in a schema."""
    part: dict[str, Any]
    if isinstance(kind, Choice):
        part = {"enum": list(kind.names)}
    elif isinstance(kind, Whole):
        part = {"type": "integer", "minimum": kind.least, "maximum": kind.most}
        if kind.word:
            part = {"anyOf": [{"const": kind.word}, part]}
    elif isinstance(kind, Real):
        low, high = ("exclusiveM" if end in "()" else "m" for end in kind.ends)
        part = {"type": "number", f"{low}inimum": kind.low, f"{high}aximum": kind.high}
        part = {key: value for key, value in part.items() if value != math.inf}
    else:
        part = {"type": "boolean"}
    return part if default is not None else {"anyOf": [part, {"type": "null"}]}


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


def _describe(error: ValidationError) -> str:
    """One violation in words: key, value, what is allowed."""
    at, schema = tuple(error.absolute_path), error.schema
    if error.validator == "additionalProperties":
        known = list(schema.get("properties", {}))
        unknown = sorted(set(error.instance) - set(known))
        if not known:  # names that the user chooses: experiments, settings
            bad = [name for name in unknown if not _named_well(name, schema)]
            return f"{place((*at, bad[0]))}: {bad[0]!r} is no name; allowed is {schema['description']}"
        near = difflib.get_close_matches(unknown[0], known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
        return f"{place((*at, unknown[0]))}: unknown key {unknown[0]!r}; {hint}"
    if error.validator == "required":
        missing = next(name for name in error.validator_value if name not in error.instance)
        return f"{place((*at, missing))}: missing; {missing!r} is required here"
    if error.validator == "uniqueItems":
        return f"{place(at)}: {error.instance!r} names something twice"
    text = f"{place(at)}: {_short(error.instance)} is not allowed; it must be {_allowed(schema)}"
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


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
