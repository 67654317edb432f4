"""Arrays and numbers as JSON: shortest digits that read back to the same double, words for what is not finite."""

from __future__ import annotations

import json
import math
import struct
import unicodedata
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpdebug.views.encode import MANY_CELLS, cells, plain, to_json
from tests.graphs import examples


def bits(x: float) -> bytes:
    return struct.pack("<d", x)


@examples(300)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_doubles_read_back_to_the_same_bits(values: list[float]) -> None:
    found = json.loads(to_json(np.array(values)))
    assert [bits(float(v)) for v in found] == [bits(v) for v in values]


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.1, "0.1"), (1.0, "1.0"), (-0.0, "-0.0"), (5e-324, "5e-324"), (1 / 3, "0.3333333333333333"), (1e22, "1e22")],
)
def test_the_digits_are_the_shortest(value: float, text: str) -> None:
    assert to_json(value) == text
    assert to_json(np.array([value])) == f"[{text}]"


@examples(100)
@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_single_precision_reads_back_to_the_same_number(values: list[float]) -> None:
    array = np.array(values, np.float32)
    assert json.loads(to_json(array)) == array.astype(np.float64).tolist()


@pytest.mark.parametrize(("value", "word"), [(math.nan, "nan"), (math.inf, "inf"), (-math.inf, "-inf")])
def test_what_is_not_finite_is_a_word(value: float, word: str) -> None:
    assert json.loads(to_json(value)) == word
    assert json.loads(to_json(np.array(value))) == word
    assert json.loads(to_json(np.array([[value, 1.0]]))) == [[word, 1.0]]
    assert json.loads(to_json({"a": [value]})) == {"a": [word]}


@pytest.mark.parametrize(
    ("array", "wanted"),
    [
        (np.array(2.5), 2.5),
        (np.array([1, -(2**63)]), [1, -(2**63)]),
        (np.array([[True], [False]]), [[True], [False]]),
        (np.zeros((0, 3)), []),
        (np.zeros((2, 0)), [[], []]),
        (np.float64(1.5), 1.5), (np.float32(0.5), 0.5), (np.int64(7), 7), (np.bool_(True), True),
    ],
)  # fmt: skip
def test_arrays_of_every_kind_become_lists(array: Any, wanted: Any) -> None:
    found = json.loads(to_json(array))
    assert found == wanted
    assert repr(found) == repr(wanted)


def test_a_tensor_of_more_than_ten_thousand_cells_is_null_unless_all_values_are_asked_for() -> None:
    assert MANY_CELLS == 10_000
    most, more = np.ones(10_000), np.ones(10_001)
    assert cells(most) == most.tolist()
    assert cells(more) is None
    assert plain(cells(more, full=True)) == more.tolist()
    assert to_json({"value": more}) == '{"value":null}'


class Record(msgspec.Struct, frozen=True):
    name: str
    at: tuple[int, ...]
    array: Any


def test_records_and_tuples_are_objects_and_lists() -> None:
    assert plain(Record("a", (1, 2), np.array([0.5]))) == {"name": "a", "at": [1, 2], "array": [0.5]}
    assert plain({3: None}) == {"3": None}


@examples(200)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_text_survives_and_cannot_reach_the_terminal_as_a_control(text: str) -> None:
    """JSON is printed on terminals too: C1 controls and bidirectional marks are escapes there, and the same text."""
    line = to_json({"title": text})
    assert json.loads(line) == {"title": text}
    assert "\n" not in line
    assert not [c for c in line if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp", "Co", "Cn")]


def test_letters_and_signs_stay_readable() -> None:
    assert to_json({"formula": "∂Y @ Wᵀ", "title": "grün"}) == '{"formula":"∂Y @ Wᵀ","title":"grün"}'
