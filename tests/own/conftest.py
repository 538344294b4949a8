"""Fixtures that tests of mine.own share."""

from __future__ import annotations

import pytest


@pytest.fixture
def undrawn(monkeypatch):
    """The command without its figure, which takes most of a short run, where the figure is not what is tested."""
    from mine.own import figure

    monkeypatch.setattr(figure, "draw", lambda *_: None)
    monkeypatch.setattr(figure, "write", lambda *_: None)
