"""A session's conversation: lines in, answers out, with its files and what is kept of it."""

from __future__ import annotations

from collections.abc import Iterator

from bpdebug.debugger import State
from bpdebug.errors import BpdebugError
from bpdebug.frontends.loop import Answer, replies
from bpdebug.frontends.scripts.replay import sourcing
from bpdebug.frontends.scripts.requests import FileRequests, said
from bpdebug.frontends.session.store import SessionStore


class Talk:
    """It journals a line before it runs, carries out what touches files, keeps what is left, and notes the line."""

    def __init__(self, store: SessionStore) -> None:
        self.store, self.requests = store, FileRequests()
        self.requests.handlers |= {"source": sourcing(self.requests), "restore": self.restore}

    def __call__(self, state: State, line: str) -> Iterator[Answer]:
        """The answers to a line; each is kept before it is given. Raises BpdebugError, as `replies` does."""
        if not line.strip():
            return
        self.store.typed(line)
        said = False
        try:
            for answer in replies(state, line, self.requests.handle):
                self.store.after(answer.state)
                yield answer
                said = True
        except BpdebugError:
            self.requests.note(line, failed=not said)
            raise
        self.requests.note(line)

    def restore(self, state: State, argument: str) -> Iterator[Answer]:
        """What an earlier session left is there again; E_COMMAND where none left anything."""
        state, text = self.store.restore(state)
        yield said(state, "restore", text)
