"""What a setting may be: kinds of values, each with its range, said once.

Settings are checked by them; ``mine.schema`` has them in the configuration's schema, ``mine.commands.options`` in the
options of a command.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any

from mine.errors import UserError


@dataclass(frozen=True)
class Whole:
    """A whole number from ``least`` to ``most``, or ``word`` where there is one; ``of``: what it counts."""

    least: int
    most: int
    word: str = ""
    of: str = ""

    def check(self, name: str, value: Any) -> None:
        """Raise UserError unless value is one."""
        if self.word and isinstance(value, str):
            if value != self.word:
                raise UserError(f"{name}: {value!r} is neither {self.word!r} nor a whole number of {self.of}")
            return
        if isinstance(value, bool) or not isinstance(value, int) or value < self.least:
            raise UserError(f"{name}: {value!r} is not a whole number of at least {self.least}")
        if value > self.most:
            raise UserError(f"{name}: {value!r} is not a whole number of at most {self.most:,}")

    def __str__(self) -> str:
        word = f"{self.word}, or " if self.word else ""
        return f"{word}at least {self.least}"


@dataclass(frozen=True)
class Real:
    """A finite number from ``low`` to ``high``; ``ends``: of each, a round bracket where it is left out."""

    low: float
    high: float
    ends: str = "[]"

    def check(self, name: str, value: Any) -> None:
        """Raise UserError unless value is one."""
        good = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        good = good and (value > self.low if self.ends[0] == "(" else value >= self.low)
        good = good and (value < self.high if self.ends[1] == ")" else value <= self.high)
        if not good:
            raise UserError(f"{name}: {value!r} is not a number {self}")

    def __str__(self) -> str:
        return f"in {self.ends[0]}{self.low:g}, {self.high:g}{self.ends[1]}"


@dataclass(frozen=True)
class Choice:
    """One of some names."""

    names: tuple[str, ...]

    def check(self, name: str, value: Any) -> None:
        """Raise UserError unless value is one."""
        if value not in self.names:
            raise UserError(f"{name}: {value!r} is unknown; allowed are {', '.join(self.names)}")

    def __str__(self) -> str:
        return f"one of {', '.join(self.names)}"


@dataclass(frozen=True)
class Flag:
    """True or false."""

    def check(self, name: str, value: Any) -> None:
        """Raise UserError unless value is one."""
        if not isinstance(value, bool):
            raise UserError(f"{name}: {value!r} is neither true nor false")

    def __str__(self) -> str:
        return "true or false"


Kind = Whole | Real | Choice | Flag


def setting(default: Any, kind: Kind) -> Any:
    """A field of a dataclass that is of a kind; where the default is None, None is allowed too."""
    return field(default=default, metadata={"kind": kind})


def kinds_of(settings: Any) -> dict[str, Kind]:
    """Name to kind of every field of a dataclass, or of one of its instances, that ``setting`` made."""
    return {each.name: each.metadata["kind"] for each in fields(settings) if "kind" in each.metadata}


def check(settings: Any) -> None:
    """Raise UserError unless every field of a dataclass's instance is of its kind."""
    for each in fields(settings):
        value = getattr(settings, each.name)
        if value is not None or each.default is not None:
            each.metadata["kind"].check(each.name, value)
