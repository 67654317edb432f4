"""Formulas as LaTeX: what amsmath and KaTeX both draw."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from itertools import groupby

from bpdebug.errors import printable
from bpdebug.symbolic.typeset import Typeset

_SIGNS = {
    **{sign: sign for sign in "+=-<>,/?()[]|"}, "": "", "@": r"\,", "*": r"\odot", "⊙": r"\odot", "·": r"\cdot",
    "×": r"\times", "==": "=", "<=": r"\le", ">=": r"\ge", "!=": r"\ne", "and": r"\land", "or": r"\lor",
    "not": r"\lnot", "+=": r"\mathrel{+}=", "−": "-", "→": r"\to", "...": r"\dots", "…": r"\dots", ":": "{:}",
    "∞": r"\infty", "ᵀ": r"\top", "⟨": r"\langle", "⟩": r"\rangle",
    "⋯": r"\cdots", "⋮": r"\vdots", "⋱": r"\ddots", "#": r"\#",
}  # fmt: skip
_GREEK = {letter: name.split()[-1].lower() for letter in "αβγδζηθικμνξπρστυχψω" if (name := unicodedata.name(letter))}
_GREEK |= {letter: unicodedata.name(letter).split()[-1].title() for letter in "ΓΔΘΞΠΣΥΦΨΩ"}
_GREEK |= {"ε": "varepsilon", "λ": "lambda", "ς": "varsigma", "φ": "varphi", "Λ": "Lambda"}
"""Letters that LaTeX has commands for."""
_ESCAPES = {
    **{sign: f"\\{sign}" for sign in "_%#&${}"}, "\\": r"\textbackslash{}", "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
    "…": r"\ldots{}", "–": "--", "—": "---", "“": "``", "”": "''", "’": "'", "\u00a0": "~",
    **{sign: f"${_SIGNS[sign]}$" for sign in "⊙·×→∞⟨⟩−"}, "∂": r"$\partial$", "≤": r"$\le$", "≥": r"$\ge$",
    "≠": r"$\ne$", "≈": r"$\approx$", "√": r"$\surd$", "±": r"$\pm$", "∈": r"$\in$", "∑": r"$\sum$", "½": r"$\tfrac12$",
    "←": r"$\gets$", "↔": r"$\leftrightarrow$", "⊤": r"$\top$", "′": "$'$",
    **{letter: f"$\\{command}$" for letter, command in _GREEK.items()},
}  # fmt: skip
_RAISED = {"<super>": "^", "<sub>": "_"}


def in_text(words: str) -> str:
    """Words from anywhere as LaTeX's text: nothing in them is a command, and mathematical signs are mathematics."""
    return "".join(_ESCAPES.get(char) or _letter(char) for char in printable(words))


def _letter(char: str) -> str:
    """A letter as it is, and one above or below the line as such."""
    how, _, plain = unicodedata.decomposition(char).partition(" ") if not char.isascii() else ("", "", "")
    if how not in _RAISED:
        return char
    return f"${_RAISED[how]}{{{''.join(chr(int(code, 16)) for code in plain.split())}}}$"


class Tex(Typeset):
    """LaTeX; a name of more letters than one is upright."""

    signs = _SIGNS

    def letter(self, letter: str, number: str) -> str:
        written = letter if letter.isascii() else self.word(letter)
        return f"{written}_{{{number}}}" if number else written

    def word(self, name: str) -> str:
        """Letters of the alphabet, digits, points and strokes upright; Greek ones are commands, all else is text."""
        if " " in name or any(map(unicodedata.combining, name)):
            return self.words(name)  # these are words; and a mark stays with its letter
        return "".join(_run(kind, "".join(run)) for kind, run in groupby(name, _kind))

    def words(self, said: str) -> str:
        """Text; a × in it stands outside, in mathematics: within, KaTeX gives it the size of a line's letters."""
        return r"\times ".join(rf"\text{{{in_text(piece)}}}" for piece in said.split("×"))

    def quoted(self, said: str) -> str:
        return rf"\texttt{{{in_text(said)}}}"

    def overlined(self, x: str, *, wide: bool) -> str:
        return rf"\overline{{{x}}}" if wide else rf"\bar{{{x}}}"

    def partial(self, x: str) -> str:
        return rf"\partial {x}"

    def raised(self, x: str, to: str) -> str:
        return f"{x}^{{{to}}}"

    def fraction(self, above: str, below: str) -> str:
        return rf"\frac{{{above}}}{{{below}}}"

    def root(self, x: str) -> str:
        return rf"\sqrt{{{x}}}"

    def size(self, x: str) -> str:
        return rf"\left|{x}\right|"

    def brackets(self, x: str) -> str:
        return rf"\left({x}\right)"

    def squared(self, items: Sequence[str]) -> str:
        return f"[{self.listed(items)}]"

    def function(self, word: str, arguments: str) -> str:
        return rf"\operatorname{{{in_text(word)}}}{arguments}"

    def sum_over(self, letters: str) -> str:
        return rf"\sum_{{{', '.join(letters)}}}"

    def repeated(self, number: int) -> str:
        return rf"\boldsymbol{{s}}_{{{number}}}"

    def line(self, pieces: Sequence[str], gap: str = " ") -> str:
        return " ".join(filter(None, pieces))

    def display(self, line: str) -> str:
        return rf"\[ {line} \]"


def _kind(char: str) -> str:
    return "upright" if char.isascii() and (char.isalnum() or char in "._") else "greek" if char in _GREEK else "text"


def _run(kind: str, run: str) -> str:
    if kind == "greek":
        return " ".join(f"\\{_GREEK[char]}" for char in run) + " "
    upright = run.replace("_", r"\_")
    return rf"\mathrm{{{upright}}}" if kind == "upright" else rf"\text{{{in_text(run)}}}"


class Markdown(Tex):
    """LaTeX as it stands in Markdown."""

    def display(self, line: str) -> str:
        return f"$$\n{line}\n$$"


TEX, TEX_BAR, MARKDOWN, MARKDOWN_BAR = Tex(), Tex(bar=True), Markdown(), Markdown(bar=True)
