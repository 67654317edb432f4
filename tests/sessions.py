"""Sessions that begin anew, whatever others left."""

from __future__ import annotations

from bpdebug.debugger import State
from bpdebug.frontends.session.store import PIPE, SessionStore


def fresh(state: State) -> tuple[State, SessionStore]:
    """A state, and where its session is kept."""
    return state, SessionStore(state, PIPE, fresh=True)
