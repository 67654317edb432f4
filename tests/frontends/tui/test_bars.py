"""The header, the message below and what is displayed: whatever the width they fit, and what was cut says so."""

from __future__ import annotations

import numpy as np
import pytest
from rich.cells import cell_len
from rich.style import Style
from textual.events import Paste
from textual.geometry import Size
from textual.widget import Widget

from bpdebug.debugger import update
from bpdebug.errors import BpdebugError
from bpdebug.frontends.loop import replies
from bpdebug.frontends.tui.bars import Message, StatusBar, WatchedBar, refused
from bpdebug.frontends.tui.keybar import KeyBar, foot
from bpdebug.frontends.tui.keys import TABLE
from bpdebug.frontends.tui.timeline_bar import TimelineBar
from bpdebug.views import status, status_line, tensors
from tests.lessons import NAMES

from .judge import says
from .screen import app_of, lines_of, state_of, text_of

PLAIN = Style()


def drawn(monkeypatch: pytest.MonkeyPatch, bar: Widget, width: int, height: int = 1) -> list[str]:
    """A bar's lines at a width."""
    monkeypatch.setattr(type(bar), "size", Size(width, height))
    return [bar.render_line(y).text for y in range(height)]


@pytest.mark.parametrize("width", [1, 2, 3, 5, 10, 20, 40, 80])
def test_any_pieces_fit_any_width(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    words = ["k", " step  ", "一二三 wide", "a long text that wants more than there is"]
    for count in range(len(words) + 1):
        header, watched = StatusBar("header"), WatchedBar("watched")
        header.stand(state_of("two_layer").scenario, {"fork": words[count - 1], "place": " ".join(words[:count])})
        watched.show(tuple((w, PLAIN) for w in words[:count]))
        for bar in (header, watched):
            assert cell_len(drawn(monkeypatch, bar, width)[0]) <= max(width, 1)


@pytest.mark.parametrize(("n", "name"), enumerate(NAMES))
def test_no_bar_is_cut_at_any_width(monkeypatch: pytest.MonkeyPatch, n: int, name: str) -> None:
    header, keys, line = (
        StatusBar("header"),
        KeyBar({id: row.cap for id, row in TABLE.items()}),
        TimelineBar("timeline"),
    )
    state = state_of(name)
    for place in ("seek begin", "seek 40%", "seek 70%", "stepi", "seek end"):
        state = update(state, place)
        said = status(state)
        header.stand(state.scenario, said)
        keys.show(foot(state, "stage"))
        line.show(state)
        for width in range(60 + n % 8, 201, 8):  # every one of them in some lessons
            (top,) = drawn(monkeypatch, header, width)
            assert "…" not in top.replace(state.scenario.title, "")
            assert said["place"] in top
            least = cell_len(f" bpdebug  {state.scenario.name}    {status_line(state)} ")
            assert width < least or (state.scenario.name in top and all(text in top for text in said.values()))
            (bottom,) = drawn(monkeypatch, keys, width)
            assert bottom.rstrip().endswith("q quit")
            assert cell_len(bottom) == width
            (time,) = drawn(monkeypatch, line, width)
            assert time.startswith(" forward ")
            assert time.endswith(line.tail)
            assert cell_len(time) == width


def test_what_is_watched_is_said_whole_and_the_rest_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    bar, words = WatchedBar("watched"), [f"watch {n} norm(dW{n}) = 0.{n}234, {n} hits" for n in range(1, 8)]
    bar.show(tuple((text, PLAIN) for text in words))
    for width in range(60, 301):
        said, _, more = drawn(monkeypatch, bar, width)[0].rstrip().partition("+")
        shown = [text for text in said.split("   ") if text.strip()]
        assert [text.strip() for text in shown] == words[: len(shown)]
        assert len(shown) + int(more or 0) == len(words)


@pytest.mark.parametrize("width", range(60, 201, 7))
def test_a_message_is_whole_at_every_width(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    message = Message("message")
    monkeypatch.setattr(Message, "size", Size(width, 9))
    monkeypatch.setattr(Message, "refresh", lambda self, **_: None)
    message.show(refused(BpdebugError("one word after another " * 12, code="E_EXPR", hint="what to do " * 9)))
    text = " ".join(" ".join(drawn(monkeypatch, message, width, 9)).split())
    assert text == " ".join(("E_EXPR " + "one word after another " * 12 + "help: " + "what to do " * 9).split())


@pytest.mark.parametrize("size", [(120, 30), (80, 24), (60, 24)])
@pytest.mark.parametrize(
    "line",
    ["print nope", "stepp", "set W1[0,0] =", "break nowhere if", "snapshot a", "set W1 = [1, 2, 3, 4, 5]", "record a"],
)
async def test_an_error_is_read_to_its_end(line: str, size: tuple[int, int]) -> None:
    app = app_of("two_layer")
    async with app.run_test(size=size) as pilot:
        with pytest.raises(BpdebugError) as refused:
            list(replies(state_of("two_layer"), line))
        app.run_text(line)
        await pilot.pause()
        said = " ".join(text_of(app).partition(" backward ")[2].split())
        assert " ".join(f"{refused.value.code} {refused.value.message}".split()) in said
        assert refused.value.hint
        assert " ".join(refused.value.hint.split()) in said
        app.run_text("step")
        await pilot.pause()
        assert " backward " in lines_of(app)[-3]


async def test_of_a_message_longer_than_the_screen_the_beginning_is_seen_and_that_there_is_more() -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(60, 24)) as pilot:
        app.complain(BpdebugError("a message " * 200, code="E_EXPR", hint="what to do"))
        await pilot.pause()
        assert "E_EXPR a message a message" in text_of(app)
        assert lines_of(app)[-2].rstrip().endswith("…")
        assert "─ event 0" in text_of(app)


async def test_a_conditional_stop_says_the_value_that_met_the_condition() -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(120, 30)) as pilot:
        app.run_text("break H@bwd if norm(dH) > 0.5")
        await pilot.press("c")
        await pilot.pause()
        assert app.state is not None
        gradient = app.state.timeline.grad("H", app.state.cursor)
        said = f"breakpoint 1 norm(dH) = {np.linalg.norm(np.asarray(gradient)):.6g} meets norm(dH) > 0.5"
        assert said in lines_of(app)[-2]


# --- a fork


async def test_a_fork_stands_in_the_header_until_it_is_left() -> None:
    for width in (120, 80, 60):
        app = app_of("two_layer")
        async with app.run_test(size=(width, 24)) as pilot:
            app.run_text("set W1[0,1] = 0")
            for key in ("s", "end", "x", "escape", "home"):
                await pilot.press(key)
                assert "fork 1: set W1[0,1] = 0" in lines_of(app)[0]
            app.run_text("set W2 = 1")
            await pilot.pause()
            assert "fork 2: set W1[0,1] = 0, W2 = 1" in lines_of(app)[0]
            app.run_text("switch 0")
            await pilot.pause()
            assert "fork" not in lines_of(app)[0]


async def test_of_a_long_fork_the_header_keeps_the_number_and_the_beginning() -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(250, 30)) as pilot:
        for line in (
            "set W1[0,1] = 0.125",
            "set W1[1,1] = 0.125",
            "set W1[1,2] = 0.125",
            "set W1[0,2] = 0.125",
            "seek H@bwd",
        ):
            app.run_text(line)
        await pilot.pause()
        whole = "fork 4: set W1[0,1] = 0.125, W1[1,1] = 0.125, W1[1,2] = 0.125, W1[0,2] = 0.125"
        assert whole in lines_of(app)[0]
        cut = 0
        for width in range(60, 251, 5):
            await pilot.resize_terminal(width, 30)
            line = lines_of(app)[0]
            said = line[line.index("fork 4: set W1[0,1] =") :].partition(" · ")[0]
            assert said == whole or (said.endswith("…") and whole.startswith(said[:-1]))
            assert "backward" in line
            cut += said != whole
        assert cut > 5


@pytest.mark.parametrize("name", ["two_layer", "transformer_block", "exploding_rnn_clipped"])
async def test_at_no_width_the_header_loses_the_fork(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_of(name)
    async with app.run_test(size=(200, 24)):
        assert app.state is not None
        weight = app.state.timeline.graph.names[1]
        app.run_text(f"set {weight} = 0.123456789 * {weight} + 0.987654321 * {weight}")
        for width in range(60, 201):
            monkeypatch.setattr(StatusBar, "size", Size(width, 1))
            assert f"fork 1: set {weight} = 0.123456789" in app.header.render_line(0).text, width


# --- what is displayed at every stop


@pytest.mark.parametrize("size", [(120, 30), (80, 24), (60, 24)])
async def test_a_display_shows_its_value_at_every_stop(size: tuple[int, int]) -> None:
    app = app_of("mlp")
    async with app.run_test(size=size) as pilot:
        assert app.state is not None
        app.run_text("display norm(dW1)")
        app.run_text("display W1[0,0]")
        for line in ("seek begin", "seek H@bwd", "stepi", "stepi", "stepi", "seek W1@bwd", "seek end"):
            app.run_text(line)
            await pilot.pause()
            await pilot.pause()  # the end is scrolled to once its place is known
            lines = [line.replace("│", " ").strip() for line in lines_of(app)]
            gradient = app.state.timeline.grad("W1", app.state.cursor)
            assert any("1: norm(dW1)" in text for text in lines), line
            at = next(i for i, text in enumerate(lines) if "1: norm(dW1)" in text)
            if gradient is None:
                assert "not computed yet" in lines[at]
            else:
                assert any(says(word, float(np.sqrt((gradient**2).sum()))) for word in lines[at].split())
            at = next(i for i, text in enumerate(lines) if "2: W1[0,0]" in text)
            assert any(says(word, app.state.timeline.value("W1")[0, 0]) for word in lines[at].split())


async def test_a_display_is_seen_at_once_where_one_is() -> None:
    app = app_of("mlp")
    async with app.run_test(size=(120, 30)) as pilot:
        app.run_text("seek H@bwd")
        await pilot.press("D")
        app.post_message(Paste("norm(W1)"))
        await pilot.press("enter")
        await pilot.pause()
        screen = text_of(app)
        assert "1: norm(W1) =" in screen
        assert "shown at every stop" in screen
        assert "backward  H" in screen
        assert not app.reports.open


async def test_in_practice_displays_do_not_give_the_answer_away() -> None:
    app = app_of("mlp")
    async with app.run_test(size=(120, 30)) as pilot:
        app.run_text("display norm(dH) ;; practice ;; seek H@bwd")
        await pilot.pause()
        assert app.stage.report.kind == "practice"
        assert "norm(dH)" not in text_of(app)


async def test_a_display_that_cannot_be_evaluated_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise BpdebugError("it cannot be", code="E_EXPR")

    app = app_of("mlp")
    async with app.run_test(size=(80, 24)) as pilot:
        app.run_text("display norm(W1)")
        monkeypatch.setattr(tensors, "evaluate", refuse)
        await pilot.press("s")
        assert "display: it cannot be" in text_of(app)


# --- where the inspector is not seen


@pytest.mark.parametrize("size", [(60, 15), (80, 24), (120, 30)])
async def test_watches_and_displays_are_seen_where_the_inspector_is_not(size: tuple[int, int]) -> None:
    app = app_of("mlp")
    async with app.run_test(size=size) as pilot:
        assert app.state is not None
        app.run_text("watch norm(dW2) ;; display norm(W1) ;; display W2")
        norm = float(np.sqrt((app.state.timeline.value("W1") ** 2).sum()))
        for line, over in (("seek begin", 0), ("info tensors", 1), ("seek end", 0), ("info gradients", 1)):
            app.run_text(line)
            await pilot.pause()
            await pilot.pause()
            assert ("inspector" in app.main.seen) == (size[0] == 120 and not over)
            if "inspector" in app.main.seen:
                app.main.inspector.turn_to("displays")
                await pilot.pause()
                beside = [text[app.stage.region.right :] for text in lines_of(app)]
                assert any(says(word, norm) for text in beside if "1: norm(W1)" in text for word in text.split())
            else:
                strip = next(text for text in lines_of(app) if "watch 1 norm(dW2)" in text)
                assert ("= not computed " in strip) == (app.state.cursor == 0)
                assert not over or "1: norm(W1) = " in strip or "+" in strip
                assert not over or size[0] == 60 or any(says(word, norm) for word in strip.split())
        app.run_text("delete")
        app.run_text("undisplay")
        await pilot.press("escape")
        await pilot.pause()
        assert not app.main.watched.is_on_screen


async def test_in_practice_the_line_of_what_is_watched_does_not_give_the_answer_away() -> None:
    app = app_of("mlp")
    async with app.run_test(size=(80, 24)) as pilot:
        app.run_text("watch norm(dH) ;; practice ;; seek H@bwd")
        await pilot.pause()
        assert "norm(dH)" not in text_of(app)
