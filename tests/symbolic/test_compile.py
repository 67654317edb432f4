"""What is computed in place of an expression because it costs less has the same bits, in the same layout."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from bpdebug.arrays import Array, DType
from bpdebug.ops import OPS
from bpdebug.symbolic import arrays, compile
from bpdebug.symbolic.arrays import power, scatter_add
from tests.graphs import DOUBLE, SINGLE, Call, bits

CELLS = np.array([np.nan, -np.nan, np.inf, -np.inf, -0.0, 0.0, 1.5, -2.0, 5e-39])


def layouts(array: Array) -> Iterator[Array]:
    """The same shape along its rows, its columns, backwards, in steps, and broadcast either way."""
    yield array
    yield np.asfortranarray(array)
    yield array[::-1, ::-1]
    yield np.repeat(array, 2, axis=1)[:, ::2]
    yield np.broadcast_to(array[:1], array.shape)
    yield np.broadcast_to(array[:, :1], array.shape)


def value(call: Call) -> Array:
    """What the plan's compiled function gives."""
    V, k = [*call.operands, None], len(call.operands)
    with np.errstate(all="ignore"):
        compile.forward(call.plan)(V, k, *range(k))
    return np.asarray(V[k])


def same(found: Array, wanted: Array) -> None:
    assert (bits(found), found.strides) == (bits(wanted), wanted.strides)


@pytest.mark.parametrize("dtype", [SINGLE, DOUBLE])
@pytest.mark.parametrize("shape", [(4, 5), (40, 33)])
def test_zero_or_a_cell(shape: tuple[int, int], dtype: DType) -> None:
    """A choice between 0 and a cell of any bits, in few cells and in many; the mask is computed, or given."""
    rng = np.random.default_rng(0)
    x, g, m = (np.asarray(rng.choice(CELLS, shape), dtype) for _ in range(3))
    for a in layouts(x):
        for b in layouts(g):
            relu = Call(OPS["relu"], (a,), {})
            same(relu.contributions(b)[0], relu.raw_gradients(b)[0])
        for mask in layouts(m > 0):
            for operands in ((mask, a, 0), (mask, 0, a), (mask, 0.0, a), (mask, a, -0.0)):
                call = Call(OPS["where"], operands, {})
                same(value(call), call.value)


@pytest.mark.parametrize("dtype", [SINGLE, DOUBLE])
@pytest.mark.parametrize("number", [0, -0.0, 1, -3, 0.1, 1e-42, 40_000, 2**30 + 1, 1e300, math.inf, math.nan, True])
@pytest.mark.parametrize("op", ["add", "sub", "mul", "div", "maximum", "minimum", "less", "equal"])
def test_a_number_beside_an_array(op: str, number: float, dtype: DType) -> None:
    for x in (np.asarray(CELLS, dtype), np.asarray(1.5, dtype), np.arange(3)):
        for operands in ((x, number), (number, x)):
            call = Call(OPS[op], operands, {})
            same(value(call), call.value)


@pytest.mark.parametrize("dtype", [SINGLE, DOUBLE])
@pytest.mark.parametrize("shape", [(), (1,), (7,), (3, 1), (2, 0, 3)])
def test_one_number_in_every_cell(shape: tuple[int, ...], dtype: DType) -> None:
    """A 0-d array made to fill a shape, as it stands and out of a quotient, which NumPy makes a scalar."""
    for number in CELLS:
        call = Call(OPS["broadcast_to"], (np.asarray(number, dtype),), {"shape": shape})
        same(value(call), call.value)
    mean = Call(OPS["mean"], (np.ones((3, 4), dtype),), {"axis": None, "keepdims": False})
    g = np.asarray(0.3, dtype)
    same(mean.contributions(g)[0], mean.raw_gradients(g)[0])


@pytest.mark.parametrize("axis", [0, -1, (0, -1), (1, 2)])
def test_axes_of_size_1(axis: int | tuple[int, ...]) -> None:
    for x in layouts(np.arange(20.0).reshape(4, 5)):
        call = Call(OPS["expand_dims"], (x,), {"axis": axis})
        same(value(call), call.value)


@pytest.mark.parametrize("dtype", [SINGLE, DOUBLE])
@pytest.mark.parametrize("ids", [[3, 0, 3, -1], [[7, 39], [7, -33]], 5, []])
def test_a_few_rows_of_a_large_table(ids: Any, dtype: DType, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are added as a table of zeros with these rows would be, and there is none."""
    rng, ids = np.random.default_rng(0), np.asarray(ids, np.int64)
    table, g = (np.asarray(rng.choice(CELLS, shape), dtype) for shape in ((40, 3), (*ids.shape, 3)))
    call, k = Call(OPS["embedding"], (table, ids), {"padding_idx": None}), 2
    whole = call.raw_gradients(g)[0]
    same(call.contributions(g)[0], whole)
    made = Mock(side_effect=scatter_add)
    monkeypatch.setattr(arrays, "scatter_add", made)
    with np.errstate(all="ignore"):
        for total in layouts(np.asarray(rng.choice(CELLS, (40, 3)), dtype)):
            G = [total, None, g]
            compile.backward(call.plan, (0,))([*call.operands, None], G, k, 0, 1)
            added = compile.contribution(call.plan, 0)([*call.operands, None], [None, None, g], k, total, 0, 1)
            assert bits(G[0]) == bits(added) == bits(total + whole)
    assert all(asked.args[-1] <= ids.size for asked in made.call_args_list)
    call = Call(OPS["scatter_add"], (g, ids), {"axis": 0, "size": 40})
    same(value(call), call.value)


@pytest.mark.parametrize("dtype", [SINGLE, DOUBLE])
@pytest.mark.parametrize("exponent", [3, 4, 3.0, 4.0])
def test_small_powers_are_right_to_two_units_in_the_last_place(exponent: float, dtype: DType) -> None:
    """Against exact fractions, which Python has; at zeros, infinities and NaN they are as NumPy's."""
    sizes = np.exp(np.random.default_rng(0).uniform(-20, 20, 2000)) * np.tile([1, -1], 1000)
    x = np.asarray(sizes, dtype)
    found = power(x, exponent)
    assert found.dtype == dtype
    for cell, at in zip(found, x, strict=True):
        exact = Fraction(float(at)) ** int(exponent)
        assert abs(Fraction(float(cell)) - exact) <= 2 * Fraction(float(np.spacing(np.abs(cell))))
    with np.errstate(all="ignore"):
        assert_array_equal(power(np.asarray(CELLS, dtype), exponent), np.asarray(CELLS, dtype) ** exponent)
    assert power(np.arange(4), 3).tolist() == [0, 1, 8, 27]
