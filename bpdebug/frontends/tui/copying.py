"""An app from which numbers are copied: a cell, its row, the slice that is seen, the tensor, or a whole report."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np

from bpdebug.arrays import Array
from bpdebug.errors import CommandError
from bpdebug.frontends.served import refuse_files
from bpdebug.frontends.tui.keys import COPIES
from bpdebug.frontends.tui.looking import Chosen
from bpdebug.frontends.tui.preferences import Preferences
from bpdebug.frontends.tui.reading import ReadingApp
from bpdebug.scenario.paths import reason
from bpdebug.translation import N_, _, ngettext

MOST_AS_TEXT = 2**20
"""Cells beyond which an array is no text, but a file of NumPy's."""


def _seen(chosen: Chosen) -> Array:
    """What is seen of a tensor: rows (laid out along several axes, perhaps) and columns."""
    box = chosen[0]
    assert box.matrix.array is not None
    return box.sheet.view(box.matrix.array)


def _row(chosen: Chosen) -> Array:
    box, row, _ = chosen
    return _seen(chosen)[np.unravel_index(row, box.sheet.sizes)] if box.sheet.down else _seen(chosen)


def _slice(chosen: Chosen) -> Array:
    box, row, _ = chosen
    return _seen(chosen)[np.unravel_index(row, box.sheet.sizes)[:-1]] if box.sheet.down else _seen(chosen)


def _cell(chosen: Chosen) -> Array:
    assert chosen[0].matrix.array is not None
    return np.asarray(chosen[0].matrix.array[chosen[0].index(*chosen[1:])])


def _tensor(chosen: Chosen) -> Array:
    assert chosen[0].matrix.array is not None
    return chosen[0].matrix.array


OF = {
    "cell": N_("the cell of {name}"), "row": N_("the row of {name}"), "slice": N_("the slice of {name}"),
    "tensor": N_("the tensor of {name}"),
}  # fmt: skip
PARTS: dict[str, Callable[[Chosen], Array]] = {"cell": _cell, "row": _row, "slice": _slice, "tensor": _tensor}


class CopyingApp(ReadingApp):
    """What is copied is text that NumPy reads; where it went, and how much it is, is said."""

    def __init__(self, preferences: Preferences) -> None:
        super().__init__(preferences)
        self.last: tuple[object, str] = (None, "")  # where one was, and what was copied last

    def action_copy(self, what: str = "", file: bool = False) -> None:
        """What is asked for; else the text that is selected, or the marked cell, and each time more around it."""
        chosen = self.stage.target()
        if not what and (text := self.screen.get_selected_text()):
            self.copy_to_clipboard(text)
            return
        here = (self.stage.report, chosen)
        what = what or self._next(here, chosen)
        if chosen is None and what != "report":
            self.say(_("no numbers are here to be copied"))
            return
        self.last = here, what
        if what == "report" or chosen is None:
            from bpdebug.views.as_numpy import numpy_report  # start-up: nothing is copied before

            report = self.reports.pages[-1].report if self.reports.open else self.stage.report
            self.copied(_("the report"), numpy_report(report), file=file)
        else:
            self._copy_array(_(OF[what]).format(name=chosen[0].matrix.name), PARTS[what](chosen), file=file)

    def _next(self, here: object, chosen: Chosen | None) -> str:
        """What comes after what was copied last, where that was here: more than that."""
        order, last = list(COPIES), self.last[1] if self.last[0] == here else ""
        if chosen is None:
            return "report"
        sizes = {what: part(chosen).size for what, part in PARTS.items()}
        after = order[order.index(last) + 1 :] if last else order
        return next((what for what in after if not last or sizes.get(what, -1) != sizes.get(last)), "cell")

    def _copy_array(self, name: str, array: Array, *, file: bool) -> None:
        from bpdebug.views.as_numpy import numpy_text  # start-up: as above

        if array.size <= MOST_AS_TEXT:
            self.copied(_counted(name, array.size), numpy_text(array), file=file)
            return
        raw = io.BytesIO()
        np.save(raw, array)
        self._into_file(_counted(name, array.size), raw.getvalue(), ".npy")

    def copy_to_clipboard(self, text: str) -> None:
        """A text that was selected."""
        self.copied(_("what is selected"), text)

    def copied(self, name: str, text: str, *, file: bool = False) -> None:
        """Copies a text, and says where it went, and how much it is."""
        from bpdebug.frontends import clipboard  # start-up: as above

        size = len(text.encode("utf-8", "replace"))
        if not file and (tool := clipboard.by_tool(text)):
            self._clipboard = text
            self._say_copied(name, size, _("by {tool}").format(tool=tool))
        elif not file and size <= clipboard.MOST_BY_TERMINAL:
            super().copy_to_clipboard(text)
            self._say_copied(name, size, _("by OSC 52, if the terminal takes that"))
        else:
            self._into_file(name, text.encode("utf-8", "replace"), ".py")

    def _into_file(self, name: str, raw: bytes, suffix: str) -> None:
        from bpdebug.frontends import clipboard  # start-up: as above

        try:
            refuse_files("a copy in a file")
            self._say_copied(name, len(raw), _("into {file}").format(file=clipboard.into_file(raw, suffix)))
        except OSError as error:
            self.tell(_("it cannot be copied into a file: {reason}").format(reason=reason(error)))
        except CommandError as error:
            self.tell(error.message)

    def _say_copied(self, name: str, size: int, where: str) -> None:
        said = _("copied {what} ({size:,} bytes) {where}")
        self.tell(said.format(what=name, size=size, where=where))


def _counted(name: str, count: int) -> str:
    return ngettext("{name}, {n:,} number", "{name}, {n:,} numbers", count).format(name=name, n=count)
