"""Progress of long work: one line that rewrites itself on a terminal, a quiet line now and then in a log."""

from __future__ import annotations

import contextlib
import sys
import time
from typing import TextIO


class ProgressLine:
    """Shows ``text`` at a place between 0 and ``total``, with the time left at the pace so far."""

    def __init__(self, total: int, *, log_lines: int = 5, stream: TextIO | None = None) -> None:
        """log_lines: how many lines a log gets from start to end, beside the last."""
        self._total, self._log_lines = total, log_lines
        self._stream = stream if stream is not None else sys.stderr
        self._terminal = self._stream.isatty()
        self._start = time.monotonic()
        self._logged = 0
        self._width = 0

    def update(self, done: int, text: str) -> None:
        """Show ``text``; ``done`` of the total is finished."""
        if self._terminal:
            left = (time.monotonic() - self._start) * (self._total - done) / max(done, 1)
            line = f"{text}, {left:.0f} s left"
            # Blanks wipe what a longer line before this one left behind.
            self._write("\r" + line.ljust(self._width))
            self._width = len(line)
        elif done * self._log_lines // self._total > self._logged:
            self._logged = done * self._log_lines // self._total
            self._write(f"{text}\n")

    def close(self) -> None:
        """End the rewritten line, so that what is printed next starts on its own."""
        if self._terminal and self._width:
            self._write("\r" + " " * self._width + "\r")

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError):  # a log on a full disk is no reason to stop a training
            self._stream.write(text)
            self._stream.flush()
