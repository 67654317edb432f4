"""Rules run as they stand, on NumPy: without a graph, an engine or a trace between."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bpdebug.errors import ShapeError
from bpdebug.ops import OPS
from bpdebug.symbolic.prims import NUMPY


def _attrs(name: str, given: dict[str, Any]) -> dict[str, Any]:
    return {**{key: attr.default for key, attr in OPS[name].attrs.items()}, **given}


def _checked(name: str, xs: tuple[Any, ...], given: dict[str, Any]) -> dict[str, Any]:
    attrs = _attrs(name, given)
    OPS[name].check(*map(np.shape, xs), **attrs)
    return attrs


def run_forward(name: str, *xs: Any, **given: Any) -> Any:
    return OPS[name].forward(NUMPY, *xs, **_checked(name, xs, given))


def run_vjp(name: str, *xs: Any, g: Any = None, **given: Any) -> tuple[Any, ...]:
    """The gradients of every operand for the cotangent `g` (ones), summed back over broadcast axes."""
    attrs = _checked(name, xs, given)
    y = OPS[name].forward(NUMPY, *xs, **attrs)
    g = np.ones_like(y) if g is None else np.asarray(g)
    with np.errstate(all="ignore"):
        grads = OPS[name].vjp(NUMPY, g, y, *xs, **attrs)
    return tuple(
        None if c is None or np.isscalar(x) else _summed(c, np.shape(x)) for c, x in zip(grads, xs, strict=True)
    )


def _summed(c: Any, shape: tuple[int, ...]) -> Any:
    c = np.asarray(c)
    c = c.sum(axis=tuple(range(c.ndim - len(shape))))
    return c.sum(axis=tuple(a for a, n in enumerate(shape) if n == 1), keepdims=True) if c.shape != shape else c


@pytest.fixture
def forward() -> Any:
    return run_forward


@pytest.fixture
def vjp() -> Any:
    return run_vjp


@pytest.fixture
def refusal() -> Any:
    """The error with which an op's check refuses these shapes and attributes."""

    def refused(name: str, *shapes: tuple[int, ...], **given: Any) -> ShapeError:
        with pytest.raises(ShapeError) as caught:
            OPS[name].check(*shapes, **_attrs(name, given))
        return caught.value

    return refused
