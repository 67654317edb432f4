"""Comparisons, dropout, stop_gradient and the causal mask."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import bpdebug
from bpdebug.errors import BpdebugError
from bpdebug.ops import OPS
from bpdebug.symbolic.prims import NUMPY


def test_dropout_scales_what_it_keeps_in_both_passes() -> None:
    op, x, mask = OPS["dropout"], np.array([1.0, np.inf, 3.0]), np.array([True, False, True])
    y = op.forward(NUMPY, x, mask, p=0.75)
    assert y.tolist() == [4.0, 0.0, 12.0]
    grad, none = op.vjp(NUMPY, np.array([1.0, np.nan, 2.0]), y, x, mask, p=0.75)
    assert grad.tolist() == [4.0, 0.0, 8.0]
    assert none is None


def test_dropout_of_nothing_is_x() -> None:
    x = np.array([1.0, 0.1], np.float32)
    y = OPS["dropout"].forward(NUMPY, x, np.array([True, True]), p=0)
    assert y.tolist() == x.tolist()
    assert y.dtype == np.float32


@pytest.mark.parametrize("p", [1, 1.0, -0.1, 2.0, float("nan")])
def test_dropout_wants_a_share(refusal: Any, p: float) -> None:
    error = refusal("dropout", (2, 3), p=p)
    assert error.code == "E_ATTR"
    assert error.hint == "p is at least 0 and less than 1"


def test_a_mask_that_is_given_is_not_drawn() -> None:
    """By its keyword alone: a second number is p, as it was."""
    text = """format = 1
[inputs]
x = [1.0, 2.0, 4.0]
keep = { value = [true, false, true], dtype = "bool" }
[graph]
loss = "L"
program = '''
y = dropout(x, 0.5, mask=keep)
L = sum(y)
'''
"""
    timeline = bpdebug.run(bpdebug.load(text))
    assert timeline.value("y").tolist() == [2, 0, 8]
    grad = timeline.grad("x")
    assert grad is not None
    assert grad.tolist() == [2, 0, 2]
    assert [n for n in timeline.graph.names if "mask" in n] == []
    with pytest.raises(BpdebugError, match="dropout takes 1 to 2 operands"):
        bpdebug.load(text.replace("0.5, mask=keep", "0.5, keep"))
    assert OPS["dropout"].signature == "dropout(x, p=0.5, mask=drawn)"


def test_what_nothing_is_seen_of_gets_nothing(forward: Any, vjp: Any) -> None:
    """A query that may attend to no key gives 0, and takes none of the gradient."""
    q, k, v, kept = np.ones((2, 3)), np.ones((4, 3)), np.ones((4, 2)), np.array([[False] * 4, [True] * 4])
    with np.errstate(invalid="ignore"):
        assert forward("scaled_dot_product_attention", q, k, v, kept).tolist() == [[0, 0], [1, 1]]
        grads = vjp("scaled_dot_product_attention", q, k, v, kept, g=np.array([[1.0, 2.0], [0.0, 0.0]]))
    assert not any(g.any() for g in grads[:3])
    assert grads[3] is None


def test_infinity_added_to_the_scores_is_no_fault() -> None:
    text = """format = 1
[inputs]
q = [[1.0, 2.0], [0.5, 1.0]]
keep = { value = [[true, false], [true, true]], dtype = "bool" }
zero = [[0.0, 0.0], [0.0, 0.0]]
[graph]
loss = "L"
program = '''
m = where(keep, zero, -inf)
L = sum(scaled_dot_product_attention(q, q, q, m))
'''
"""
    timeline = bpdebug.run(bpdebug.load(text))
    assert not any(event.fault for event in timeline)


def test_nothing_goes_back_through_stop_gradient(forward: Any, vjp: Any) -> None:
    x = np.array([1.0, 2.0])
    assert forward("stop_gradient", x) is x
    assert vjp("stop_gradient", x) == (None,)


@pytest.mark.parametrize("shape", [(3, 3), (2, 4), (4, 2), (2, 2, 3, 4)])
def test_a_query_sees_no_later_key(forward: Any, vjp: Any, shape: tuple[int, ...]) -> None:
    scores = np.ones(shape, np.float32)
    y, (grad,) = forward("causal_mask", scores), vjp("causal_mask", scores)
    for query in range(shape[-2]):
        for key in range(shape[-1]):
            seen = key <= query
            assert (y[..., query, key] == (1.0 if seen else -np.inf)).all()
            assert (grad[..., query, key] == (1.0 if seen else 0.0)).all()
    assert y.dtype == grad.dtype == np.float32


def test_comparisons_take_no_gradient(forward: Any, vjp: Any) -> None:
    a, b = np.array([1.0, 2.0, 3.0]), np.array([3.0, 2.0, 1.0])
    for name, want in {
        "less": [True, False, False],
        "less_equal": [True, True, False],
        "greater": [False, False, True],
        "greater_equal": [False, True, True],
        "equal": [False, True, False],
        "not_equal": [True, False, True],
    }.items():
        assert forward(name, a, b).tolist() == want
        assert vjp(name, a, b) == (None, None)
