"""The views, walked: text and JSON of each on the lessons, and what each says of its place."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpdebug.debugger import COMMANDS, State, open_session, update
from bpdebug.debugger.commands.explaining import EXPLANATIONS
from bpdebug.debugger.commands.table import split
from bpdebug.debugger.practice import question
from bpdebug.engine import BACKWARD
from bpdebug.errors import BpdebugError, printable
from bpdebug.views import VIEWS, ProgramRows, Report, here, inspector, status_line, to_json, view
from bpdebug.views.blocks import Matrix, Row, Text, flat
from bpdebug.views.place import place_data, when_text
from bpdebug.views.stage import MOST_LEAVES
from bpdebug.wrapping import display_width
from tests.graphs import examples
from tests.lessons import FAULTY, HOSTILE, NAMES, PLAIN, WALK, said, scenario, session

ALL = [*NAMES, WALK, PLAIN, FAULTY, HOSTILE]
IDS = [*NAMES, "walk", "plain", "faulty", "hostile"]


def check(report: Report) -> str:
    """A report is plain text without trailing blanks and controls, and one line of JSON that begins with its kind."""
    for width in (60, 100, 200):
        text = report.to_text(width)
        assert printable(text) == text
        assert not [line for line in text.splitlines() if line != line.rstrip()]
    line = report.to_json()
    assert "\n" not in line
    assert line.isprintable()
    assert next(iter(json.loads(line))) == "kind"
    assert json.loads(line)["kind"] == report.kind
    return report.to_text()


def everywhere(name: str) -> Iterator[State]:
    """Every event of a scenario, every part of it, and the end."""
    state = open_session(scenario(name))
    while state.cursor < len(state.timeline):
        yield state
        state = update(state, "stepi")
    yield state


# --- all views


@pytest.mark.parametrize("name", ALL, ids=IDS)
def test_every_event_and_every_part_is_text_and_json(name: str) -> None:
    for state in everywhere(name):
        text = check(view(state))
        if state.event is not None:
            assert text.startswith(f"event {state.cursor}/{len(state.timeline)}  {state.event.phase}  ")
        check(inspector(state))
        assert when_text(state).isprintable()
        assert status_line(state).isprintable()


@pytest.mark.parametrize("name", ALL, ids=IDS)
def test_every_view_is_text_and_json_at_both_ends_and_between(name: str) -> None:
    lists = [f"info {what}" for what in ("tensors", "blocks", "parameters", "gradients", "breakpoints")]
    lines = ["when", "where", "list", "help", "help step", "break #1", "print 1 + 1", *lists]
    for start in ("seek begin", "seek 40%", "seek 75%", "seek end"):
        state = update(open_session(scenario(name)), start)
        for line in lines:
            assert check(view(update(state, line)))
        for tensor in state.timeline.graph.names:
            for line in ("print ∂", "print ", "print/s ", "print/x ", "print/f "):
                check(view(update(state, line + tensor)))


DRAWN = [row.name for row in EXPLANATIONS] + ["compare", "paths"]
"""Views that are loaded when one of them is asked for."""


def test_the_examples_of_the_commands_lead_to_every_view() -> None:
    reached = set()
    for command in COMMANDS.values():
        for name in ("residual", "transpose"):
            state = session(name)
            try:
                for piece in split(command.example):
                    state = update(state, piece)
                    reached.add(state.view.name)
            except BpdebugError:
                continue  # an example that wants a front end, or other names; the table's own test looks at it
    assert {*VIEWS, *DRAWN} - {"paths"} <= reached  # those are origin's, with an option
    assert update(session("residual"), "seek matmul@bwd ;; origin -p").view.name == "paths"


@pytest.mark.parametrize("name", [*VIEWS, *DRAWN])
def test_the_kind_of_a_report_is_its_view(name: str) -> None:
    """Programs choose by kind; a view that says several kinds must name them here."""
    for command in COMMANDS.values():
        state = session("residual")
        try:
            for piece in split(command.example):
                state = update(state, piece)
        except BpdebugError:
            continue
        if state.view.name == name:
            assert view(state).kind == ("practice" if name == "event" and question(state) else name)


# --- the event


def test_a_matmul_forwards() -> None:
    assert said("transpose", "seek 0").split("\n", 3)[3].startswith("  Y = X @ W    2×4 from 2×3 @ 3×4\n  X  2×3")


def test_a_transpose_stands_beside_its_original_and_the_product_below() -> None:
    text = said("transpose", "seek Y@bwd", "stepi 2")
    lines = text.splitlines()
    rule = lines.index("  ∂X = ∂Y @ Wᵀ    2×3, as X is")
    assert lines[rule + 1].split() == ["W", "3×4", "Wᵀ", "4×3"]
    assert "→" in lines[rule + 3]
    assert "(transposed)" in text
    assert ["∂Y", "2×4", "Wᵀ", "4×3", "∂X", "2×3"] in [line.split() for line in lines]


def test_a_note_is_said_at_its_stop_and_nowhere_else() -> None:
    for state in everywhere(PLAIN):
        at_y = state.event is not None and state.event.name == "Y" and state.event.phase == BACKWARD
        assert ("One b for two rows." in view(state).to_text()) == at_y


def test_a_note_does_not_speak_for_a_fork() -> None:
    """The lesson's note has Y[0,0] = 7, which is not so where X is 0."""
    doubt = "not of this fork's"
    assert doubt not in said("transpose", "seek Y")
    assert doubt in said("transpose", "seek Y", "set X = 0", "seek Y")
    assert doubt not in said("transpose", "seek Y", "set X = 0", "switch 0", "seek Y")
    assert doubt not in said("transpose", "set X = 0", "seek end")


def test_a_sum_over_broadcast_axes_is_told_with_the_formula() -> None:
    """∂b = ∂Y alone would be a lie: ∂Y is 2×2 and b is (2)."""
    text = said(PLAIN, "seek Y@bwd")
    line = next(line for line in text.splitlines() if line.startswith("  ∂b = ∂Y"))
    assert line == "  ∂b = ∂Y    2×2, summed to (2), as b is"
    assert "  ∂Z = ∂Y    2×2, as Z is" in text
    assert "summed over the broadcast axes" in text


def test_an_accumulation_is_told() -> None:
    text = said(WALK, "seek 13")
    assert "  ∂H += ∂h @ W2ᵀ" in text
    assert "  ∂W2 += Hᵀ @ ∂h" in text


def test_what_is_added_to_a_gradient_is_not_called_the_gradient() -> None:
    """Where others gave to ∂W before, Xᵀ @ ∂A and its cells are a share of it."""
    text = said("tied_autoencoder", "seek A@bwd", "lens")
    assert "∂W[k,j] += Σᵢ X[i,k]·∂A[i,j]" in text
    assert "∂W[0,1] += X[0,0]·∂A[0,1] + " in text
    assert "∂W[0,1] = " not in text
    text = said("tied_autoencoder", "seek end", "origin dW[0,0]")
    assert "∂W[0,0] += ∂Wt[0,0]" in text
    assert "∂W[0,0] = −0.287 − 0.06876 = −0.3557" in text


@pytest.mark.parametrize("name", ["fan_out", "tied_autoencoder", "residual", "attention", "lstm"])
def test_the_lens_calls_a_gradient_what_is_all_of_it_so_far(name: str) -> None:
    state, added = session(name), 0
    for at in range(len(state.timeline)):
        event = state.timeline.event(at)
        totals = [(f"∂{c.to}", c.total.ravel().tolist()) for c in event.contributions]
        added += sum(c.sign == "+=" for c in event.contributions)
        for block in view(update(state, f"seek {at} ;; lens")).blocks if totals else ():
            for m in block.items if isinstance(block, Row) else ():
                if isinstance(m, Matrix) and m.mark == "gradient" and m.name in dict(totals):
                    assert m.array is not None
                    assert (m.name, m.array.ravel().tolist()) in totals
    assert added


def test_a_fault_is_said_in_words() -> None:
    assert said(FAULTY).endswith("infinity appears here first: 1 cell of u, first at [1]")
    assert said(FAULTY, "step").endswith("NaN appears here first: 1 cell of v, first at [1]")


def test_the_end_says_the_loss_and_every_gradient_or_why_there_is_none() -> None:
    text = said(PLAIN, "seek end")
    assert re.search(r"^  L = \S+    the loss$", text, re.MULTILINE)
    assert "∂X  2×3" in text
    assert "  ∂alone: none    no path leads from alone to an output" in text
    assert "∂ids" not in text


def test_the_end_of_a_model_shows_the_gradients_of_some_leaves_and_says_where_the_others_are() -> None:
    leaves = "".join(f"w{n} = [0.5]\n" for n in range(MOST_LEAVES + 3))
    total = " + ".join(f"w{n}" for n in range(MOST_LEAVES + 3))
    text = f"format = 1\n[parameters]\n{leaves}[graph]\nloss = 'L'\nprogram = 'L = sum({total})'"
    report = here(session(text, "seek end"))
    said = report.to_text()
    assert said.count("∂w") == MOST_LEAVES
    assert said.endswith("and 3 more: info gradients lists them all")
    assert [b.link for b in flat(report.blocks) if isinstance(b, Text) and b.link] == ["info gradients"]
    assert len(report.to_data()["grads"]) == MOST_LEAVES + 3


def test_an_iteration_is_told_where_there_are_several() -> None:
    assert "iteration 1" in said(WALK, "seek 30")
    assert "iteration" not in said("transpose")


# --- where, when, list


@pytest.mark.parametrize(
    ("at", "text"),
    [
        ("0", "event 0/42 forward above1.inner1.p matmul"),
        ("9", "event 9/42 seed L mean"),
        ("13", "event 13/42 backward h matmul"),
        ("19", "event 19/42 update W1"),
        ("end", "event 42/42 end"),
    ],
)
def test_when(at: str, text: str) -> None:
    assert said(WALK, f"seek {at}", "when") == text


def test_when_tells_the_part() -> None:
    assert said(WALK, "seek 13", "stepi 2", "when") == "event 13/42 backward h matmul part 2/6"


def test_where_is_the_stack_of_blocks_innermost_first() -> None:
    assert [line.split()[-1] for line in said(WALK, "where").splitlines()[1:]] == ["above1.inner1", "above1", "<text>"]
    assert view(session(WALK, "where")).to_data()["blocks"] == ["above1.inner1", "above1"]
    assert view(session(WALK, "seek end", "where")).to_data()["blocks"] == []


@pytest.mark.parametrize("name", NAMES)
def test_list_shows_lines_of_the_program_and_none_beyond_it(name: str) -> None:
    found = scenario(name)
    program = found.program.splitlines()
    for k in range(len(session(name).timeline) + 1):
        report = view(session(name, f"seek {k}", "list"))
        data = report.to_data()
        for entry in data["lines"]:
            assert entry["text"] == program[entry["line"] - found.program_line]
        event = session(name, f"seek {k}").event
        assert data["current"] == (event.line if event else None)
        if data["current"]:
            assert data["current"] in [entry["line"] for entry in data["lines"]]


def test_list_marks_the_current_line_and_shows_another_place_when_asked() -> None:
    lines = said("residual", "list").splitlines()
    assert [line.endswith("Z = x @ W_in") for line in lines if "▶" in line] == [True]
    assert "L = mean" in said("residual", "list L")


# --- not computed, partial, no path, and numbers are four different things


def test_the_states_of_a_gradient_are_told_apart_in_print() -> None:
    assert said(WALK, "print dH") == "dH: not computed yet"
    assert said(WALK, "seek 11", "print dH").startswith("dH: so far, more is to be added\n  dH  3×2\n")
    assert said(WALK, "seek 13", "print dH").startswith("  dH  3×2\n")
    assert said(WALK, "print dunused") == "dunused: no path leads from here to an output: there is no gradient"
    assert said(PLAIN, "seek end", "print dids") == "dids: ids is int64: integers and booleans take no gradient"
    assert said(PLAIN, "print Y") == "Y: not computed yet"


def test_the_states_of_a_gradient_are_told_apart_in_info() -> None:
    def statuses(*lines: str) -> dict[str, str]:
        return {row["name"]: row["status"] for row in view(session(WALK, *lines, "info gradients")).to_data()["rows"]}

    assert set(statuses().values()) == {"not-computed", "no-path"}
    assert statuses("seek 11")["∂H"] == "partial"
    assert statuses("seek 13")["∂H"] == "value"
    assert statuses("seek 13")["∂X"] == "not-computed"
    assert statuses("seek 14")["∂X"] == "partial"
    assert statuses("seek 21")["∂H"] == "not-computed"  # a new iteration
    assert {s for n, s in statuses("seek end").items() if n != "∂unused"} == {"value"}
    assert statuses("seek end")["∂unused"] == "no-path"


def test_the_states_of_a_gradient_are_told_apart_in_the_program() -> None:
    def statuses(name: str, *lines: str) -> dict[str, str]:
        return {row.text: row.status for row in ProgramRows(session(name, *lines)) if row.kind == "gradient"}

    assert statuses(WALK)["∂H"] == "not computed yet"
    assert statuses(WALK, "seek 12")["∂H"] == "partial"
    assert statuses(WALK, "seek 13")["∂H"] == "done"
    assert statuses(WALK, "seek 14")["∂H"] == "current"
    assert statuses(WALK)["∂unused"] == "no path"
    assert statuses(WALK, "seek end")["∂unused"] == "no path"
    assert statuses(PLAIN, "seek end") | {"∂ids": ""} == {**statuses(PLAIN, "seek end"), "∂ids": ""}
    assert statuses(PLAIN)["∂seen"] == "no path"


@pytest.mark.parametrize("name", ALL, ids=IDS)
def test_print_info_and_the_program_agree_at_every_event(name: str) -> None:
    words = {"value": "done", "partial": "partial", "not-computed": "not computed yet", "no-path": "no path"}
    state = open_session(scenario(name))
    for k in range(len(state.timeline) + 1):
        state = update(state, f"seek {k}")
        listed = {row["name"]: row["status"] for row in view(update(state, "info gradients")).to_data()["rows"]}
        shown = {row.text: row.status for row in ProgramRows(state) if row.kind == "gradient"}
        for gradient, status in listed.items():
            assert view(update(state, f"print {gradient}")).to_data()["status"] == status
            assert shown[gradient] in (words[status], "current")
        assert set(shown) == set(listed)


@pytest.mark.parametrize("name", ALL, ids=IDS)
def test_the_program_has_a_row_for_everything_and_its_current_row_is_the_event(name: str) -> None:
    for state in everywhere(name):
        rows = ProgramRows(state)
        listed = list(rows)
        assert len(listed) == len(rows)
        assert [row.kind for row in listed] == sorted((r.kind for r in listed), key=["leaf", "node", "gradient"].index)
        assert rows[rows.gradients_from : rows.gradients_from + 1] == listed[rows.gradients_from :][:1]
        if state.event is None:
            assert rows.current is None
            assert not [row for row in listed if row.status == "current"]
        else:
            assert rows.current is not None
            current = listed[rows.current]
            assert current.status == "current"
            assert current.tensor.removeprefix("∂") == state.event.name
        with pytest.raises(IndexError):
            _ = rows[len(rows)]


def test_a_row_of_the_program_leads_to_its_event() -> None:
    state = session(WALK)
    for row in ProgramRows(state):
        if row.index is not None:
            there = update(state, f"seek {row.index}").event
            assert there is not None
            if row.kind == "node":
                assert (there.phase, there.name) == ("forward", row.tensor)
            elif row.kind == "gradient":
                assert there.phase in ("backward", "seed")


def test_drawn_masks_are_hidden_from_lists_and_can_be_printed() -> None:
    state = session(PLAIN, "seek end")
    names = [row["name"] for row in view(update(state, "info tensors")).to_data()["rows"]]
    assert names == ["X", "ids", "alone", "W", "b", "Z", "Y", "D", "seen", "L"]
    assert "D.mask" not in [row.tensor for row in ProgramRows(state)]
    assert said(PLAIN, "seek end", "print D.mask").startswith("  D.mask  2×2")


# --- print


def test_print_in_hexadecimal_is_exact() -> None:
    assert said(PLAIN, "print/x W[0]") == "W[0]  (2)\n0x1.0000000000000p+0 0x0.0p+0"
    assert said(PLAIN, "print/x 0.1").endswith((0.1).hex())
    assert said(PLAIN, "print/x ids") == "ids  (3)\n0x0 0x1 0x1"
    assert said(PLAIN, "print/x W[0] > 0") == "W[0] > 0  (2)\nTrue False"
    assert said(PLAIN, "print/x -0.0").endswith("-0x0.0p+0")
    assert said(FAULTY, "print/x u").endswith("0x1.0000000000000p+0 inf 0x1.0000000000000p-1")


def test_print_in_full_has_every_digit_and_every_cell() -> None:
    assert said(PLAIN, "print/f W") == "W  3×2\n[[1.0, 0.0],\n [0.0, 1.0],\n [1.0, 1.0]]"
    assert said(PLAIN, "print/f 1 / 3") == "1 / 3  ()\n0.3333333333333333"
    many = 'X = { shape = [20001], init = "arange" }'
    text = PLAIN.replace("alone = [1.0, 2.0]", f"alone = [1.0, 2.0]\n{many.replace('X', 'many')}")
    assert view(session(text, "print many")).to_data()["value"] is None
    assert view(session(text, "print/f many")).to_data()["value"] == [float(i) for i in range(20001)]


def test_print_a_summary() -> None:
    lines = [line.split() for line in said(PLAIN, "print/s X").splitlines()]
    assert lines[0] == ["X", "2×3", "float64"]
    found = {line[0]: line[1:] for line in lines[1:]}
    assert found["min"] == ["1"]
    assert found["max"] == ["6"]
    assert found["mean"] == ["3.5"]
    assert found["norm"] == ["9.539"]
    assert found["zeros"] == ["0"]


@pytest.mark.parametrize(
    "expression", ["X[0:0]", "X[:, 0:0]", "X[0:0, 0:0]", "ids[5:]", "X[0:0] @ W", "sum(X[0:0], axis=0)"]
)
@pytest.mark.parametrize("style", ["", "/x", "/s", "/f"])
def test_tensors_without_cells_can_be_printed(expression: str, style: str) -> None:
    report = view(session(PLAIN, f"print{style} {expression}"))
    assert expression in check(report)
    assert report.to_data()["stats"] is not None


def test_tuples_and_texts_are_printed_as_such() -> None:
    assert said(PLAIN, "print X.shape") == "X.shape = (2, 3)"
    assert said(PLAIN, "print X.dtype") == "X.dtype = float64"


def test_what_cannot_be_printed_is_refused() -> None:
    for line in ("print", "print/z X", "print/xx X", "print X +", "print nosuch", "print/x [1]"):
        with pytest.raises(BpdebugError) as caught:
            session(PLAIN, line)
        assert caught.value.code in ("E_COMMAND", "E_EXPR")
        assert caught.value.hint or caught.value.column


@examples(60)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=5))
def test_values_in_json_are_the_doubles_themselves(values: list[float]) -> None:
    report = Report("print", "", (), {"value": np.array(values)})
    assert json.loads(report.to_json())["value"] == values
    assert json.loads(to_json(report.to_data())) == {"kind": "print", "value": values}


# --- info


def test_info_takes_the_beginning_of_a_word_and_refuses_what_could_be_two() -> None:
    assert view(session(WALK, "info t")).to_data()["what"] == "tensors"
    assert view(session(WALK, "i grad")).to_data()["what"] == "gradients"
    with pytest.raises(BpdebugError) as caught:
        session(WALK, "info b")
    assert caught.value.message == "'b' could be breakpoints, blocks"
    with pytest.raises(BpdebugError) as caught:
        session(WALK, "info tesnors")
    assert caught.value.hint == "did you mean tensors?"
    with pytest.raises(BpdebugError) as caught:
        session(WALK, "info")
    assert "tensors, breakpoints, blocks" in caught.value.hint


def test_info_keeps_what_is_asked_for() -> None:
    names = [row["name"] for row in view(session(WALK, "info tensors matmul")).to_data()["rows"]]
    assert names == ["above1.inner1.p", "above1.inner2.p", "h", "h.1"]
    assert said(WALK, "info tensors nosuch") == "  (none)"


def test_parameters_are_told_with_their_norm_at_the_cursor() -> None:
    before, after = (
        {row["name"]: row["norm"] for row in view(session(WALK, f"seek {k}", "info parameters")).to_data()["rows"]}
        for k in (18, 19)
    )
    assert before["W1"] != after["W1"]
    assert before["W2"] == after["W2"]
    assert set(before) == {"W1", "W2", "unused"}


def test_blocks_are_told_with_their_nodes() -> None:
    rows = view(session(WALK, "info blocks")).to_data()["rows"]
    counts = {row["block"]: row["nodes"] for row in rows}
    assert counts == {"above1": "5", "above1.inner1": "2", "above1.inner2": "2", "head": "2"}


# --- the inspector and the status line


def test_the_inspector_is_about_the_gradient_at_hand() -> None:
    def title(*lines: str) -> str:
        return inspector(session("transpose", *lines)).title

    assert title() == "Y"
    assert title("seek Y@seed") == "∂Y"
    assert title("seek Y@bwd") == "∂X"
    assert title("seek Y@bwd", "stepi 2") == "∂X"
    assert title("seek Y@bwd", "stepi 3") == "Xᵀ"
    assert title("seek Y@bwd", "stepi 4") == "∂W"
    assert title("seek end") == ""


def test_the_status_line_counts_within_the_phase() -> None:
    assert status_line(session(WALK, "seek 13")).startswith("backward 4/9 · h = H @ W2 · loss ")
    assert status_line(session(WALK, "seek 13")).endswith("iteration 0 of 0..1")
    assert status_line(session(WALK, "seek h@bwd%1")).endswith("iteration 1 of 0..1")  # as it is typed
    assert status_line(session(WALK, "seek 13", "stepi")).split(" · ")[2] == "part 1 of 6"
    assert "loss" not in status_line(session(WALK, "seek 3"))
    assert status_line(session(WALK, "seek end")).startswith("the end · loss ")


def test_a_place_is_told_with_the_same_keys_everywhere() -> None:
    keys = {tuple(place_data(state)) for state in everywhere(WALK)}
    assert len(keys) == 1


# --- width


@pytest.mark.parametrize("width", [60, 80, 100, 120])
@pytest.mark.parametrize("name", NAMES)
def test_matrices_keep_to_the_width(name: str, width: int) -> None:
    """Lines of numbers, and so do notes; only a formula, which has no place to be broken, may be longer."""
    for state in everywhere(name):
        for line in view(state).to_text(width).splitlines():
            if re.match(r"^ *[\d,]* +[−+]?\d", line) or not line.startswith(("  ", "event ")):
                assert display_width(line) <= width
