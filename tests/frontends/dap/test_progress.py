"""What an editor is told of what takes long."""

from __future__ import annotations

from typing import Any

import pytest

from bpdebug.frontends.dap import progress
from bpdebug.frontends.dap.progress import Progress


def test_an_editor_is_told_what_is_counted_and_what_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PATIENCE", 0)
    monkeypatch.setattr(progress, "PAUSE", 0)
    told: list[tuple[str, dict[str, Any]]] = []
    with Progress("check", 7, lambda event, **about: told.append((event, about))) as heard:
        heard.heard(0, 0, "waiting for workers at tcp://host:8786")
        heard.heard(2.5, 4, "rules")
        heard.heard(3, 4, "")
    assert [event for event, _ in told] == ["progressStart", "progressUpdate", "progressUpdate", "progressEnd"]
    said = [about.get("message") for _, about in told]
    assert said == ["waiting for workers at tcp://host:8786", "2/4 rules", None, None]
    assert [about.get("percentage") for _, about in told] == [0, 62.5, 75, None]
