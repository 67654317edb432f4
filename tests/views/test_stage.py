"""The stage's words: a rule that is too long to read is said in a sentence first."""

from __future__ import annotations

import pytest

from bpdebug.debugger import State, open_session, update
from bpdebug.scenario import load
from bpdebug.views import view
from bpdebug.views.blocks import Formula, Matrix, Row, Text, flat

WINDOWS = """format = 1
[inputs]
X = { shape = [1, 2, 6, 6], init = "normal" }
S = { shape = [1, 2, 6], init = "normal" }
[parameters]
w = { shape = [3, 2, 2, 2], init = "normal" }
v = { shape = [3, 2, 2], init = "normal" }
b = [0.1, 0.2, 0.3]
[graph]
incoming = { Y = "ones" }
program = "Y = CALL"
"""
SAID = {
    "max_pool2d(X, 2)": "Each window's gradient goes to its largest cell; equal ones share.",
    "avg_pool2d(X, 2)": "Each gradient spread evenly over its window; where windows overlap they add up.",
    "im2col(X, 2)": "Col2im: each window is added back where it was cut out.",
    "conv2d(X, w, b)": "A product with the same factors:",
    "conv1d(S, v)": "A product with the same factors:",
}


def at(call: str, *lines: str) -> State:
    state = open_session(load(WINDOWS.replace("CALL", call)))
    for line in ("seek Y@bwd", *lines):
        state = update(state, line)
    return state


@pytest.mark.parametrize("call", SAID)
@pytest.mark.parametrize("part", ["", "stepi"])
def test_conv_and_pool_say_their_rule_before_its_formula(call: str, part: str) -> None:
    blocks = list(flat(view(at(call, *part.split())).blocks))
    said = [(i, b.text) for i, b in enumerate(blocks) if isinstance(b, Text) and b.text.startswith(SAID[call])]
    ((words, sentence),) = said
    assert words < next(i for i, b in enumerate(blocks) if isinstance(b, Formula) and "∂" in b.text)
    assert "\n" not in sentence


def test_a_short_rule_needs_no_words_and_a_rule_set_by_hand_has_others() -> None:
    assert "slope at that cell" not in view(at("tanh(X)")).to_text()
    assert (
        "largest cell" not in view(at("max_pool2d(X, 2)", "set rule Y@bwd X = " + " + ".join(["0 * X"] * 20))).to_text()
    )


# --- which operands a rule uses

NAMED = (
    """format = 1
title = "Names that are pieces of words"
[inputs]
X = [[1.0, 2.0, 4.0], [0.5, -1.0, 3.0]]
[parameters]
gam = [1.0, 2.0, 0.5]
BETA = [0.1, 0.2, 0.3]
[graph]
loss = "L"
program = """
    + '"""'
    + """
Y = layer_norm(X, gam, BETA)
L = sum(Y ** 3)
"""
    + '"""'
)


def drawn(beta: str) -> set[str]:
    """What stands beside ∂X in the row of its rule."""
    state = update(open_session(load(NAMED.replace("BETA", beta))), "seek Y@bwd")
    rows = [[i.name for i in b.items if isinstance(i, Matrix)] for b in flat(view(state).blocks) if isinstance(b, Row)]
    (row,) = [names for names in rows if names[-1] == "∂X"]
    return {*row} - {"∂X"}


def test_a_rule_is_drawn_with_the_operands_that_it_uses() -> None:
    assert drawn("zeta") == {"∂Y", "X", "gam"}


def test_the_operands_of_a_rule_do_not_depend_on_their_names() -> None:
    assert drawn("s") == drawn("zeta")
