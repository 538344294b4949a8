"""Files that appear whole or not at all: written beside their place, synced, then renamed."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from mine.errors import UserError

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
)


@contextmanager
def whole_files(*paths: Path) -> Iterator[list[BinaryIO]]:
    """Streams to temporaries beside each path; on leaving without an error all of them take their places.

    After an error nothing is left behind and what stood there before still stands.

    Raises:
        UserError: two paths are one, or a path cannot be written.
    """
    check_distinct(paths)
    temporaries: list[Path] = []
    current = paths[0]
    try:
        with ExitStack() as stack:
            streams = []
            for current in paths:
                _check_kind(current)
                current.parent.mkdir(parents=True, exist_ok=True)
                temporary = _temporary(current)
                streams.append(stack.enter_context(_opened(temporary)))
                temporaries.append(temporary)
            yield streams
            for stream in streams:
                stream.flush()
                os.fsync(stream.fileno())
        done: list[Path] = []
        try:
            for current, temporary in zip(paths, temporaries, strict=True):
                temporary.replace(current)
                done.append(current)
        except OSError:
            # Tables of two different collections side by side would be worse than none.
            for path in done:
                path.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UserError(f"{current}: cannot be written ({error.strerror or error})") from None
    finally:
        for temporary in temporaries:
            if temporary.parent.is_dir():
                temporary.unlink(missing_ok=True)


def check_writable(path: Path) -> None:
    """Raise UserError unless a file can be made at ``path``: better known before training than after."""
    try:
        _check_kind(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        # The very file that will be written to, so that a name too long for it is found too.
        temporary = _temporary(path)
        _opened(temporary).close()
        temporary.unlink()
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror or error})") from None


def check_distinct(outputs: Iterable[Path]) -> None:
    """Raise UserError where two outputs are one file, however each is spelt."""
    seen: set[str] = set()
    for path in outputs:
        real = os.path.realpath(path)
        if real in seen:
            raise UserError(f"{path}: named as two outputs at once")
        seen.add(real)


def check_apart(outputs: Iterable[Path], inputs: Iterable[Path]) -> None:
    """Raise UserError where an output would take the place of an input, however each is spelt."""
    there: dict[tuple[int, int], Path] = {}
    for path in outputs:
        if (found := _identity(path)) is not None:
            there[found] = path
    # Most often there is no output yet, and then thousands of inputs need no look.
    for path in inputs if there else ():
        if (output := there.get(_identity(path))) is not None:
            raise UserError(f"{output}: is an input too ({path}); name another output")


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _check_kind(path: Path) -> None:
    """What is renamed into the place of a device or a pipe would replace it."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return
    for is_kind, name in _KINDS:
        if is_kind(mode):
            raise UserError(f"{path}: cannot be written (it is {name}, no regular file)")


def _temporary(path: Path) -> Path:
    """A name that no other process, and nobody who guesses, has: of this process, so that `mine status` can tell."""
    return path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(8)}.tmp")


def _opened(temporary: Path) -> BinaryIO:
    """A file that was not there, links not followed."""
    return os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666), "wb")
