"""Mathematics that can be written in more than one way: as a book does in a line of text, as NumPy, or set in type."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Self

import numpy as np

from bpdebug.arrays import Cell
from bpdebug.symbolic.expr import TraceError


class Dialect:
    """The joints of a formula as a book writes them in a line of text; every other dialect writes them in its own way.

    What is `formula` is for readers, who see no casts; what is `flat` stands in one line, and needs brackets where a
    fraction, a power or a root has room of its own. `module` stands before the names of a namespace.
    """

    formula, flat, module = True, True, ""
    said: Callable[[str], str] = staticmethod(str)
    """How a name is called where there is little room; as it is, where there is enough."""

    def saying(self, said: Callable[[str], str]) -> Dialect:
        """The same dialect with other words for names."""
        made = copy.copy(self)
        made.said = said
        return made

    def of(self, name: str) -> str:
        """A name, or mathematics that stands for one."""
        return name.in_dialect(self) if isinstance(name, Notation) else self.name(name)

    def name(self, text: str) -> str:
        """What a tensor or a setting is called."""
        return text

    def gradient(self, name: str) -> str:
        """The gradient of what has a name."""
        return f"∂{name}"

    def words(self, text: str) -> str:
        """Words between mathematics."""
        return text

    def number(self, text: str) -> str:
        """A number as it is shown: `−0.5`, `1.2e−05`, `nan`."""
        return text

    def literal(self, value: Any) -> str:
        """A number, tuple, name of a dtype or None; the one gate for values, by exact type; TraceError for others."""
        if type(value) is float and not np.isfinite(value):
            return {"inf": f"{self.module}inf", "-inf": f"-{self.module}inf"}.get(repr(value), f"{self.module}nan")
        if type(value) in (bool, int, float, type(None)):
            return repr(value)
        if isinstance(value, np.dtype):
            return f"{self.module}{value.name}"
        if type(value) is tuple:
            return "(" + ", ".join(map(self.literal, value)) + ("," if len(value) == 1 else "") + ")"
        raise TraceError(f"a rule used {type(value).__name__} as an attribute")

    def value(self, value: Any) -> str:
        """An attribute of a call as it is typed."""
        return repr(value)

    def quoted(self, text: str) -> str:
        """A text in a call."""
        return f'"{text}"'

    def sign(self, sign: str) -> str:
        """A sign on its own, as `+=`; what is no sign is words."""
        return sign

    def infix(self, sign: str, left: str, right: str) -> str:
        return f"{left} {sign} {right}"

    def prefix(self, sign: str, x: str) -> str:
        return f"{sign} {x}" if sign.isalpha() else f"{sign}{x}"

    def brackets(self, x: str) -> str:
        return f"({x})"

    def transpose(self, x: str) -> str:
        return f"{x}ᵀ"

    def index(self, x: str, items: Sequence[str]) -> str:
        """What is at an index; `()` is the one without items."""
        return f"{x}[{', '.join(items) or '()'}]"

    def cell(self, x: str, items: Sequence[str]) -> str:
        """A cell, by numbers or letters: `W[0,1]`."""
        return f"{x}[{','.join(items)}]"

    def sequence(self, items: Sequence[str]) -> str:
        """A list in an index: `[0, 2]`."""
        return f"[{', '.join(items)}]"

    def keyword(self, key: str, value: str) -> str:
        return f"{key}={value}"

    def call(self, word: str, words: Sequence[str]) -> str:
        """A function of what is written already."""
        return f"{word}({', '.join(words)})"

    def sum_over(self, letters: str) -> str:
        """The sign of a sum over indices, each one letter."""
        return f"Σ{''.join(_LOW.get(letter, letter) for letter in letters)}"

    def repeated(self, number: int) -> str:
        """The name of the n-th expression that is written once and used more than once: tensors cannot be called so."""
        return f"s{''.join(_DIGITS[int(digit)] for digit in str(number))}"

    def line(self, pieces: Sequence[str], gap: str = " ") -> str:
        """Pieces one after the other."""
        return gap.join(pieces)

    def display(self, line: str) -> str:
        """A formula on a line of its own, as it stands in a text."""
        return line


_LOW = dict(zip("ijknmprstuv", "ᵢⱼₖₙₘₚᵣₛₜᵤᵥ", strict=True))
_DIGITS = "₀₁₂₃₄₅₆₇₈₉"
"""Tensors' names are normal under NFKC, so none can be s₁."""


class Source(Dialect):
    """NumPy source that runs."""

    formula, module = False, "np."


FORMULA, SOURCE = Dialect(), Source()


class Notation(str):
    """Mathematics: the text is a book's, and `in_dialect` writes the same in any other dialect."""

    __slots__ = ("in_dialect",)
    in_dialect: Callable[[Dialect], str]

    def __new__(cls, in_dialect: Callable[[Dialect], str], text: str | None = None) -> Self:
        """What writes itself in a dialect, with its text where that is known already."""
        made = super().__new__(cls, in_dialect(FORMULA) if text is None else text)
        made.in_dialect = in_dialect
        return made

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        """To another process goes the text."""
        return str, (str(self),)

    def saying(self, said: Callable[[str], str]) -> Notation:
        """The same with other words for names."""
        return Notation(lambda dialect: self.in_dialect(dialect.saying(said)), said(str(self)))


def gradient_of(name: str) -> Notation:
    """The gradient of what has a name."""
    return Notation(lambda d: d.gradient(name), f"∂{name}")


def cell_of(name: str, cell: Cell | str) -> Notation:
    """A cell, by numbers or by letters, of what has a name; a single number's name alone."""
    items = [*map(str, cell)]
    return (
        Notation(lambda d: d.cell(d.of(name), [d.number(i) if i.isdigit() else d.name(i) for i in items]))
        if items
        else symbol(name)
    )


def literal(value: Any) -> Notation:
    """A number as it is typed in a call."""
    return Notation(lambda d: d.value(value), str(value))


def indented(notation: Notation, by: int = 2) -> Notation:
    """The same, with blanks before it where it stands in a line of text."""
    return Notation(notation.in_dialect, " " * by + notation)


class Negative(Notation):
    """What has a minus sign before it: `of` is what stands behind the sign."""

    __slots__ = ("of",)
    of: Notation


def negative(of: Notation) -> Negative:
    """The same with a minus sign before it."""
    made = Negative(lambda d: d.prefix("−", of.in_dialect(d)), f"−{of}")
    made.of = of
    return made


def numeral(text: str) -> Notation:
    """A number as it is shown."""
    if text.startswith("−"):
        return negative(numeral(text[1:]))
    return Notation(lambda d: d.number(text), text)


def transposed(of: Notation) -> Notation:
    """The transpose of what needs no brackets."""
    return Notation(lambda d: d.transpose(of.in_dialect(d)), f"{of}ᵀ")


def derivative(of: str, by: str) -> Notation:
    """The derivative of one tensor by another: `∂Y/∂X`."""
    return line(gradient_of(of), "/", gradient_of(by), gap="")


def bracketed(of: Notation) -> Notation:
    """The same in brackets."""
    return Notation(lambda d: d.brackets(of.in_dialect(d)), f"({of})")


def plus(terms: Iterable[Notation]) -> Notation:
    """A sum; of a term with a minus sign only that sign is written."""
    first, *rest = terms
    signed = (("−", term.of) if isinstance(term, Negative) else ("+", term) for term in rest)
    return line(first, *(one for pair in signed for one in pair))


def words(text: str) -> Notation:
    """Words between mathematics."""
    return Notation(lambda d: d.words(text), text)


def sum_over(letters: str) -> Notation:
    """The sign of a sum over indices."""
    return Notation(lambda d: d.sum_over(letters))


def repeated_name(number: int) -> Notation:
    """The name of the n-th expression that is used more than once."""
    return Notation(lambda d: d.repeated(number))


def symbol(name: str) -> Notation:
    """A name on its own, which is not a sign."""
    return name if isinstance(name, Notation) else Notation(lambda d: d.name(name), name)


def line(*pieces: str, gap: str = " ") -> Notation:
    """Pieces one after the other: mathematics, and signs between them."""

    def written(dialect: Dialect) -> str:
        return dialect.line(
            [p.in_dialect(dialect) if isinstance(p, Notation) else dialect.sign(p) for p in pieces], gap
        )

    return Notation(written, gap.join(pieces))


def joined(sign: str, pieces: Iterable[str], gap: str = " ") -> Notation:
    """Pieces with a sign between each two."""
    return line(*[one for piece in pieces for one in (sign, piece)][1:], gap=gap)
