"""A cell of a matrix product as a sum: its factors are cells of the operands, and it says what it leaves out."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpdebug.views.sums import MatrixProduct

A, B = np.arange(24.0).reshape(2, 3, 4) - 7, np.arange(8.0).reshape(1, 4, 2) - 3


def test_a_cell_of_a_stack_of_products() -> None:
    product = MatrixProduct(lambda: A, lambda: B)
    text = product.line("C", (1, 2, 0), float((A @ B)[1, 2, 0]), 100)
    assert text == "C[1,2,0] = 13·(−3) + 14·(−1) + 15·1 + 16·3 = 10"
    assert MatrixProduct(lambda: A[0], lambda: B).line("", (0, 0, 1), 2.0, 100).startswith("[0,0,1] = (−7)·(−2) + ")


@given(st.integers(0, 90), st.integers(1, 40))
def test_no_more_than_the_room_and_what_is_left_out_is_counted(room: int, count: int) -> None:
    row = np.linspace(-2, 2, count)
    product = MatrixProduct(lambda: row.reshape(1, -1), lambda: row.reshape(-1, 1))
    text = product.line("∂W", (0, 0), float(row @ row), room)
    assert len(text) <= max(room, len("∂W[0,0] = … 40 more = 11.11"))
    more = re.search(r"… (\d+) more", text)
    assert text.count("·") + int(more[1] if more else 0) in (count, 0)


def test_of_a_long_sum_no_more_is_read_than_has_room() -> None:
    wide = np.ones((1, 10**6))
    text = MatrixProduct(lambda: wide, lambda: wide.T).line("C", (0, 0), 1e6, 60)
    assert re.fullmatch(r"C\[0,0\] = (1·1 \+ )+… 999,9\d\d more = 1e\+06", text)


@pytest.mark.parametrize("name", ["C", ""])
def test_a_sum_of_no_terms(name: str) -> None:
    empty = np.ones((1, 0))
    assert MatrixProduct(lambda: empty, lambda: empty.T).line(name, (0, 0), 0.0, 60).endswith("[0,0] = 0")
