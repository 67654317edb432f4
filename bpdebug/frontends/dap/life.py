"""Requests that begin and end: what can be done here, opening a program, the first stop, leaving."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from bpdebug.debugger import State, open_session
from bpdebug.errors import CommandError
from bpdebug.frontends.dap.adapter import Adapter, Body, request
from bpdebug.frontends.dap.arguments import CancelAsked, ClientAsked, LaunchAsked, NothingAsked, RestartAsked
from bpdebug.frontends.dap.motions import go, goes_on, stopped
from bpdebug.frontends.dap.stopping import filters, held_here, told
from bpdebug.frontends.dap.users import users
from bpdebug.frontends.options import budget_of, said
from bpdebug.frontends.scripts.replay import Run, Settings
from bpdebug.frontends.scripts.script import read_script
from bpdebug.importers import open_any
from bpdebug.translation import _, chosen, known, language, ngettext, speak

CAPABILITIES = (
    "supportsConfigurationDoneRequest", "supportsStepBack", "supportsFunctionBreakpoints",
    "supportsConditionalBreakpoints", "supportsHitConditionalBreakpoints", "supportsDataBreakpoints",
    "supportsLogPoints", "supportsExceptionInfoRequest", "supportsExceptionFilterOptions", "supportsEvaluateForHovers",
    "supportsCompletionsRequest", "supportsSteppingGranularity", "supportsBreakpointLocationsRequest",
    "supportsLoadedSourcesRequest", "supportsRestartRequest", "supportsTerminateRequest", "supportsSetVariable",
    "supportsGotoTargetsRequest", "supportsDelayedStackTraceLoading", "supportsCancelRequest",
    "supportsValueFormattingOptions",
)  # fmt: skip


@request("initialize", ClientAsked)
def initialize(adapter: Adapter, asked: ClientAsked) -> Body:
    """What the client can do, for what can be done here.

    Its language is spoken from here on, unless another was asked for when we were started.
    """
    adapter.client = asked
    asked_for = os.environ.get("BPDEBUG_LANG") or language() != chosen(os.environ)
    if known(asked.locale) and not asked_for:
        speak(asked.locale)
    return dict.fromkeys(CAPABILITIES, True) | {"exceptionBreakpointFilters": filters()}


def _launch(adapter: Adapter, asked: LaunchAsked) -> None:
    """Opens the program; the answer comes once the client has said which stops it wants."""
    if adapter.launched is not None:
        raise CommandError("a program is open already", hint="restart, or begin another session")
    _open(adapter, asked)
    adapter.launched = asked
    adapter.answer_later()
    adapter.event("initialized")


request("launch", LaunchAsked)(_launch)
request("attach", LaunchAsked)(_launch)


def _open(adapter: Adapter, asked: LaunchAsked) -> None:
    """A scenario in any format, or a script's, which runs once the stops are set. Raises what refuses it."""
    limits = said(None, asked.memory, asked.spill, asked.backend, asked.device, asked.scheduler)
    if asked.program.endswith(".bpd"):
        run = Run(read_script(asked.program, limits), Settings(limits, asked.set))
        adapter.script, adapter.lines = run, run.steps()
        while run.state is None and next(adapter.lines, None) is not None:
            pass
        if run.errors:
            raise run.errors[0]
        if run.state is None:
            raise CommandError("the script loads no scenario", code="E_SCRIPT", hint="begin with: load two_layer.toml")
        return _opened(adapter, run.state, asked.program)
    path: str | Path = Path(asked.program) if "\n" in asked.program else asked.program
    if path == "-":
        raise CommandError("the standard input is the client's", hint="name a file")
    scenario = open_any(path, limits=limits, replace=asked.set)
    adapter.script = None
    _opened(adapter, open_session(scenario, budget=budget_of(limits)), asked.program)
    for remark in scenario.remarks:
        adapter.say(f"note: {remark}\n")


def _opened(adapter: Adapter, state: State, program: str) -> None:
    adapter.state, adapter.users = state, users(state.timeline.graph, program)


@request("configurationDone")
def configuration_done(adapter: Adapter, asked: NothingAsked) -> None:
    """The stops are set: the first stop, or the first run."""
    adapter.answer_moving()
    adapter.answer_pending()
    _begin(adapter)


def _begin(adapter: Adapter) -> None:
    state, asked = adapter.session, adapter.launched or LaunchAsked("")
    title, events = state.scenario.title or state.scenario.name, len(state.timeline)
    says = ngettext("{title}: {count} event", "{title}: {count} events", events)
    adapter.say(f"{says.format(title=title, count=events)}\n")
    _script(adapter)
    for line in asked.commands:
        for answer in adapter.do(line):
            adapter.say(f"{answer.to_text()}\n", "stdout")
    if asked.no_debug:
        return _run_through(adapter)
    here = held_here(adapter)
    if here and not adapter.session.cursor:
        stopped(adapter, "exception", here)
    elif asked.stop_on_entry or adapter.session.cursor:
        stopped(adapter, "entry")
    else:
        go(adapter, "continue")


def _script(adapter: Adapter) -> None:
    """The rest of a script, in the session as the client has prepared it."""
    if adapter.script is None:
        return
    run = adapter.script
    run.state = adapter.session
    for step in adapter.lines:
        for answer in step.answers:
            adapter.say(f"{answer.to_text()}\n", "stdout")
        if step.error is not None:
            adapter.say(f"{step.error}\n", "stderr")
    adapter.state, adapter.script = run.state, None


def _run_through(adapter: Adapter) -> None:
    """Both passes without a stop; what went wrong is told."""
    adapter.do("seek end")
    timeline = adapter.session.timeline
    if timeline.loss is not None:
        adapter.say(f"loss {timeline.loss!r}\n", "stdout")
    fault = timeline.first_fault()
    if fault is not None and fault.fault is not None:
        adapter.say(f"{fault.fault.kind} at event {fault.index}: {fault.phase} {fault.name}\n", "stderr")
    adapter.event("exited", exitCode=0)
    adapter.event("terminated")


@request("restart", RestartAsked)
def restart(adapter: Adapter, asked: RestartAsked) -> None:
    """Opens the program again, as it is now, with the client's stops; CommandError where none is open."""
    wanted = asked.arguments or adapter.launched
    if wanted is None:
        raise CommandError("nothing is open yet", hint="launch it")
    _open(adapter, wanted)
    adapter.launched = wanted
    adapter.state = adapter.stops.again(adapter.session)
    adapter.answer()
    for one in adapter.stops.all():
        adapter.event("breakpoint", reason="changed", breakpoint=told(adapter, one))
    goes_on(adapter)
    _begin(adapter)


@request("terminate")
def terminate(adapter: Adapter, asked: NothingAsked) -> None:
    """The end of the program, not yet of the session."""
    adapter.answer()
    adapter.event("terminated")


@request("disconnect")
def disconnect(adapter: Adapter, asked: NothingAsked) -> None:
    adapter.over = True


@request("cancel", CancelAsked)
def cancel(adapter: Adapter, asked: CancelAsked) -> None:
    """What ran was interrupted when this came in; where it was a motion, all stands where it did."""
    adapter.answer()
    if adapter.interrupted:
        adapter.interrupted = False
        stopped(adapter, "pause")


@request("exceptionInfo")
def exception_info(adapter: Adapter, asked: Any) -> Body:
    """The catchpoint that was met, and what is wrong at the event."""
    state = adapter.session
    fault = state.event.fault if state.event is not None else None
    words = state.detail or (f"{fault.kind} in {fault.where}" if fault is not None else _("nothing is wrong here"))
    kind = state.stopped or held_here(adapter) or "stop"
    return {
        "exceptionId": kind, "description": words, "breakMode": "always",
        "details": {"message": words, "typeName": kind},
    }  # fmt: skip
