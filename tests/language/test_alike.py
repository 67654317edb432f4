"""Lines that are alike but for their names: read as they are when every line is parsed by itself."""

from __future__ import annotations

import ast
from random import Random
from typing import Any

import pytest

from bpdebug.errors import BpdebugError
from bpdebug.language import alike, elaborate
from bpdebug.language.names import Place
from bpdebug.limits import Limits

LEAVES = ("X", "W", "b", "ids")
NAMES = ("X", "W", "b", "ids", "h", "h", "h1", "h2", "é", "a", "tanh", "layer", "T", "axis", "_0", "_1", "inf")
PLAIN = (
    "{0} = {1} @ {2} + {3}", "{0} = tanh({1})", "{0} = layer({1}, {2})", "{0} = sum({1}, axis=0) * 2",
    "{0} = {1}.T @ {2}", "{0} = softmax({1}, axis=-1)", "{0} = ({1} - {2}) ** 2", "{0} = {1}[0, 1:]",
    "{0} = 1e-3 * {1}", "{0} = -{1}", "{0} = where({1} > 0, {1}, {2} == {3})", "{0} = 3",
    "{0} = other = {1} + 1", "{0} = stack({1}, {2}, axis=0)[0]",
)  # fmt: skip
OTHER = (
    "{0}, other = split({1}, 2, axis=0)", "{0} = ({1} +\n  {2})", "{0} = sum(\n{1}\n)", "{0} = sum(  # {1}\n    {2})",
    "{0} = {1}  # {2} = {3}", "for i in range(2):\n    {0} = tanh({1} @ {2}) * i", "for i in range(2): {0} = {1}",
    'with block("{1}"):\n    {0} = {2} + {3}', "def of_{0}(x):\n    a = tanh(x)\n    return a + {1}", "", "# {0}",
    "{0} = {1}; other = {3}", "  ", "'{0}'",
)  # fmt: skip
ODD = (
    "{0} = {1} +", "{0} = \\\n{1} + 1", "for i in range(2): \\\n{0} = {1}", "pass", "{0} = (\n{1} = {2}\n)",
    "None = {0}", "{0} = {1} if {2} else {3}", "{0} = not {1}", "{0} = lambda {1}: {2}", "{0} = {1})", "{0} += {1}",
    "{0} = [{1} for {1} in {2}]", "{0} = f(*{1}, **{2})", "{0} = {1}.{2}", "  {0} = {1}", "{0} = 1{1}",
    "{0} = ({1} := {2})", "{0} = '''\n{1} = {2}\n'''", "for i in range(2):\n{0} = {1}", "__debug__ = {0}",
    "{0} = __debug__", "{0} = {1}\r{2} = {3}", "match = {0}", "{0} = " + "9" * 5000, "{0} = {1} is {2}",
    "if {0}:\n    {1} = {2}", "{0} = " + " + ".join(["{1}"] * 600), "{0} = print {1}", "{0} = {1}; other = 3",
    "{0} = (tanh)({1})\nu = (tanh)({0})\nv = (relu)({1})", "{0} = tanh\t({1})\nu = tanh\t({0})\nv = relu\t({1})",
    "{0} = interpolate({1}, mode='''\n{2} = {3}\n''')", "{0} = softmax({1}, axis={2})",
    "{0} = _1 = {1}é", "@{0}\n{1} = {2}\ndef f(x):\n    return x", "{0} = {1}\n    {2} = {3}",
    "{0} = sum({1}, axis = 0)",
    "for i in range(2):\n    {0} = {1}\n{2} = {3}\n    {1} = {2}", "{0} = tanh ({1})", "{0} = (\n{1} = {2}\n+ {3})",
)  # fmt: skip


def _program(chance: Random) -> str:
    """Some lines, most of them good: names that are assigned are read more often than others."""
    made, known = ["def layer(x, y):\n    z = tanh(x)\n    return z @ y"], [*LEAVES[:3]]
    for _ in range(chance.randrange(1, 30)):
        kinds = ODD if chance.random() < 0.01 else OTHER if chance.random() < 0.1 else PLAIN
        names = [chance.choice(NAMES if chance.random() < 0.01 else known) for _ in range(4)]
        if chance.random() < 0.98:
            names[0] = chance.choice((f"v{len(made)}", *known[3:]))
            known += [names[0]] * (kinds is PLAIN)
        made.append(chance.choice(kinds).format(*names))
    return "\n".join(made) + chance.choice(("", "\n"))


def _read(text: str) -> Any:
    """All that is read: the nodes, the numbers and where they are; or the error, word for word."""
    numbers: list[Any] = []
    try:
        steps = elaborate(
            text, LEAVES, limits=Limits(), place=Place("here", 10), written=lambda *told: numbers.append(told)
        )
    except BpdebugError as error:
        return error.code, error.message, error.where, error.hint
    return [repr(column) for column in steps.columns], numbers


@pytest.mark.parametrize("seed", range(4))
def test_programs_are_read_as_when_they_are_parsed_whole(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    chance, good, short = Random(seed), 0, 0
    for _ in range(400):
        text = _program(chance)
        monkeypatch.setattr(alike, "MANY", 10**9)
        whole = _read(text)
        monkeypatch.setattr(alike, "MANY", 0)
        body = alike.read_alike(text)
        short += body is not None and len(body.lines) > 0
        good += len(whole) == 2
        assert _read(text) == whole, text
    assert good > 50, good
    assert short > 200, short


@pytest.mark.parametrize("odd", [*PLAIN, *OTHER, *ODD])
def test_every_kind_of_line_among_plain_ones(odd: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for names in (("h", "X", "W", "b"), ("u", "v", "w", "W")):
        text = f"u = X @ W\n{odd.format(*names)}\nv = u + b\nw = v.T"
        monkeypatch.setattr(alike, "MANY", 10**9)
        whole = _read(text)
        monkeypatch.setattr(alike, "MANY", 0)
        assert _read(text) == whole


def test_a_later_line_that_is_no_python_comes_before_an_earlier_name_that_is_unknown() -> None:
    lines = [f"h{n + 1} = tanh(h{n})" for n in range(2 * alike.MANY)]
    text = "\n".join((*lines, "y = (", ""))
    code, message, where, _ = _read(text)
    assert (code, str(where)) == ("E_SYNTAX", f"here:{2 * alike.MANY + 10}"), message
    code, message, where, hint = _read(text.replace("y = (", "h0 = h9"))
    assert (code, str(where)) == ("E_CYCLE", "here:10"), message
    assert hint == f"let line {2 * alike.MANY + 10} not depend on 'h1'"


def test_what_is_parsed_follows_the_kinds_of_lines_and_not_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []
    parse = ast.parse

    def counted(text: str) -> ast.Module:
        parsed.append(text)
        return parse(text)

    monkeypatch.setattr(ast, "parse", counted)
    lines = "".join(f"h{n + 1} = tanh(h{n} @ W + b)\ng{n} = sum(h{n}, axis=0)\n" for n in range(alike.MANY))
    steps = elaborate(f"h0 = X + 0\n{lines}", LEAVES)
    assert len(steps) == 1 + 4 * alike.MANY
    assert len(parsed) == 4  # h0 = ..., the two kinds, and the rest with an empty line for each
    assert sum(map(len, parsed)) < 2 * alike.MANY + 200
