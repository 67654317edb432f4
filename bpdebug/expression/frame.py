"""What programs run on: a position of a timeline, in conditions its event, and how operands are fetched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from bpdebug.engine import Event, Timeline

VALUE, PARTIAL, NOT_COMPUTED, NO_PATH = "value", "partial", "not-computed", "no-path"

Fetch = Callable[["Frame"], Any]


class Frame(Struct):
    """What a program runs on: a position of a timeline, and inside conditions the event."""

    timeline: Timeline
    position: int
    event: Event | None
    partial: bool = False


class Missing(Exception):
    """A tensor or a gradient that has no value at this position."""

    def __init__(self, status: str) -> None:
        self.status = status


def value_of(number: int) -> Fetch:
    def fetch(frame: Frame) -> Any:
        found = frame.timeline.value_at(number, frame.position)
        if found is None:
            raise Missing(NOT_COMPUTED)
        return found

    return fetch


def gradient_of(number: int) -> Fetch:
    def fetch(frame: Frame) -> Any:
        return gradient(frame, number)

    return fetch


def gradient(frame: Frame, number: int) -> Any:
    """A gradient as it stands at the frame's position."""
    status = frame.timeline.schedule.grad_status(number, frame.position)
    if status == PARTIAL:
        frame.partial = True
    elif status != VALUE:
        raise Missing(status)
    return frame.timeline.grad_at(number, frame.position)


def _event(frame: Frame) -> Event:
    assert frame.event is not None
    return frame.event


def _out(frame: Frame) -> Any:
    """The value of the tensor that the event is about; of a parameter, as it is after its update."""
    return value_of(_event(frame).tensor)(frame)


ABOUT: dict[str, Fetch] = {
    "node": lambda frame: _event(frame).name,
    "op": lambda frame: _event(frame).op or "",
    "phase": lambda frame: _event(frame).phase,
    "event": lambda frame: _event(frame).index,
    "iteration": lambda frame: _event(frame).iteration,
    "grad": lambda frame: gradient(frame, _event(frame).tensor),
    "out": _out,
}
