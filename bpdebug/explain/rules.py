"""The rule of a backward event, for explanations that are asked for there."""

from __future__ import annotations

from bpdebug.engine import BACKWARD, Event
from bpdebug.engine.rules import Rule, rule_in
from bpdebug.errors import CommandError


def rule_at(event: Event) -> Rule:
    """The rule of an event's node on the event's numbers."""
    assert event.node is not None
    return rule_in(event.timeline, event.timeline.iteration(event.iteration), event.tensor - event.timeline.graph.first)


def backward_event(event: Event | None, what: str) -> Event:
    """The event, if it is a node's in the backward pass; CommandError says where to go."""
    if event is None or event.phase != BACKWARD or event.node is None:
        near = "" if event is None else event.name
        has = event is not None and event.timeline.index_of(BACKWARD, event.tensor) is not None if near else False
        raise CommandError(
            f"{what} is asked at an event of the backward pass", code="E_EXPR",
            hint=f"seek {near}@bwd" if has else "seek to one: seek Y@bwd",
        )  # fmt: skip
    return event
