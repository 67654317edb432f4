"""How far two arrays are apart, where, and what of it is rounding."""

from __future__ import annotations

from math import inf, nan

import numpy as np
import pytest

from bpdebug.arrays import Array
from bpdebug.engine.closeness import EXPECTED, error, gaps, index_of, largest_cell, relative, rounding, top, worst

X = np.array([1.0, 0.0, nan, nan, inf, inf, -2.0])
Y = np.array([2.0, 0.0, nan, 1.0, inf, 1.0, 2.0])


def test_gaps_are_infinite_where_one_side_alone_is_not_finite() -> None:
    np.testing.assert_array_equal(gaps(X, Y), [1, 0, 0, inf, 0, inf, 4])


def test_relative_errors_are_parts_of_the_larger_side() -> None:
    np.testing.assert_array_equal(relative(X, Y), [0.5, 0, 0, inf, 0, inf, 2])
    np.testing.assert_array_equal(relative(X[:1], Y[:1], floor=4.0), [0.25])


@pytest.mark.parametrize(
    ("made", "right", "wanted"),
    [
        ([1.0, 2.0], [1.0, 4.0], 0.5), ([0.0, 1.0], [0.0, 0.0], 1.0), ([0.0], [0.0], 0.0), ([], [], 0.0),
        ([nan, 1.0], [nan, 1.0], 0.0), ([nan, 1.0], [1.0, 1.0], inf), ([inf, 1.0], [inf, 2.0], 0.5),
    ],
)  # fmt: skip
def test_an_error_is_a_part_of_the_largest_cell(made: list[float], right: list[float], wanted: float) -> None:
    assert error(np.array(made), np.array(right)) == wanted


def test_rounding_is_no_error() -> None:
    made, right = np.array([1.0, 2.5]), np.array([1.0, 2.0])
    assert error(made, right, noise=np.array([0.0, 0.5])) == 0
    assert error(made, right, noise=inf) == 0
    assert error(np.array([inf]), np.array([1.0]), noise=inf) == inf
    assert error(made, right, scale=5.0) == 0.1


@pytest.mark.parametrize("count", [10, 1000, 30_000])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_sum_in_a_row_loses_no_more_than_is_allowed(count: int, dtype: type) -> None:
    terms: Array = np.random.default_rng(count).normal(size=count).astype(dtype)
    exact = np.sum(terms.astype(np.longdouble))
    assert abs(float(np.cumsum(terms)[-1] - exact)) <= rounding(float(np.abs(terms).sum()), count, dtype)


@pytest.mark.parametrize(
    ("array", "cell"),
    [(np.array([[1, -9], [3, 4]]), (0, 1)), (np.array([1, nan, -inf]), (1,)), (np.array(3.0), ()), (np.zeros(0), ())],
)
def test_the_largest_cell(array: Array, cell: tuple[int, ...]) -> None:
    assert largest_cell(array) == cell


def test_the_index_of_the_largest_number() -> None:
    assert index_of(np.array([[1, -9], [3, 4]])) == (1, 1)
    assert top(np.array([1.0, -3.0, inf]), np.zeros(0)) == 3.0


@pytest.mark.parametrize("found", [1.0, 1 + 1e-8, 1 + 1e-6, 2.0, inf, -inf, nan])
@pytest.mark.parametrize("wanted", [1.0, 0.0, inf, nan])
@pytest.mark.parametrize("tolerances", EXPECTED.values())
def test_close_is_what_numpy_calls_close(found: float, wanted: float, tolerances: tuple[float, float]) -> None:
    rtol, atol = tolerances
    close = bool(np.isclose(found, wanted, rtol, atol, equal_nan=True))
    assert (worst(np.array(found), np.array([wanted, wanted]), rtol, atol) is None) == close
