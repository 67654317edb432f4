"""An app whose lines are begun with what is marked, and which shows a cell that was found where it is."""

from __future__ import annotations

from bpdebug.debugger import State
from bpdebug.frontends.terminal import apart
from bpdebug.frontends.tui.lessons import TaughtApp
from bpdebug.translation import _
from bpdebug.views import Report, stop


class FindingApp(TaughtApp):
    """What the marked cell and the one that is looked for have to do with lines of the language."""

    def show(self, report: Report | None = None, said: str = "") -> None:
        """Every pane anew, with a report or the event on the stage, and what is said below."""
        raise NotImplementedError

    def begun(self, start: str) -> str:
        """A line that begins like this, with the cell that is marked, or where cells are looked for with its matrix."""
        word, _, rest = start.partition(" ")
        if word == "find":
            name = self.stage.named()
            if self.state is not None and self.state.found and self.stage.chosen is not None:
                from bpdebug.views.tensors import subject_of  # start-up: not needed before

                before = subject_of(self.state.found[0], self.state.timeline.graph)
                name = name if self.stage.chosen[0].matrix.subject != before else ""
            return "".join(f"{part} " for part in (word, name, rest) if part)
        return f"{start} {self.stage.cell_text() if start != 'answer' else ''}" if start else ""

    def show_found(self, state: State) -> bool:
        """Marks the cell that a line has found, where it did."""
        if state.view.name != "cells":
            return False
        from bpdebug.views.found import found_cell  # start-up: not needed before

        found = found_cell(state, stop(state.show("event")))
        if found is not None:
            self.state = found.state
            self.show(found.report, apart(found.said, _("{key} Enter: the next").format(key=self.keys["find"].cap)))
            self.stage.find(found.among, found.cell)
        return found is not None
