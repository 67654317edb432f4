"""Formulas as LaTeX and as Typst: what is escaped, and how each joint is written."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bpdebug.symbolic import PRIMS, Trace
from bpdebug.symbolic.notation import (
    Notation,
    cell_of,
    gradient_of,
    joined,
    line,
    numeral,
    repeated_name,
    symbol,
    words,
)
from bpdebug.symbolic.tex import MARKDOWN, TEX, TEX_BAR, in_text
from bpdebug.symbolic.text import write
from bpdebug.symbolic.typst import TYPST, TYPST_BAR
from bpdebug.symbolic.typst import in_text as in_typst


@pytest.mark.parametrize(
    ("notation", "tex", "typst"),
    [
        (symbol("X"), "X", "X"),
        (symbol("W12"), "W_{12}", "W_(12)"),
        (symbol("h_pre"), r"\mathrm{h\_pre}", '"h_pre"'),
        (symbol("w.velocity"), r"\mathrm{w.velocity}", '"w.velocity"'),
        (symbol("θ"), r"\theta ", "θ"),
        (symbol("Δw"), r"\Delta \mathrm{w}", '"Δw"'),
        (symbol("损失"), r"\text{损失}", '"损失"'),
        (symbol("a%b"), r"\mathrm{a}\text{\%}\mathrm{b}", '"a%b"'),
        (symbol('a"\\'), r"\mathrm{a}\text{" + '"' + r"\textbackslash{}}", r'"a\"\\"'),
        (gradient_of("X"), r"\partial X", "∂X"),
        (gradient_of("loss"), r"\partial \mathrm{loss}", '∂"loss"'),
        (cell_of(gradient_of("Y"), "ij"), r"\partial Y [i, j]", "∂Y [i, j]"),
        (cell_of("Y", (0, 1)), "Y [0, 1]", "Y [0, 1]"),
        (numeral("−0.5"), "-0.5", "-0.5"),
        (numeral("1.2e−05"), r"1.2 \times 10^{-5}", "1.2 × 10^(-5)"),
        (numeral("1e+22"), "10^{22}", "10^(22)"),
        (numeral("nan"), r"\mathrm{nan}", '"nan"'),
        (numeral("−inf"), r"-\infty", "-∞"),
        (repeated_name(2), r"\boldsymbol{s}_{2}", "bold(s)_(2)"),
        (line(symbol("a"), "+=", words("50% & more")), r"a \mathrel{+}= \text{50\% \& more}", 'a += "50% & more"'),
        (joined("·", [symbol("a"), symbol("b")], gap=""), r"a \cdot b", "a · b"),
    ],
    ids=str,
)
def test_what_is_no_expression(notation: Notation, tex: str, typst: str) -> None:
    assert notation.in_dialect(TEX) == tex
    assert notation.in_dialect(TYPST) == typst


def test_with_bars_for_gradients() -> None:
    assert gradient_of("X").in_dialect(TEX_BAR) == r"\bar{X}"
    assert gradient_of("W1").in_dialect(TEX_BAR) == r"\overline{W_{1}}"
    assert gradient_of("X").in_dialect(TYPST_BAR) == "overline(X)"


def test_a_display() -> None:
    assert TEX.display("x") == r"\[ x \]"
    assert TYPST.display("x") == "$ x $"
    assert MARKDOWN.display("x") == "$$\nx\n$$"


def test_expressions() -> None:
    xp = Trace(PRIMS)
    a, b, s = (xp.leaf(n, shape, np.dtype(float)) for n, shape in (("A", (2, 2)), ("B", (2, 2)), ("s", ())))
    names = {id(a): "A", id(b): "B", id(s): "s", id(xp): ""}

    def of(expr: Any) -> tuple[str, str]:
        return write(expr, lambda e: names.get(id(e)), TEX), write(expr, lambda e: names.get(id(e)), TYPST)

    assert of(a @ xp.matrix_transpose(b)) == (r"A \, B^{\top}", "A thin B^(⊤)")
    assert of(a / (b + 1)) == (r"\frac{A}{B + 1}", "frac(A, B + 1)")
    assert of((a / b) ** 2) == (r"\left(\frac{A}{B}\right)^{2}", "(frac(A, B))^(2)")
    assert of(xp.matrix_transpose(a) ** 2) == (r"\left(A^{\top}\right)^{2}", "(A^(⊤))^(2)")
    assert of(1e-5**a) == (r"\left(10^{-5}\right)^{A}", "(10^(-5))^(A)")
    assert of(a * b * s) == (r"A \odot B \cdot s", "A ⊙ B · s")
    assert of(xp.sqrt(a + 1e-5)) == (r"\sqrt{A + 10^{-5}}", "sqrt(A + 10^(-5))")
    assert of(xp.abs(a)) == (r"\left|A\right|", "abs(A)")
    assert of(a <= float("-inf")) == (r"A \le -\infty", "A ≤ -∞")
    assert of(xp.log_softmax(a, axis=0)) == (
        r"\operatorname{log\_softmax}\left(A, \mathrm{axis} = 0\right)", 'op("log_softmax") (A, "axis" = 0)',
    )  # fmt: skip
    assert of(xp.index(a, key=(0, (None, 2, None)))) == (r"A [0, {:} 2]", "A [0, : 2]")


def test_words_are_text_and_nothing_in_them_is_a_command() -> None:
    assert in_text("a_b % $x$ {y} \\z ~^") == (
        r"a\_b \% \$x\$ \{y\} \textbackslash{}z \textasciitilde{}\textasciicircum{}"
    )
    assert in_text("∂X = Wᵀ ≤ α²") == r"$\partial$X = W$^{T}$ $\le$ $\alpha$$^{2}$"
    assert in_text("\x1b[31m") == r"\textbackslash{}x1b[31m"
    assert in_typst("1. #eval *a* _b_ $c$ \\ //") == r"1\. \#eval \*a\* \_b\_ \$c\$ \\ \/\/"
