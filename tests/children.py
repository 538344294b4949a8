"""Processes that tests start and send signals to."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def heeding_interrupts() -> Iterator[None]:
    """Processes started inside heed SIGINT, also where the tests were started with it ignored (``nohup make test &``).

    What is ignored is inherited; a handler is not, and leaves the default.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
