"""The error function and the normal distribution against mpmath, at the edges, and without a call a cell."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
from mpmath import mp, mpf

from bpdebug.symbolic import normal
from bpdebug.symbolic.prims import NUMPY

FUNCTIONS: dict[Callable[..., Any], tuple[Callable[..., Any], int, float]] = {
    normal.erf: (mp.erf, 5, 6.0),
    normal.normal_cdf: (mp.ncdf, 5, 37.0),
    normal.normal_pdf: (mp.npdf, 3, 37.0),
}
"""Each with mpmath's, the units in the last place that its docstring promises, and how far out it is tried."""


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
def test_to_some_units_in_the_last_place(function: Callable[..., Any], dtype: Any) -> None:
    exact, units, most = FUNCTIONS[function]
    rng = np.random.default_rng(2)
    most = min(most, 12.0) if dtype == np.float32 else most
    x = np.concatenate([rng.normal(size=300), rng.uniform(-most, most, 300), 10.0 ** rng.uniform(-30, 0, 50)])
    x = x.astype(dtype)
    found = function(x)
    assert found.dtype == dtype
    with mpmath.workdps(50):
        right = [exact(mpf(float(a))) for a in x]
        off = [
            abs(mpf(float(a)) - b) / mpf(float(np.spacing(dtype(abs(b))))) for a, b in zip(found, right, strict=True)
        ]
    assert max(off) <= units


def test_at_the_edges() -> None:
    x = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e300, -1e300])
    peak = 0.3989422804014327
    np.testing.assert_array_equal(normal.erf(x), [np.nan, 1, -1, 0, -0.0, 1, -1])
    assert np.signbit(normal.erf(x)).tolist()[3:5] == [False, True]
    np.testing.assert_array_equal(normal.normal_cdf(x), [np.nan, 1, 0, 0.5, 0.5, 1, 0])
    np.testing.assert_array_equal(normal.normal_pdf(x), [np.nan, 0, 0, peak, peak, 0, 0])
    for function in FUNCTIONS:
        assert function(np.zeros((2, 0))).shape == (2, 0)
        assert function(np.array(0.25)).shape == ()


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
def test_as_many_calls_for_many_cells_as_for_few(function: Callable[..., Any]) -> None:
    def calls(x: Any) -> int:
        count = 0

        def seen(frame: Any, event: str, arg: Any) -> None:
            nonlocal count
            count += event in ("call", "c_call")

        sys.setprofile(seen)
        try:
            function(x)
        finally:
            sys.setprofile(None)
        return count

    assert calls(np.linspace(-9, 9, 10_000)) == calls(np.linspace(-9, 9, 100))


def test_nan_is_the_same_as_nan() -> None:
    a, b = np.array([1.0, np.nan, np.nan, np.inf, 0.0]), np.array([1.0, np.nan, 1.0, np.inf, -0.0])
    assert NUMPY.same(a, b).tolist() == [True, True, False, True, True]
