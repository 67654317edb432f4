"""What is remembered of an array: as long as it lives, for views of the same cells, and never where they can change."""

from __future__ import annotations

import gc

import numpy as np

from bpdebug.arrays import Array, ascending, kept, read_only


def test_what_is_said_of_an_array_is_worked_out_once_while_it_lives() -> None:
    asked: list[tuple[int, ...]] = []

    @kept
    def total(array: Array) -> float:
        asked.append(array.shape)
        return float(array.sum())

    array = read_only(np.arange(6.0).reshape(2, 3))
    assert [total(array), total(array), total(array.view())] == [15.0] * 3
    assert asked == [(2, 3)]
    assert [total(array.T), total(array[0]), total(array[1])] == [15.0, 3.0, 12.0]
    assert asked == [(2, 3), (3, 2), (3,), (3,)]
    mine = np.ones(3)
    assert total(mine) == 3.0
    mine[0] = 5.0
    assert total(mine) == 7.0
    for n in range(600):  # at an address where another one was
        assert total(read_only(np.full(4, float(n)))) == 4.0 * n
    del array
    gc.collect()
    assert total(read_only(np.ones((2, 3)))) == 6.0


def test_what_more_is_given_tells_answers_apart_by_place_or_by_name() -> None:
    @kept
    def times(array: Array, by: int = 1) -> float:
        return float(array.sum()) * by

    array = read_only(np.ones(3))
    assert [times(array), times(array, 2), times(array, by=3), times(array, by=4)] == [3, 6, 9, 12]


def test_numbers_in_order_are_those_of_numpy() -> None:
    rng = np.random.default_rng(0)
    for shape in ((0,), (1,), (7,), (3, 4), (2, 0)):
        numbers = rng.integers(-3, 3, shape)
        assert ascending(numbers).tolist() == np.unique(numbers).tolist()
