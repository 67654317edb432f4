"""The reports that were opened one from another: Enter follows a link, Backspace goes back, Esc closes them all."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from bpdebug.debugger.state import View
from bpdebug.views.report import Report

MOST = 50
"""Reports that one can go back to."""
Place = tuple[int, int, int | None]
"""Of a report how many columns have gone by, the first line in view, and which is marked of those that lead on."""


class Page(Struct, frozen=True, eq=False):
    """A report, what the state calls it, and where one was in it."""

    report: Report
    view: View
    place: Place = (0, 0, None)


class Reports(Struct, frozen=True, eq=False):
    """Pages, the newest last; `open` while that one is seen, and not the event."""

    pages: tuple[Page, ...] = ()
    open: bool = False

    def opened(self, page: Page) -> Reports:
        """One more; in place of the newest, where it is the same one made anew."""
        same = bool(self.pages) and self.pages[-1].report.title == page.report.title
        return Reports((*self.pages[: len(self.pages) - same], page)[-MOST:], True)

    def left(self, place: Place) -> Reports:
        """The event is seen, or another report is going to be; where one was in this one is remembered."""
        if not self.open:
            return self
        return Reports((*self.pages[:-1], replace(self.pages[-1], place=place)))

    def before(self) -> Reports:
        """The one from which one came here: behind the event the newest, behind the first report nothing."""
        pages = self.pages[:-1] if self.open else self.pages
        return Reports(pages, bool(pages))
