"""Masks joined with `and`, `or` and `not`: in programs, at the prompt, and in formulas, which can be typed."""

from __future__ import annotations

import numpy as np
import pytest

from bpdebug.errors import BpdebugError
from bpdebug.expression import Scope, evaluate, parse
from bpdebug.language import as_rule
from bpdebug.scenario import load, open_timeline

TEXT = """format = 1
[inputs]
x = [[-2, 1, 3], [0.5, -1, 2]]
y = [1, -1, 2]
[graph]
loss = "L"
program = '''
a = x > 0
b = x < 1.5
c = y > 1
m = {mask}
Y = where(m, x, 0)
L = sum(Y)
'''
"""
X, Y = np.array([[-2, 1, 3], [0.5, -1, 2]]), np.array([1, -1, 2])
NAMES = {"a": X > 0, "b": X < 1.5, "c": Y > 1, "x": X, "y": Y}
MASKS = {
    "a and b": "a & b", "a or c": "a | c", "not a": "~a", "a and b and c": "a & b & c", "a or b and c": "a | (b & c)",
    "(a or b) and c": "(a | b) & c", "not a and b": "~a & b", "not (a and b)": "~(a & b)", "not (not c)": "c",
    "a and (b and c)": "a & b & c", "not x > 1 or c": "(x <= 1) | c", "(a and b) == c": "(a & b) == c",
    "a and True": "a", "a and (b or not c) or not (a or b)": "(a & (b | ~c)) | ~(a | b)",
}  # fmt: skip


@pytest.mark.parametrize("mask", MASKS)
def test_a_mask_is_what_it_says(mask: str) -> None:
    timeline = open_timeline(load(TEXT.format(mask=mask)))
    wanted = np.broadcast_to(eval(MASKS[mask], {}, NAMES), timeline.value("m").shape)
    assert timeline.value("m").dtype == np.bool_
    np.testing.assert_array_equal(timeline.value("m"), wanted)
    found = evaluate(parse(mask), Scope(timeline, len(timeline)))
    assert found.array is not None
    np.testing.assert_array_equal(found.array, wanted)


@pytest.mark.parametrize("mask", MASKS)
def test_a_formula_of_masks_is_typed_back(mask: str) -> None:
    timeline = open_timeline(load(TEXT.format(mask="a and b")))
    graph, k = timeline.graph, 4
    names = graph.operand_names(k)
    plan = graph.plans[k]
    leaves = plan.leaves([timeline.value("m"), X, 0], timeline.value("Y"), np.ones((2, 3)))
    for name, array in NAMES.items():
        if name in graph.index:
            leaves[id(plan.tensor(graph.index[name], name, array.shape, array.dtype))] = array
    rule = as_rule(f"where({mask}, dY, 0)", names, "Y", graph=graph)(plan)
    text = plan.text_of(rule, names, "Y")
    again = as_rule(text, names, "Y", graph=graph)(plan)
    assert plan.text_of(again, names, "Y") == text
    np.testing.assert_array_equal(plan.evaluate(again, leaves), plan.evaluate(rule, leaves))
    assert text == f"where({mask}, ∂Y, 0)"


def test_what_is_no_mask_is_refused() -> None:
    for wrong in ("a and x", "not x", "x or c"):
        with pytest.raises(BpdebugError) as caught:
            open_timeline(load(TEXT.format(mask=wrong)))
        assert caught.value.code == "E_DTYPE"
        assert "comparison" in caught.value.hint
