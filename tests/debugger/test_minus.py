"""A number copied from the screen has − (U+2212) for a minus: it is read like - wherever a number is typed."""

from __future__ import annotations

import pytest

from bpdebug.debugger import open_session, update
from bpdebug.debugger.commands.table import split
from bpdebug.errors import BpdebugError
from bpdebug.scenario import load
from bpdebug.views import view

TEXT = """
format = 1
title = "Numbers below zero: −1"
[inputs]
X = [[-1.5, 2e-3], [3.0, -4.0]]
T = { value = [-1.0, -2e-1] }
[parameters]
W = { shape = [2, 2], init = "normal", scale = -0.5 }
[graph]
loss = "L"
program = '''
Y = X @ W - 1      # −
Z = Y * -2E-1
P = permute(Z, (-1, -2))
L = sum((P[-1, -2:] - T) ** 2 + 1e-3)
'''
[notes]
"Y@fwd" = "It is −1.5."
[derivation]
program = "dP = 2 * (Z.T - 1) - -1"
[rules]
Z = { Y = "-0.2 * dZ" }
[expect]
rtol = 1e-6
values.T = [-1.0, -0.2]
"""
LINES = [
    "print 1 - 2 - -3", "print X[-1, 0] * -1e-3", "print 0x1p-3", "print .5e-2", "print X ** -1", "print/s -X",
    "whatis -X", "stats X - 1", "find [-1, 2]", "find > -1e-3", "find < -1", "highlight X [-2, -1]",
    "highlight X >= -1", "find [-inf, -1]", "set W[-1, 0] = -3e-2", "set X = -X - 1",
    "set dY = -2", "set rule Z@bwd Y = -1 * dZ",
    "expect X ~ [[-1.5, 2e-3], [3, -4]]", "expect X[0, 0] ~ -1.5 rtol=1e-6 atol=1e-9", "expect X[0, 0] < -1",
    "break Y@bwd if norm(dY) > -1 ;; continue", "watch X[0, 0] - 1 ;; continue", "display X[0, -1] - 1",
    'trace Y "X {X - 1}" ;; continue', "catch vanish 1e-3 ;; continue", "origin dY[-1, 0]", "contributions dY[-1, 0]",
    "why dY[-1, -1]", "derivation dY = -0.2 * dZ; dX = dY @ W.T - 1e-3",
    "seek Z@bwd ;; practice ;; answer 2x2 ;; answer dZ * -0.2", "seek -1", "step -1", "seek Y@bwd%-1", "ignore 1 -1",
    "undisplay -1", "delete -1", "catch explode -1", "expect X ~ 1 rtol=-1", "break :-2", "break #-2", "check for -1s",
]  # fmt: skip


def said(text: str, line: str) -> list[str]:
    """What each piece of a line shows, or its refusal, in the spelling of the keyboard."""
    state, found = open_session(load(text)), []
    for piece in split(line):
        try:
            state = update(state, piece)
            found.append(
                view(state).to_text() + f"\n{state.cursor} {state.timeline.value('W').tolist()} {state.printed}"
            )
        except BpdebugError as error:
            found.append(f"{error.code} {error.message} {error.hint}")
    return [f.replace("−", "-") for f in found]


@pytest.mark.parametrize("line", LINES)
def test_a_line(line: str) -> None:
    assert "-" in line
    assert said(TEXT, line.replace("-", "−")) == said(TEXT, line)


def test_most_lines_are_no_refusals() -> None:
    refused = [line for line in LINES if any(s.startswith("E_") for s in said(TEXT, line))]
    assert refused == LINES[LINES.index("seek -1") :]


def test_a_file() -> None:
    pasted = load(TEXT.replace("-", "−"))
    for name, text in (("TOML", TEXT), ("pasted", TEXT.replace("-", "−"))):
        timeline = open_session(load(text)).timeline
        assert timeline.value("X").tolist() == [[-1.5, 2e-3], [3.0, -4.0]], name
        assert timeline.loss == open_session(load(TEXT)).timeline.loss
    assert pasted.title == "Numbers below zero: −1"
    assert pasted.notes["Y@fwd"] == "It is −1.5."


def test_what_is_said_of_numbers_has_the_minus_of_the_screen() -> None:
    """Of a stop and of a tracepoint; those of why are in tests/explain."""
    state = open_session(load(TEXT))
    for line in ("break Y@fwd if X[0, 0] < 0", 'trace Z "x {X[0, 0]} of {X}"', "continue", "continue"):
        state = update(state, line)
        if line == "continue":
            words = f"{state.detail} {' '.join(state.printed)}"
            assert not [word for word in words.replace("[", " ").split() if word[:2] in ("-1", "-4")], words
            assert "−1.5" in words
