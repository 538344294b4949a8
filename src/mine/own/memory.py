"""Memory that is given back: what glibc keeps for itself otherwise."""

from __future__ import annotations

import ctypes
import platform

_MMAP_THRESHOLD = -3  # M_MMAP_THRESHOLD of malloc.h
_BYTES = 1 << 22


def give_back_freed_memory() -> None:
    """Have large blocks allocated apart, so that freeing one gives it back to the system.

    Judging frees some hundred MB a block of rows. With glibc's own threshold, which grows to 32 MiB, they come from the
    heap, where any small thing that stays behind pins them: 3.8 GB after a million rows. Does nothing where the C
    library is another.
    """
    if platform.libc_ver()[0] == "glibc":
        ctypes.CDLL(None).mallopt(_MMAP_THRESHOLD, _BYTES)
