"""A matrix product by its indices: letters for the axes, and each gradient as the sum that they leave over."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from bpdebug.graph import PARAMETER, Graph
from bpdebug.symbolic.notation import Notation, cell_of, gradient_of, joined, line, sum_over
from bpdebug.translation import _

BATCH = "nmprstuv"
ROW, INNER, COLUMN = "i", "k", "j"


class AxisName(Struct, frozen=True):
    """An axis: its letter, its size, what it is called, and whether the product sums over it."""

    letter: str
    size: int
    name: str
    contracted: bool = False


class Indexed(Struct, frozen=True):
    """Operands and result of a product with a letter for each axis; axes that broadcasting adds or stretches have none.

    The gradient of an operand is the sum over every letter that it has not itself (Einstein's convention).
    """

    names: tuple[str, str]
    output: str
    letters: tuple[str, str]
    result: str
    axes: tuple[AxisName, ...]

    def forward(self) -> Notation:
        """'Y[i,j] = Σₖ X[i,k]·W[k,j]'."""
        return _sum(self.output, self.result, zip(self.names, self.letters, strict=True))

    def gradient(self, position: int, sign: str) -> Notation:
        """'∂X[i,k] = Σⱼ ∂Y[i,j]·W[k,j]', in the order in which the rule multiplies; `sign`: = or +=."""
        other = (self.names[1 - position], self.letters[1 - position])
        g = (gradient_of(self.output), self.result)
        factors = [g, other] if position == 0 else [other, g]
        return _sum(gradient_of(self.names[position]), self.letters[position], factors, sign)

    def why(self, position: int) -> str:
        """Which way the sum runs, which way `@` goes, and so what is turned."""
        letter = COLUMN if position == 0 else ROW
        name = next(a.name for a in self.axes if a.letter == letter)
        if position == 0:
            text = _(
                "The sum runs over {letter} ({axis}), along the rows of {other}. But @ goes down the columns of what "
                "stands right of it, and {other} stands there: so {other} is turned."
            )
        else:
            text = _(
                "The sum runs over {letter} ({axis}), down the columns of {other}. But @ goes along the rows of what "
                "stands left of it, and {other} stands there: so {other} is turned."
            )
        text = text.format(letter=letter, axis=name, other=self.names[1 - position])
        more = [c for c in self.result[:-2] if c not in self.letters[position]]
        if more:
            words = _("{text} {name} has no {letters}: it was used for each, and they add up.")
            letters = _(" and no ").join(more)
            text = words.format(text=text, name=self.names[position], letters=letters)
        return text


def _sum(name: str, kept: str, factors: Iterable[tuple[str, str]], sign: str = "=") -> Notation:
    pairs = list(factors)
    every = "".join(dict.fromkeys("".join(letters for _, letters in pairs)))
    summed = "".join(c for c in every if c not in kept)
    right = joined("·", [cell_of(n, letters) for n, letters in pairs], gap="")
    return line(cell_of(name, kept), sign, *([sum_over(summed)] if summed else []), right)


def matmul_axes(graph: Graph, k: int) -> Indexed | None:
    """The letters of node k, a matmul; None where it has more batch axes than there are letters."""
    a, b = graph.nodes[k].tensors
    left, right, out = graph.shapes[a], graph.shapes[b], graph.shapes[graph.tensor(k)]
    if len(out) - 2 > len(BATCH):
        return None
    batch = BATCH[: len(out) - 2]

    def lead(shape: tuple[int, ...]) -> str:
        own = shape[:-2]
        pairs = zip(batch[len(batch) - len(own) :], own, out[len(batch) - len(own) : -2], strict=True)
        return "".join(letter for letter, n, full in pairs if n == full)

    kinds = [graph.kind(t) for t in (a, b)]
    rows, inner, columns = _("rows"), _("inner"), _("columns")
    if kinds[1] == PARAMETER:
        rows, inner, columns = _("batch"), _("in"), _("out")
    elif kinds[0] == PARAMETER:
        rows, inner, columns = _("out"), _("in"), _("batch")
    axes = (
        *(
            AxisName(c, n, _("batch") if len(batch) == 1 else _("batch {letter}").format(letter=c))
            for c, n in zip(batch, out, strict=False)
        ),
        AxisName(ROW, left[-2], rows), AxisName(INNER, left[-1], inner, True), AxisName(COLUMN, right[-1], columns),
    )  # fmt: skip
    return Indexed(
        (graph.names[a], graph.names[b]), graph.nodes[k].id,
        (f"{lead(left)}{ROW}{INNER}", f"{lead(right)}{INNER}{COLUMN}"), f"{batch}{ROW}{COLUMN}", axes,
    )  # fmt: skip
