"""A family of estimators of mutual information, one file each, behind one interface (``mine.estimators.interface``)."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from mine.errors import UserError
from mine.estimators.names import ESTIMATORS
from mine.settings import TrainingSettings, check_choice

if TYPE_CHECKING:
    from mine.estimators.interface import Estimator


def build(name: str, critic: str, dim_x: int, dim_z: int, settings: TrainingSettings) -> Estimator:
    """The estimator of that name. Imports torch.

    Args:
        name: of ESTIMATORS.
        critic: of ``mine.settings.CRITICS``.
        dim_x: entries of one x.
        dim_z: entries of one z.
        settings: widths of its networks and what it is called with.

    Raises:
        UserError: an unknown name, or a critic that the estimator does not exist with.
    """
    check_critic(name, critic)
    from mine.estimators.parts import Parts

    module = import_module(f"mine.estimators.{ESTIMATORS[name].module}")
    return module.build(name, Parts(critic, dim_x, dim_z, settings))


def default_critic(name: str) -> str:
    """The critic that an estimator has where none is asked for."""
    check_choice("variant", name, tuple(ESTIMATORS))
    return ESTIMATORS[name].critics[0]


def check_critic(name: str, critic: str) -> None:
    """Raise UserError unless the estimator exists with that critic."""
    check_choice("variant", name, tuple(ESTIMATORS))
    if critic not in ESTIMATORS[name].critics:
        raise UserError(
            f"critic: {critic!r} is none that {name} exists with; allowed are {', '.join(ESTIMATORS[name].critics)}"
        )
