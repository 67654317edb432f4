"""Every kind of location, on a graph with blocks, fan-out and training; and the search among 100,000 events."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpdebug.engine import Event, Timeline
from bpdebug.errors import BpdebugError
from bpdebug.expression import Stops, parse_location, resolve
from tests.counting import work
from tests.expression.common import END, ITERATIONS, TIMELINE, at, timeline
from tests.graphs import make, step

PER = TIMELINE.schedule.per_iteration
UNTRAINED = timeline(1)


def stops(text: str) -> Stops:
    return resolve(parse_location(text), TIMELINE)


def events(text: str, iteration: int = 0) -> list[str]:
    """The events of one iteration as `phase name`."""
    found = [TIMELINE.event(k) for k in stops(text) if TIMELINE.schedule.place(k).iteration == iteration]
    return [f"{e.phase} {e.name}" for e in found]


def where(keep: Callable[[Event], bool]) -> list[str]:
    return [f"{e.phase} {e.name}" for e in TIMELINE[:PER] if keep(e)]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Y", ["forward Y", "backward Y"]), ("Y@fwd", ["forward Y"]), ("Y@bwd", ["backward Y"]),
        ("h.1", ["forward h.1", "backward h.1"]),
        ("L", ["forward L", "seed L", "backward L"]), ("L@seed", ["seed L"]), ("late", ["forward late"]),
        ("W2@bwd", ["backward h"]), ("W2@upd", ["update W2"]), ("W2", ["backward h", "update W2"]),
        ("W1@bwd", ["backward enc1.matmul1"]), ("X", ["backward enc1.matmul1"]), ("T@bwd", ["backward E"]),
        ("H@bwd", ["backward H"]), ("  Y@bwd ", ["backward Y"]), ("enc1.attn1.q@bwd", ["backward enc1.attn1.q"]),
    ],
)  # fmt: skip
def test_tensors(text: str, wanted: list[str]) -> None:
    assert events(text) == wanted
    assert events(text, 2) == wanted


def test_a_leafs_backward_location_is_where_its_gradient_is_complete() -> None:
    for name in ["W1", "W2", "X", "T"]:
        index = stops(f"{name}@bwd").first()
        tensor = TIMELINE.graph.index[name]
        assert TIMELINE.schedule.grad_status(tensor, index) == "value"
        assert TIMELINE.schedule.grad_status(tensor, index - 1) != "value"


@pytest.mark.parametrize(
    ("text", "keep"),
    [
        ("matmul", lambda e: e.op == "matmul"), ("matmul@bwd", lambda e: e.op == "matmul" and e.phase == "backward"),
        ("mean", lambda e: e.op == "mean"), ("mean@seed", lambda e: e.op == "mean" and e.phase == "seed"),
        ("greater", lambda e: e.op == "greater"), (":9", lambda e: e.line == 9),
        (":14@bwd", lambda e: e.line == 14 and e.phase == "backward"),
        (":14", lambda e: e.line == 14), ("enc1.", lambda e: e.block.split(".")[0] == "enc1"),
        ("enc1.attn1.", lambda e: e.block == "enc1.attn1"),
        ("enc1.@fwd", lambda e: e.block.startswith("enc1") and e.phase == "forward"),
        ("head.", lambda e: e.block == "head"),
        ("enc1.*", lambda e: e.name.startswith("enc1.")), ("h*", lambda e: e.name[0] == "h"),
        ("h.?", lambda e: e.name == "h.1"),
        ("[hY]", lambda e: e.name in ("h", "Y")), ("*", lambda e: True), ("*@bwd", lambda e: e.phase == "backward"),
        ("*@upd", lambda e: e.phase == "update"), ("*@seed", lambda e: e.phase == "seed"),
        ("matm*", lambda e: e.op == "matmul"),
        ("/attn.*q/", lambda e: "attn1.q" in e.name),
        ("/attn.*q/@bwd", lambda e: "attn1.q" in e.name and e.phase == "backward"),
        ("/^h$|^Y$/@fwd", lambda e: e.name in ("h", "Y") and e.phase == "forward"),
        ("/^gre/", lambda e: e.op == "greater"),
        ("/[/]|late/", lambda e: e.name == "late"),
    ],
)  # fmt: skip
def test_ops_lines_blocks_globs_and_patterns(text: str, keep: Callable[[Event], bool]) -> None:
    wanted = where(keep)
    assert wanted
    assert events(text) == wanted
    assert events(text, 1) == wanted


def test_tensor_names_win_over_ops() -> None:
    steps = (step("mul", "matmul", "X", "X"), step("Y", "mul", "mul", 2.0), step("L", "sum", "Y"))
    made = Timeline(make({"X": np.ones((2, 2))}, *steps, loss="L"))
    assert [made.event(k).name for k in resolve(parse_location("mul@fwd"), made)] == ["mul"]
    assert [made.event(k).name for k in resolve(parse_location("matmul@fwd"), made)] == ["mul"]
    assert [made.event(k).name for k in resolve(parse_location("m*l@fwd"), made)] == ["mul"]


def test_iterations() -> None:
    assert list(stops("Y@bwd%2")) == [at("backward", "Y", 2)]
    assert list(stops("Y@bwd")) == [at("backward", "Y", t) for t in range(3)]
    assert list(stops("W2@upd%1")) == [at("update", "W2", 1)]
    assert list(stops("Y%0")) == [at("forward", "Y"), at("backward", "Y")]
    assert (len(stops("Y")), len(stops("Y%1"))) == (6, 2)


def test_an_event_by_number() -> None:
    for k in (0, 7, PER - 1, PER, END - 1):
        assert list(stops(f"#{k}")) == [k]
        assert stops(f"#{k}").first() == k


@pytest.mark.parametrize(
    ("text", "column", "message", "hint"),
    [
        ("", 1, "missing", "Y@bwd"), ("   ", 4, "missing", ""), ("Y@", 3, "no phase ''", "fwd"),
        ("Y@foo", 3, "no phase 'foo'", "fwd"),
        ("Y@backward", 3, "no phase 'backward'", "@bwd"), ("Y%", 3, "is no iteration", "%2"),
        ("Y%-1", 3, "is no iteration", ""),
        ("Y%2@bwd", 2, "'%2@bwd' behind", "Y@bwd%2"), ("Y@bwd@fwd", 2, "behind a location", ""),
        ("Y@bwd%1%2", 2, "behind a location", ""),
        (":", 2, "'' is no line", ":12"), (":x", 2, "'x' is no line", ""), ("#", 2, "'' is no event", "#12"),
        ("#1@bwd", 3, "one place", "#1"),
        ("#1%0", 3, "one place", ""), ("#99999", 1, "no event 99999", f"0 to {END - 1}"),
        ("#" + "9" * 30, 2, "is no event", ""),
        (":99", 1, "line 99 computes nothing", ":14"), (":5", 1, "line 5 computes nothing", ":4 and :6"),
        (":1", 1, "line 1 computes", ":3"),
        ("Y%3", 1, "no iteration 3", "0 to 2"), ("∂Y", 1, "'∂Y' is no location", "Y@bwd"),
        ("dY", 1, "no tensor or op 'dY'", "Y@bwd"),
        ("enc1", 1, "'enc1' is a block", "enc1."), ("enc2.", 1, "no block 'enc2.'", "did you mean enc1.?"),
        ("zzz.", 1, "no block", "blocks: "),
        ("mtmul", 1, "no tensor or op 'mtmul'", "matmul"), ("y", 1, "no tensor or op 'y'", "did you mean Y?"),
        ("X@fwd", 1, "no forward event", "start"),
        ("late@bwd", 1, "'late' has no backward event", "not between"),
        ("unused@bwd", 1, "no backward event", "no path"),
        ("unused@upd", 1, "never updated", "parameters"), ("Y@upd", 1, "never updated", "parameters"),
        ("Y@seed", 1, "no gradient comes in at 'Y'", "L@seed"),
        ("ids", 1, "'ids' has no backward event", ""), ("D.mask", 1, "no backward event", ""),
        ("/x", 1, "not closed", "/"), ("/", 1, "not closed", ""),
        ("//", 2, "empty", ""), ("/zzz/", 1, "nothing matches '/zzz/'", ""), ("zzz*", 1, "nothing matches", ""),
        ("/a/b", 4, "'b' behind", "@fwd"),
        ("/(a/", 2, "missing ): (a", ""), ("/a**/@bwd", 3, "bad repetition", ""),
        ("1Y", 1, "'1Y' is no location", ""), ("Y Z", 1, "is no location", ""),
        ("Y..", 1, "is no location", ""), (".", 1, "'.' is no location", ""), ("Y!", 1, "is no location", ""),
        ("h[", 2, "not closed", ""),
        ("x" * 3000, 1, "3,000 characters", ""), ("  Y@foo", 5, "no phase", ""),
    ],
)  # fmt: skip
def test_what_is_refused(text: str, column: int, message: str, hint: str) -> None:
    with pytest.raises(BpdebugError) as caught:
        stops(text)
    assert caught.value.code == "E_EXPR"
    assert message in caught.value.message
    assert hint in caught.value.hint
    assert caught.value.column == column


def test_files_have_no_patterns() -> None:
    with pytest.raises(BpdebugError, match="no patterns here"):
        parse_location("/a/", regex=False)
    assert parse_location("enc.*", regex=False).kind == "glob"


def test_without_training_nothing_is_updated() -> None:
    made = Timeline(make({"X": np.ones(2)}, step("L", "sum", "X"), loss="L"))
    with pytest.raises(BpdebugError) as caught:
        resolve(parse_location("X@upd"), made)
    assert "[train]" in caught.value.hint
    with pytest.raises(BpdebugError) as caught:
        resolve(parse_location("L%1"), made)
    assert "[train]" in caught.value.hint
    with pytest.raises(BpdebugError) as caught:
        resolve(parse_location("a."), made)
    assert "no blocks" in caught.value.hint


def test_a_location_is_shown_as_it_was_typed() -> None:
    for text in ["Y@bwd%2", "/attn.*q/@fwd", ":12", "#3", "enc1.", "enc.*"]:
        assert str(parse_location(f" {text}")) == text


def test_a_timeline_of_no_iterations() -> None:
    found = resolve(parse_location("Y"), timeline(0))
    assert (found.first(), found.next_after(-1), found.next_after(0), found.last_before(0)) == (0, None, None, None)
    assert list(found) == []
    assert not found.contains(0)
    with pytest.raises(BpdebugError, match="no event 0"):
        resolve(parse_location("#0"), timeline(0))


LOCATIONS = [
    "Y", "Y@bwd", "Y%1", "Y@bwd%2", "W2", "W2@upd", "matmul", ":14@bwd", "enc1.", "*", "*%0", "*@seed", "#0", "#7",
    f"#{PER}", f"#{END - 1}",
    "enc1.matmul1@fwd", "enc1.matmul1@fwd%0", "W2@upd%2",
]  # fmt: skip


@pytest.mark.parametrize("text", LOCATIONS)
def test_search_finds_what_a_scan_finds(text: str) -> None:
    found = stops(text)
    all_of_them = list(found)
    assert all_of_them == sorted(set(all_of_them))
    assert len(found) == len(all_of_them)
    assert found.first() == all_of_them[0]
    for index in range(-2, END + 3):
        assert found.next_after(index) == next((k for k in all_of_them if k > index), None), index
        assert found.last_before(index) == next((k for k in reversed(all_of_them) if k < index), None), index
        assert found.contains(index) == (index in all_of_them), index


@given(
    st.lists(st.integers(0, PER - 1), min_size=1, unique=True),
    st.none() | st.integers(0, ITERATIONS - 1),
    st.integers(-1, END + 1),
)
def test_search_in_any_stops(offsets: list[int], iteration: int | None, index: int) -> None:
    found = Stops(TIMELINE.schedule, sorted(offsets), iteration)
    all_of_them = list(found)
    assert found.next_after(index) == next((k for k in all_of_them if k > index), None)
    assert found.last_before(index) == next((k for k in reversed(all_of_them) if k < index), None)
    assert found.contains(index) == (index in all_of_them)


@pytest.fixture(scope="module")
def large() -> Timeline:
    """100,000 events: 50,000 nodes in a row, in 500 blocks."""
    steps, last = [], "x"
    for i in range(50_000):
        name = f"enc{i // 100}.n{i % 100}"
        steps.append(step(name, "mul", last, 1.0, block=f"enc{i // 100}", line=i % 1000 + 1))
        last = name
    made = Timeline(make({"x": np.float64(1)}, *steps, loss=last))
    resolve(parse_location("x@bwd"), made)
    return made


@pytest.mark.parametrize("text", [
    "enc7.n3", "enc7.n3@bwd", "enc7.", "mul", "mul@bwd", ":12", "*", "enc7*", "/enc1.*n3$/", "x@bwd", "#77777",
])  # fmt: skip
def test_large_graphs_are_searched_with_little_work(large: Timeline, text: str) -> None:
    assert work(lambda: resolve(parse_location(text), large)).lines < 100 * 50_000
    found = resolve(parse_location(text), large)
    for index in range(0, 100_000, 10_000):
        assert work(lambda at=index: (found.next_after(at), found.last_before(at))).lines < 100  # type: ignore[misc]


@pytest.mark.parametrize("text", ["enc7.m3", "enc777.", ":1001", "/zzz/"])
def test_misspelt_locations_are_told_with_little_work(large: Timeline, text: str) -> None:
    def ask() -> None:
        with pytest.raises(BpdebugError):
            resolve(parse_location(text), large)

    assert work(ask).lines < 100 * 50_000


def test_other_graphs() -> None:
    assert ITERATIONS == 3
    assert list(resolve(parse_location("Y"), UNTRAINED)) == list(stops("Y%0"))
