"""Formulas as MathML Core, which browsers draw by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax import saxutils

from bpdebug.errors import printable
from bpdebug.symbolic.typeset import Typeset

_SIGNS = {
    "@": '<mo rspace="0.2em">&#x2062;</mo>', "*": "<mo>⊙</mo>", "==": "<mo>=</mo>", "<=": "<mo>≤</mo>",
    ">=": "<mo>≥</mo>", "!=": "<mo>≠</mo>", "<": "<mo>&lt;</mo>", ">": "<mo>&gt;</mo>", "and": "<mo>∧</mo>",
    "or": "<mo>∨</mo>", "not": "<mo>¬</mo>", "-": "<mo>−</mo>", "...": "<mo>…</mo>",
    "∞": "<mi>∞</mi>", "ᵀ": "<mi>⊤</mi>", ":": '<mo lspace="0" rspace="0">:</mo>',
    **{sign: f"<mo>{sign}</mo>" for sign in "+=·×,→⟨⟩?…−|⊙/⋯⋮⋱"}, "+=": "<mo>+=</mo>",
}  # fmt: skip


def escape(text: str) -> str:
    """A text from anywhere as it stands between tags: what XML has no character for is spelt out."""
    return saxutils.escape(printable(text))


class MathML(Typeset):
    """Elements of MathML Core alone, with the rows that make every joint one element."""

    signs = _SIGNS

    def letter(self, letter: str, number: str) -> str:
        return f"<msub><mi>{letter}</mi><mn>{number}</mn></msub>" if number else f"<mi>{letter}</mi>"

    def word(self, text: str) -> str:
        return f"<mi>{escape(text)}</mi>"

    def words(self, text: str) -> str:
        return f"<mtext>{escape(text)}</mtext>"

    def quoted(self, text: str) -> str:
        return self.words(f'"{text}"')

    def digits(self, text: str) -> str:
        return f"<mn>{text}</mn>"

    def prefix(self, sign: str, x: str) -> str:
        return self.line([self.sign(sign), x])

    def overlined(self, x: str, *, wide: bool) -> str:
        return f'<mover accent="true">{x}<mo stretchy="{str(wide).lower()}">¯</mo></mover>'

    def partial(self, x: str) -> str:
        return f"<mrow><mi>∂</mi>{x}</mrow>"

    def listed(self, items: Sequence[str]) -> str:
        return self.line([one for item in items for one in (self.sign(","), item)][1:])

    def raised(self, x: str, to: str) -> str:
        return f"<msup>{x}{to}</msup>"

    def fraction(self, above: str, below: str) -> str:
        return f"<mfrac>{above}{below}</mfrac>"

    def root(self, x: str) -> str:
        return f"<msqrt>{x}</msqrt>"

    def size(self, x: str) -> str:
        return f"<mrow><mo>|</mo>{x}<mo>|</mo></mrow>"

    def brackets(self, x: str) -> str:
        return f"<mrow><mo>(</mo>{x}<mo>)</mo></mrow>"

    def squared(self, items: Sequence[str]) -> str:
        """Nothing in an index is tall, and some fonts have brackets in two sizes alone."""
        left, right = (f'<mo stretchy="false">{sign}</mo>' for sign in "[]")
        return f"<mrow>{left}{self.listed(items)}{right}</mrow>"

    def function(self, word: str, arguments: str) -> str:
        return f"<mrow>{self.word(word)}<mo>&#x2061;</mo>{arguments}</mrow>"

    def sum_over(self, letters: str) -> str:
        return f"<munder><mo>∑</mo>{self.listed([self.letter(letter, '') for letter in letters])}</munder>"

    def repeated(self, number: int) -> str:
        return f"<msub><mi>𝒔</mi><mn>{number}</mn></msub>"

    def line(self, pieces: Sequence[str], gap: str = " ") -> str:
        return f"<mrow>{''.join(pieces)}</mrow>"

    def display(self, line: str) -> str:
        return f'<math display="block">{line}</math>'


MATHML, MATHML_BAR = MathML(), MathML(bar=True)
