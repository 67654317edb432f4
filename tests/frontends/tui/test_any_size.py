"""Of a matrix of any size only what is seen is looked at, and nothing of its size is made: counted, not timed."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

from bpdebug.arrays import read_only
from bpdebug.engine import stats
from bpdebug.engine.stats import two_norm
from bpdebug.views.numbers import extent

from .screen import Sized, report_of

SIDE = 4096
PASSES = 6
"""How often everything may be looked at, in all, before it is known."""


class Counted(np.ndarray[Any, Any]):
    """An array that counts how many cells of it, and of what is made of it, are looked at."""

    cells = 0

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        Counted.cells += max(x.size for x in inputs if isinstance(x, np.ndarray))
        plain = [x.view(np.ndarray) if isinstance(x, Counted) else x for x in inputs]
        for name in ("out", "where"):
            given = options.get(name)
            if isinstance(given, tuple):
                options[name] = tuple(x.view(np.ndarray) if isinstance(x, Counted) else x for x in given)
            elif isinstance(given, Counted):
                options[name] = given.view(np.ndarray)
        made = getattr(ufunc, method)(*plain, **options)
        return made.view(Counted) if isinstance(made, np.ndarray) else made


def counted(bad: bool) -> Any:
    """A matrix of 16 million cells, none of which can be written, with one bad cell among them."""
    array = np.random.default_rng(1).random((SIDE, SIDE), np.float32) - np.float32(0.5)
    if bad:
        array[3000, 2000] = np.nan
    return read_only(array.view(Counted))


@contextmanager
def making(most: int) -> Iterator[None]:
    """Nothing of so many bytes is made inside."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("bad", [False, True])
@pytest.mark.parametrize("heat", [0, 2])
def test_a_step_looks_at_everything_once_and_keys_at_what_is_seen(bad: bool, heat: int) -> None:
    array = counted(bad)
    stage = Sized(118, 36)
    for _ in range(heat):
        stage.action_heat()
    maps = 4 if heat else 0  # twice for each of the two
    for bound in ((PASSES + maps) * array.size, 0):
        Counted.cells = 0
        with making(array.nbytes // 16):
            stage.show(report_of(("A", array), "→", ("Aᵀ", array.T)))
            assert any(char.isdigit() for char in "".join(stage.lines()))
        assert Counted.cells <= bound
    Counted.cells = 0
    with making(array.nbytes // 16):
        for move in ((0, 1), (1, 0), (2000, 2000), (4000, 0), (-17, -3)):
            stage.action_move(*move)
            stage.lines()
        stage.action_across(1)
        stage.action_page(-1)
        stage.lines()
        if not heat:  # a map of the transpose is another
            stage.action_transpose()
            stage.action_format()
            stage.action_digits(1)
            stage.lines()
    assert Counted.cells == 0


@pytest.mark.parametrize("bad", [False, True])
@pytest.mark.parametrize("ask", [extent, stats, two_norm])
def test_what_is_to_be_known_of_an_array_is_found_in_pieces_and_kept(ask: Any, bad: bool) -> None:
    array = counted(bad)
    Counted.cells = 0
    with making(array.nbytes // 16):
        found = ask(array)
    assert 0 < Counted.cells <= 16 * array.size
    Counted.cells = 0
    assert ask(array) is found or found != found
    assert Counted.cells == 0
