"""What a data file offers: names of columns now, their values when asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Table:
    """Columns of a file. A fault of a column that nobody names is none.

    names: of the columns, in the file's order. load: values of some of them, by name. bad: names that cannot be given,
    with the reason. arrays: names that stand for several columns. read_as: how the file turned out to be written, where
    that could have been otherwise. hint: what to say to a reader whose name is not there.
    """

    names: Sequence[str]
    load: Callable[[Sequence[str]], dict[str, Any]]
    bad: Mapping[str, str] = field(default_factory=dict)
    arrays: Mapping[str, Sequence[str]] = field(default_factory=dict)
    read_as: Mapping[str, Any] = field(default_factory=dict)
    hint: str = ""
