"""The size of a search: how many settings, which seeds, and the names of its stages in order."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from mine.errors import UserError
from mine.experiments import parse_seeds

STAGES: dict[str, tuple[str, ...]] = {
    "biased_099": (),
    "biased_095": ("biased_099",),
    "biased_rest": ("biased_099", "biased_095"),
    "ema_099": (),
    "ema_rest": ("biased_099", "biased_095", "biased_rest", "ema_099"),
    "neighbours": ("biased_099", "biased_095", "biased_rest", "ema_099", "ema_rest"),
    "judged": ("biased_099", "biased_095", "biased_rest", "ema_099", "ema_rest", "neighbours"),
    "departures": ("biased_099", "biased_095", "biased_rest", "ema_099", "ema_rest", "neighbours"),
    "departures_judged": (
        *("biased_099", "biased_095", "biased_rest", "ema_099", "ema_rest", "neighbours", "departures"),
    ),
    "plausible": (),
}
"""Stage to the stages whose runs decide what it trains."""


@dataclass(frozen=True)
class Size:
    """How large a search is. The defaults are the published one's.

    shapes: drawn at random from the space, each with every learning rate. epochs: of a full run. chunks: jobs of a
    stage. keep_095, keep_rest: settings of biased that go on to the next stage. keep_ema, keep_with_biased: settings of
    the EMA that run in full, for their own sake and because biased fits there. judged: settings judged, half of them
    fitted together and half apart. departures_judged: likewise of the departures. plausible: settings drawn for
    the plausible range.
    """

    shapes: int = 144
    epochs: int = 500
    chunks: int = 16
    keep_095: int = 150
    keep_rest: int = 36
    keep_ema: int = 16
    keep_with_biased: int = 10
    judged: int = 10
    departures_judged: int = 2
    plausible: int = 24
    seeds: str = "0-2"
    judge_seeds: str = "100-139"
    plausible_seeds: str = "300-302"

    def __post_init__(self) -> None:
        """Check every value; raises UserError."""
        for field in fields(self):
            value = getattr(self, field.name)
            if field.type == "int":
                if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                    raise UserError(f"search.{field.name}: {value!r} is not a whole number of at least 1")
            else:
                parse_seeds(value)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Size:
        """A size from the configuration's ``search``; an unknown key raises UserError, which lists the known ones."""
        known = [field.name for field in fields(cls)]
        for key in values:
            if key not in known:
                raise UserError(f"search.{key}: unknown key; known are {', '.join(known)}")
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """All of it by name."""
        return asdict(self)

    @property
    def early(self) -> tuple[int, int, int]:
        """Epochs of the first stages: biased at 0.99, where 33 are published; at 0.95 (156); and the EMA at 0.99."""
        return tuple(max(1, round(self.epochs * share)) for share in (0.12, 0.5, 0.08))  # type: ignore[return-value]
