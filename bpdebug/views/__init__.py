"""State to report: one file a view, one table of them."""

from __future__ import annotations

from collections.abc import Callable

from bpdebug.debugger import State
from bpdebug.views.adjoint import adjoint
from bpdebug.views.blocks import Block, Formula, Matrix, Row, Source, Table, Text
from bpdebug.views.candidates import candidates
from bpdebug.views.check import check
from bpdebug.views.compare import compare, compared
from bpdebug.views.contributions import contributions
from bpdebug.views.derivation import derivation
from bpdebug.views.encode import plain, to_json
from bpdebug.views.flow import flow
from bpdebug.views.inspector import inspector
from bpdebug.views.lens import lens
from bpdebug.views.lists import apropos, help_, info, print_, said, source, when, where
from bpdebug.views.origin import origin, paths
from bpdebug.views.place import place_data, status_line, when_text
from bpdebug.views.program import ProgramRow, ProgramRows, program_rows
from bpdebug.views.reply import refusal, reply
from bpdebug.views.report import Report
from bpdebug.views.stage import stage
from bpdebug.views.stream import event_object, stream
from bpdebug.views.tensors import cells_, displays, neighbours, whatis
from bpdebug.views.why import why

VIEWS: dict[str, Callable[..., Report]] = {
    "event": stage,
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
    "compare": compare,
    "adjoint": adjoint,
    "candidates": candidates,
    "check": check,
    "contributions": contributions,
    "derivation": derivation,
    "flow": flow,
    "lens": lens,
    "origin": origin,
    "paths": paths,
    "why": why,
}


def view(state: State) -> Report:
    """What the last command asked to see."""
    return VIEWS[state.view.name](state, *state.view.args)


__all__ = [
    "VIEWS",
    "Block",
    "Formula",
    "Matrix",
    "ProgramRow",
    "ProgramRows",
    "Report",
    "Row",
    "Source",
    "Table",
    "Text",
    "cells_",
    "compare",
    "compared",
    "displays",
    "event_object",
    "help_",
    "info",
    "inspector",
    "neighbours",
    "place_data",
    "plain",
    "print_",
    "program_rows",
    "refusal",
    "reply",
    "said",
    "source",
    "stage",
    "status_line",
    "stream",
    "to_json",
    "view",
    "whatis",
    "when",
    "when_text",
    "where",
]  # fmt: skip
