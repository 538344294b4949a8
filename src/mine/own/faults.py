"""Faults of a reader's data, gathered so that one run names them all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from mine.errors import UserError

_SHOWN = 8


class Several(UserError):
    """Faults in one line. texts: of each."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.texts = list(texts)
        super().__init__(_joined(self.texts))


class Faults:
    """Sentences that each tell one fault, in the order found, each once."""

    def __init__(self) -> None:
        self._texts: dict[str, None] = {}

    def __bool__(self) -> bool:
        return bool(self._texts)

    def add(self, *texts: str) -> None:
        """Take in what is wrong."""
        self._texts.update(dict.fromkeys(texts))

    @contextmanager
    def gathered(self) -> Iterator[None]:
        """Take in the UserError of what is done inside, which then ends there, instead of raising it."""
        try:
            yield
        except UserError as error:
            self.add(*(error.texts if isinstance(error, Several) else [str(error)]))

    def settle(self) -> None:
        """Raise Several if there was a fault."""
        if self._texts:
            raise Several(self._texts)


def _joined(texts: list[str]) -> str:
    if len(texts) == 1:
        return texts[0]
    more = f"; and {len(texts) - _SHOWN} more" if len(texts) > _SHOWN else ""
    return f"{len(texts)} faults: " + "; ".join(f"({i}) {text}" for i, text in enumerate(texts[:_SHOWN], 1)) + more
