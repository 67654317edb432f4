"""Numbers as text: one format per matrix, aligned on the point, four significant digits."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpdebug.views.numbers import DIGITS, extent, number, number_format, percent, shape_text
from tests.graphs import examples


def cells(array: Any) -> list[str]:
    """Every cell as it stands in its column."""
    made = np.asarray(array)
    form = number_format(made)
    return [form.cell(value) for value in made.reshape(-1)]


def texts(array: Any) -> list[str]:
    return [cell.strip() for cell in cells(array)]


def point(cell: str) -> int:
    """Where the point of a number stands; behind its last digit where it has none."""
    digits = cell.rstrip()
    return digits.index(".") if "." in digits else len(digits)


@pytest.mark.parametrize(
    ("shape", "text"), [((), "()"), ((5,), "(5)"), ((0,), "(0)"), ((4, 3), "4×3"), ((2, 0, 1), "2×0×1")]
)
def test_shapes_as_text(shape: tuple[int, ...], text: str) -> None:
    assert shape_text(shape) == text


@pytest.mark.parametrize(
    ("array", "wanted"),
    [
        ([[0.40, -0.25], [0.10, 0.05]], ["0.40", "−0.25", "0.10", "0.05"]),
        ([1.0, 16.0, -3.0], ["1", "16", "−3"]),
        ([1 / 3, -2 / 3], ["0.3333", "−0.6667"]),
        ([1 / 3, 1.0], ["0.333", "1.000"]),
        ([0.1 + 0.2], ["0.3000"]),
        ([12345.678, 1.0], ["12346", "1"]),
        ([1e7, -1e7], ["1.000e+07", "−1.000e+07"]),
        ([1e-5, 2e-6], ["1.000e−05", "2.000e−06"]),
        ([0.00012346, 0.00054], ["0.0001235", "0.0005400"]),
        (np.float32(0.1), ["0.1"]),
        (np.array(0.1), ["0.1"]),
        ([0.0, 0.0], ["0", "0"]),
        ([np.nan, np.inf, -np.inf, 1.5], ["nan", "inf", "−inf", "1.5"]),
        ([np.nan], ["nan"]),
        (np.array([-5, 10, 2**62]), ["−5", "10", str(2**62)]),
        (np.array([-(2**63)]), [f"−{2**63}"]),
        (np.array([True, False]), ["1", "0"]),
        (np.zeros((0, 3)), []),
    ],
)
def test_cells_in_one_format(array: Any, wanted: list[str]) -> None:
    assert texts(array) == wanted


def test_rounding_up_to_one_digit_more_keeps_four_significant_digits() -> None:
    assert texts([9.99996, 1.0]) == ["10.00", "1.00"]
    assert texts([0.99999, 0.5]) == ["1.000", "0.500"]
    assert texts([999.96]) == ["1000"]
    assert texts([9999999.9]) == ["1.000e+07"]
    assert texts([0.000099999]) == ["0.0001000"]


def test_a_zero_has_no_sign() -> None:
    assert texts([-0.0, 0.0]) == ["0", "0"]
    assert texts([0.5, -0.0]) == ["0.5", "0.0"]
    assert texts([-0.5, -0.0]) == ["−0.5", "0.0"]
    assert texts([1e9, -0.0]) == ["1.000e+09", "0.000e+00"]
    assert texts([np.nan, -0.0]) == ["nan", "0"]
    assert number(-0.0) == "0"


def test_what_is_too_small_for_the_format_is_no_zero() -> None:
    assert texts([1.5, 1e-9, -1e-9]) == ["1.500", "+ε", "−ε"]
    assert texts([1.0, 5e-324]) == ["1.000", "+ε"]


@pytest.mark.parametrize(
    "array",
    [
        [[0.5, -0.0], [1.0, 2.0]],
        [[9.99996, 1.0], [1.0, -1.0]],
        [[1.5, 1e-9], [-1e-9, 22.0]],
        [[123456.0, 0.5], [-1.0, 7.0]],
        [[1e-300, 1e8], [-1.0, 0.0]],
        [[1.7e308, -1.7e308], [1.0, 5e-324]],
        [[1e7, 1e99], [1.0, -1e-99]],
    ],
)
def test_numbers_stand_with_their_points_below_one_another(array: Any) -> None:
    found = cells(array)
    assert len({len(cell) for cell in found}) == 1
    assert len({point(cell) for cell in found}) == 1


FLOATS = st.floats(-1.7e308, 1.7e308) | st.sampled_from([math.nan, math.inf, -math.inf])


@examples(300)
@given(st.lists(FLOATS | st.sampled_from([0.0, -0.0, 9.99995, -99999.96, 1e-4, 1e7]), min_size=1, max_size=8))
def test_every_matrix_is_aligned_and_nothing_reads_as_what_it_is_not(values: list[float]) -> None:
    array = np.array(values)
    form = number_format(array)
    found = [form.cell(v) for v in array]
    assert {len(cell) for cell in found} == {form.width}
    finite = [(v, cell) for v, cell in zip(values, found, strict=True) if math.isfinite(v)]
    assert len({point(cell) for _, cell in finite}) <= 1
    top = max((abs(v) for v, _ in finite), default=0.0)
    for value, cell in finite:
        text = cell.strip().replace("−", "-")
        assert text.startswith("-") == (value < 0)
        if text in ("+ε", "-ε"):
            assert value != 0
            text = "0"
        else:
            assert float(text) != 0 or value == 0
        # Half a unit of the fourth digit of the largest, or four digits of its own where exponents are written.
        room = 0.5 * 10.0 ** (1 - DIGITS) * (abs(value) if form.kind == "e" else top)
        assert abs(float(text) - value) <= room * (1 + 1e-9) or value == 0
    for value, cell in zip(values, found, strict=True):
        if not math.isfinite(value):
            assert cell.strip() == ("nan" if value != value else "inf" if value > 0 else "−inf")


@examples(200)
@given(st.lists(FLOATS | st.sampled_from([0.0, 0.96, 9.96, -0.04]), min_size=1, max_size=8), st.integers(1, 4))
def test_with_fewer_digits_it_is_rounded_and_aligned(values: list[float], digits: int) -> None:
    form = extent(np.array(values)).format(digits)
    found = [form.cell(v) for v in values]
    top = max((abs(v) for v in values if math.isfinite(v)), default=0.0)
    assert {len(cell) for cell in found} == {form.width}
    for value, cell in zip(values, found, strict=True):
        text = cell.strip().replace("−", "-")
        if math.isfinite(value) and text not in ("+ε", "-ε"):
            room = 0.5 * 10.0 ** (1 - digits) * (abs(value) if form.kind == "e" else top)
            assert abs(float(text) - value) <= room * (1 + 1e-9)
            assert (float(text) == 0) == (value == 0)


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=6))
def test_integers_are_written_out_and_aligned(values: list[int]) -> None:
    found = cells(np.array(values, np.int64))
    assert [int(cell.replace("−", "-")) for cell in found] == values
    assert len({len(cell) for cell in found}) == 1


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"), (0.0, "0"), (1.0, "1"), (-2.5, "−2.5"), (0.29837, "0.2984"), (1e10, "1e+10"), (-1e-5, "−1e−05"),
        (math.nan, "nan"), (math.inf, "inf"), (-math.inf, "−inf"),
    ],
)  # fmt: skip
def test_a_number_on_its_own(value: float | None, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize(
    ("share", "text"),
    [(0.0, "0.0 %"), (0.5, "50.0 %"), (-0.25, "−25.0 %"), (4e-4, "+ε %"), (-4e-4, "−ε %"), (math.nan, "nan %")],
)
def test_a_share_is_no_zero_unless_it_is_one(share: float, text: str) -> None:
    assert percent(share, 1) == text
