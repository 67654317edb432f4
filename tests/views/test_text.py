"""Blocks as plain text: tables, source lines, matrices side by side."""

from __future__ import annotations

import numpy as np
import pytest

from bpdebug.errors import printable
from bpdebug.symbolic.notation import words
from bpdebug.views.blocks import Block, Formula, Listing, Matrix, Row, Table, Text
from bpdebug.views.report import Report
from bpdebug.views.text import (
    MOST_COLUMNS,
    MOST_ROWS,
    cells_lines,
    ends,
    listing_lines,
    matrix_lines,
    row_lines,
    table_lines,
)  # fmt: skip
from bpdebug.wrapping import display_width


def matrix(array: object, name: str = "A", note: str = "") -> Matrix:
    made = np.asarray(array)
    return Matrix(name, made, made.shape, note)


def test_a_matrix_has_its_name_its_shape_and_its_indices() -> None:
    assert matrix_lines(matrix([[0.4, -0.25], [0.1, 0.05]])) == [
        "A  2×2",
        "       0     1",
        "0   0.40 −0.25",
        "1   0.10  0.05",
    ]


def test_a_row_number_does_not_touch_its_row() -> None:
    """Without a sign in the first column, `1 16 11` would read as three cells."""
    lines = matrix_lines(matrix([[7.0, 5.0], [16.0, 11.0]]))
    assert lines[2:] == ["0   7  5", "1  16 11"]


def test_a_vector_has_one_row_and_no_row_number() -> None:
    assert matrix_lines(matrix([0.5, -1.0])) == ["A  (2)", "     0    1", "   0.5 −1.0"]


def test_a_number_has_no_indices() -> None:
    assert matrix_lines(matrix(0.25)) == ["A  ()", "0.25"]
    assert matrix_lines(matrix([7.0])) == ["A  (1)", "   7"]


def test_leading_axes_are_row_labels() -> None:
    lines = matrix_lines(matrix(np.arange(12).reshape(2, 3, 2)))
    assert [line.split()[0] for line in lines[2:]] == ["0,0", "0,1", "0,2", "1,0", "1,1", "1,2"]


def test_what_is_not_there_says_so() -> None:
    assert matrix_lines(Matrix("∂A", None, (2, 3))) == ["∂A  2×3", "not computed yet"]
    assert matrix_lines(matrix(np.zeros((0, 3)))) == ["A  0×3", "no cells"]


def test_a_note_stands_below() -> None:
    assert matrix_lines(matrix([[1.0]], note="transposed"))[-1] == "(transposed)"


def test_a_large_matrix_is_shown_by_its_corners_with_its_size() -> None:
    lines = matrix_lines(matrix(np.arange(40.0 * 30).reshape(40, 30)))
    assert lines[0] == "A  40×30"
    assert len(lines) == 2 + MOST_ROWS + 1
    assert lines[1].split() == ["0", "1", "2", "3", "4", "⋯", "25", "26", "27", "28", "29"]
    assert lines[2].split()[:3] == ["0", "0", "1"]
    assert lines[-1].split()[0] == "39"
    assert lines[-1].split()[-1] == "1199"
    assert len({display_width(line) for line in lines[1:]}) == 1


@pytest.mark.parametrize(("size", "most"), [(5, 10), (10, 10), (11, 10), (1000, 10), (13, 12)])
def test_the_ends_of_an_axis_are_shown(size: int, most: int) -> None:
    found = ends(size, most)
    indices = [i for i in found if i is not None]
    assert indices == sorted(set(indices))
    assert indices[0] == 0
    assert indices[-1] == size - 1
    assert (None in found) == (size > most)
    assert len(indices) == min(size, most)


def test_matrices_stand_side_by_side_with_the_sign_at_the_first_row_of_numbers() -> None:
    row = Row((matrix([[1.0, 2.0]], "X"), "@", matrix([[1.0], [2.0]], "W"), "=", matrix([[5.0]], "Y")))
    lines = row_lines(row, 100)
    assert lines[2].split() == ["0", "1", "2", "@", "0", "1", "=", "0", "5"]


def test_between_numbers_the_sign_stands_on_their_line_also_above_notes() -> None:
    lines = row_lines(Row((matrix(0.15, "w", "before"), "→", matrix(0.25, "w", "after"))), 100)
    assert [line.split() for line in lines] == [["w", "()", "w", "()"], ["0.15", "→", "0.25"], ["(before)", "(after)"]]


def test_what_does_not_fit_the_width_goes_below() -> None:
    wide = matrix(np.ones((2, 9)) * 0.12345)
    lines = row_lines(Row((wide, "@", wide, "=", wide)), 100)
    assert max(map(display_width, lines)) <= 100
    assert sum("A  2×9" in line for line in lines) == 3


def test_a_matrix_of_wide_cells_shows_fewer_columns_than_fit_no_line() -> None:
    array = np.full((2, MOST_COLUMNS), -1.23456e-200)
    lines = row_lines(Row((matrix(array),)), 80)
    assert max(map(display_width, lines)) <= 80
    assert "⋯" in lines[1]


def test_a_table_has_columns_as_wide_as_their_longest_cell() -> None:
    lines = [*table_lines(Table(("name", "shape"), (("W", "3×4"), ("longer", "()"))), 20)]
    assert lines == ["  name    shape", "  W       3×4  ", "  longer  ()   "]
    assert [*table_lines(Table(("name",), ()), 20)] == ["  (none)"]
    assert [*table_lines(Table(("", ""), (("a", "b"),)), 20)] == ["  a  b"]


@pytest.mark.parametrize("shape", [(), (1,), (5,), (2, 3), (3, 1), (2, 2, 3), (1, 2, 1, 2), (0,), (2, 0), (0, 3)])
def test_a_tensor_in_full_is_nested_as_numpy_nests_it(shape: tuple[int, ...]) -> None:
    array = np.arange(np.prod(shape, dtype=int)).reshape(shape) / 8 - 1
    assert "\n".join(cells_lines(array)) == str(array.tolist()).replace("], [", "],\n [")


def test_a_long_row_in_full_is_broken() -> None:
    array = np.arange(2.0 * 2500).reshape(2, 2500)
    lines = list(cells_lines(array))
    assert len(lines) == 6
    assert " ".join(lines).replace("  ", " ") == str(array.tolist())


def test_listing_lines_mark_the_current_one_and_breakpoints() -> None:
    lines = listing_lines(Listing(((9, "Y = X"), (10, "Z = Y")), 10, frozenset({9})))
    assert lines == ["  ●   9  Y = X", "   ▶ 10  Z = Y"]


def test_paragraphs_are_wrapped_and_what_is_laid_out_is_not() -> None:
    words = "word " * 60
    wrapped = Report("", "", (Text(words, "note"),)).to_text(80).splitlines()
    assert max(map(len, wrapped)) <= 80
    assert " ".join(wrapped).split() == words.split()
    table = "x  " * 60
    assert Report("", "", (Text(table),)).to_text(80) == table.rstrip()
    chinese = Report("", "", (Text("梯度为零。" * 20),)).to_text(80).splitlines()
    assert max(map(display_width, chinese)) == 80


def test_no_line_ends_in_blanks() -> None:
    blocks = (Row((matrix([[1.0], [2.0]]), "=", matrix([[1.0]]))), Formula(words("a")), Text(""))
    text = Report("", "title  ", blocks).to_text(80)
    assert not [line for line in text.splitlines() if line != line.rstrip()]


HOSTILE = "\x1b]0;title\x07 \x9b31m [bold] [/bold] [@click=x] \u202e\u2066 \u2028 \udc80 \x00"


def test_hostile_text_cannot_reach_the_terminal_in_any_block() -> None:
    blocks: list[Block] = [
        Text(HOSTILE),
        Text(HOSTILE, "note"),
        Formula(words(HOSTILE), HOSTILE),
        Row((Matrix(HOSTILE, np.zeros((2, 2)), (2, 2), HOSTILE), HOSTILE, Matrix(HOSTILE, None, (2,), HOSTILE))),
        Table((HOSTILE,), ((HOSTILE,),)),
        Listing(((1, HOSTILE),), 1),
    ]
    for block in blocks:
        text = Report("", HOSTILE, (block,)).to_text()
        assert printable(text) == text
        assert "\\x1b" in text
        assert "[bold]" in text


def test_sentences_in_a_table_are_wrapped_and_the_widest_column_gives_way() -> None:
    table = Table(("key", "what"), (("s", "the next event, a node of either pass"), ("Alt", "")), prose=True)
    assert [line.rstrip() for line in table_lines(table, 30)] == [
        "  key  what", "  s    the next event, a node", "       of either pass", "  Alt",
    ]  # fmt: skip
    assert len([*table_lines(table, 100)]) == 3
