"""Formulas as MathML: well-formed, of MathML Core alone, and the right element for each joint."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest

from bpdebug.ops import Op
from bpdebug.symbolic import PRIMS, Trace
from bpdebug.symbolic.mathml import MATHML, MATHML_BAR
from bpdebug.symbolic.notation import Notation, cell_of, gradient_of, line, numeral, plus, sum_over, symbol, words
from bpdebug.symbolic.text import write
from tests.graphs import SAMPLES, sample_call
from tests.symbolic.test_text import Trees

CORE = {
    "math", "mrow", "mi", "mn", "mo", "mtext", "mspace", "mfrac", "msqrt", "msup", "msub", "msubsup", "munder", "mover",
    "munderover", "mtable", "mtr", "mtd",
}  # fmt: skip
"""Elements of MathML Core (W3C, 2025) that are used here."""
ATTRIBUTES = {"display", "lspace", "rspace", "stretchy", "accent"}
CHILDREN = {"mfrac": 2, "msup": 2, "msub": 2, "munder": 2, "mover": 2}
HOSTILE = [
    "<b>",
    "&amp;",
    "a b",
    "]]>",
    "\x1b[31m",
    "\u202e",
    "损失",
    "x_1%",
    "ﬁ",
    "π",
    "$",
    "\\",
    '"',
    "1",
    "",
    "é",
    "ᵀ",
]


def checked(text: str) -> ElementTree.Element:
    """The tree of a formula; nothing in it but what MathML Core has, with as many children as it wants."""
    tree = ElementTree.fromstring(text)
    for element in tree.iter():
        assert element.tag in CORE, element.tag
        assert set(element.attrib) <= ATTRIBUTES
        assert len(element) == CHILDREN.get(element.tag, len(element)), text
        assert not (len(element) and (element.text or "").strip()), "text beside elements"
    return tree


def read(element: ElementTree.Element) -> str:
    return "".join(element.itertext())


def drawn(notation: Notation) -> str:
    return MATHML.display(notation.in_dialect(MATHML))


@pytest.mark.parametrize(
    ("notation", "wanted"),
    [
        (symbol("X"), "<mi>X</mi>"),
        (symbol("W1"), "<msub><mi>W</mi><mn>1</mn></msub>"),
        (symbol("loss"), "<mi>loss</mi>"),
        (symbol("a<b"), "<mi>a&lt;b</mi>"),
        (gradient_of("X"), "<mrow><mi>∂</mi><mi>X</mi></mrow>"),
        (numeral("−0.5"), "<mrow><mo>−</mo><mn>0.5</mn></mrow>"),
        (
            numeral("1.2e−05"),
            "<mrow><mn>1.2</mn><mo>×</mo><msup><mn>10</mn><mrow><mo>−</mo><mn>5</mn></mrow></msup></mrow>",
        ),
        (numeral("nan"), "<mi>nan</mi>"),
        (numeral("−inf"), "<mrow><mo>−</mo><mi>∞</mi></mrow>"),
        (sum_over("j"), "<munder><mo>∑</mo><mrow><mi>j</mi></mrow></munder>"),
        (words("none & so on"), "<mtext>none &amp; so on</mtext>"),
        (line(symbol("a"), "+=", symbol("b")), "<mrow><mi>a</mi><mo>+=</mo><mi>b</mi></mrow>"),
        (plus([symbol("a"), numeral("−2")]), "<mrow><mi>a</mi><mo>−</mo><mn>2</mn></mrow>"),
    ],
    ids=str,
)
def test_what_is_no_expression(notation: Notation, wanted: str) -> None:
    assert notation.in_dialect(MATHML) == wanted
    checked(drawn(notation))


def test_with_bars_for_gradients() -> None:
    wanted = '<mover accent="true"><mi>X</mi><mo stretchy="false">¯</mo></mover>'
    assert gradient_of("X").in_dialect(MATHML_BAR) == wanted
    checked(MATHML_BAR.display(gradient_of("loss").in_dialect(MATHML_BAR)))


def test_a_product_of_matrices_a_fraction_a_power_and_a_transpose() -> None:
    xp = Trace(PRIMS)
    a, b, s = (xp.leaf(n, shape, np.dtype(float)) for n, shape in (("A", (2, 2)), ("B", (2, 2)), ("s", ())))
    names = {id(a): "A", id(b): "B", id(s): "s"}

    def of(expr: Any) -> str:
        return write(expr, lambda e: names.get(id(e)), MATHML)

    assert read(checked(of(a @ xp.matrix_transpose(b)))) == "A\u2062B⊤"
    assert of(a / (b + 1)) == "<mfrac><mi>A</mi><mrow><mi>B</mi><mo>+</mo><mn>1</mn></mrow></mfrac>"
    assert of(a**0.5) == "<msup><mi>A</mi><mn>0.5</mn></msup>"
    assert read(checked(of(xp.matrix_transpose(b) ** 2))) == "(B⊤)2"
    assert read(checked(of((a / b) ** 2))) == "(AB)2"
    assert read(checked(of(a * b))) == "A⊙B"
    assert read(checked(of(a * s))) == "A·s"
    assert read(checked(of(2 * a))) == "2·A"
    assert read(checked(of((a @ b) * s))) == "(A\u2062B)·s"
    assert of(xp.sqrt(a)) == "<msqrt><mi>A</mi></msqrt>"
    assert read(checked(of(xp.abs(a)))) == "|A|"
    assert read(checked(of(xp.sum(a, axis=0)))) == "sum\u2061(A,axis=0)"
    assert read(checked(of(xp.index(a, key=(0, (None, 2, None)))))) == "A[0,:2]"


@pytest.mark.parametrize("name", HOSTILE)
def test_names_from_files_are_data(name: str) -> None:
    for notation in (symbol(name), gradient_of(name), cell_of(name, (0, 1)), words(name), line(name, name)):
        checked(drawn(notation))
        checked(MATHML_BAR.display(notation.in_dialect(MATHML_BAR)))


@pytest.mark.parametrize(("op", "i"), SAMPLES, ids=[f"{op.name}-{i}" for op, i in SAMPLES])
def test_every_rule_and_call(op: Op, i: int) -> None:
    plan = sample_call(op, op.samples[i]).plan
    names = [f"x{n}" for n in range(len(plan.operands))]
    checked(drawn(plan.call_text(names)))
    for position in plan.differentiable:
        checked(drawn(plan.formula(position, names, "y")))
        brief = plan.brief(plan.summed(position), names, "y")
        checked(drawn(brief.text))
        for name, text in brief.where:
            checked(drawn(line(name, "=", text)))


def test_random_expressions() -> None:
    for seed in range(300):
        trees = Trees(seed, casts=True)
        text = write(trees.any(5), lambda e, names=trees.names: names.get(id(e)), MATHML)  # type: ignore[misc]
        checked(MATHML.display(text))
