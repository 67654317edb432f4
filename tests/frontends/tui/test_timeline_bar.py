"""The line of time: iterations, breakpoints, bookmarks and faults, each by its sign, in the column of its event."""

from __future__ import annotations

import pytest

from bpdebug.debugger import update
from bpdebug.frontends.tui.timeline_bar import BOOKMARK, FAULT, ITERATION, STOP, TURN, TimelineBar
from bpdebug.views import finite
from tests.lessons import session

from .screen import TRAINED, app_of, lines_of


def line(text: list[str]) -> str:
    return next(t for t in text if t.startswith(" forward "))


async def test_each_mark_stands_in_the_column_of_its_event() -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(100, 30)) as pilot:
        for text in ("break H@bwd", "seek 4", "mark here", "seek begin"):
            app.run_text(text)
        await pilot.pause()
        shown, bar = line(lines_of(app)), app.timeline
        timeline = app.state.timeline if app.state else None
        assert timeline is not None
        stop = timeline.schedule.index_of("backward", timeline.graph.index["H"])
        assert stop is not None
        places = {TURN: len(timeline.graph.nodes), STOP: stop, BOOKMARK: 4}
        assert {s: shown.index(s) - len(" forward ") for s in places} == {s: bar.column(i) for s, i in places.items()}
        assert all(shown.count(s) == 1 for s in places)
        assert bar.event_at(shown.index(BOOKMARK)) == 4


async def test_a_fault_is_marked_once_it_was_seen_and_stays() -> None:
    app = app_of("nan_sqrt")
    async with app.run_test(size=(140, 45)) as pilot:
        await pilot.pause()
        assert FAULT not in line(lines_of(app))
        app.run_text("catch nan")
        app.run_text("continue")
        assert app.state is not None
        at = app.state.cursor
        app.run_text("seek end")
        app.run_text("seek begin")
        await pilot.pause()
        shown = line(lines_of(app))
        assert shown[len(" forward ") + app.timeline.column(at)] == FAULT
        assert app.timeline.marks().keys() >= {app.timeline.column(i) for i in finite.faults(app.state.timeline)}


async def test_as_many_iterations_stand_on_the_line_as_have_a_column_for_each_event() -> None:
    app = app_of(TRAINED)
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.pause()
        assert app.state is not None
        per, bar = app.state.timeline.schedule.per_iteration, app.timeline
        shown = line(lines_of(app))
        found = [x - len(" forward ") for x, sign in enumerate(shown) if sign == ITERATION]
        assert found == [bar.column(per), bar.column(2 * per)]
        assert shown.count(TURN) == 3
        assert (bar.start, bar.count) == (0, 3 * per + 1)
        app.run_text("seek 9")
        await pilot.pause()
        assert (bar.start, bar.count) == (0, 3 * per + 1)
        await pilot.click("#timeline", offset=(len(" forward ") + bar.column(2 * per + 1), 0))
        await pilot.pause()
        assert app.state.cursor == 2 * per + 1


@pytest.mark.parametrize("width", [1, 5, 30, 60, 61, 80, 200])
@pytest.mark.parametrize("cursor", ["begin", "60%", "end"])
def test_whatever_the_width_the_cursor_and_every_mark_are_within(width: int, cursor: str) -> None:
    bar, state = Sized(width), update(session(TRAINED, "break Y@fwd", "mark", f"seek {cursor}"), "mark")
    bar.show(state)
    assert bar.start <= state.cursor < bar.start + bar.count
    assert bar.count <= max(bar.room, state.timeline.schedule.per_iteration + 1)
    assert 0 <= bar.column(state.cursor) < bar.room
    assert all(0 <= x < bar.room for x in bar.marks())
    columns = {bar.column(i) for i in range(bar.start, bar.start + bar.count) if state.breakpoints[0].stops.contains(i)}
    assert {x for x, (sign, _) in bar.marks().items() if sign == STOP} == columns


class Sized(TimelineBar):
    """One of a size, without an app."""

    def __init__(self, width: int) -> None:
        super().__init__("timeline")
        self.wide = width

    @property
    def room(self) -> int:
        return self.wide
