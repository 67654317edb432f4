"""Requests for breakpoints: answered with what became of each."""

from __future__ import annotations

import os
from collections.abc import Sequence

from msgspec.structs import replace

from bpdebug.debugger.commands.stops import held
from bpdebug.debugger.commands.watching import CATCHES, THRESHOLDS
from bpdebug.frontends.dap.adapter import Adapter, Body, request
from bpdebug.frontends.dap.arguments import ChildAsked, FiltersAsked, StopAsked, StopsAsked
from bpdebug.frontends.dap.frames import line_in, line_out
from bpdebug.frontends.dap.sources import file_of
from bpdebug.frontends.dap.stops import DATA, EXCEPTIONS, FUNCTIONS, LINES, Kept
from bpdebug.translation import _


def told(adapter: Adapter, one: Kept) -> Body:
    """A stop as the protocol says it."""
    body: Body = {"id": one.ident, "verified": one.number is not None}
    if one.kind == LINES:
        body["line"] = line_out(adapter, one.wanted.line)
    return body if one.number is not None else body | {"message": one.problem, "reason": "failed"}


def _answer(adapter: Adapter, kind: str, wanted: Sequence[StopAsked], file: str = "") -> Body:
    adapter.state = adapter.stops.wanted(adapter.session, kind, wanted, file)
    return {"breakpoints": [told(adapter, one) for one in adapter.stops.kept[kind, file]]}


@request("setBreakpoints", StopsAsked)
def set_breakpoints(adapter: Adapter, asked: StopsAsked) -> Body:
    """Those of one file: the program's, or one of the user's behind it; in another nothing is computed."""
    file = file_of(adapter, asked.source)
    if file is None:
        name = os.path.basename(asked.source.path or "this file")
        other = name in adapter.users.known
        says = _("{name} is another than was recorded") if other else _("{name} is not the program that is debugged")
        problem = {"verified": False, "message": says.format(name=name), "reason": "failed"}
        return {"breakpoints": [{**problem, "line": one.line} for one in asked.breakpoints]}
    return _answer(adapter, LINES, [replace(b, line=line_in(adapter, b.line)) for b in asked.breakpoints], file)


@request("setFunctionBreakpoints", StopsAsked)
def set_function_breakpoints(adapter: Adapter, asked: StopsAsked) -> Body:
    """At nodes, blocks and ops, as locations say them: `Y@bwd`, `layer1.`, `matmul`."""
    return _answer(adapter, FUNCTIONS, asked.breakpoints)


@request("setDataBreakpoints", StopsAsked)
def set_data_breakpoints(adapter: Adapter, asked: StopsAsked) -> Body:
    """Watchpoints."""
    return _answer(adapter, DATA, asked.breakpoints)


@request("setExceptionBreakpoints", FiltersAsked)
def set_exception_breakpoints(adapter: Adapter, asked: FiltersAsked) -> Body:
    """Catchpoints; the condition of one is its threshold."""
    conditions = dict.fromkeys(asked.filters, "") | {f.filter_id: f.condition or "" for f in asked.filter_options}
    wanted = [StopAsked(name=f"{name} {text}".strip()) for name, text in conditions.items()]
    return _answer(adapter, EXCEPTIONS, wanted)


@request("dataBreakpointInfo", ChildAsked)
def data_breakpoint_info(adapter: Adapter, asked: ChildAsked) -> Body:
    """What to watch in place of a variable."""
    text = adapter.handles.expression(asked.variables_reference, asked.name)
    if not text:
        return {"dataId": None, "description": _("'{name}' has no name of its own").format(name=asked.name)}
    return {"dataId": text, "description": text, "accessTypes": ["write"], "canPersist": True}


def filters() -> list[Body]:
    """What can be caught, as the client offers it; NaN is caught unless somebody says otherwise."""
    says = _("stop where it first happens: catch {name}")
    return [
        {
            "filter": name, "label": name, "description": says.format(name=name),
            "default": name == "nan", "supportsCondition": name in THRESHOLDS,
        } | ({"conditionDescription": _("the gain beyond which to stop: 0.01")} if name in THRESHOLDS else {})
        for name in CATCHES
        if name != "phase"
    ]  # fmt: skip


def held_here(adapter: Adapter) -> str:
    """The catchpoint that holds where the cursor stands already, in words: no motion would tell of it; '' for none."""
    state = adapter.session
    catches = [b for b in state.breakpoints if b.kind == "catch" and held(state, b) is not None]
    return f"catch {catches[0].location}" if catches else ""
