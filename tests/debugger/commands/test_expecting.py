"""`expect`: what holds passes, and what does not says what was expected, what was found, and the worst cell."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpdebug import load
from bpdebug.debugger import State, open_session, update
from bpdebug.debugger.commands.expecting import KINDS, when_words
from bpdebug.debugger.comparing import ExpectationError, compare, literal
from bpdebug.errors import BpdebugError, CommandError
from bpdebug.views.place import when_text


def at(place: str, scenario: str = "two_layer") -> State:
    return update(open_session(load(scenario)), f"seek {place}")


@pytest.mark.parametrize(
    "line",
    [
        "dW2 ~ [[5.5], [0], [2.0], [3.]]",
        "dW2 ~ H.T @ dY",
        "dW2 ~ Hᵀ @ ∂Y rtol=0 atol=0",
        "dY ~ [[2], [-1], [1.00000001]] atol=1e-7",
        "dY ~ [[2], [−1], [1]]",
        "dY * 0 ~ 0",
        "Y.shape ~ (3, 1)",
        'Y.dtype ~ "float64"',
        "L ~ 4.5",
        "norm(dY) < 3",
        "all(H >= 0) and not any(isnan(H))",
        "shape dW2 (4, 1)",
        "shape W1 2×4",
        "shape W1 == (2, 4)",
        "shape L ()",
        "shape dX (3, 2)",
        'where "Y@bwd"',
        "where Y@bwd",
        "where :24",
        "where matmul@bwd",
        "where /^Y$/@bwd",
        'when "event 10"',
        'when "event 10/13 backward Y matmul"',
        "when backward Y",
        'formula H "∂Y @ W2ᵀ"',
        'formula dW2 "H.T @ dY"',
        'formula "Hᵀ@∂Y"',
        "fault none",
        "status dW2 value",
        "status dW1 not-computed",
        "error E_EXPR print dQ",
        "error E_COMMAND jump",
        "error E_SCRIPT expect L ~ 4",
        "error E_COMMAND expect dW1 ~",
        "error E_COMMAND expect dW1 ~ rtol=1",
    ],
)  # fmt: skip
def test_what_holds(line: str) -> None:
    state = at("Y@bwd")
    after = update(state, f"expect {line}")
    assert (after.cursor, after.part) == (state.cursor, state.part)
    assert str(after.view.args[0]).startswith("holds: ")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("dW2 ~ [[5.5], [0], [2], [3.5]]", "dW2: expected 3.5 at [3, 0], found 3.0 (1 of 4 cells are off, "),
        ("dW2 ~ 0", "dW2: expected 0.0 at [0, 0], found 5.5 (3 of 4 cells are off, rtol 1e-09, atol 1e-12)"),
        ("dW2 ~ W1", "dW2: expected shape (2, 4), found shape (4, 1)"),
        ("dW2 ~ dW2.T", "dW2: expected shape (1, 4), found shape (4, 1)"),
        ("L ~ 4", "L: expected 4.0, found 4.5 (rtol 1e-09, atol 1e-12)"),
        ("L ~ nan", "L: expected nan, found 4.5"),
        ("dW1 ~ dX", "dW1: expected dX, found not computed yet"),
        ("0 ~ dX", "dX: expected 0, found not computed yet"),
        ('Y.dtype ~ "float32"', 'Y.dtype: expected "float32", found "float64"'),
        ("norm(dY) > 3", "norm(dY) > 3: expected true, found false"),
        ("norm(dX) > 3", "norm(dX) > 3: expected true, found not computed yet"),
        ("shape dW2 (1, 4)", "shape dW2: expected (1, 4), found (4, 1)"),
        ("where L@bwd", "where: expected L@bwd, found event 10/13 backward Y matmul"),
        ("where end", "where: expected end, found event 10/13 backward Y matmul"),
        ('when "event 1"', "when: expected event 1, found event 10/13 backward Y matmul"),
        ('when "Y backward"', "when: expected Y backward, found event 10/13 backward Y matmul"),
        ('formula H "∂Y @ W2"', "formula H: expected ∂Y @ W2, found ∂Y @ W2ᵀ"),
        ('formula X "∂Y @ W2ᵀ"', "formula X: expected ∂Y @ W2ᵀ, found none: there are H, W2"),
        ("fault nan", "fault: expected nan, found no fault at all"),
        ("fault inf at Y@bwd", "fault: expected inf at Y@bwd, found no fault at all"),
        ("status dW2 partial", "status dW2: expected partial, found value"),
        ("error E_EXPR print dW2", "error of print dW2: expected E_EXPR, found no error"),
        ("error E_NAME print dQ", "error of print dQ: expected E_NAME, found E_EXPR: no tensor 'dQ'"),
    ],
)  # fmt: skip
def test_what_does_not_hold(line: str, message: str) -> None:
    with pytest.raises(ExpectationError) as caught:
        update(at("Y@bwd"), f"expect {line}")
    assert caught.value.message.startswith(message)
    assert (caught.value.code, caught.value.exit_code) == ("E_SCRIPT", 1)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("", "E_COMMAND"),
        ("shape", "E_COMMAND"),
        ("shape dW2", "E_COMMAND"),
        ("dW2 ~", "E_COMMAND"),
        ("~ dW2", "E_COMMAND"),
        ("1 ~ 1 ~ 1", "E_COMMAND"),
        ("dW2 ~ 0 rtol=-1", "E_COMMAND"),
        ("dW2 ~ 0 atol=nan", "E_COMMAND"),
        ("dW2 ~ [[1], [2, 3]]", "E_EXPR"),
        ('dW2 ~ ["a"]', "E_EXPR"),
        ("dW2 ~ [1, ", "E_EXPR"),
        ("dW2 ~ " + "[" * 5000, "E_EXPR"),
        ("dW2 ~ " + "1 + " * 5000 + "1", "E_EXPR"),
        ("dQ ~ 0", "E_EXPR"),
        ("W1", "E_EXPR"),
        ("where Q@bwd", "E_EXPR"),
        ("formula H ∂Y", "E_COMMAND"),
        ("error dQ", "E_COMMAND"),
        ("status dW2 complete", "E_COMMAND"),
        ("dW2 ~ __import__('os')", "E_EXPR"),
    ],
)  # fmt: skip
def test_what_is_no_expectation(line: str, code: str) -> None:
    with pytest.raises(CommandError) as caught:
        update(at("Y@bwd"), f"expect {line}")
    assert caught.value.code == code


def test_faults_are_found_wherever_the_cursor_stands() -> None:
    text = """format = 1
[inputs]
x = [1.0, 0.0]
[graph]
loss = "L"
program = '''
y = log(x)
L = sum(y)
'''
"""
    state = open_session(load(text))
    for line in ("fault inf", "fault inf y@fwd", 'fault inf at "y@fwd"', "fault y", "fault at y"):
        update(state, f"expect {line}")
    for line in ("fault nan", "fault none", "fault inf L@fwd"):
        with pytest.raises(ExpectationError, match="found inf in 1 cell of y, first at \\[1\\] at event 0, y"):
            update(state, f"expect {line}")


def test_no_path_is_no_zero() -> None:
    state = update(at("end", "logistic"), "expect status dp no-path")
    with pytest.raises(ExpectationError, match="dp: expected 0, found no path to an output"):
        update(state, "expect dp ~ 0")


def test_formulas_of_the_forward_pass_and_of_updates() -> None:
    update(at("Y@fwd"), 'expect formula Y "H @ W2"')
    trained = at("w5@upd", "mazur")
    update(trained, f'expect formula w5 "{trained.event.rule if trained.event else ""}"')


@pytest.mark.parametrize("scenario", ["two_layer", "rnn", "mazur"])
def test_when_is_what_the_command_says(scenario: str) -> None:
    state = open_session(load(scenario))
    while True:
        assert when_words(state) == when_text(state)
        update(state, f'expect when "{when_text(state)}"')
        if state.cursor == len(state.timeline):
            break
        state = update(state, "stepi")


@given(st.lists(st.lists(st.floats(), min_size=2, max_size=2), min_size=1, max_size=3))
def test_numbers_read_back_as_they_are_printed(rows: list[list[float]]) -> None:
    wanted = np.array(rows)
    assert np.array_equal(literal(str(rows)), wanted, equal_nan=True)
    compare("x", wanted, literal(str(rows)), 0.0, 0.0)


@given(
    st.lists(st.floats(allow_nan=True), min_size=1, max_size=6),
    st.lists(st.floats(allow_nan=True), min_size=1, max_size=6),
    st.sampled_from([0.0, 1e-9, 0.5]),
)
def test_agreement_is_numpy_s(a: list[float], b: list[float], rtol: float) -> None:
    found, wanted = np.array(a), np.array(b)
    with np.errstate(all="ignore"):
        agree = found.shape == wanted.shape and np.allclose(found, wanted, rtol, 1e-12, equal_nan=True)
    if agree:
        compare("x", found, wanted, rtol, 1e-12)
    else:
        with pytest.raises(ExpectationError):
            compare("x", found, wanted, rtol, 1e-12)


@given(st.sampled_from(["", *KINDS]), st.text(max_size=40))
def test_any_text_holds_or_is_refused(kind: str, text: str) -> None:
    state = at("Y@bwd")
    try:
        after = update(state, f"expect {kind} {text}".replace("\n", " "))
    except BpdebugError:
        return
    assert after.cursor == state.cursor


@pytest.mark.parametrize("line", ['expect "x" ~ Y', 'expect Y ~ "x"', "expect Y.dtype ~ []", "expect [] ~ Y.dtype"])
def test_a_text_is_no_array(line: str) -> None:
    with pytest.raises(ExpectationError):
        update(open_session(load("transpose")), f"seek end ;; {line}")
