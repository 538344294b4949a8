"""Fitted models as files: an npz archive of arrays and one JSON text, read without pickle, so that none can run code.

The text says which of a few known classes each part is, and where its arrays are. Critics are built anew from the
settings, and take the parameters of the file only where those have the shapes they must have.
"""

from __future__ import annotations

import json
import math
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mine import __version__
from mine.errors import UserError
from mine.estimators.corrected import Elliptical
from mine.estimators.interface import Estimator
from mine.files import whole_files
from mine.own.blend import Blend
from mine.own.columns import Warned
from mine.own.copula import Copula
from mine.own.encoding import Encoding
from mine.own.estimate import Estimate, Fit, Initialisation
from mine.own.marginals import Scores, Side
from mine.own.rows import Groups, Independent, Stretches
from mine.own.scores import Judged
from mine.own.seen import Seen
from mine.own.settings import OwnSettings
from mine.own.training import Look, Trained, estimator_of
from mine.own.witnesses import Witness

FORMAT, CONTRACT = "fitted model of mine", 2
"""CONTRACT is raised by one whenever a file of before cannot be read any more."""

_KNOWN: Mapping[str, type] = {
    each.__name__: each
    for each in (
        *(Blend, Copula, Encoding, Estimate, Fit, Groups, Independent, Initialisation, Judged, Look, OwnSettings),
        *(Scores, Seen, Side, Stretches, Trained, Warned, Witness),
    )
}

_BUILT = {"Trained": ("estimator",), "Blend": ("critic",)}
"""Fields that are no part of a file."""

_TEXT = "text"

_DAMAGED = (
    *(AttributeError, EOFError, LookupError, MemoryError, OverflowError, RuntimeError, TypeError, ValueError),
    *(struct.error, zipfile.BadZipFile, zlib.error),
)
"""What reading and rebuilding raise of files that are not as they were written."""


def save(path: Path, fitted: Fit, estimate: Estimate, names: tuple[list[str] | None, list[str] | None]) -> None:
    """Write a file, whole or not at all. names: of the columns of x and z, where they had any of their own.

    Raises:
        UserError: the path cannot be written.
    """
    arrays: dict[str, np.ndarray] = {}
    content = {"fit": fitted, "estimate": estimate, "names": names}
    packed = {name: _packed(each, arrays) for name, each in content.items()}
    text = json.dumps({"format": FORMAT, "contract": CONTRACT, "version": __version__} | packed, allow_nan=False)
    with whole_files(path) as (stream,):
        np.savez(stream, **{_TEXT: np.array(text)}, **arrays)


def load(path: Path) -> tuple[Fit, Estimate, tuple[list[str] | None, list[str] | None]]:
    """What ``save`` was given.

    Raises:
        UserError: a file that cannot be read, is damaged, is no fitted model, or one of another version's.
    """
    try:
        # Opened here: numpy leaves the file open where it is no archive. A single array (.npy) cannot be closed.
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        content = json.loads(str(arrays.pop(_TEXT)))
    except (OSError, *_DAMAGED) as error:
        said = getattr(error, "strerror", None) or _first_line(error)
        raise UserError(f"{path}: cannot be read as a fitted model of mine ({said})") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise UserError(f"{path}: no fitted model of mine")
    if content.get("contract") != CONTRACT:
        raise UserError(
            f"{path}: a fitted model of version {content.get('version')!r}, whose files this one ({__version__}) does "
            "not read; fit it again"
        )
    try:
        fitted = _with_critics(_unpacked(content["fit"], arrays, Fit))
        estimate = _unpacked(content["estimate"], arrays, Estimate)
        of_x, of_z = _unpacked(content["names"], arrays, tuple)
    except (UserError, *_DAMAGED) as error:
        raise UserError(f"{path}: damaged ({_first_line(error)})") from None
    return fitted, estimate, (of_x, of_z)


def _packed(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    """A value as JSON has it, its arrays put into ``arrays``."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": str(value)}
    if isinstance(value, (np.generic, np.ndarray, torch.Tensor)):
        name = f"array{len(arrays)}"
        arrays[name] = value.numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
        if arrays[name].dtype.hasobject:
            raise TypeError("an array of Python objects is no part of a fitted model")
        return {"tensor" if isinstance(value, torch.Tensor) else "array": name}
    if isinstance(value, (tuple, list)):
        return {type(value).__name__: [_packed(each, arrays) for each in value]}
    if isinstance(value, dict):
        return {"dict": {key: _packed(each, arrays) for key, each in value.items()}}
    if is_dataclass(value) and type(value).__name__ in _KNOWN:
        kind = type(value).__name__
        kept = [each.name for each in fields(value) if each.name not in _BUILT.get(kind, ())]
        return {"is": kind, "of": {name: _packed(getattr(value, name), arrays) for name in kept}}
    raise TypeError(f"a {type(value).__name__} is no part of a fitted model")


def _unpacked(packed: Any, arrays: Mapping[str, np.ndarray], wanted: type | None = None) -> Any:
    """The value of ``_packed``. Raises TypeError unless it is of the class that is wanted."""
    value = _value(packed, arrays)
    if wanted is not None and not isinstance(value, wanted):
        raise TypeError(f"a {type(value).__name__} where a {wanted.__name__} should be")
    return value


def _value(packed: Any, arrays: Mapping[str, np.ndarray]) -> Any:
    if not isinstance(packed, dict):
        return packed
    if "is" in packed:
        kind = _KNOWN[packed["is"]]
        parts = {name: _value(each, arrays) for name, each in packed["of"].items()}
        return kind(**parts, **dict.fromkeys(_BUILT.get(packed["is"], ())))
    ((kind, inner),) = packed.items()
    if kind == "float":
        return float(inner)
    if kind == "array":
        return arrays[inner] if arrays[inner].ndim else arrays[inner][()]
    if kind == "tensor":
        return torch.from_numpy(arrays[inner])
    if kind == "dict":
        return {name: _value(each, arrays) for name, each in inner.items()}
    return {"tuple": tuple, "list": list}[kind](_value(each, arrays) for each in inner)


def _with_critics(fitted: Fit) -> Fit:
    """The fit with what is built from its settings."""
    estimator = _estimator(fitted)
    wanted = {name: each.shape[1:] for name, each in estimator.init([torch.Generator()]).items()}
    members = len(fitted.trained.kept)
    found = fitted.trained.parameters
    if {name: each.shape for name, each in found.items()} != {
        name: (members, *shape) for name, shape in wanted.items()
    }:
        raise ValueError("parameters of other shapes than the settings give")
    blend = None if fitted.blend is None else replace(fitted.blend, critic=estimator.critic)
    return replace(fitted, trained=replace(fitted.trained, estimator=estimator), blend=blend)


def _estimator(fitted: Fit) -> Estimator:
    copula = fitted.copula
    features = 0 if copula is None else copula.width
    known = None if copula is None else Elliptical(copula.width, *copula.power)
    dims = (len(side.encoding.mean) + features for side in (fitted.x, fitted.z))
    batch = min(fitted.read.batch_size, len(fitted.rows[0]))
    return estimator_of(*dims, fitted.read, batch, known)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
