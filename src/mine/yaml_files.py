"""YAML files that mean what they look like, read within bounds; one line says what is wrong with one, and where."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from mine.errors import UserError

MAX_DEPTH = 20
"""Levels of lists and mappings in each other; a configuration has a third of them, and a list may hold itself."""

MAX_VALUES = 1_000_000
"""Values in all, those of an anchor as often as it is named: a few lines can name billions."""


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


def check_keys(value: Any, source: str, at: tuple[str | int, ...], seen: Iterator[int] | None = None) -> None:
    """Keys must be text: YAML reads ``0.01:`` as a number and ``on:`` as true. And there may not be too many."""
    seen = seen or itertools.count(1)
    if len(at) > MAX_DEPTH:
        raise UserError(f"{source}: {place(at)}: nested deeper than {MAX_DEPTH} levels")
    if next(seen) > MAX_VALUES:
        raise UserError(f"{source}: holds more than {MAX_VALUES:,} values, those of an anchor where it is named")
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                where = place((*at, str(key)))
                raise UserError(f"{source}: {where}: the key {key!r} is not text; put it in quotes")
            check_keys(inner, source, (*at, key), seen)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            check_keys(inner, source, (*at, index), seen)


def place(path: Iterable[str | int]) -> str:
    """Where in a file something stands: ``grid.dim[0]``."""
    text = "".join(
        f"[{part}]" if isinstance(part, int) else f".{part if part.isprintable() else repr(part)}" for part in path
    )
    return text.removeprefix(".") or "top level"


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
