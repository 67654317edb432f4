"""A session's conversation: lines in, answers out, with its files and what is kept of it."""

from __future__ import annotations

from collections.abc import Iterator

from bpdebug.debugger import State
from bpdebug.errors import BpdebugError
from bpdebug.frontends.desk import Desk
from bpdebug.frontends.loop import Answer, replies
from bpdebug.frontends.scripts.replay import sourcing
from bpdebug.frontends.sessions import Keeper, Unkept, restoring


class Talk:
    """It journals a line before it runs, carries out what touches files, and keeps what is left."""

    def __init__(self, keeper: Keeper | Unkept) -> None:
        self.keeper, self.desk = keeper, Desk()
        self.desk.handlers |= {"source": sourcing(self.desk), "restore": restoring(keeper)}

    def __call__(self, state: State, line: str) -> Iterator[Answer]:
        """The answers to a line; each is kept before it is given."""
        self.keeper.typed(line)
        said = False
        try:
            for answer in replies(state, line, self.desk.carry):
                self.keeper.after(answer.state)
                yield answer
                said = True
        except BpdebugError:
            self.desk.note(line, failed=not said)
            raise
        self.desk.note(line)

    def offer(self) -> str:
        """What an earlier session left, in a sentence; '' where there is nothing."""
        return self.keeper.offer()

    def close(self) -> None:
        self.keeper.close()
