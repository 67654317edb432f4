"""Reports that lead to others: Enter follows, Backspace goes back, Esc and q close; and every link leads somewhere."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from textual.pilot import Pilot

from bpdebug.debugger import COMMANDS, State, find, parse, update
from bpdebug.debugger.state import View
from bpdebug.errors import BpdebugError
from bpdebug.frontends.tui.reports import MOST, Page, Reports
from bpdebug.views import Report, view
from bpdebug.views.blocks import Formula, Table, Text, flat

from .screen import TRAINED, app_of, lines_of, state_of, text_of


def page(title: str) -> Page:
    return Page(Report("test", title), View("test"))


def titles(reports: Reports) -> list[str]:
    return [page.report.title for page in reports.pages]


def test_the_stack() -> None:
    none = Reports()
    assert none.before() == none or not none.before().pages
    one = none.opened(page("a"))
    two = one.left((1, 3, 5)).opened(page("b"))
    assert titles(two) == ["a", "b"]
    assert two.before().open
    assert two.before().pages[-1].place == (1, 3, 5)
    assert not two.before().before().open
    event = two.left((0, 1, None))
    assert not event.open
    assert event.left((0, 9, 9)) is event
    assert titles(event.before()) == ["a", "b"]
    assert event.before().open
    assert titles(two.opened(page("b"))) == ["a", "b"]  # made anew
    many = none
    for n in range(MOST + 5):
        many = many.opened(page(str(n)))
    assert len(many.pages) == MOST


def links(report: Report) -> Iterator[str]:
    for block in flat(report.blocks):
        if isinstance(block, Table):
            assert len(block.links) in (0, len(block.rows))
            yield from filter(None, block.links)
        elif isinstance(block, Text | Formula) and block.link:
            yield block.link


LINES = [line.strip() for line in """
info breakpoints | info tensors | info blocks | info parameters | info gradients | info marks | info displays
info forks | info optimizer | candidates | flow | why | origin | contributions | check | outputs W | inputs Y | marks
forks | help | apropos nan | where | highlight dW > -100 | compare 0 | lens
""".replace("\n", "|").split("|") if line.strip()]  # fmt: skip


@pytest.mark.parametrize("line", LINES)
def test_every_link_leads_somewhere(line: str) -> None:
    lines = ("break Y@bwd if norm(dY) > 0", "watch norm(dW)", "mark here", "display norm(W)", "seek 9", "set W = 1")
    state = state_of(TRAINED)
    for text in (*lines, "seek Y@bwd%1"):
        state = update(state, text)
    found = list(links(view(update(state, line))))
    assert found or line in ("info optimizer", "info blocks", "lens")
    for link in dict.fromkeys(found):
        assert isinstance(update(state, link), State), link  # refused, it raises


@pytest.mark.parametrize("line", ["derivation dW = X.T @ dY", "set W = 1 ;; compare 0"])
def test_a_gradient_that_is_spoken_of_is_found_from_anywhere(line: str) -> None:
    state = update(state_of("transpose"), line)
    found = list(links(view(state)))
    places = [update(state, link).event for link in found]
    assert [event.name for event in places if event is not None] == ["Y"] * len(found)
    assert places[-1] is not None
    assert places[-1].phase == "backward"


def test_no_command_with_a_table_is_forgotten() -> None:
    names = {find(line.split()[0]).name for line in LINES}
    missing = []
    for command in COMMANDS.values():
        try:
            blocks = view(update(state_of("two_layer"), command.example)).blocks
        except BpdebugError:
            continue
        rows = any(isinstance(b, Table) and any(b.headers) for b in flat(blocks))
        if rows and parse(command.example)[-1].name == command.name and command.name not in names:
            missing.append(command.name)
    assert missing == []


async def press(pilot: Pilot[int], *keys: str) -> None:
    await pilot.press(*keys)
    await pilot.pause()


async def test_from_a_row_to_an_event_and_back() -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(100, 30)) as pilot:
        await press(pilot, "G", "down", "down")
        assert app.stage.link == "seek #8"
        lit = next(line for line in lines_of(app) if "∂pow1" in line)
        assert lit.startswith("│ 8 ")
        await press(pilot, "enter")
        assert app.state is not None
        assert app.state.cursor == 8
        assert "gradient flow" not in text_of(app)
        await press(pilot, "backspace")
        assert app.state.view.name == "flow"
        assert app.stage.link == "seek #8"  # the mark is where it was
        await press(pilot, "down", "enter")
        assert app.state.cursor == 9
        await press(pilot, "backspace", "escape")
        assert app.state.view.name == "event"
        assert "event 9" in text_of(app)
        await press(pilot, "backspace")  # what was closed does not come back
        assert app.state.view.name == "event"


async def test_from_a_cell_to_what_it_is_made_of_and_on_and_back() -> None:
    app = app_of("transpose")
    async with app.run_test(size=(120, 40)) as pilot:
        app.run_text("seek Y@bwd")
        await press(pilot, "x", "right", "left", "enter")
        first = app.stage.report.title
        assert first.startswith("∂X[0,1] = 7")
        await press(pilot, "full_stop", "full_stop", "enter")
        assert app.stage.report.title.startswith("∂Y[")
        await press(pilot, "backspace")
        assert app.stage.report.title == first
        await press(pilot, "backspace")
        assert app.state is not None
        assert app.state.view.name == "lens"
        await press(pilot, "backspace")
        assert app.state.view.name == "event"


async def test_q_closes_the_report_first() -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(100, 30)) as pilot:
        await press(pilot, "G", "q")
        assert app.is_running
        assert app.state is not None
        assert app.state.view.name == "event"
        await press(pilot, "q")
    assert app.return_value == 0


async def test_enter_without_a_report_is_the_last_motion_and_without_a_mark_marks_what_it_would_follow() -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(100, 30)) as pilot:
        await press(pilot, "s", "enter")
        assert app.state is not None
        assert app.state.cursor == 2
        await press(pilot, "G", "enter")
        assert app.state.cursor == 2
        assert "Enter again: seek #7" in text_of(app)
        await press(pilot, "enter")
        assert app.state.cursor == 7
        app.run_text("print W1")
        await press(pilot, "enter")
        assert "mark a cell: Enter goes on from there" in text_of(app)


@pytest.mark.parametrize("width", [80, 120, 200])
async def test_a_report_has_the_whole_width(width: int) -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(width, 40)) as pilot:
        await press(pilot, "G")
        assert app.stage.outer_size.width == width
        assert "Gradients" not in text_of(app)
        await press(pilot, "escape")
        assert app.stage.outer_size.width < width
        assert "Gradients" in text_of(app)
        await press(pilot, "shift+tab", "M", "G")  # the program had the screen
        assert app.stage.outer_size.width == width
        assert app.stage.has_focus


@pytest.mark.parametrize("line", ["info tensors", "seek L ;; info gradients", "help", "print W1"])
async def test_a_report_is_headed_by_what_it_is(line: str) -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(100, 30)) as pilot:
        app.run_text(line)
        await pilot.pause()
        assert app.stage.report.title == f"{line.rpartition(';; ')[2]} · Esc closes"


async def test_a_click_marks_a_row_and_another_follows_it() -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(100, 30)) as pilot:
        await press(pilot, "G")
        y = next(y for y, line in enumerate(lines_of(app)) if "∂sub1" in line)
        await pilot.click(offset=(5, y))
        await pilot.pause()
        assert app.stage.link == "seek #9"
        assert app.state is not None
        assert app.state.cursor == 0
        await pilot.click(offset=(9, y))
        await pilot.pause()
        assert app.state.cursor == 9


@pytest.mark.parametrize("key", ["x", "G", "o"])
async def test_closed_a_report_leaves_the_gradient_that_was_seen(key: str) -> None:
    app = app_of("transpose")
    async with app.run_test(size=(80, 24)) as pilot:
        app.run_text("seek Y@bwd")
        await press(pilot, "tab", key, "escape")
        assert "2 of 2" in text_of(app)
        await press(pilot, "i")
        assert "Xᵀ 3×2" in text_of(app), "and i goes into it"
        await press(pilot, "S", "s")
        assert "1 of 2" in text_of(app), "another time it is the first again"
