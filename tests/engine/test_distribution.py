"""How cells are distributed, judged by NumPy's own histogram and by looking at every cell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bpdebug import arrays
from bpdebug.arrays import Array, read_only
from bpdebug.engine import distribution
from bpdebug.engine.distribution import BINS, COLUMNS, ROWS, histogram, peaks

NAN, INF = np.nan, np.inf
ARRAYS = st.one_of(
    hnp.arrays(
        st.sampled_from([np.float64, np.float32]),
        hnp.array_shapes(min_dims=0, max_dims=4, max_side=9),
        elements=st.one_of(
            st.floats(width=32), st.sampled_from([0.0, -0.0, NAN, INF, -INF, 1.0, 0.1, 1e-38, 3e38, -3e38])
        ),
    ),
    hnp.arrays(st.sampled_from([np.int64, np.bool_]), hnp.array_shapes(max_dims=3, max_side=9)),
)


def check_histogram(array: Array) -> None:
    found = histogram(array)
    cells = array.reshape(-1)
    finite = cells[np.isfinite(cells)]
    apart = [int(np.count_nonzero(mask)) for mask in (cells == 0, cells != cells, cells == -INF, cells == INF)]
    assert [found.zeros, found.nans, found.below, found.above] == apart
    assert found.zeros + found.nans + found.below + found.above + sum(found.counts) == array.size
    assert len(found.edges) == (len(found.counts) + 1 if finite.size else 0)
    if finite.size:
        assert found.edges[0] == finite.min()
        assert found.edges[-1] >= finite.max()
        counted = Counter(int(np.digitize(x, found.edges[1:-1])) for x in finite if x)
        assert found.counts == tuple(counted[n] for n in range(len(found.counts)))


@given(ARRAYS)
def test_each_cell_is_counted_once_where_it_belongs(array: Array) -> None:
    check_histogram(array)


@given(ARRAYS)
def test_each_block_has_its_largest_size(array: Array) -> None:
    check_peaks(array)


def check_peaks(array: Array) -> None:
    found = peaks(array)
    columns = array.shape[-1] if array.ndim else 1
    flat = array.reshape(array.size // max(columns, 1), columns).astype(np.float64)
    assert found.sizes.shape[0] <= ROWS
    assert found.sizes.shape[1] <= COLUMNS
    for (r, c), size in np.ndenumerate(found.sizes):
        rows = slice(r * found.high, (r + 1) * found.high)
        np.testing.assert_array_equal(size, np.abs(flat[rows, c * found.wide : (c + 1) * found.wide]).max())


@pytest.mark.parametrize(
    ("dtype", "low", "high"),
    [("f8", -1.0, 2.0), ("f4", 0.1, 0.7), ("f8", -1.7e308, 1.7e308), ("f8", 5e-324, 3e-323), ("f4", 1.0, 1.0000001),
     ("f8", -3.0, -3.0), ("i8", -3, 4), ("i8", 0, 1_000_003)],
)  # fmt: skip
def test_bins_are_numpys_where_that_has_bins(dtype: str, low: Any, high: Any) -> None:
    steps = np.random.default_rng(1).random(300)
    made = low * (1 - steps) + high * steps if dtype[0] == "f" else np.round(low + (high - low) * steps)
    array = np.append(made, [low, high]).astype(dtype)
    check_histogram(array)
    found = histogram(array)
    assert len(found.counts) <= BINS
    if dtype == "f8" and 1e-300 < high - low < 1e300:
        np.testing.assert_allclose(found.edges, np.histogram_bin_edges(array, BINS), rtol=1e-12, atol=1e-12)


def test_integers_that_are_few_have_a_bin_each() -> None:
    found = histogram(np.array([1, 3, 3, 7]))
    assert found.edges == (*range(1, 9),)
    assert found.counts == (1, 0, 2, 0, 0, 0, 1)


def test_one_bad_cell_in_millions_is_seen() -> None:
    for value in (NAN, INF, -7.0):
        array = np.zeros((1 << 10, 1 << 12), np.float32)
        array[700, 3001] = value
        found = peaks(array)
        at = np.argwhere(found.sizes != 0)
        assert [(700 // found.high, 3001 // found.wide)] == [tuple(a) for a in at.tolist()]
        assert histogram(array).counts in ((0,), (1, *[0] * (BINS - 1)))


SHAPES = [(7, 500, 9), (3, 4, 5, 6), (1, 2, 3000), (5000,), (2000, 3), (3, 2000), (1,), (0, 3), (3, 0), ()]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("turned", [False, True])
def test_pieces_and_views_come_to_the_same(
    monkeypatch: pytest.MonkeyPatch, shape: tuple[int, ...], turned: bool
) -> None:
    monkeypatch.setattr(distribution, "ROWFUL", 1000)
    monkeypatch.setattr(arrays, "PIECE", 1000)
    array = np.random.default_rng(2).normal(size=shape)
    array = array.T if turned else array
    check_histogram(array)
    check_peaks(array)


def watched(pieces: Callable[[Array], Iterator[Array]], seen: list[int], array: Array) -> Iterator[Array]:
    for piece in pieces(array):
        seen.append(piece.size)
        yield piece


def test_it_is_worked_out_once_while_the_array_lives_and_no_more_than_a_piece_is_copied(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    array = read_only(np.ones((64, 64)))
    seen: list[int] = []
    monkeypatch.setattr(distribution, "ROWFUL", 512)
    monkeypatch.setattr(arrays, "PIECE", 512)
    for name in ("pieces", "_whole_rows"):
        monkeypatch.setattr(distribution, name, partial(watched, getattr(distribution, name), seen))
    made = histogram(array), peaks(array)
    assert 0 < max(seen) <= 512
    seen.clear()
    assert (histogram(array), peaks(array)) == made
    assert seen == []
