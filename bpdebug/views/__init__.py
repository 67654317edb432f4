"""State to report: one file a view, one table of them."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from msgspec.structs import replace

from bpdebug.debugger import State
from bpdebug.debugger.practice import question
from bpdebug.engine import BACKWARD, NodeEvent
from bpdebug.views.blocks import Text
from bpdebug.views.encode import json_pieces, to_json
from bpdebug.views.inspector import inspector
from bpdebug.views.lists import apropos, help_, info, print_, said, source, when, where
from bpdebug.views.place import refusal, reply, status, status_line
from bpdebug.views.practice import practice
from bpdebug.views.program import ProgramRows
from bpdebug.views.report import Report
from bpdebug.views.stage import stage
from bpdebug.views.stream import stream
from bpdebug.views.tensors import cells_, displayed, displays, neighbours, whatis


def here(state: State) -> Report:
    """The event under the cursor; in practice, a backward event is asked about instead."""
    event = state.event
    if state.practice is not None and isinstance(event, NodeEvent) and event.phase == BACKWARD:
        return practice(state, state.practice, event)
    return stage(state)


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


VIEWS: dict[str, Callable[..., Report]] = {
    "event": here,
    "said": said,
    "when": when,
    "where": where,
    "list": source,
    "info": info,
    "help": help_,
    "apropos": apropos,
    "print": print_,
    "whatis": whatis,
    "cells": cells_,
    "neighbours": neighbours,
    "displays": displays,
}
"""What is shown at every turn. Explanations are drawn by views/NAME.py, loaded when the first one is asked for."""


def view(state: State) -> Report:
    """What the last command asked to see."""
    name = state.view.name
    draw = VIEWS.get(name) or getattr(import_module(f"{__name__}.{name}"), name)
    report: Report = draw(state, *state.view.args)
    return report


__all__ = [
    "OF_EVENTS", "VIEWS", "ProgramRows", "Report", "displayed", "here", "inspector", "json_pieces", "refusal", "reply",
    "stage", "status", "status_line", "stop", "stream", "to_json", "view",
]  # fmt: skip
