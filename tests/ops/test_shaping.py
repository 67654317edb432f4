"""Shapes asked for in NumPy's ways: -1, ellipses, steps, widths."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bpdebug.ops import OPS

X = np.arange(24.0).reshape(2, 3, 4)
FULL = (None, None, None)


@pytest.mark.parametrize("shape", [(24,), (-1,), (4, -1), (2, 3, 4, 1), 24, -1, (1, -1, 8)])
def test_reshape(forward: Any, vjp: Any, shape: Any) -> None:
    y = forward("reshape", X, shape=shape)
    assert y.tolist() == X.reshape(shape).tolist()
    assert vjp("reshape", X, g=y, shape=shape)[0].tolist() == X.tolist()


def test_reshape_of_no_cells(forward: Any, refusal: Any) -> None:
    empty = np.zeros((0, 3))
    assert forward("reshape", empty, shape=(3, 0)).shape == (3, 0)
    assert forward("reshape", empty, shape=(-1, 3)).shape == (0, 3)
    assert forward("reshape", np.array(5.0), shape=()).shape == ()
    assert "any size fits" in refusal("reshape", (0, 3), shape=(0, -1)).message


@pytest.mark.parametrize(("start", "shape"), [(0, (24,)), (1, (2, 12)), (2, (2, 3, 4)), (-2, (2, 12))])
def test_flatten(forward: Any, start: int, shape: tuple[int, ...]) -> None:
    assert forward("flatten", X, start=start).shape == shape


def test_flatten_of_a_number_is_one_cell(forward: Any, vjp: Any) -> None:
    assert forward("flatten", np.array(2.0)).shape == (1,)
    assert vjp("flatten", np.array(2.0))[0].shape == ()


@pytest.mark.parametrize("axis", [None, 0, -1, (0, 3)])
def test_squeeze_and_back(forward: Any, vjp: Any, axis: Any) -> None:
    x = X.reshape(1, 4, 6, 1)
    y = forward("squeeze", x, axis=axis)
    assert y.shape == np.squeeze(x, axis).shape
    assert vjp("squeeze", x, g=y, axis=axis)[0].tolist() == x.tolist()


@pytest.mark.parametrize("axis", [0, 3, -1, -4, (0, -1), (1, 2)])
def test_expand_dims_and_back(forward: Any, vjp: Any, axis: Any) -> None:
    y = forward("expand_dims", X, axis=axis)
    assert y.shape == np.expand_dims(X, axis).shape
    assert vjp("expand_dims", X, g=y, axis=axis)[0].tolist() == X.tolist()


@pytest.mark.parametrize(
    ("key", "index"),
    [
        ((1,), np.s_[1]),
        ((-1, -1, -1), np.s_[-1, -1, -1]),
        ((FULL, (None, None, -1)), np.s_[:, ::-1]),
        (("...", 0), np.s_[..., 0]),
        ((0, "..."), np.s_[0, ...]),
        (("...",), np.s_[...]),
        ((0, "...", (1, None, 2)), np.s_[0, ..., 1::2]),
        ((1, 2, "...", 3), np.s_[1, 2, ..., 3]),
        (((5, 9, None),), np.s_[5:9]),
        (((None, None, -2), (2, 0, -1)), np.s_[::-2, 2:0:-1]),
    ],
)
def test_slice_is_numpys_and_goes_back_to_its_place(forward: Any, vjp: Any, key: Any, index: Any) -> None:
    y = forward("slice", X, key=key)
    assert np.array_equal(y, X[index])
    want = np.zeros_like(X)
    want[index] = 7.0
    assert np.array_equal(vjp("slice", X, g=np.full(np.shape(y), 7.0), key=key)[0], want)


@pytest.mark.parametrize("widths", [1, (1, 2), ((1, 2),), ((1, 0), (0, 2), (3, 3)), ((1,), (0,), (2,)), 0, (1,)])
def test_pad_is_numpys(forward: Any, vjp: Any, widths: Any) -> None:
    y = forward("pad", X, widths=widths)
    assert y.tolist() == np.pad(X, widths).tolist()
    assert vjp("pad", X, g=y, widths=widths)[0].tolist() == X.tolist()


@pytest.mark.parametrize(
    ("sections", "axis"), [(2, 0), (3, 1), (4, -1), ((1, 3), 2), ((2,), 1), ((0, 2, 9), -2), (1, 0)]
)
def test_split_is_numpys_and_its_parts_add_up(forward: Any, vjp: Any, sections: Any, axis: int) -> None:
    want = np.split(X, sections, axis=axis)
    assert OPS["split"].parts_of is not None
    assert OPS["split"].parts_of({"sections": sections, "axis": axis}) == len(want)
    total = np.zeros_like(X)
    for part, piece in enumerate(want):
        y = forward("split", X, sections=sections, axis=axis, part=part)
        assert y.tolist() == piece.tolist()
        total += vjp("split", X, g=y, sections=sections, axis=axis, part=part)[0]
    assert total.tolist() == X.tolist()


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_concat_and_stack_give_each_its_piece(forward: Any, vjp: Any, axis: int) -> None:
    parts = np.split(X, [1], axis=axis)
    joined = forward("concat", *parts, axis=axis)
    assert joined.tolist() == X.tolist()
    for grad, part in zip(vjp("concat", *parts, g=X, axis=axis), parts, strict=True):
        assert grad.tolist() == part.tolist()
    piled = forward("stack", X, X + 1, X + 2, axis=axis)
    assert piled.tolist() == np.stack([X, X + 1, X + 2], axis=axis).tolist()
    for i, grad in enumerate(vjp("stack", X, X, X, g=piled, axis=axis)):
        assert grad.tolist() == (X + i).tolist()


def test_broadcast_to_repeats(forward: Any, vjp: Any) -> None:
    x = np.array([[1.0], [2.0]])
    assert forward("broadcast_to", x, shape=(4, 2, 3)).shape == (4, 2, 3)
    assert vjp("broadcast_to", x, shape=(4, 2, 3))[0].tolist() == [[12.0], [12.0]]
    assert forward("broadcast_to", np.array(2.0), shape=3).tolist() == [2.0, 2.0, 2.0]
