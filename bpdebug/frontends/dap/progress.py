"""What takes long is told to the client: how far it is, and that it can be cancelled."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from bpdebug.translation import _

PATIENCE, PAUSE = 0.5, 0.25
"""Seconds before anything is told, and between two tellings: a progress that flashes by is worse than none."""


class Progress:
    """Hears reports inside of it, and tells them as events once the work has taken its time.

    `request` is the number of the request that the work is for: cancelling it ends the work.
    """

    def __init__(self, title: str, request: int, tell: Callable[..., Any]) -> None:
        self._title, self._request, self._tell = title, request, tell
        self._begun, self._told = False, 0.0

    def __enter__(self) -> Progress:
        self._told = time.perf_counter() + PATIENCE - PAUSE
        return self

    def __exit__(self, *error: object) -> None:
        if self._begun:
            self._tell("progressEnd", progressId=str(self._request))

    def heard(self, done: float, total: int, unit: str) -> None:
        """So much of so much is done; of nothing, what is waited for."""
        now = time.perf_counter()
        if now - self._told < PAUSE:
            return
        self._told = now
        about: dict[str, Any] = {"progressId": str(self._request), "percentage": round(100 * done / max(total, 1), 1)}
        if unit:
            about["message"] = f"{int(done)}/{total} {_(unit)}" if total else unit
        if self._begun:
            self._tell("progressUpdate", **about)
            return
        self._begun = True
        self._tell("progressStart", title=self._title, requestId=self._request, cancellable=True, **about)
