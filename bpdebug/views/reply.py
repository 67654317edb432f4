"""One JSON object per command: what happened, where the cursor stands, and the report."""

from __future__ import annotations

from typing import Any

from bpdebug.debugger import State
from bpdebug.errors import BpdebugError
from bpdebug.views.place import place_data
from bpdebug.views.report import Report


def reply(state: State, report: Report, ident: Any = None) -> dict[str, Any]:
    """The answer to a command that worked."""
    return {
        "id": ident, "ok": True, "stopped": state.stopped or None, "at": place_data(state),
        "report": report.to_parts(),
    }  # fmt: skip


def refusal(state: State, error: BpdebugError, ident: Any = None) -> dict[str, Any]:
    """The answer to a command that did not: its code, in words, and where the cursor still stands."""
    said = {"code": error.code, "message": error.message, "hint": error.hint or None, "column": error.column}
    return {"id": ident, "ok": False, "error": said, "at": place_data(state)}
