"""Ctrl-C that is never lost. Nothing here imports more than a started interpreter has: it is the first to be imported.

A KeyboardInterrupt raised inside an import is not safe: libraries catch all that goes wrong while they are imported,
and go on without the part, and compiled ones may abort. So an interrupt that meets an import waits for its end.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

AGAIN = 0.05
"""Seconds until an interrupt that met an import is looked at again."""

CODE = 130
"""Exit code of what an interrupt ended, as shells have it."""


_waiting = False
"""Whether an interrupt waits for the end of an import."""


@contextmanager
def heeded() -> Iterator[None]:
    """Inside, SIGINT raises KeyboardInterrupt outside of imports only; a SIGINT that is ignored stays so."""
    ours = threading.current_thread() is threading.main_thread()
    outermost = ours and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if outermost:
        alarm = signal.signal(signal.SIGALRM, _interrupted)
        signal.signal(signal.SIGINT, _interrupted)
    try:
        yield
    finally:
        waited = ours and _stop_waiting()
        if outermost:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            signal.signal(signal.SIGALRM, alarm)
        if waited:
            # Whatever the import came to, an error too, is what the interrupt met first.
            raise KeyboardInterrupt


def _interrupted(number: int, frame: FrameType | None) -> Any:
    global _waiting
    if _imports(frame):
        _waiting = True
        signal.setitimer(signal.ITIMER_REAL, AGAIN)
        return
    _stop_waiting()
    raise KeyboardInterrupt


def _stop_waiting() -> bool:
    """Whether an interrupt waited; from now on none does."""
    global _waiting
    waited, _waiting = _waiting, False
    if waited:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
    return waited


def _imports(frame: FrameType | None) -> bool:
    """Whether a frame is inside an import."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False
