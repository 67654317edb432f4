"""Numbers about tensors, also where they are none, not finite, or larger than their squares can be."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bpdebug.arrays import Array
from bpdebug.engine import Stats, stats
from bpdebug.engine.stats import two_norm
from tests.graphs import examples

NAN, INF = np.nan, np.inf


def test_ordinary_numbers() -> None:
    found = stats(np.array([[1.0, -2.0], [0.0, 3.0]]))
    assert (found.min, found.max, found.mean, found.zeros, found.nans, found.infs) == (-2.0, 3.0, 0.5, 1, 0, 0)
    assert found.std == pytest.approx(math.sqrt(3.25))
    assert found.norm == pytest.approx(math.sqrt(14))


def test_what_is_not_finite_is_counted_and_left_out() -> None:
    found = stats(np.array([1.0, NAN, INF, -INF, 0.0, NAN]))
    assert (found.min, found.max, found.mean, found.zeros, found.nans, found.infs) == (0.0, 1.0, 0.5, 1, 2, 2)


@pytest.mark.parametrize("array", [np.zeros((0, 3)), np.array([NAN, INF]), np.array(NAN), np.zeros(0, np.int64)])
def test_no_finite_cell_has_no_statistics(array: Array) -> None:
    found = stats(array)
    assert (found.min, found.max, found.mean, found.std, found.norm) == (None,) * 5


@pytest.mark.parametrize(
    ("array", "wanted"),
    [
        (np.array(2.0), Stats(2.0, 2.0, 2.0, 0.0, 2.0, 0, 0, 0)),
        (np.array([True, False]), Stats(0.0, 1.0, 0.5, 0.5, 1.0, 1, 0, 0)),
        (np.array([3, -4]), Stats(-4.0, 3.0, -0.5, 3.5, 5.0, 0, 0, 0)),
        (np.zeros(3), Stats(0.0, 0.0, 0.0, 0.0, 0.0, 3, 0, 0)),
        (np.array([-0.0]), Stats(0.0, 0.0, 0.0, 0.0, 0.0, 1, 0, 0)),
    ],
)
def test_every_dtype(array: Array, wanted: Stats) -> None:
    assert stats(array) == wanted


def test_float32_is_summed_in_double() -> None:
    found = stats(np.full(4, 3e38, np.float32))
    assert found.mean == pytest.approx(3e38)
    assert found.norm == pytest.approx(6e38)


@pytest.mark.parametrize("scale", [1e308, 1e-308, 5e-324, 1e200])
def test_neither_overflow_nor_underflow(scale: float) -> None:
    """All of them finite, so their mean, spread and norm must be, too, where they can be."""
    found = stats(np.array([scale, -scale, scale, scale]))
    assert found.mean == pytest.approx(scale / 2, rel=1e-12, abs=5e-324)
    assert found.std == pytest.approx(scale * math.sqrt(0.75), rel=1e-12, abs=5e-324)
    assert found.norm == (INF if scale == 1e308 else pytest.approx(2 * scale))
    assert two_norm(np.array([scale])) == scale


@examples(200)
@given(hnp.arrays(st.sampled_from([np.float64, np.float32]), hnp.array_shapes(min_dims=0, max_dims=3)))
def test_any_array(array: Array) -> None:
    found = stats(array)
    finite: Any = array[np.isfinite(array)].astype(np.float64)
    assert found.nans == np.isnan(array).sum()
    assert found.infs == np.isinf(array).sum()
    if finite.size:
        assert found.min is not None
        assert found.max is not None
        assert found.mean is not None
        assert found.std is not None
        assert found.min == finite.min()
        assert found.max == finite.max()
        assert found.min - 1e-12 * abs(found.min) <= found.mean <= found.max + 1e-12 * abs(found.max)
        assert math.isfinite(found.std)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.bool_])
def test_a_norm_of_few_cells_has_the_bits_that_it_has_by_pieces(dtype: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = np.random.default_rng(0).standard_normal((9, 7, 5)) * 1e3
    arrays = [a.astype(dtype) for a in (numbers, numbers.T, numbers[::2, 1:3], numbers[0, 0, :1], numbers * 0)]
    few = [two_norm(a) for a in arrays]
    monkeypatch.setattr(sys.modules["bpdebug.engine.stats"], "PIECE", -1)
    assert [two_norm(a) for a in arrays] == few
