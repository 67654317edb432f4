"""State to report: one file a view, one table of them."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from msgspec.structs import replace

from bpdebug.debugger import State
from bpdebug.debugger.practice import question
from bpdebug.engine import BACKWARD, NodeEvent
from bpdebug.views.blocks import Text
from bpdebug.views.encode import json_pieces, to_json
from bpdebug.views.inspector import inspector as inspected
from bpdebug.views.place import refusal, reply, status, status_line
from bpdebug.views.program import ProgramRows
from bpdebug.views.report import Report
from bpdebug.views.short import shortened
from bpdebug.views.stage import stage
from bpdebug.views.stream import stream

VIEWS = {
    "event": ":here",
    "said": "lists:said",
    "when": "lists:when",
    "where": "lists:where",
    "list": "lists:source",
    "info": "lists:info",
    "help": "helping:help_",
    "apropos": "helping:apropos",
    "print": "lists:print_",
    "whatis": "tensors:whatis",
    "cells": "tensors:cells_",
    "neighbours": "tensors:neighbours",
    "displays": "tensors:displays",
}
"""What is shown at every turn: name -> MODULE:FUNCTION of this package, imported when asked for.

Explanations are drawn by views/NAME.py.
"""


def _drawn(place: str, *args: Any) -> Report:
    module, _, function = place.partition(":")
    report: Report = getattr(import_module(f"{__name__}.{module}" if module else __name__), function)(*args)
    return report


def displayed(state: State) -> Report:
    """What is displayed at every stop."""
    return shortened(state, _drawn("tensors:displayed", state))


def here(state: State) -> Report:
    """The event under the cursor; in practice, a backward event is asked about instead."""
    event = state.event
    if state.practice is not None and isinstance(event, NodeEvent) and event.phase == BACKWARD:
        return shortened(state, _drawn("practice:practice", state, state.practice, event))
    return shortened(state, stage(state))


def inspector(state: State, tab: str = "facts") -> Report:
    """A tab of what stands beside the event."""
    return shortened(state, inspected(state, tab))


OF_EVENTS = ("event", "practice")
"""Kinds of reports that are what `here` says; any other is one that was asked for."""


def stop(state: State, report: Report | None = None, found: Report | None = None) -> Report:
    """The event and what is displayed at every stop: first, or below the newest part, where the end is kept in view.

    `report` and `found` are the two where they are made already.
    """
    report = report or here(state)
    if not state.displays or question(state) is not None:
        return report
    found = found or displayed(state)
    shown = found.blocks or (Text(found.title, "bad"),)
    return replace(report, blocks=(*report.blocks, *shown) if state.part else (*shown, *report.blocks))


def view(state: State) -> Report:
    """What the last command asked to see."""
    name = state.view.name
    found = _drawn(VIEWS.get(name, f"{name}:{name}"), state, *state.view.args)
    return found if name == "event" else shortened(state, found)


__all__ = [
    "OF_EVENTS", "VIEWS", "ProgramRows", "Report", "displayed", "here", "inspector", "json_pieces", "refusal", "reply",
    "stage", "status", "status_line", "stop", "stream", "to_json", "view",
]  # fmt: skip
