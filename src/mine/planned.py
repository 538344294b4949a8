"""What plans of `snakemake` targets share: made from a part of the configuration, and given to jobs as JSON.

Imported by the Snakefile: nothing here imports torch, numpy or pandas.
"""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import Any, ClassVar, Self

from mine.errors import UserError


class Planned:
    """Base of a dataclass that a part of the configuration holds. PART: the part's name."""

    PART: ClassVar[str]

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """A plan from its part; an unknown key raises UserError, which lists the known ones."""
        known = [each.name for each in fields(cls)]  # type: ignore[arg-type]
        for key in values:
            if key not in known:
                raise UserError(f"{cls.PART}.{key}: unknown key; known are {', '.join(known)}")
        return cls(**values)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The same of a JSON object."""
        try:
            values = json.loads(text)
        except json.JSONDecodeError as error:
            raise UserError(f"--plan: not JSON ({error})") from None
        if not isinstance(values, dict):
            raise UserError(f"--plan: {text[:40]!r} is not a JSON object")
        return cls.from_dict(values)

    def to_json(self, *names: str) -> str:
        """All of it, or some values: a job is given what it depends on."""
        values = asdict(self)  # type: ignore[call-overload]
        return json.dumps({name: values[name] for name in names or values})
