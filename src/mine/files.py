"""Files that appear whole or not at all: written beside their place, synced, then renamed."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from mine.errors import UserError


@contextmanager
def whole_files(*paths: Path) -> Iterator[list[BinaryIO]]:
    """Streams to temporaries beside each path; on leaving without an error all of them take their places.

    After an error nothing is left behind and what stood there before still stands.

    Raises:
        UserError: two paths are one, or a path cannot be written.
    """
    if len({path.resolve() for path in paths}) < len(paths):
        raise UserError(f"{paths[0]}: named as two outputs at once")
    temporaries = [path.with_name(f".{path.name}.{os.getpid()}.tmp") for path in paths]
    current = paths[0]
    try:
        with ExitStack() as stack:
            streams = []
            for current, temporary in zip(paths, temporaries, strict=True):
                if current.is_dir():
                    raise UserError(f"{current}: cannot be written (Is a directory)")
                current.parent.mkdir(parents=True, exist_ok=True)
                streams.append(stack.enter_context(temporary.open("wb")))
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
        if path.is_dir():
            raise IsADirectoryError(0, "is a folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror or error})") from None
