"""Formulas as Typst writes them between dollar signs."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bpdebug.errors import printable
from bpdebug.symbolic.typeset import Typeset

_SIGNS = {
    **{sign: sign for sign in "+=-<>,?()[]⊙·×→…∞⟨⟩:⋯⋮⋱"}, "": "", "@": "thin", "*": "⊙", "==": "=", "<=": "≤",
    ">=": "≥", "!=": "≠", "and": "∧", "or": "∨", "not": "¬", "+=": "+=", "−": "-", "...": "…", "/": r"\/",
    "ᵀ": "⊤", "|": r"\|",
}  # fmt: skip
_MARKUP = re.compile(r"[\\#$*_`<>@\[\]~\"'/=+-]|^\d+(?=\.)")


def in_text(words: str) -> str:
    """Words from anywhere as Typst's text: nothing in them is markup."""
    return _MARKUP.sub(lambda found: f"{found[0]}\\" if found[0].isdigit() else f"\\{found[0]}", printable(words))


class Typst(Typeset):
    """Typst; all names but single letters are texts in quotes."""

    signs = _SIGNS

    def letter(self, letter: str, number: str) -> str:
        return f"{letter}_({number})" if number else letter

    def word(self, name: str) -> str:
        escaped = name.replace("\\", r"\\").replace('"', r"\"")
        return f'"{escaped}"'

    def words(self, said: str) -> str:
        return self.word(printable(said).replace("\n", " "))

    def quoted(self, said: str) -> str:
        return self.words(f'"{said}"')

    def overlined(self, x: str, *, wide: bool) -> str:
        return f"overline({x})"

    def partial(self, x: str) -> str:
        return f"∂{x}"  # without a blank: beside words it would be seen

    def raised(self, x: str, to: str) -> str:
        return f"{x}^({to})"

    def fraction(self, above: str, below: str) -> str:
        return f"frac({above}, {below})"

    def root(self, x: str) -> str:
        return f"sqrt({x})"

    def size(self, x: str) -> str:
        return f"abs({x})"

    def squared(self, items: Sequence[str]) -> str:
        return f"[{self.listed(items)}]"

    def function(self, word: str, arguments: str) -> str:
        return f"op({self.word(word)}) {arguments}"

    def sum_over(self, letters: str) -> str:
        return f"sum_({', '.join(letters)})"

    def repeated(self, number: int) -> str:
        return f"bold(s)_({number})"

    def line(self, pieces: Sequence[str], gap: str = " ") -> str:
        return " ".join(filter(None, pieces))

    def display(self, line: str) -> str:
        return f"$ {line} $"


TYPST, TYPST_BAR = Typst(), Typst(bar=True)
