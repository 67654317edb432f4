"""Expressions that are met again: what is read is what is read when nothing is known of them."""

from __future__ import annotations

import ast
from random import Random
from typing import Any

import pytest

from bpdebug.errors import BpdebugError
from bpdebug.language import elaborate
from bpdebug.language.again import Again, Mould
from bpdebug.language.expressions import _RULES
from bpdebug.language.names import Place
from bpdebug.limits import Limits

LEAVES = ("X", "W", "b")
LINES = (
    "{0} = tanh({1} @ {2} + b)", "{0} = {1} * 0.1 + 1e-3", "{0} = {1} ** i", "{0} = {1}[i]", "{0} = {1}[0, 1:]",
    "{0} = layer({1}, {2})", "{0} = layer({1}, 2)", "{0} = {1}", "{0} = i + 1", "{0} = 3", "{0} = -{1}",
    "{0} = sum({1}, axis=i)", "{0} = sum({1}, axis=0).T", "{0} = stack({1}, {1}, {2}, axis=0)[0]",
    "{0} = where({1} > 0 and not {2} == 1, {1}, -inf)", "{0}, other = split({1}, 2, axis=0)",
    "{0} = ({1} +\n        {2} @\n        W)", "{0} = split({1}, 2)[0]", "{0} = other = {1} + 1",
    "{0} = full((2,), 1.0)", "{0} = dropout({1}, 0.5)", "{0} = grad(sum({1}), {2})", "{0} = unbind({1})[0]",
    "{0} = relu({1}) + k",
)  # fmt: skip
LAYER = "def layer(x, y):\n    z = tanh(x @ W) * y\n    k = relu(x)\n    return z + 0.5 * k\n"


def _program(chance: Random) -> str:
    """A loop, its lines most of them good; names begin as tensors or numbers and may become the other."""
    known = ["X", "W", "h", "a", "k"]
    lines = [chance.choice(LINES).format(chance.choice(known[2:]), *chance.choices(known, k=2)) for _ in range(4)]
    inner = "".join(f"    {line}\n" for line in lines)
    return f"{LAYER}h = X @ W\na = h\nk = {chance.choice(('2', 'h', 'a + 1'))}\nfor i in range(4):\n{inner}L = sum(h)\n"


def _read(text: str, **limits: int) -> Any:
    """All that is read: the nodes, the numbers and where they are; or the error, word for word."""
    numbers: list[Any] = []
    try:
        steps = elaborate(
            text, LEAVES, limits=Limits(limits), place=Place("here", 3), written=lambda *n: numbers.append(n)
        )
    except BpdebugError as error:
        return error.code, error.message, error.where, error.hint
    return [repr(column) for column in steps.columns], numbers


def _plainly(text: str, **limits: int) -> Any:
    """The same where every expression is read anew."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Again, "again", Again.expr)
        return _read(text, **limits)


@pytest.fixture
def casts(monkeypatch: pytest.MonkeyPatch) -> list[Mould]:
    """The moulds of which something came."""
    found: list[Mould] = []
    cast = Again._cast

    def counted(self: Again, mould: Mould, line: int) -> Any:
        made = cast(self, mould, line)
        if made is not None:
            found.append(mould)
        return made

    monkeypatch.setattr(Again, "_cast", counted)
    return found


@pytest.mark.parametrize("seed", range(4))
def test_programs_are_read_as_when_every_line_is_read_anew(seed: int, casts: list[Mould]) -> None:
    chance, good = Random(seed), 0
    for _ in range(150):
        text = _program(chance)
        found = _read(text)
        assert found == _plainly(text), text
        good += len(found) == 2
    assert good > 20, good
    assert len(casts) > 500, len(casts)


def test_a_name_that_is_a_number_for_once_is_read_anew_for_once(casts: list[Mould]) -> None:
    text = "k = X\nfor i in range(4):\n    h = (W + 1) * k\n    g = h\n    k = i\n    a = W * i\n    k = X * i\n"
    assert _read(text) == _plainly(text)
    assert [len(mould.ops) for mould in casts] == [2, 2, 2]
    call = "def twofold(x):\n    return x * 2\nu = twofold(X)\nv = twofold(u)\nc = twofold(3)\nd = twofold(v)\n"
    assert _read(call) == _plainly(call)
    assert len(casts) == 5


def test_limits_hold_where_they_do_when_every_line_is_read_anew() -> None:
    text = f"{LAYER}h = X\nfor i in range(9):\n    h = layer(h, W) + h\n    h = tanh(h @ W + b)\nL = sum(h)\n"
    whole = len(elaborate(text, LEAVES))
    for most in (*range(whole - 12, whole + 2), 5):
        found = _read(text, nodes=most)
        assert found == _plainly(text, nodes=most)
        assert (len(found) == 2) == (most >= whole)
    twice = "def twice(x):\n    y = layer(x, x)\n    return layer(y, y) + layer(x, (x + y) * (x - -y))\n"
    deep = f"{LAYER}{twice}a = layer(X, W)\na = layer(a, W)\nu = twice(a)\nv = twice(u)\n"
    for nesting in range(1, 9):
        assert _read(deep, nesting=nesting) == _plainly(deep, nesting=nesting)


def test_a_line_of_a_loop_is_read_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[ast.AST] = []
    binary = Again._binary

    def counted(self: Again, node: ast.BinOp, depth: int) -> Any:
        read.append(node)
        return binary(self, node, depth)

    monkeypatch.setitem(_RULES, ast.BinOp, counted)
    steps = elaborate("h = X\nfor i in range(100):\n    h = tanh(h @ W + b)\n", LEAVES)
    assert (len(steps), len(read)) == (300, 2)
