"""Reports set in type: corners of large matrices, what is said beside formulas, and nothing that is not escaped."""

from __future__ import annotations

import re
from collections.abc import Callable
from xml.etree import ElementTree

import numpy as np
import pytest
from msgspec.structs import replace

from bpdebug.debugger import open_session
from bpdebug.scenario import find, load
from bpdebug.symbolic.notation import gradient_of, line, symbol, words
from bpdebug.views import here
from bpdebug.views.blocks import Block, Cells, Formula, Listing, Matrix, Row, Table, Text
from bpdebug.views.papers import Paper
from bpdebug.views.papers.latex import in_markdown, markdown_paper, tex_paper
from bpdebug.views.papers.mathml import mathml_paper
from bpdebug.views.papers.svg import CELL, MARGIN, svg
from bpdebug.views.papers.typst import typst_paper
from bpdebug.views.report import Report
from tests.lessons import NAMES
from tests.symbolic.test_mathml import CORE

PAPERS = (tex_paper, typst_paper, mathml_paper, markdown_paper)
HOSTILE = "</math><script>alert(1)</script>]]>&#x26; \x1b[31m \u202e $x$ \\end{x} #eval(1) **b** _i_ 100%"


def of_blocks(*blocks: Block, title: str = "") -> Report:
    return Report("event", title, blocks)


def at(name: str, cursor: int) -> Report:
    return here(replace(open_session(load(find(name))), cursor=cursor))


def html(text: str) -> ElementTree.Element:
    """A page's body as XML; what it is made of is HTML's text and MathML Core."""
    tree = ElementTree.fromstring(f"<body>{text}</body>")
    for element in tree.iter():
        assert element.tag in CORE | {"body", "p", "strong", "small", "table", "tr", "th", "td", "pre"}, element.tag
    return tree


def test_a_matrix_of_more_than_8_rows_or_columns_has_corners_and_dots() -> None:
    array = np.arange(100).reshape(10, 10)
    report = of_blocks(Row((Matrix("X", array, (10, 10)),)))
    tex = tex_paper().written(report)
    rows = re.findall(r"\\begin\{bmatrix\} (.*) \\end\{bmatrix\}", tex)[0].split(r" \\ ")
    assert rows[0] == r"0 & 1 & 2 & 3 & \cdots & 6 & 7 & 8 & 9"
    assert rows[4] == r"\vdots & \vdots & \vdots & \vdots & \ddots & \vdots & \vdots & \vdots & \vdots"
    assert rows[-1].endswith("99")
    assert len(rows) == 9
    assert "⋱" in typst_paper().written(report)
    assert len(html(mathml_paper().written(report)).findall(".//mtr")) == 9
    assert "dots" not in tex_paper().written(of_blocks(Row((Matrix("X", array[:8, :8], (8, 8)),))))


def test_matrices_without_cells_or_numbers_and_single_numbers() -> None:
    empty, none, one = Matrix("E", np.zeros((0, 2)), (0, 2)), Matrix("N", None, (2,)), Matrix("L", np.array(np.nan), ())
    tex = tex_paper().written(of_blocks(Row((empty, ",", none, ",", one))))
    assert r"\text{no cells}" in tex
    assert r"\text{not computed yet}" in tex
    assert r"\underset{L}{\mathrm{nan}}" in tex
    assert '"nan"' in typst_paper().written(of_blocks(Row((one,))))


def test_a_row_that_is_too_wide_goes_on_below_with_its_sign() -> None:
    items = [Matrix(name, np.full((2, 8), 0.12345), (2, 8)) for name in "ABC"]
    tex = tex_paper().written(of_blocks(Row((items[0], "*", items[1], "=", items[2]))))
    assert tex.count(r"\begin{gathered}") == 1
    assert r" \\ \odot \underset{B" in tex
    assert r" \\ = \underset{C" in tex
    few = tex_paper().written(of_blocks(Row((items[0], "→", Matrix("a" * 40, np.zeros(2), (2,))))))
    assert "gathered" not in few
    assert r"\underset{\dots \text{~(2)}}" in few
    html(mathml_paper().written(of_blocks(Row((items[0], "*", items[1], "=", items[2])))))


def test_a_shape_below_a_matrix_has_its_sign_in_the_size_of_its_numbers() -> None:
    """KaTeX sets mathematics within text in the size of the line, be the text below something."""
    tex = tex_paper().written(of_blocks(Row((Matrix("W", np.eye(2), (2, 2)),))))
    assert r"\underset{W \text{~2}\times \text{2}}" in tex


def test_what_is_said_of_a_long_formula_stands_below_it() -> None:
    formula = Formula(line(symbol("x" * 60), "=", symbol("y")), "2×3, as X is")
    assert r" = y \\ \text{2}\times \text{3, as X is} \end{gathered}" in tex_paper().written(of_blocks(formula))


def test_a_cell_that_stands_out_is_underlined() -> None:
    report = of_blocks(Row((Matrix("X", np.eye(2), (2, 2), marked=frozenset({(0, 1)})),)))
    assert r"\begin{bmatrix} 1 & \underline{0} \\ 0 & 1 \end{bmatrix}" in tex_paper().written(report)
    assert "underline(0)" in typst_paper().written(report)
    html(mathml_paper().written(report))


def test_a_formula_with_what_is_said_of_it_and_words_in_their_styles() -> None:
    formula = Formula(line(gradient_of("X"), "=", symbol("Y")), "2×3")
    report = of_blocks(Text("First.", "dim"), Text("50% wrong", "bad"), formula, title="T_1")
    assert tex_paper().written(report).split("\n\n")[1:] == [
        r"\paragraph{T\_1}", r"\textit{First.}", r"\textbf{50\% wrong}",
        r"\[ \partial X = Y \qquad \text{2}\times \text{3} \]" + "\n",
    ]  # fmt: skip
    assert markdown_paper().written(report).split("\n\n")[1:] == [
        r"**T\_1**", "*First.*", "**50% wrong**", "$$\n" + r"\partial X = Y \qquad \text{2}\times \text{3}" + "\n$$\n",
    ]  # fmt: skip


@pytest.mark.parametrize("paper", PAPERS)
def test_every_one_stands_alone_and_says_what_it_needs(paper: Callable[..., Paper]) -> None:
    text = paper().written(at("two_layer", 10))
    assert text.startswith(("% needs", "// needs", "<!-- "))
    assert text == paper().written(at("two_layer", 10))
    assert text != paper(bar=True).written(at("two_layer", 10))
    assert "://" not in text


@pytest.mark.parametrize("name", NAMES)
def test_every_event_as_a_page_is_well_formed_and_in_latex_has_letters_alone(name: str) -> None:
    state = open_session(load(find(name)))
    for cursor in range(state.timeline.schedule.per_iteration + 1):
        report = here(replace(state, cursor=min(cursor, len(state.timeline))))
        html(mathml_paper().written(report))
        found = {char for char in tex_paper().written(report) if not char.isascii() and not char.isalpha()}
        assert not found, f"pdfLaTeX has no glyph for {found}"


@pytest.mark.parametrize("paper", PAPERS)
def test_words_from_files_are_data(paper: Callable[..., Paper]) -> None:
    array = np.ones((2, 2))
    text = paper().written(of_blocks(
        Text(HOSTILE), Text(HOSTILE, "note"), Formula(words(HOSTILE), HOSTILE),
        Row((Matrix(HOSTILE, array, (2, 2)), HOSTILE)),
        Table((HOSTILE, ""), ((HOSTILE, ""),)), Listing(((1, HOSTILE),)), Cells(array), title=HOSTILE,
    ))  # fmt: skip
    assert "\x1b" not in text
    assert "\u202e" not in text
    if paper is mathml_paper:
        assert len(html(text).findall(".//script")) == 0


def test_markdown_in_words_is_text() -> None:
    assert (
        in_markdown("1. a\n  - b *c* [d](e) <f> `g` $h$ a_b")
        == "1\\. a\n\\- b \\*c\\* \\[d\\](e) \\<f\\> \\`g\\` \\$h\\$ a\\_b"
    )


# --- pictures


def test_a_picture_is_small_and_asks_no_address() -> None:
    text = svg(at("two_layer", 10))
    tree = ElementTree.fromstring(text)
    assert len(text.encode()) < 6500
    assert re.findall(r"\w+://[^\"]*", text) == ["http://www.w3.org/2000/svg"]
    assert {element.tag.rpartition("}")[2] for element in tree.iter()} == {
        "svg",
        "title",
        "style",
        "rect",
        "text",
        "tspan",
    }


def test_a_line_of_a_picture_has_its_characters_at_their_cells() -> None:
    report = of_blocks(Text("ab  c 中文 d"), Row((Matrix("中", np.array([[1.0, -2.0]]), (1, 2)),)), title="标题 <&>")
    tree = ElementTree.fromstring(svg(report))
    spans = [(span.text, span.get("x")) for span in tree.iter() if span.tag.endswith("tspan")]

    def x(*cells: int) -> str:
        return " ".join(f"{MARGIN + cell * CELL:.1f}".removesuffix(".0") for cell in cells)

    assert spans[:6] == [
        ("标题", x(0, 2)), ("<&>", x(5)), ("ab", x(0)), ("c", x(4)), ("中文", x(6, 8)), ("d", x(11)),
    ]  # fmt: skip
    assert ("中", x(2)) in spans
    width = max(float(span.get("x", "").split()[-1]) for span in tree.iter() if span.tag.endswith("tspan"))
    assert width < float(tree.get("width", "0"))


def test_words_in_a_picture_are_data() -> None:
    tree = ElementTree.fromstring(svg(of_blocks(Text(HOSTILE), Formula(words(HOSTILE), HOSTILE), title=HOSTILE)))
    assert "</math><script>alert(1)</script>]]>" in "".join(tree.itertext())
