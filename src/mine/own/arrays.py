"""Tables of NumPy's files: npy, columns by place or field; npz, arrays by name."""

from __future__ import annotations

import io
import zipfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mine.errors import UserError
from mine.own.table import Table

_OBJECTS = (
    "not readable as npy (it holds Python objects, which could run code on loading; save numbers or text instead)"
)


def npy_table(path: Path) -> Table:
    """Columns of an npy file (n,) or (n, width): places from 0, or the fields of a structured array.

    Raises:
        UserError: not readable, or of another shape or kind.
    """
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        objects = "Python objects" in str(error)
        raise UserError(_OBJECTS if objects else f"not readable as npy ({_first_line(error)})") from None
    why = _why_not(array.shape, array.dtype)
    if why:
        raise UserError(why)
    if array.dtype.names:
        return Table(list(array.dtype.names), lambda names: {name: np.array(array[name]) for name in names})
    columns = array[:, None] if array.ndim == 1 else array
    names = [str(place) for place in range(columns.shape[1])]
    return Table(names, lambda names: {name: np.array(columns[:, int(name)]) for name in names})


def npz_table(path: Path) -> Table:
    """Columns of an npz file: an array (n,) is one; of (n, width), ``name`` is all and ``name[3]`` the fourth.

    Only the heads of its arrays are read here, so that one which nobody names is never a fault.

    Raises:
        UserError: not readable as an archive.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = [name for name in archive.namelist() if name.endswith(".npy")]
            heads = {name.removesuffix(".npy"): _head(archive, name) for name in dict.fromkeys(members)}
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise UserError(f"not readable as npz ({_first_line(error)})") from None
    bad = {
        name.removesuffix(".npy"): f"{count} arrays of the archive have this name"
        for name, count in Counter(members).items()
        if count > 1
    }
    home: dict[str, tuple[str, int | str | None]] = {}
    arrays: dict[str, list[str]] = {}
    for name, head in heads.items():
        if isinstance(head, str):
            bad.setdefault(name, head)
        elif len(head[0]) == 1 and not head[1].names:
            home[name] = (name, None)
        else:
            keys: Sequence[int | str] = head[1].names or range(head[0][1])
            arrays[name] = [f"{name}[{key}]" for key in keys]
            home |= {column: (name, key) for key, column in zip(keys, arrays[name], strict=True) if column not in heads}
    for name, columns in arrays.items():
        for column in set(columns) & set(heads):
            bad[column] = bad[name] = f"array {name!r} has a column {column!r}, and an array has that name as well"

    def load(names: Sequence[str]) -> dict[str, Any]:
        loaded: dict[str, np.ndarray] = {}
        with np.load(path, allow_pickle=False) as archive:
            for array in {home[name][0]: None for name in names}:
                loaded[array] = archive[array]
        return {
            name: loaded[array]
            if key is None
            else loaded[array][key]
            if isinstance(key, str)
            else loaded[array][:, key]
            for name, (array, key) in ((name, home[name]) for name in names)
        }

    return Table([*home, *(name for name in bad if name not in home)], load, bad, arrays)


def _head(archive: zipfile.ZipFile, name: str) -> tuple[tuple[int, ...], np.dtype[Any]] | str:
    """Shape and kind of an array of the archive, or why nothing can be read of it."""
    try:
        with archive.open(name) as stream:
            head = io.BytesIO(stream.read(1 << 20))
            version = np.lib.format.read_magic(head)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, _, kind = read(head)
    except (ValueError, OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        return f"not readable as an array ({_first_line(error)})"
    return _why_not(shape, kind) or (shape, kind)


def _why_not(shape: tuple[int, ...], kind: np.dtype[Any]) -> str:
    """Why no columns can be had from an array of this shape and kind; nothing where they can."""
    if kind.hasobject:
        return _OBJECTS
    if kind.kind == "V" and not kind.names:
        return (
            f"holds raw bytes ({kind}), a kind that NumPy does not know, such as bfloat16; save it as float32, "
            "tensor.float().numpy()"
        )
    if kind.names and len(shape) != 1:
        return f"has fields and {len(shape)} axes; allowed is one axis of rows"
    if len(shape) not in (1, 2):
        cure = "; reshape it, array.reshape(len(array), -1)" if len(shape) > 2 else ""
        return f"has {len(shape)} axes, shape {shape}; allowed are rows, or rows and columns{cure}"
    return ""


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
