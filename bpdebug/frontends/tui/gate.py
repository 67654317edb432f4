"""The one way from the screen's thread to the engine: shut while work asks it in another, and never waited at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from bpdebug.frontends.tui.working import Work

Told = TypeVar("Told")
Asked = tuple[Callable[[], Any], Callable[[Any], None]]
"""What is asked, and who is handed the answer, in the screen's thread."""


def at_once(gate: Gate) -> None:
    """Whatever waits is asked in the screen's thread."""
    for ask, then in gate.taken().values():
        then(ask())


class Gate:
    """Whether something works, and what waits until nothing does: of each who asks, what was asked last.

    What is asked of a `heavy` graph may take long, and is work too, which `begin` begins.
    """

    def __init__(self, begin: Callable[[Gate], None] = at_once) -> None:
        self.begin = begin
        self.work: Work[Any] | None = None
        self.heavy = False
        self.waiting: dict[object, Asked] = {}

    def looks(self) -> bool:
        """Whether a row may look at numbers."""
        return self.work is None and not self.heavy

    def ask(
        self, who: object, ask: Callable[[], Told], then: Callable[[Told], None], *, little: bool = False,
        pure: bool = False,
    ) -> None:  # fmt: skip
        """Hands the answer on: at once, or once there is one.

        `little` is what takes no time, whatever the graph, and `pure` what is asked of no engine: what works may go on.
        """
        self.forget(who)
        if (self.work is None or pure) and (little or not self.heavy):
            then(ask())
            return
        self.waiting[who] = ask, then
        self.go_on()

    def shut(self, who: object, again: Callable[[], None]) -> bool:
        """Whether nothing may be asked now; once it may be, it comes `again`."""
        if self.work is not None:
            self.waiting[who] = lambda: None, lambda _: again()
        return self.work is not None

    def forget(self, who: object) -> None:
        """What somebody asked is of no use any more."""
        self.waiting.pop(who, None)

    def taken(self) -> dict[object, Asked]:
        """What waits, which waits no more."""
        waiting, self.waiting = self.waiting, {}
        return waiting

    def go_on(self) -> None:
        """Nothing works any more, perhaps: what waits is asked."""
        if self.work is None and self.waiting:
            self.begin(self)
