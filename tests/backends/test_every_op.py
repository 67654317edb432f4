"""Every op's value and gradients on every library of arrays, against NumPy: the table's samples, and random calls."""

from __future__ import annotations

import math
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpdebug.arrays import Array
from bpdebug.backends import BACKENDS, Backend, backend
from bpdebug.ops import OPS
from bpdebug.symbolic import compile as code
from tests.graphs import SAMPLES, Call, calls, examples, sample_call

needs_arrays = {
    name: pytest.mark.skipif(find_spec(package) is None, reason=f"{package}: an extra")
    for name, package in BACKENDS.items()
}
LIBRARIES = [pytest.param(name, marks=needs_arrays[name]) for name in BACKENDS if name != "numpy"]
CLOSE = 1e-10
"""Relative, and absolute for what is near 0: libraries add in other orders, and have other exponentials."""


@cache
def library(name: str) -> Backend:
    found = backend(name)
    assert found is not None
    return found


def _placed(on: Backend, x: Any) -> Any:
    return on.into(x.copy()) if isinstance(x, np.ndarray) else x


def on_library(call: Call, g: Array, on: Backend) -> dict[str, Array]:
    """The value and the contributions, computed there."""
    n, plan = len(call.operands), call.plan
    with on.within(), np.errstate(all="ignore"):
        V = [*(_placed(on, x) for x in call.operands), None]
        code.forward(plan, on)(V, n, *range(n))
        G = [None] * n + [_placed(on, g)]
        found = {f"d{i}": code.contribution(plan, i, on)(V, G, n, None, *range(n)) for i in plan.differentiable}
        return {name: on.near(array) for name, array in {"value": V[n], **found}.items()}


def assert_close(call: Call, on: Backend) -> None:
    g = np.random.default_rng(0).normal(size=call.plan.shape).astype(call.plan.dtype)
    n, found = len(call.operands), on_library(call, g, on)
    V = [*call.operands, None]
    with np.errstate(all="ignore"):
        code.forward(call.plan)(V, n, *range(n))
    wanted = {"value": np.asarray(V[n]), **{f"d{i}": a for i, a in call.contributions(g).items()}}
    assert found.keys() == wanted.keys()
    for name, array in wanted.items():
        assert (found[name].shape, found[name].dtype) == (array.shape, array.dtype), f"{call}: {name}"
        close = CLOSE if array.dtype.itemsize == 8 else 1e-6  # half precision is kept in single
        np.testing.assert_allclose(found[name], array, rtol=close, atol=close, err_msg=f"{call}: {name}")


@pytest.mark.parametrize("name", LIBRARIES)
@pytest.mark.parametrize(("op", "i"), SAMPLES, ids=lambda x: x.name if hasattr(x, "name") else str(x))
def test_an_op_on_a_library_gives_what_it_gives_on_numpy(name: str, op: Any, i: int) -> None:
    if name == "jax" and i:
        pytest.skip("JAX compiles every function for every shape: one sample of an op, the others by hand")
    assert_close(sample_call(op, op.samples[i]), library(name))


@pytest.mark.parametrize("name", [p for p in LIBRARIES if p.values[0] in ("strict", "torch")])
@pytest.mark.parametrize("op", OPS.values(), ids=lambda op: op.name)
@examples(2)
@given(data=st.data())
def test_random_calls_give_the_same(name: str, op: Any, data: st.DataObject) -> None:
    """Empty axes, single numbers, broadcasting and literals on either side."""
    assert_close(data.draw(calls(op)), library(name))


@pytest.mark.parametrize("name", [p for p in LIBRARIES if p.values[0] != "strict"])
def test_what_is_not_finite_stays_where_it_is(name: str) -> None:
    """In the extremes, in signs, in choices and where cells are moved by indices, whose adjoints add zeros."""
    x = np.array([[math.nan, 1.0, -math.inf], [0.0, math.inf, -2.0]])
    for op, attrs in [
        ("max", {"axis": 1}),
        ("relu", {}),
        ("abs", {}),
        ("sign", {}),
        ("cumsum", {"axis": 0}),
        ("softmax", {}),
    ]:
        assert_close(Call(OPS[op], (x,), _all(op, attrs)), library(name))
    for op in ("max", "min"):  # JAX's own lose NaN in arrays of 4,096 cells and more
        assert_close(Call(OPS[op], (np.tile(x, (1000, 1)),), _all(op, {"axis": 0})), library(name))
    ids = np.array([1, 0, 1])
    assert_close(Call(OPS["embedding"], (x, ids), _all("embedding", {})), library(name))


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_chance_far_below_0_keeps_its_digits(name: str) -> None:
    """Of erfc and of GELU: 1 less a number that is nearly 1 would have none."""
    x = np.array([-12.0, -9.0, -6.0, -3.0, 0.0, 3.0])
    call = Call(OPS["erfc"], (-x,), {})
    found = on_library(call, np.ones(6), library(name))["value"]
    np.testing.assert_allclose(found, np.vectorize(math.erfc)(-x), rtol=1e-10)
    call = Call(OPS["gelu"], (x,), _all("gelu", {}))
    found = on_library(call, np.ones(6), library(name))["value"]
    np.testing.assert_allclose(found, x * np.vectorize(math.erfc)(-x / math.sqrt(2)) / 2, rtol=1e-10)


def _all(op: str, attrs: dict[str, Any]) -> dict[str, Any]:
    return {n: a.default for n, a in OPS[op].attrs.items() if n not in attrs} | attrs
