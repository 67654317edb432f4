"""Arrays that lie elsewhere give what NumPy's give: parts, answers about all of them, words; whatever the library."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from bpdebug.arrays import Array
from bpdebug.backends import Backend
from bpdebug.checks.rule import rule_of
from bpdebug.engine.closeness import largest_cell
from bpdebug.engine.distribution import histogram, peaks
from bpdebug.engine.faults import born, finite
from bpdebug.engine.stats import stats, two_norm
from bpdebug.far import SMALL, Far, near
from bpdebug.far import array as array_module
from bpdebug.views.numbers import extent
from tests.backends.test_every_op import LIBRARIES, library
from tests.large import chain

on_each = pytest.mark.parametrize("name", LIBRARIES)
RNG = np.random.default_rng(0)
PLAIN = RNG.normal(size=(90, 110))
ODD = PLAIN.copy()
ODD[3, 4], ODD[5, 6], ODD[7, 7], ODD[:2, :3] = np.nan, -np.inf, np.inf, 0.0
ARRAYS: dict[str, Any] = {
    "floats": PLAIN,
    "odd": ODD,
    "large": (ODD * 1e30).astype(np.float32),
    "tiny": PLAIN * 1e-200,
    "three axes": RNG.normal(size=(5, 40, 60)),
    "nothing finite": np.full((90, 110), np.nan),
    "zeros": np.zeros((90, 110)),
    "integers": RNG.integers(-7, 2**40, size=(90, 110)),
    "truth": RNG.normal(size=(90, 110)) > 0.3,
}


def elsewhere(name: str) -> Backend:
    """A library whose arrays NumPy cannot see."""
    return replace(library(name), shares=False)


def placed(name: str, array: Array) -> Any:
    on = elsewhere(name)
    with on.within():
        found = on.out(on.into(array.copy()))
    assert isinstance(found, Far)
    assert (found.shape, found.dtype, found.size, found.nbytes) == (array.shape, array.dtype, array.size, array.nbytes)
    return found


@on_each
@pytest.mark.parametrize("what", ARRAYS)
def test_what_is_asked_of_all_cells_is_what_numpy_says(name: str, what: str) -> None:
    array = ARRAYS[what]
    far = placed(name, array)
    for mine, wanted in ((stats(far), stats(array)), (extent(far), extent(array))):
        for field in wanted.__struct_fields__:
            found, right = getattr(mine, field), getattr(wanted, field)
            assert found == (right if right is None else pytest.approx(right, rel=1e-9, abs=1e-300)), field
    assert extent(far).format() == extent(array).format()
    assert two_norm(far) == pytest.approx(two_norm(array), rel=1e-12, nan_ok=True)
    assert finite(far) == finite(array)
    assert born("X", far, []) == born("X", array, [])
    assert largest_cell(far) == largest_cell(array)
    found, right = histogram(far), histogram(array)
    assert (found.zeros, found.nans, found.below, found.above) == (right.zeros, right.nans, right.below, right.above)
    assert found.counts == right.counts
    np.testing.assert_allclose(found.edges, right.edges, rtol=1e-12)
    np.testing.assert_allclose(peaks(far).sizes, peaks(array).sizes)


@on_each
def test_a_device_without_double_precision_takes_its_sums_in_single(name: str) -> None:
    """As some have, and the counts are right there, too."""
    on = elsewhere(name)
    single = replace(on, scope={word: found for word, found in on.scope.items() if word != "float64"})
    array = ODD.astype(np.float32)
    with single.within():
        found = stats(single.out(single.into(array.copy())))
    for field in found.__struct_fields__:
        assert getattr(found, field) == pytest.approx(getattr(stats(array), field), rel=1e-5, abs=1e-5), field


@pytest.mark.parametrize("half", ["bfloat16", "float16"])
@pytest.mark.parametrize("name", [p for p in LIBRARIES if p.values[0] in ("torch", "jax")])
def test_what_is_in_half_precision_there_is_single_here(name: str, half: str) -> None:
    on, weights = elsewhere(name), np.linspace(-1, 1, 110, dtype=np.float32).reshape(110, 1)
    with on.within():
        there = on.in_half(on.into(PLAIN.astype(np.float32)), half)
        far, array = on.out(there), on.near(there)
    assert far.dtype == np.float32
    assert stats(far).norm == pytest.approx(stats(array).norm)
    assert far.reached([0.1, 0.3]) == [int((array >= edge).sum()) for edge in (np.float32(0.1), np.float32(0.3))]
    np.testing.assert_array_equal(far[3:5], array[3:5])
    np.testing.assert_allclose(far @ weights, array @ weights, rtol=1e-5, atol=1e-5)
    assert largest_cell(far) == largest_cell(array)


@on_each
def test_nan_is_passed_on_or_was_there_before(name: str) -> None:
    far, plain = placed(name, ODD), placed(name, PLAIN)
    assert born("X", far, [far]) is None
    assert born("X", far, [plain, ODD]) is None
    assert born("X", far, [plain]) == born("X", ODD, [])
    infinite = np.where(np.isnan(ODD), 0.0, ODD)
    assert born("X", placed(name, infinite), [plain]) == born("X", infinite, [])


@on_each
@pytest.mark.parametrize("what", ["odd", "three axes"])
def test_parts_are_numpys(name: str, what: str) -> None:
    array = ARRAYS[what]
    far, rank = placed(name, array), array.ndim
    keys: list[Any] = [
        3, -1, (2, 5), (..., 7), slice(1, None, 2), slice(None, None, -1), (slice(2, 4), slice(-5, None)), ...,
        tuple(np.array([1, 0, 4]) for _ in range(rank)), np.ix_(*([0, 3, 3] for _ in range(rank))),
        (np.int64(2),), array != array, (None, 0), (np.array([1, 2]),),
        1, True, (1, True), np.True_, False, slice(1, 2, 3), ((1, 2, 3),),
        (slice(1, 4), np.array([1, 2])), (np.array([[1], [2]]), slice(0, 9, 2)), [3, 1], (2, np.array([0, 5])),
    ]  # fmt: skip
    for key in keys:
        np.testing.assert_array_equal(far[key], array[key], err_msg=str(key))
        assert far[key].shape == array[key].shape, key
    np.testing.assert_array_equal(far[::-1][3][:5], array[::-1][3][:5])
    with pytest.raises(IndexError):
        far[1.0]
    assert isinstance(far[1:], Far)
    assert isinstance(far[0, :5], np.ndarray)


@on_each
def test_words_are_worked_out_there_and_whole_is_right(name: str) -> None:
    far = placed(name, ODD)
    small = np.arange(110.0)
    with np.errstate(all="ignore"):
        for found, right in [
            (far.T, ODD.T), (far.mT, ODD.mT), (far.reshape(-1, 55), ODD.reshape(-1, 55)), (-far, -ODD),
            (far + small, ODD + small), (small - far, small - ODD), (2 * far, 2 * ODD), (far / 2, ODD / 2),
            (far.astype(np.float32), ODD.astype(np.float32)), (np.isfinite(far), np.isfinite(ODD)),
            (np.isnan(far), np.isnan(ODD)), (np.abs(far), np.abs(ODD)), (far > 0.5, ODD > 0.5),
            (far @ far.T, ODD @ ODD.T),
        ]:  # fmt: skip
            assert isinstance(found, Far)
            np.testing.assert_allclose(np.asarray(found), right)
            assert found.dtype == right.dtype
        for found, right in [
            (far.sum(axis=0), ODD.sum(axis=0)), (far.max(axis=1), ODD.max(axis=1)), (far.min(), ODD.min()),
            ((far != far).any(), True), ((far == far).all(), False), (np.median(far), np.nan),
            (np.sin(far[0]), np.sin(ODD[0])), (far.argmax(), ODD.argmax()), (far[0].tolist(), ODD[0].tolist()),
            (np.floor_divide(far, 2), np.floor_divide(ODD, 2)), (len(far), len(ODD)),
        ]:  # fmt: skip
            np.testing.assert_allclose(found, right)
    with pytest.raises(TypeError):
        far[0] = 1.0


@on_each
@pytest.mark.parametrize("what", ["odd", "integers", "truth"])
def test_what_has_no_word_there_is_right_too(name: str, what: str) -> None:
    array, rows = ARRAYS[what], np.arange(110) > 4
    far, divisors = placed(name, array), np.zeros(110, np.int64)
    with np.errstate(all="ignore"):
        makes: list[Callable[[Any], Any]] = [
            lambda x: x[x > 0], lambda x: x[np.array([1, 2]), 3], lambda x: np.abs(x > 0), lambda x: np.floor(x > 0),
            lambda x: x == True, lambda x: x + True, lambda x: x + [*range(110)], lambda x: x == None,  # noqa: E711, E712, RUF005
            lambda x: x % divisors, lambda x: np.sum(x, where=rows), lambda x: np.any(x, where=rows),
            lambda x: np.all(x, where=rows), lambda x: np.sum(x, 0, np.float64), lambda x: np.transpose(x, None),
            lambda x: np.transpose(x, [1, 0]), lambda x: np.reshape(x, [99, 100]), lambda x: x.reshape([99, -1]),
            lambda x: np.reshape(x, (99, 100), order="F"), lambda x: np.ones_like(x, dtype=np.int64),
            lambda x: np.zeros_like(x), lambda x: (x > 0) ^ (x > 1),
            lambda x: np.count_nonzero(x, axis=0), lambda x: np.size(x, 0),
        ]  # fmt: skip
        for make in makes:
            found, right = np.asarray(make(far)), np.asarray(make(array))
            assert (found.dtype, found.shape) == (right.dtype, right.shape)
            np.testing.assert_allclose(found, right)
    assert array[4, 3] in far
    assert 1234.5 not in far
    if what == "integers":
        with pytest.raises(ValueError, match="negative"):
            far ** np.full(110, -1)


@on_each
def test_the_first_of_equal_cells_is_numpys(name: str) -> None:
    """In whatever pieces the array lies."""
    tied = np.zeros((90, 110))
    tied[3, 100], tied[4, 2], tied[80, 0] = 5.0, -5.0, 5.0
    far = placed(name, tied)
    if name == "dask":
        far.there = far.there.rechunk((20, 30))
    assert far.largest() == largest_cell(tied) == (3, 100)
    assert int((far != 0).argmax()) == int((tied != 0).argmax())
    tied[50:, 9] = np.nan
    tied[60, 3] = np.inf
    far = placed(name, tied)
    assert [far.first(kind) for kind in ("nan", "inf")] == [(50, 9), (60, 3)]


@on_each
def test_small_arrays_and_what_shares_memory_are_numpys(name: str) -> None:
    on = elsewhere(name)
    with on.within():
        assert isinstance(on.out(on.into(np.zeros(SMALL))), np.ndarray)
        assert isinstance(library(name).out(on.into(np.zeros(SMALL + 1))), Far if name == "dask" else np.ndarray)


@on_each
def test_cells_that_are_set_are_set_there(name: str) -> None:
    on = elsewhere(name)
    sets: list[Any] = [
        ((), 3.0), ((2,), np.arange(110.0)), ((0, 5), np.nan), ((slice(1, 9, 3), slice(None, None, -2)), -1.5),
        ((..., 4), 7.0), ((np.array([1, 2]), np.array([3, 3])), 9.0),
    ]  # fmt: skip
    for key, value in sets:
        wanted = ODD.copy()
        wanted[key] = value
        with on.within():
            found = on.near(on.changed(on.into(ODD.copy()), key, np.asarray(value)))
        np.testing.assert_array_equal(found, wanted, err_msg=str(key))


@on_each
def test_a_rule_on_what_stays_where_it_lies_is_checked_in_this_process(name: str) -> None:
    """One on a huge operand: in another process it would not lie there."""
    graph = chain(1).graph
    k = graph.k(graph.index["h"])
    assert k is not None
    far = placed(name, PLAIN)
    assert rule_of(graph, k, [near(far)]).portable
    assert not rule_of(graph, k, [far]).portable


@on_each
@pytest.mark.parametrize(("large", "times"), [(2**26, 1), (8, 2)])
def test_what_came_over_whole_is_kept_a_while_where_it_is_not_large(
    name: str, large: int, times: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(array_module, "LARGE", large)
    on, brought = elsewhere(name), list[Any]()

    def near(there: Any) -> Array:
        brought.append(there)
        return np.array(on.near(there))

    counted = replace(on, near=near)
    with on.within():
        far = counted.out(on.into(PLAIN.copy()))
    for _ in range(2):
        np.testing.assert_array_equal(np.asarray(far), PLAIN)
    assert len(brought) == times
