"""Lines by cells: none is wider than it may be, nothing is lost, and none begins or ends as Chinese lines must not."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from bpdebug.wrapping import CLOSES, OPENS, display_width, pad, wrap

CHINESE = "反向传播从右往左：梯度 ∂Y 由下一层传来，乘以转置（“Wᵀ”），得到 ∂X = ∂Y @ Wᵀ；形状是 (2, 3)。"


def test_every_character_is_as_wide_as_unicode_says() -> None:
    for code in range(32, 0x3000):
        c = chr(code)
        wide = 1 + (unicodedata.east_asian_width(c) in "WF") - bool(unicodedata.combining(c))
        assert display_width(c) == wide, hex(code)


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("one two three", 7, ["one two", "three"]),
        ("one  two", 8, ["one  two"]),
        ("  one two", 6, ["  one", "  two"]),
        ("one\n\ntwo", 9, ["one", "", "two"]),
        ("unpronounceable", 6, ["unpron", "ouncea", "ble"]),
        ("梯度为零", 4, ["梯度", "为零"]),
        ("梯度为零", 5, ["梯度", "为零"]),
        ("梯度为。零", 6, ["梯度", "为。零"]),  # three would fit, and the next line would begin with 。
        ("矩阵W是", 5, ["矩阵W", "是"]),
        ("矩阵weight是", 8, ["矩阵", "weight是"]),
        ("形状(2, 3)", 8, ["形状(2,", "3)"]),
        ("是 “零” 吗", 6, ["是", "“零”", "吗"]),
    ],
)
def test_where_lines_break(text: str, width: int, lines: list[str]) -> None:
    assert wrap(text, width) == lines


def test_a_word_can_stay_whole() -> None:
    assert wrap("an unpronounceable word", 6, cut=False) == ["an", "unpronounceable", "word"]


@pytest.mark.parametrize("width", range(10, 90))
def test_chinese_lines_keep_the_rules_at_every_width(width: int) -> None:
    lines = wrap(CHINESE * 2, width)
    assert max(map(cell_len, lines)) <= width
    assert not [line for line in lines[1:] if line[0] in CLOSES] + [line for line in lines if line[-1] in OPENS]
    assert "".join("".join(lines).split()) == "".join((CHINESE * 2).split())


@given(st.text("ab ，。（）“”梯度∂\u0301🙂\n", max_size=60), st.integers(3, 30))
def test_nothing_is_lost_and_nothing_is_too_wide(text: str, width: int) -> None:
    lines = wrap(text, width)
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert max(map(display_width, lines)) <= width


def test_columns_are_padded_by_cells() -> None:
    assert {display_width(pad(text, 8)) for text in ("dW", "梯度", "梯度 dW", "e\u0301")} == {8}
