"""Where work may be stopped: often, and so that nothing is half done."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from bpdebug.debugger import open_session, update
from bpdebug.engine import routes
from bpdebug.frontends.loop import replies
from bpdebug.progress import Stopped, listening, may_stop, part, report, steps, stoppable
from bpdebug.scenario import Scenario, load
from bpdebug.symbolic import arrays
from bpdebug.symbolic.arrays import product
from bpdebug.views import stop
from tests.lessons import session

TRAINED = """
format = 1
[inputs]
X = { shape = [20, 30], init = "normal" }
[parameters]
W = { shape = [30, 20], init = "normal" }
V = { shape = [20, 5], init = "normal" }
[graph]
loss = "L"
program = '''
H = tanh(X @ W)
Y = H @ V
L = mean(Y ** 2)
'''
[train]
optimizer = "adam"
lr = 0.01
steps = 6
"""
EVERYWHERE = (
    "candidates", "candidates for 1h", "adjoint", "check", "check for 1h", "flow", "flow for 1h", "why dW", "lens",
    "seek end ;; info gradients", "seek end ;; info gradients for 1h", "origin dW[0, 0]",
    "derivation dY = 2 * Y / 100; dW = X.T @ ((dY @ V.T) * (1 - H ** 2))", "continue", "seek end", "next",
    "seek end ;; print dW", "seek end ;; contributions dW",
    "catch nan ;; continue", "break L if L < 0 ;; continue", "seek end ;; catch inf ;; reverse-continue",
    "watch norm(dW) ;; continue", "set W = 0 ;; compare", "set rule Y@bwd H = dY @ V.T ;; seek end", "find nan",
)  # fmt: skip


def asked(times: list[int], stop_at: int) -> Callable[[], None]:
    """Counts how often it is asked whether to stop, and says so at one of them."""

    def stop() -> None:
        times[0] += 1
        if times[0] == stop_at:
            raise Stopped

    return stop


def said(found: Scenario, before: str, line: str, stop_at: int = 0, again: bool = False) -> tuple[int, str]:
    """How often a line asked, and what it said; where it was stopped, what it says when it is asked for again."""
    state = open_session(found)
    if before:
        state = update(state, before)
    times = [0]
    try:
        with listening(lambda *far: None, asked(times, stop_at)):
            text = "\n".join(answer.to_text() for answer in replies(state, line))
    except Stopped:
        assert again
        text = "\n".join(answer.to_text() for answer in replies(state, line))
    return times[0], text


@pytest.mark.parametrize("line", EVERYWHERE)
def test_every_command_whose_work_can_be_long_may_be_stopped_and_asked_again(line: str) -> None:
    found = load(TRAINED)
    before = "seek Y@bwd"
    times, wanted = said(found, before, line)
    assert times >= 3
    for stop_at in {1, 2, times // 2, times}:
        assert said(found, before, line, stop_at, again=True)[1] == wanted


def test_a_stop_is_never_taken_for_what_is_wrong_with_a_line_of_a_derivation() -> None:
    found, line = load(TRAINED), EVERYWHERE[8]
    times, wanted = said(found, "seek Y@bwd", line)
    for stop_at in range(1, times + 1):
        assert said(found, "seek Y@bwd", line, stop_at, again=True)[1] == wanted


def test_nobody_is_asked_where_nobody_could_stop_it() -> None:
    assert not stoppable()
    may_stop()
    report(1, 2)
    with listening(lambda *far: None):
        assert not stoppable()
        may_stop()
    heard: list[tuple[float, int]] = []
    with listening(lambda done, total, unit: heard.append((done, total)), lambda: None):
        assert stoppable()
        report(1, 2)
    assert heard == [(1, 2)]
    assert not stoppable()


def test_a_long_product_is_made_in_bands_with_a_place_to_stop_before_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 4096 x 4096 numbers a band is 256 rows."""
    assert arrays.BAND // 4096**2 == 256
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(50, 7)), rng.normal(size=(9, 7)).T
    monkeypatch.setattr(arrays, "BAND", 3 * 63)
    times = [0]
    with listening(lambda *far: None, asked(times, 0)):
        product(a, b)
        assert times[0] == 0
        monkeypatch.setattr(arrays, "LONG", 0)
        np.testing.assert_allclose(product(a, b), a @ b, rtol=1e-14)
    assert times[0] == 17
    monkeypatch.setattr(arrays, "BAND", 1)
    found = product(a.astype(np.float32), b.astype(np.float32))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, a @ b, rtol=1e-4, atol=1e-5)
    assert product(np.ones((0, 3)), np.ones((3, 2))).shape == (0, 2)
    assert product(np.ones((2, 0)), np.ones((0, 3))).shape == (2, 3)


@pytest.mark.parametrize(("a", "b"), [
    ((6, 5, 7), (6, 7, 9)), ((6, 5, 7), (7, 9)), ((5, 7), (4, 7, 9)), ((2, 1, 5, 7), (3, 7, 9)),
    ((2, 3, 40, 7), (7, 9)),
])  # fmt: skip
def test_a_long_product_of_batches_is_too_and_has_the_same_bits(
    a: tuple[int, ...], b: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(1)
    left, right = rng.normal(size=a), rng.normal(size=b)
    whole = left @ right
    monkeypatch.setattr(arrays, "LONG", 100)
    for band, exact in ((5 * 7 * 9, True), (40 * 7 * 9 * 2, True), (2 * 63, False)):
        monkeypatch.setattr(arrays, "BAND", band)
        times, heard = [0], list[tuple[float, int]]()
        with listening(lambda *far, heard=heard: heard.append(far), asked(times, 0)):
            found = product(left, right)
        assert np.array_equal(found, whole) if exact else np.allclose(found, whole, rtol=1e-13)
        assert times[0] >= whole.size * 7 / band - 1
        assert heard == sorted(heard)
    assert not arrays.is_long(np.ones(200), np.ones((200, 3)))


@pytest.mark.parametrize("line", ["seek Y@bwd", "step", "seek Y@bwd ;; candidates", "seek Y@bwd ;; adjoint",
                                  "seek Y@bwd ;; derivation dX = dY @ W.T"])  # fmt: skip
def test_a_long_product_of_the_program_may_be_stopped_too(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a row to a band each product of the passes and of the explanations may be stopped at each row."""
    rows = 20
    text = TRAINED.partition("[train]")[0].replace("H = tanh(X @ W)", "Y0 = X @ W\nH = tanh(Y0)")
    whole = said(load(text), "", line)[0]
    monkeypatch.setattr(arrays, "LONG", 0)
    monkeypatch.setattr(arrays, "BAND", 1)
    longer = text.replace("[20, 30]", f"[{rows}, 31]").replace("[30, 20]", "[31, 20]")  # functions are compiled once
    times, wanted = said(load(longer), "", line)
    assert times >= whole + rows
    assert said(load(longer), "", line, times // 2, again=True)[1] == wanted


def test_what_was_stopped_changes_nothing_and_the_state_is_what_it_was() -> None:
    state = open_session(load(TRAINED))

    def stop() -> None:
        raise Stopped

    with pytest.raises(Stopped), listening(lambda *far: None, stop):
        list(replies(state, "step ;; seek end"))
    assert state.cursor == 0
    assert update(state, "step").cursor == 1


def test_what_is_reported_inside_is_a_part_of_the_next_step() -> None:
    heard: list[tuple[float, int]] = []
    with listening(lambda done, total, unit: heard.append((done, total))):
        for n in range(2):
            with part(n, 2):
                report(1, 4)
                with part(1, 2):
                    report(1, 2)
        report(1, 1)
    assert heard == [(0, 2), (0.25, 2), (0.5, 2), (0.75, 2), (1, 2), (1.25, 2), (1.5, 2), (1.75, 2), (1, 1)]
    units: list[str] = []
    with listening(lambda done, total, unit: units.append(unit)), part(0, 2, "rules"):
        report(1, 4, "cells")
    assert units == ["rules", "rules"]  # what is counted is what the numbers count
    with part(0, 1):
        report(1, 2)


@pytest.mark.parametrize("line", ["seek end", "flow", "why dW", "check", "continue"])
@pytest.mark.parametrize("runs", [0, routes.LOOPS], ids=["loops", "generated code"])
def test_how_far_a_long_command_is_goes_up(line: str, runs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it is made of, passes and products among them: one whole, of which more and more is done."""
    monkeypatch.setattr(routes, "SOME", 1)
    heard: list[tuple[float, int, str]] = []
    for _ in range(runs):
        list(replies(session("transpose"), line))
    state = session("transpose")
    with listening(lambda *far: heard.append(far)):
        stop(update(state, line))
    assert heard
    starts = [n for n, (done, _, _) in enumerate(heard) if done == 0] + [len(heard)]
    for first, last in pairwise(starts):
        assert [done / total for done, total, _ in heard[first:last]] == sorted(d / t for d, t, _ in heard[first:last])
        assert all(0 <= done <= total for done, total, _ in heard[first:last])
    assert {unit for _, _, unit in heard if unit} <= {"events", "norms", "rules", "operands", "cells"}


def test_where_nobody_listens_nothing_is_made_to_be_entered() -> None:
    """A ready chunk takes microseconds, and is one of many: a generator's context for each was 3 % of a chain."""
    assert steps(3) is steps(5) is part(0, 2)
    with steps(3) as step:
        assert step is None
    with listening(lambda *far: None):
        assert steps(3) is not steps(3)
        assert part(0, 2) is not part(0, 2)
