"""Parts of a page that are made: what stands between its markers, and files that are written where they changed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mine.errors import UserError
from mine.files import whole_files


def write_part(path: Path, name: str, part: str) -> None:
    """Put ``part`` between a page's markers of that name, see ``filled``.

    Raises UserError where they are not there, or the page cannot be read or written.
    """
    try:
        text = filled(path.read_text(encoding="utf-8"), {name: part})
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: {getattr(error, 'strerror', None) or error}") from None
    write_if_changed(path, text.encode())


def filled(text: str, parts: Mapping[str, str]) -> str:
    """The text with each ``<!-- made: NAME -->`` ... ``<!-- end: NAME -->`` holding the part of that name.

    Raises ValueError unless both markers of every part stand in the text once.
    """
    for name, part in parts.items():
        begin, end = f"<!-- made: {name} -->", f"<!-- end: {name} -->"
        if text.count(begin) != 1 or text.count(end) != 1:
            raise ValueError(f"{begin} ... {end} must stand in the page once")
        before, rest = text.split(begin)
        _, after = rest.split(end)
        text = f"{before}{begin}\n{part.strip()}\n{end}{after}"
    return text


def write_if_changed(path: Path, content: bytes) -> None:
    """Write a file, unless these bytes are in it. Raises UserError where that cannot be done."""
    if path.is_file() and path.read_bytes() == content:
        return
    with whole_files(path) as (stream,):
        stream.write(content)
