"""The library's parameters: scikit-learn's words, older ones with a warning, and errors that are ValueErrors too."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from sklearn.utils import check_random_state

from mine.errors import UserError
from mine.own.settings import OwnSettings

OLDER = {"seed": "random_state", "permutations": "n_permutations", "initialisations": "n_init"}
"""Older names of parameters, which are accepted with a FutureWarning."""

DEPRECATED = "deprecated"
"""What an older name holds that was not given."""

_Given = ParamSpec("_Given")
_Made = TypeVar("_Made")


class InvalidInput(UserError, ValueError):
    """Bad input of a call from Python."""


def refusing(call: Callable[_Given, _Made]) -> Callable[_Given, _Made]:
    """The same call, which raises its UserErrors as InvalidInput."""

    @wraps(call)
    def inner(*args: _Given.args, **kwargs: _Given.kwargs) -> _Made:
        try:
            return call(*args, **kwargs)
        except InvalidInput:
            raise
        except UserError as error:
            raise InvalidInput(str(error)) from None

    return inner


def newer(given: Mapping[str, Any]) -> dict[str, Any]:
    """Values by their newer names, of those and of older ones that are not DEPRECATED."""
    found = {name: value for name, value in given.items() if name not in OLDER}
    for old, new in OLDER.items():
        value = given.get(old, DEPRECATED)
        if not (isinstance(value, str) and value == DEPRECATED):
            warnings.warn(f"{old} is called {new} now; the older name will go", FutureWarning, stacklevel=5)
            found[new] = value
    return found


def settings_of(given: Mapping[str, Any]) -> OwnSettings:
    """Settings from parameters of the library, by name; those that are no settings are left out.

    Raises:
        UserError: a value out of its range, or an unknown name in ``settings``.
    """
    values = newer(given)
    own = {name: values[name] for name in ("estimator", "critic", "marginals", "split")}
    further = values["settings"] or {}
    OwnSettings.check_names(further, "settings")
    for name, parameter in ({name: name for name in own} | OLDER).items():
        if name in further:
            raise UserError(f"settings.{name}: is the parameter {parameter}; say it there")
    counts = {"initialisations": values["n_init"], "permutations": values["n_permutations"]}
    try:
        return OwnSettings(**own, **counts, seed=seed_of(values["random_state"]), **further)
    except UserError as error:
        name, _, rest = str(error).partition(":")
        raise UserError(f"{OLDER[name]}:{rest}" if name in OLDER else str(error)) from None


def seed_of(random_state: Any) -> Any:
    """A seed: of None and of a generator a number drawn from them; what is no such thing is left for the settings.

    random_state: a whole number, None, a ``numpy.random.RandomState`` or a ``numpy.random.Generator``.
    """
    if hasattr(random_state, "integers"):
        return int(random_state.integers(1 << 31))
    if random_state is None or hasattr(random_state, "randint"):
        return int(check_random_state(random_state).randint((1 << 31) - 1))
    return random_state
