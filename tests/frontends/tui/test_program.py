"""The program's pane: three tabs by key and mouse, a filter, blocks that fold; what it costs is what is seen."""

from __future__ import annotations

import random

import pytest
from textual.strip import Strip

from bpdebug.debugger import State, open_session, update
from bpdebug.errors import BpdebugError
from bpdebug.frontends.tui.app import BpdebugApp
from bpdebug.frontends.tui.laned import GraphTab
from bpdebug.frontends.tui.listed import ListTab
from bpdebug.frontends.tui.sourced import SourceTab
from bpdebug.frontends.tui.tab import Tab, row_line
from bpdebug.translation import speaking
from bpdebug.views import program as rows
from bpdebug.views.lanes import Lanes
from bpdebug.views.program import ProgramRows
from bpdebug.views.skeleton import Skeleton
from bpdebug.wrapping import display_width
from tests.counting import work
from tests.large import chain
from tests.lessons import FAULTY, NAMES, WALK, session

from .screen import TRAINED, app_of, lines_of, state_of

WIDE = 200


def texts(tab: Tab, width: int = 60) -> list[str]:
    return [tab.line(at, width, False).text.rstrip() for at in range(tab.count)]


def pane(app: BpdebugApp) -> list[str]:
    """The lines of the program's pane, with its border."""
    x, y, width, high = app.program.region
    return [line[x : x + width] for line in lines_of(app)[y : y + high]]


@pytest.mark.parametrize(
    ("name", "room", "said"),
    [
        ("enc.layers.1.norm.weight", 24, "enc.layers.1.norm.weight"),
        ("enc.layers.1.norm.weight", 23, "…c.layers.1.norm.weight"),
        ("enc.layers.1.norm.weight", 12, "…norm.weight"),
        ("∂enc.layers.1.norm.weight", 13, "∂…norm.weight"),
        ("weights", 5, "weig…"),
    ],
)
def test_of_a_long_dotted_name_its_end_is_seen(name: str, room: int, said: str) -> None:
    """Parameters of a model begin alike: by their ends they are told apart."""
    row = rows.ProgramRow(
        "leaf", name, f"{name}  {'parameter' if '∂' not in name else ''}".rstrip(), "", "", None, None
    )
    assert row_line(row, (), room + 5, False, False).text[2 : 2 + room] == said


# --- the source


@pytest.mark.parametrize("name", [*NAMES, WALK, TRAINED, FAULTY])
def test_the_source_is_the_file_and_its_marks_say_how_far_each_line_is(name: str) -> None:
    state = session(name, "break #0")
    graph, schedule, tab = state.timeline.graph, state.timeline.schedule, SourceTab()
    for cursor in range(0, schedule.per_iteration + 1, max(schedule.per_iteration // 7, 1)):
        state = update(state, f"seek {cursor}")
        tab.show(state)
        shown, backward = texts(tab, 400), cursor >= len(graph.nodes)
        event = state.event
        assert len(shown) == len(state.scenario.lines)
        for n, (line, text) in enumerate(zip(shown, state.scenario.lines, strict=True), 1):
            assert text.rstrip() in line.replace("⏎", "\n")
            assert line.startswith("▶") == (event is not None and event.line == n)
            assert (line[1:2] == "●") == (n == graph.nodes[0].line)
            nodes = [graph.tensor(k) for k, node in enumerate(graph.nodes) if node.line == n]
            made = [schedule.has_value(t, cursor) for t in nodes]
            done = [i <= cursor for t in nodes if (i := schedule.index_of("backward", t)) is not None]
            sign = line.removesuffix(text.rstrip()).split()[-1:] if nodes else []
            if not nodes or sign in (["✗"], ["∞"]) or schedule.place(cursor).iteration:
                continue
            if backward and done:
                wanted = "∂" if all(done) else f"∂{sum(done)}/{len(done)}" if any(done) else "✓"
            else:
                wanted = "✓" if all(made) else f"{sum(made)}/{len(made)}" if any(made) else "·"
            assert line.split()[-1] == wanted, (cursor, line)


def test_a_line_of_a_loop_leads_to_its_events_one_after_the_other_in_either_pass() -> None:
    state, tab = session(WALK), SourceTab()
    at = next(n for n, text in enumerate(state.scenario.lines) if "h = h @ W2" in text)
    for start, way in (("begin", [5, 6, 5]), ("#9", [12, 13, 12])):
        state = update(state, f"seek {start}")
        for wanted in way:
            tab.show(state)
            assert tab.event(at) == wanted
            state = update(state, f"seek #{wanted}")
    assert tab.stop(at) == f":{at + 1}"
    assert (tab.event(0), tab.stop(0)) == (None, "")


def test_a_fault_is_beside_its_line() -> None:
    tab = SourceTab()
    tab.show(session(FAULTY, "seek end"))
    assert [line.split()[-1] for line in texts(tab) if " = " in line and "[" not in line][-3:] != []
    assert sum(line.endswith(("✗", "∞")) for line in texts(tab)) == 3


# --- the graph


@pytest.mark.parametrize("name", ["residual", "transformer_block", "lstm", WALK, TRAINED])
def test_each_row_of_the_graph_leads_to_its_event_in_the_pass_one_is_in(name: str) -> None:
    tab = GraphTab()
    for start in ("begin", "#1", "100%"):
        state = session(name, f"seek {start}")
        graph, schedule = state.timeline.graph, state.timeline.schedule
        tab.show(state)
        assert tab.lanes is not None
        backward = schedule.place(min(state.cursor, len(state.timeline) - 1)).phase != "forward"
        for at, what in enumerate(tab.lanes.what):
            event = tab.event(at)
            if what >= graph.first and event is not None:
                phase = schedule.place(event).phase
                assert schedule.tensor_at(event) == what
                assert (phase == "backward") == (backward and graph.has_gradient(what))
            assert tab.folds(at) == (what < 0)
        here = [at for at, text in enumerate(texts(tab)) if text.startswith("▶")]
        assert here == ([] if tab.current is None else [tab.current])


def test_blocks_fold_one_by_one_and_all_at_once() -> None:
    chosen: list[int | None] = []
    tab = GraphTab(changed=chosen.append)
    tab.show(session("transformer_block", "break attention1.heads2.cut@bwd", "seek attention1.Q"))
    whole = texts(tab)
    at = next(i for i, text in enumerate(whole) if text.lstrip("▶● │├┤─◉").startswith("Q = "))
    assert whole[at].startswith("▶")
    tab.fold(at, True)
    at = chosen[-1] or 0
    assert "▣ │ ▸ heads1  2 nodes" in texts(tab)[at]
    assert texts(tab)[at].startswith("▶")
    tab.fold(at, True)
    at = chosen[-1] or 0
    assert "▸ attention1  17 nodes" in texts(tab)[at]
    assert texts(tab)[at].startswith("▶●")
    assert tab.stop(at) == "attention1."
    chosen.clear()
    tab.fold(at, True)
    assert not chosen
    tab.fold(at, False)
    assert chosen == [at]
    assert "▾ attention1" in texts(tab)[at]
    tab.fold_all(at)
    assert texts(tab) == whole
    assert "▾ attention1" in whole[chosen[-1] or 0]
    inner = next(i for i, text in enumerate(whole) if "▾ heads1" in text)
    for begin in (inner, inner + 1):  # a block in another, and a node in it
        tab.fold_all(begin)
        assert "▸ attention1" in texts(tab)[chosen[-1] or 0]
        tab.fold_all(chosen[-1])
        assert "▾ attention1" in texts(tab)[chosen[-1] or 0]
    tab.fold_all(None)
    assert chosen[-1] is None
    assert [text.partition("▸ ")[2].split()[0] for text in texts(tab) if "▣" in text] == ["attention1", "mlp1"]


def test_what_grad_made_is_folded_at_first_and_unfolds_rule_by_rule() -> None:
    tab = GraphTab()
    tab.show(session("gradient_penalty", "seek G.dH@fwd"))
    found = texts(tab)
    (at,) = [i for i, text in enumerate(found) if "▣" in text]
    assert "▸ G  " in found[at]
    assert tab.current == at
    tab.fold(at, False)
    assert [text.partition("▸ ")[2].split()[0] for text in texts(tab) if "▣" in text] == ["y", "s", "H", "Z"]


def test_the_way_of_the_gradient_is_heavy() -> None:
    tab = GraphTab()
    tab.show(session("residual", "seek residual2.F@bwd"))
    found = texts(tab)
    assert any("┃ ◉━┛ F = A @ W4" in text for text in found)
    assert any("│ ◉─╯ F = A @ W2" in text for text in found)
    tab.show(session("residual"))
    assert not any(sign in text for text in texts(tab) for sign in "┃━┛")


def test_lanes_that_have_no_room_are_cut_with_a_sign() -> None:
    tab = GraphTab()
    tab.show(session("lstm"))
    for width in range(20, 60):
        for at, text in enumerate(texts(tab, width)):
            assert tab.line(at, width, False).cell_length <= width
            assert tab.lanes is not None
            shown = text[2:].partition("…")[0] if 2 * tab.lanes.width[at] > width - 13 else ""
            assert not shown.strip("│─├┤┼╯╰┴○◉ "), (width, text)


def test_of_a_long_graph_those_rows_are_laid_that_are_seen() -> None:
    """As it is opened, and after a step: the work of the first screen is one, however many nodes there are."""
    looked_at = []
    for turns in (2000, 4000):
        states = [update(open_session(chain(turns)), f"seek {k}") for k in (4, 5)]

        def seen(states: list[State] = states) -> None:
            tab = GraphTab()
            for state in states:
                tab.show(state)
                lines = [tab.line(at, 60, chosen=False).text for at in range(40)]
                assert [line[2:7] for line in lines[6:9]] == ["◉─┤ │", "◉─│─┤", "◉ │ │"]

        seen()
        looked_at.append(work(seen).lines)
    assert looked_at[1] < 1.02 * looked_at[0]


# --- the list, filtered


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("w2", {"W2", "∂W2"}), ("W", {"W1", "W2", "∂W1", "∂W2"}), ("dW", {"∂W1", "∂W2"}), ("∂", None),
        ("matmul", {"Z", "Y"}), ("w1", {"W1", "∂W1", "pow1", "∂pow1"}), ("W 1", {"W1", "∂W1"}),
        ("nothing", set()), ("", None),
    ],
)  # fmt: skip
def test_the_list_keeps_the_rows_that_have_all_the_words(words: str, wanted: set[str] | None) -> None:
    tab, state = ListTab(), session("two_layer")
    tab.show(state)
    whole = texts(tab)
    tab.filter(words)
    found = [tab._row(at) for at in range(tab.count)]
    names = {ProgramRows(state)[row].tensor for row in found if row is not None}
    if wanted is not None:
        assert names == wanted
    kept = [text for at, text in enumerate(texts(tab)) if found[at] is not None]
    assert kept == [text for text in whole if text in kept]
    assert ("Gradients" in texts(tab)) == any(name.startswith("∂") for name in names)
    tab.filter("")
    assert texts(tab) == whole


@pytest.mark.parametrize("name", NAMES)
def test_where_a_row_of_the_list_is_cut_its_own_name_is_seen(name: str) -> None:
    state, tab = session(name), ListTab()
    tab.show(state)
    nodes = {node.id: node for node in state.timeline.graph.nodes}
    for at in (at for at in range(tab.count) if not tab.is_blank(at)):
        row = ProgramRows(state)[at - 2 * (at > tab.heading)]
        line = tab.line(at, 34, chosen=False).text
        node = nodes.get(row.tensor.removeprefix("∂"))
        if row.text not in line and node is not None and node.block:
            assert f"…{node.id.rpartition('.')[2]}" in line


async def test_what_is_typed_after_a_slash_filters_and_escape_ends_it() -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(120, 40)) as pilot:
        app.program.focus()
        await pilot.press("slash", *"W2s", "backspace")
        await pilot.pause()
        assert app.state is not None
        assert app.state.cursor == 0
        assert [line.split()[1:2] for line in pane(app) if "W2" in line][1:2] != [["Z"]]
        assert "/W2▏" in pane(app)[-1]
        assert not any("W1" in line for line in pane(app))
        await pilot.press("down", "down", "enter")
        await pilot.pause()
        assert app.state.event is not None
        assert app.state.event.name == "Y"
        assert "/W2 " in pane(app)[-1].replace("─", " ")
        await pilot.press("s")
        assert app.state.event.name != "Y"
        await pilot.press("escape")
        await pilot.pause()
        assert any("W1" in line for line in pane(app))
        assert "/" not in pane(app)[-1]


async def test_escape_in_the_program_still_closes_what_was_asked_for() -> None:
    app = app_of("two_layer")
    async with app.run_test(size=(120, 40)) as pilot:
        app.run_text("info tensors")
        app.program.focus()
        await pilot.press("slash", "x", "escape")
        assert app.stage.report.kind == "info"
        await pilot.press("escape")
        assert app.stage.report.kind == "event"


# --- the pane


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_the_tabs_are_changed_by_a_key_from_anywhere_and_by_a_click(size: tuple[int, int]) -> None:
    app = app_of("transformer_block")
    async with app.run_test(size=size) as pilot:
        seen = []
        for _ in range(3):
            await pilot.press("r")
            await pilot.pause()
            seen.append("".join(pane(app)))
            assert f"[{app.program.tab.name}]" in seen[-1]
        assert "▶ 103 N1 = layer_no" in seen[0]
        assert "◉" in seen[1]
        assert "[list]" in seen[2]
        for name in ("graph", "source", "list"):
            await pilot.click("#program", offset=(pane(app)[0].index(name) + 1, 0))
            await pilot.pause()
            assert f"[{name}]" in pane(app)[0]


async def test_tabs_in_chinese_are_where_their_cells_are() -> None:
    with speaking("zh"):
        app = app_of("transpose")
        async with app.run_test(size=(120, 40)) as pilot:
            for name, said in (("graph", "图"), ("source", "源代码"), ("list", "列表")):
                title = pane(app)[0]
                await pilot.click("#program", offset=(display_width(title[: title.index(said)]), 0))
                await pilot.pause()
                assert (app.program.tab.name, f"[{said}]" in pane(app)[0]) == (name, True)


async def test_a_click_in_the_graph_goes_there_or_folds_and_b_breaks_there() -> None:
    app = app_of("transformer_block")
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("r", "r")
        await pilot.pause()
        assert app.state is not None

        async def click(text: str) -> None:
            await pilot.click("#program", offset=(12, next(y for y, line in enumerate(pane(app)) if text in line)))
            await pilot.pause()

        await click("▾ heads1")
        assert any("▸ heads1" in line for line in pane(app))
        await click("▸ heads1")
        assert any("▾ heads1" in line for line in pane(app))
        await click("S = Q @ Kt")
        assert app.state.event is not None
        assert app.state.event.name == "attention1.S"
        app.program.focus()
        await pilot.press("down", "left", "b")
        assert [b.location for b in app.state.breakpoints] == ["attention1."]
        await pilot.press("z", "z", "right", "left", "left", "left")
        await pilot.pause()
        assert any("▶●" in line and "▸ attention1" in line for line in pane(app))


async def test_b_at_a_line_of_the_source_breaks_at_the_line() -> None:
    app = app_of(WALK)
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("r")
        await pilot.pause()
        y = next(y for y, line in enumerate(pane(app)) if "h = h @ W2" in line)
        await pilot.click("#program", offset=(12, y))
        await pilot.pause()
        assert app.state is not None
        assert app.state.cursor == 5
        app.program.focus()
        await pilot.press("down", "up", "b")
        number = app.state.timeline.graph.nodes[5].line
        assert [b.location for b in app.state.breakpoints] == [f":{number}"]


@pytest.mark.parametrize("name", ["list", "source", "graph"])
async def test_a_step_asks_for_what_is_seen_and_lays_nothing_out(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = "\n".join(f"with block('b{i}'):\n    x{i} = tanh(x{i - 1})" for i in range(1, 500))
    text = f'format = 1\n[inputs]\nx0 = [1.0]\n[graph]\nloss = "L"\nprogram = """\n{lines}\nL = sum(x499)\n"""\n'
    app = BpdebugApp(state_of(text))
    async with app.run_test(size=(120, 40)) as pilot:
        app.program.look(name)
        app.run_text("seek 300")
        await pilot.pause()
        asked: list[int] = []
        own = type(app.program.tab).line

        def line(tab: Tab, at: int, width: int, chosen: bool) -> Strip:
            asked.append(at)
            return own(tab, at, width, chosen)

        monkeypatch.setattr(type(app.program.tab), "line", line)
        for made in (Skeleton, Lanes):
            monkeypatch.setattr(made, "__init__", lambda *_: pytest.fail("a step lays out the whole graph"))
        monkeypatch.setattr(rows, "matching", lambda *_: pytest.fail("a step filters the whole list"))
        await pilot.press("s")
        await pilot.pause()
        assert app.program.size.height > 10
        assert 0 < len(asked) <= 3 * app.program.size.height


@pytest.mark.parametrize("name", ["residual", "nan_sqrt", "tied_autoencoder", "embedding", TRAINED, FAULTY])
def test_a_row_that_is_kept_is_what_it_would_be_anew(name: str) -> None:
    rng = random.Random(name)
    state, tab = session(name), ListTab()
    lines = ["step", "step", "step", "reverse-step", "stepi", "next", "break #2", "delete", "practice", "seek 0"]
    for n in range(150):
        tab.show(state)
        anew = ListTab()
        anew.show(state)
        for at in range(tab.count):
            assert tab.line(at, 50, False) == anew.line(at, 50, False), (n, state.cursor, at)
        try:
            state = update(state, rng.choice(lines))
        except BpdebugError:
            continue  # nothing is to be deleted, or practised
