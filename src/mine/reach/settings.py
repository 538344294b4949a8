"""Settings of an estimate as a plan and a method have them: those that differ from the defaults."""

from __future__ import annotations

from typing import Any

from mine.errors import UserError
from mine.own.settings import OwnSettings


def own_settings(values: dict[str, Any], place: str = "settings", **more: Any) -> OwnSettings:
    """Settings of an estimate from what differs from their defaults. Raises UserError, which begins with ``place``."""
    OwnSettings.check_names(values, place)
    try:
        return OwnSettings(**{**values, **more})
    except UserError as error:
        raise UserError(f"{place}.{error}") from None
