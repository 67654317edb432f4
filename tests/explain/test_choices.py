"""Choices that two passes make differently: planted one rounding apart, and found with what jumps; smooth, and none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

import bpdebug
from bpdebug.backends import backend
from bpdebug.cli import main
from bpdebug.debugger import open_session, update
from bpdebug.engine import Timeline
from bpdebug.engine.budget import Budget
from bpdebug.explain.choices import Choice, choices
from bpdebug.explain.difference import first_difference
from bpdebug.explain.rounded import Rounded
from bpdebug.limits import GIB
from bpdebug.scenario import open_timeline
from bpdebug.views.compare import compared

EPS = 2.0**-52
TEXT = """
format = 1
[inputs]
x = VALUES
[graph]
loss = "L"
program = '''
PROGRAM
L = sum(sin(y))
'''
"""


def timeline(values: Any, program: str) -> Timeline:
    return bpdebug.run(bpdebug.load(TEXT.replace("VALUES", repr(values)).replace("PROGRAM", program)))


def found(program: str, left: Any, right: Any) -> list[Choice]:
    return list(choices(timeline(left, program), timeline(right, program), 0))


NEXT = ([1.0, 1 - EPS], [1.0, 1 + EPS])
"""Two rows in which one rounding makes another cell the largest."""
JUMPS: dict[str, tuple[str, Any, Any, list[tuple[Any, ...]]]] = {
    "relu": ("y = relu(x)", [0.0, 2.0], [EPS, 2.0], [("x", (0,), 0, 1)]),
    "leaky_relu": ("y = leaky_relu(x)", [-EPS, 2.0], [EPS, 2.0], [("x", (0,), 0.01, 1)]),
    "abs": ("y = abs(x)", [-EPS, 2.0], [EPS, 2.0], [("x", (0,), -1, 1)]),
    "clip": ("y = clip(x, 0, 1)", *NEXT, [("x", (1,), 1, 0)]),
    "maximum": ("y = maximum(x, 1)", *NEXT, [("x", (1,), 0, 1)]),
    "max": ("y = max(x, axis=0)", *NEXT, [("x", (0,), 1, 0), ("x", (1,), 0, 1)]),
    "max, a tie": ("y = max(x)", [1.0, 1.0], [1.0, 1 + EPS], [("x", (0,), 0.5, 0), ("x", (1,), 0.5, 1)]),
    "max_pool2d": (
        "y = max_pool2d(reshape(x, (1, 1, 2, 2)), 2)", [*NEXT[0], 0, 0.5], [*NEXT[1], 0, 0.5],
        [("reshape1", (0, 0, 0, 0), 1, 0), ("reshape1", (0, 0, 0, 1), 0, 1)],
    ),
    "cummax": ("y = cummax(x, axis=0)", *NEXT, [("x", (0,), 2, 1), ("x", (1,), 0, 1)]),
    "sort": ("y = sort(x, axis=0)", *NEXT, [("x", (0,), 1.5, 0.5), ("x", (1,), 0.5, 1.5)]),
    "floor": ("y = floor(x)", *NEXT, [(None, (1,), 0, 1)]),
    "sign": ("y = sign(x)", [-EPS, 2.0], [EPS, 2.0], [(None, (0,), -1, 1)]),
    "where": ("y = where(x > 1, x, 2 * x)", *NEXT, [(None, (1,), 0, 1)]),
    "argmax": ("k = argmax(x, axis=0)\ny = gather(x, k, axis=0)", *NEXT, [(None, (), 0, 1)]),
}  # fmt: skip


@pytest.mark.parametrize("kind", JUMPS)
def test_a_choice_that_one_rounding_makes_is_named_with_what_jumps(kind: str) -> None:
    program, left, right, wanted = JUMPS[kind]
    made = found(program, left, right)
    assert [(c.gradient, c.cell, c.before, c.after) for c in made] == wanted
    for c in made:
        assert c.asks
        if c.left is not None:
            at = np.ravel_multi_index(c.cell, (1, 1, 2, 2)) if kind == "max_pool2d" else c.cell
            assert (c.left, c.right) == (np.array(left)[at], np.array(right)[at])
    assert found(program, left, left) == []


@pytest.mark.parametrize("op", ["tanh", "sigmoid", "softplus", "elu", "gelu", "silu", "relu", "abs"])
def test_where_nothing_jumps_nothing_is_named(op: str) -> None:
    """Rules that compare so as not to overflow, at the place where they do; a mask far from its kink."""
    at = 1.0 if op in ("relu", "abs") else 0.0
    assert found(f"y = {op}(x)", [at, 2.0], [at + EPS, 2.0]) == []


def test_what_differs_by_more_than_rounding_is_no_choice_of_rounding() -> None:
    assert found("y = relu(x)", [-1.0, 2.0], [1.0, 2.0]) == []
    sides = (timeline([-1.0, 2.0], "y = relu(x)"), timeline([1.0, 2.0], "y = relu(x)"))
    assert len(list(choices(*sides, 0, near=False))) == 1


def fork(program: str, values: Any, line: str) -> tuple[Timeline, Timeline]:
    """A scenario, and what it is after a line that sets something."""
    state = open_session(bpdebug.load(TEXT.replace("VALUES", repr(values)).replace("PROGRAM", program)))
    return state.timeline, update(state, line).timeline


def test_compare_names_the_cell_and_what_it_is_on_either_side() -> None:
    sides = fork("z = x * 1.0\ny = relu(z)", [0.0, 2.0], "set z[0] = 1e-17")
    text = compared(*sides, ("this one", "fork 1")).to_text()
    assert "  y     z <= 0  z[0]  0         1e−17   ∂z: 0 → 1\n" in text
    assert "two right answers" in text


# --- rounded otherwise, by another library


def test_what_an_event_makes_of_the_same_numbers_is_a_difference_of_its_own() -> None:
    left, right = fork("z = x * 1.0\ny = relu(z)", [0.5, 2.0], "set z[0] = 0.75")
    allowed = Rounded(left, right)
    own = first_difference(left, right, allowed=allowed)
    assert own is not None
    assert (own.node, own.what, own.left, own.right) == ("z", "value", 0.5, 0.75)
    assert compared(left, right, ("a", "b"), rounded=True).title.startswith("the first difference beyond rounding is ")


def test_what_only_follows_is_none_and_what_rounding_decides_is_named() -> None:
    left, right = timeline([0.0, 2.0], "y = relu(x)"), timeline([1e-17, 2.0], "y = relu(x)")
    allowed = Rounded(left, right)
    assert first_difference(left, right, allowed=allowed) == first_difference(left, right)  # the leaf itself
    left, right = (timeline([1.0, 2.0], f"z = (x - 1.0) {sign} 1e-17\ny = relu(z)") for sign in "-+")
    report = compared(left, right, ("a", "b"), rounded=True)
    assert report.title.startswith("the same but for rounding, and what it decides: more than rounding from event ")
    data = report.to_data()
    assert not data["equal"]
    assert [(c["node"], c["operand"], c["cell"]) for c in data["choices"]] == [("y", "z", [0])]


def test_a_library_is_no_judge_of_itself_wherever_its_arrays_lie_and_on_either_side(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("array_api_strict", reason="the second pass of CI has it")
    text = TEXT.replace("VALUES", '{ init = "normal", shape = [70, 70] }').replace("PROGRAM", "y = tanh(x)")
    scenario, on = bpdebug.load(text), backend("strict")
    assert on is not None
    tanh = on.words.tanh
    monkeypatch.setattr(on.words, "tanh", lambda x: tanh(x) + 0.25)
    for shares in (True, False):
        there = Budget(GIB, backend=replace(on, shares=shares))
        sides = bpdebug.run(scenario), open_timeline(scenario, budget=there)
        for left, right in (sides, sides[::-1]):
            report = compared(left, right, ("a", "b"), rounded=True)
            assert report.title == "the first difference beyond rounding is event 0 forward y tanh"


PLANTED = """
format = 1
dtype = "float32"
[inputs]
X = { file = "X.npy" }
c = { file = "c.npy" }
[parameters]
W = [[1.0, 2.0, 3.0]]
[graph]
loss = "L"
program = '''
s = sum(X, axis=1, keepdims=True)
Z = s - c
H = relu(Z)
L = sum(H @ W)
'''
"""


def test_another_librarys_sums_flip_a_mask_and_every_cell_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch = pytest.importorskip("torch", reason="the second pass of CI has it")
    X = np.random.default_rng(0).standard_normal((64, 1000)).astype(np.float32)
    c = X.sum(axis=1, keepdims=True)  # as NumPy adds them: to it Z is 0
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "c.npy", c)
    (tmp_path / "planted.toml").write_text(PLANTED)
    Z = torch.from_numpy(X).sum(dim=1, keepdim=True) - torch.from_numpy(c)
    flipped = sorted(int(i) for i in (Z > 0).nonzero()[:, 0])
    assert flipped, "this build of PyTorch adds as NumPy does: plant another"
    assert main(["compare", str(tmp_path / "planted.toml"), "--backend", "torch", "--json"]) == 1
    found = json.loads(capsys.readouterr().out)["choices"]
    assert [(c["node"], c["operand"], c["cell"], c["left"]) for c in found] == [("H", "Z", [i, 0], 0) for i in flipped]
    assert [c["right"] for c in found] == [float(Z[i, 0]) for i in flipped]
    assert main(["compare", str(tmp_path / "planted.toml"), "--backend", "torch"]) == 1
    assert "and what it decides" in capsys.readouterr().out
    for itself in ([], ["two_layer"]):
        assert main(["compare", "two_layer", *itself, "--backend", "torch"]) == 0
        assert capsys.readouterr().out == "numpy and torch are the same in all 13 events, but for rounding\n"
