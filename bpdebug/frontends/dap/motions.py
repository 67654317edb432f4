"""Requests that move the session, and the event that tells where it stopped, and why."""

from __future__ import annotations

from bpdebug.debugger import State
from bpdebug.frontends.dap.adapter import Adapter, Body, request
from bpdebug.frontends.dap.arguments import GotoAsked, MoveAsked, NothingAsked
from bpdebug.frontends.dap.frames import THREAD
from bpdebug.frontends.dap.stops import DATA, FUNCTIONS, Kept
from bpdebug.translation import _

_MOVES = {
    "next": ("next", "stepi"), "stepIn": ("step", "stepi"), "stepOut": ("finish", "finish"),
    "stepBack": ("reverse-next", "reverse-stepi"),
}  # fmt: skip
"""What a request is in the debugger's language: as it is, and by instructions."""
_REASONS = {FUNCTIONS: "function breakpoint", DATA: "data breakpoint"}


def stopped(adapter: Adapter, reason: str, description: str = "", hit: list[Kept] | None = None) -> None:
    """Tells the client where all stands: what it had unfolded is out of date."""
    adapter.handles.clear()
    adapter.told_stops += 1
    more: Body = {"hitBreakpointIds": [one.ident for one in hit]} if hit else {}
    if adapter.session.detail:
        more["text"] = adapter.session.detail
    adapter.event(
        "stopped", reason=reason, threadId=THREAD, allThreadsStopped=True,
        **({"description": description} if description else {}), **more,
    )  # fmt: skip


def goes_on(adapter: Adapter) -> None:
    """Tells the client that what it did not ask to move does: until it hears so, it stands where it last stopped."""
    adapter.event("continued", threadId=THREAD, allThreadsContinued=True)


def told(adapter: Adapter, state: State, hit: list[Kept], *, stepping: bool) -> None:
    """The stop that the last motion came to."""
    why = state.stopped
    if why in ("begin", "end"):
        where = _("the beginning of the timeline") if why == "begin" else _("the end of the timeline")
        stopped(adapter, "step" if stepping else "pause", where)
    elif why.startswith("catch"):
        stopped(adapter, "exception", why, hit)
    elif why.startswith(("breakpoint", "watch")):
        kind = next((one.kind for one in hit), DATA if why.startswith("watch") else "")
        stopped(adapter, _REASONS.get(kind, "breakpoint"), why, hit)
    else:
        stopped(adapter, "step", hit=hit)


def _step(name: str) -> None:
    """Puts a step into the table."""
    plain, by_parts = _MOVES[name]

    @request(name, MoveAsked)
    def step(adapter: Adapter, asked: MoveAsked) -> None:
        adapter.answer_moving()
        go(adapter, by_parts if asked.granularity == "instruction" else plain, stepping=True)


for _name in _MOVES:
    _step(_name)


def go(adapter: Adapter, line: str, *, stepping: bool = False) -> None:
    """A motion; hits that do not count are passed over."""
    while True:
        before = adapter.session
        adapter.do(line)
        after = adapter.session
        hit, counts = adapter.stops.met(before, after)
        if counts or not after.stopped.startswith(("breakpoint", "watch")):
            return told(adapter, after, hit, stepping=stepping)


@request("continue")
def continue_(adapter: Adapter, asked: NothingAsked) -> None:
    """To the next stop."""
    adapter.answer_moving({"allThreadsContinued": True})
    go(adapter, "continue")


@request("reverseContinue")
def reverse_continue(adapter: Adapter, asked: NothingAsked) -> None:
    """To the stop before."""
    adapter.answer_moving()
    go(adapter, "reverse-continue")


@request("goto", GotoAsked)
def goto(adapter: Adapter, asked: GotoAsked) -> None:
    """To an event that `gotoTargets` named: a seek, by which nothing is lost."""
    adapter.do(f"seek #{asked.target_id - 1}")
    adapter.answer()
    goes_on(adapter)
    stopped(adapter, "goto")


@request("pause")
def pause(adapter: Adapter, asked: NothingAsked) -> None:
    """Where all stands, once what ran has ended: the wire interrupted it when this came in."""
    adapter.answer_moving()
    adapter.interrupted = False
    stopped(adapter, "pause")
