"""Lookups by data: repeated, negative and broadcast ids."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import bpdebug
from bpdebug.checks.whole_graph import gradcheck
from bpdebug.errors import CommandError
from bpdebug.ops import OPS

X = np.arange(12.0).reshape(3, 4)


def test_repeated_ids_add_up(vjp: Any) -> None:
    ids = np.array([2, 0, 2, -1])
    g = np.arange(1.0, 17.0).reshape(4, 4)
    for name in ("gather", "embedding"):
        grad, none = vjp(name, X, ids, g=g)
        assert grad.tolist() == [g[1].tolist(), [0.0] * 4, (g[0] + g[2] + g[3]).tolist()]
        assert none is None


@pytest.mark.parametrize("axis", [0, 1, -1, -2])
@pytest.mark.parametrize("ids", [np.array(1), np.array([0, 2, 2]), np.array([[1, 0], [2, 2]]), np.zeros(0, np.int64)])
def test_gather_is_numpys_take(forward: Any, vjp: Any, axis: int, ids: Any) -> None:
    y = forward("gather", X, ids, axis=axis)
    assert np.array_equal(y, np.take(X, ids, axis=axis))
    grad = vjp("gather", X, ids, axis=axis)[0]
    times = np.bincount(ids.ravel(), minlength=X.shape[axis])
    want = np.broadcast_to(times if axis in (1, -1) else times[:, None], X.shape)
    assert grad.tolist() == want.tolist()


@pytest.mark.parametrize(
    ("x", "ids", "axis"),
    [
        (X, np.array([[0], [3], [3]]), 1),
        (X, np.array([[0, 2, 1, 1]]), -2),
        (X, np.array([[1, 1]]), 1),
        (X[:1], np.array([[1, 1], [0, 3]]), -1),
    ],
)
def test_take_along_axis_is_numpys(forward: Any, vjp: Any, x: Any, ids: Any, axis: int) -> None:
    y = forward("take_along_axis", x, ids, axis=axis)
    assert y.tolist() == np.take_along_axis(x, ids, axis=axis).tolist()
    g = np.random.default_rng(0).normal(size=y.shape)
    grad = vjp("take_along_axis", x, ids, g=g, axis=axis)[0]
    assert grad.shape == x.shape
    assert np.sum(g * y) == pytest.approx(np.sum(grad * x))


def test_one_hot(forward: Any, vjp: Any) -> None:
    y = forward("one_hot", np.array([[2, 0]]), depth=3, dtype="float32")
    assert y.tolist() == [[[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]]
    assert y.dtype == np.float32
    assert vjp("one_hot", np.array([1]), depth=3) == (None,)


@pytest.mark.parametrize(
    ("name", "shapes", "attrs", "want"),
    [
        ("gather", ((3, 4), (2,)), {"axis": -1}, (1, -4, 4)),
        ("embedding", ((3, 4), (2,)), {}, (1, -3, 3)),
        ("take_along_axis", ((3, 4), (3, 1)), {"axis": 0}, (1, -3, 3)),
        ("one_hot", ((2,),), {"depth": 5}, (0, 0, 5)),
        ("cross_entropy", ((3, 4), (3,)), {}, (1, 0, 4)),
        ("nll", ((3, 4), (3,)), {}, (1, 0, 4)),
    ],
)
def test_what_ids_may_be(name: str, shapes: Any, attrs: dict[str, Any], want: tuple[int, int, int]) -> None:
    indexes = OPS[name].indexes
    assert indexes is not None
    assert indexes(shapes, attrs) == want


def test_a_row_of_padding_is_held_fixed() -> None:
    """Its gradient is 0, and a check of the rule or of the whole graph does not call that wrong."""
    text = """format = 1
[inputs]
ids = { value = [2, 0, 2, 1, -1], dtype = "int64" }
table = [[1.0, 2.0], [0.5, 1.0], [3.0, -1.0]]
[graph]
loss = "L"
program = '''
y = embedding(table, ids, padding_idx=2)
L = sum(y * y)
'''
[expect]
gradcheck = true
"""
    timeline = bpdebug.run(bpdebug.load(text))
    grad = timeline.grad("table")
    assert grad is not None
    assert grad.tolist() == [[2, 4], [1, 2], [0, 0]]
    assert {row.verdict for row in gradcheck(timeline)} == {"pass"}
    session = bpdebug.Session(bpdebug.load(text))
    session.do("seek y@bwd")
    assert "pass" in session.do("check y@bwd").to_text()
    with pytest.raises(CommandError, match="not linear"):
        session.do("adjoint")
