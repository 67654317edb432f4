"""At a matmul's backward event: every product that could stand for a gradient, judged by shape and by numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np

from bpdebug.arrays import Array
from bpdebug.checks.one_rule import check_rule
from bpdebug.checks.rule import Rule, backward_event, rule_at, to_float64
from bpdebug.engine import Event
from bpdebug.engine.closeness import RIGHT as RIGHT_IN
from bpdebug.engine.closeness import SAME_SUM, error, rounding, top
from bpdebug.errors import CommandError

RIGHT, WRONG, SHAPE = "right", "wrong", "shape"
MOST_ROWS = 512
"""Matrices with more rows are not inverted."""
MOST_WORK, SOME_ROWS = 10**8, 8
"""Multiplications of a product beyond which only some of its rows, drawn at random, are computed and compared."""


@dataclass(frozen=True)
class Candidate:
    """One product: what it would be (`target`), whether its shape fits, and how far its numbers are off.

    `shape` is None where the inner sizes differ. `error` is the largest difference as a part of the largest cell,
    of large products among SOME_ROWS rows.
    """

    target: str
    formula: str
    shape: tuple[int, ...] | None
    fits: bool
    error: float | None
    verdict: str
    note: str = ""


@dataclass(frozen=True)
class Candidates:
    """The products for each operand of an event. `inverses` are those with an inverse in the transpose's place.

    `unconfirmed` names the gradients of which differences do not confirm the rule in use; the op's own is taken.
    """

    node: str
    rows: tuple[Candidate, ...]
    inverses: tuple[Candidate, ...]
    unconfirmed: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Factor:
    """An operand or the cotangent, as it is or turned: its name, numbers, and random ones of the same shape."""

    text: str
    array: Array
    other: Array
    cotangent: bool
    turned: bool


@np.errstate(all="ignore")
def candidates(event: Event | None) -> Candidates:
    """Every product of an operand and the cotangent, each also transposed; CommandError away from a matmul."""
    event = backward_event(event, "candidates")
    if event.op != "matmul":
        raise CommandError(
            f"{event.name} is no matmul: {event.op} multiplies no matrices", code="E_EXPR",
            hint="seek matmul@bwd goes to one",
        )  # fmt: skip
    rule, graph, k = rule_at(event), event.timeline.graph, event.tensor - event.timeline.graph.first
    checked = iter(check_rule(event))
    rows: list[Candidate] = []
    inverses: list[Candidate] = []
    unconfirmed = []
    for position, tensor in graph.edges(k):
        verdict = next(checked).verdict if 0 not in graph.shapes[tensor] else "pass"
        if not graph.has_gradient(tensor):
            continue
        judge = Comparison(event, rule, position, trusted=verdict != "fail")
        rows += judge.products()
        inverses += judge.inverses()
        if verdict == "fail":
            unconfirmed.append(f"∂{graph.names[tensor]}")
    return Candidates(event.name, tuple(rows), tuple(inverses), tuple(unconfirmed))


class Comparison:
    """One operand's gradient, and what is compared with it."""

    def __init__(self, event: Event, rule: Rule, position: int, *, trusted: bool) -> None:
        graph, k = event.timeline.graph, event.tensor - event.timeline.graph.first
        names = event.timeline.graph.operand_names(k)
        side = f" ({('left', 'right')[position]})" if names[0] == names[1] else ""  # X @ X: one name, two gradients
        self.position, self.target = position, f"∂{names[position]}{side}"
        self.operand_shape: tuple[int, ...] = rule.inputs[position].shape
        self.wanted = rule.plan.before_sum(position)
        self.dtype = graph.dtypes[event.tensor]
        g, y = to_float64(event.value), rule.value()
        rng = np.random.default_rng(0)
        other = rule.inputs[1 - position]
        self.rows = self._rows_to_compare(other, g, rng)
        self.truth = self._of_rows(rule.gradient(position, y, g, own=not trusted))
        random, noise = np.asarray(rng.normal(size=other.shape)), np.asarray(rng.normal(size=g.shape))
        self.random_truth = self._by_rule(random, noise)
        self.factors = (
            *_both(names[1 - position], other, random, False), *_both(f"∂{event.name}", g, noise, True)
        )  # fmt: skip
        self.other_name = names[1 - position]

    def _by_rule(self, other: Array, g: Array) -> Array:
        """The gradient on random numbers, so that what is right for these numbers only is told apart."""
        turned = np.swapaxes(other, -1, -2)
        left, right = (g, turned) if self.position == 0 else (turned, g)
        return self._summed(self._of_rows(left) @ right)

    def _rows_to_compare(self, other: Array, g: Array, rng: np.random.Generator) -> Array | None:
        """Which rows of a gradient are compared: all (None), or some of a large one, of two axes."""
        work = prod(self.wanted) * (g.shape[-1] if self.position == 0 else g.shape[-2])
        if work <= MOST_WORK or other.ndim != 2 or g.ndim != 2:
            return None
        return np.sort(rng.choice(self.wanted[0], min(SOME_ROWS, self.wanted[0]), replace=False))

    def _of_rows(self, array: Array) -> Array:
        return array if self.rows is None else array[self.rows]

    def products(self) -> Iterator[Candidate]:
        """The eight: the other operand or its transpose with the cotangent or its transpose, in both orders."""
        operand, cotangent = self.factors[:2], self.factors[2:]
        for a, b in [*product(operand, cotangent), *product(cotangent, operand)]:
            yield self.judged(a, b, self._note(a, b))

    def inverses(self) -> Iterator[Candidate]:
        """The right product with the inverse where the transpose stands, for square operands."""
        array, other = self.factors[0].array, self.factors[0].other
        if array.shape[-1] != array.shape[-2] or not 0 < array.shape[-1] <= MOST_ROWS:
            return
        g = self.factors[2]
        try:
            turned = np.linalg.inv(array)
        except np.linalg.LinAlgError:
            formula = self._ordered(f"{self.other_name}⁻¹", g.text)
            note = f"{self.other_name} has no inverse; its transpose it always has"
            yield Candidate(self.target, formula, None, False, None, SHAPE, note)
            return
        inverse = Factor(f"{self.other_name}⁻¹", turned, np.linalg.inv(other), False, False)
        pair = (g, inverse) if self.position == 0 else (inverse, g)
        found = self.judged(*pair, "used the inverse")
        if found.verdict == RIGHT:
            note = f"used the inverse: here {self.other_name}⁻¹ = {self.other_name}ᵀ, and it is right by chance"
            found = Candidate(found.target, found.formula, found.shape, found.fits, found.error, RIGHT, note)
        yield found

    def _ordered(self, operand: str, cotangent: str) -> str:
        return f"{cotangent} @ {operand}" if self.position == 0 else f"{operand} @ {cotangent}"

    def judged(self, a: Factor, b: Factor, note: str) -> Candidate:
        """One product, by shape first, then by numbers."""
        formula = f"{a.text} @ {b.text}"
        if a.array.shape[-1] != b.array.shape[-2]:
            return Candidate(self.target, formula, None, False, None, SHAPE, note)
        with np.errstate(all="ignore"):
            shape = (*np.broadcast_shapes(a.array.shape[:-2], b.array.shape[:-2]), a.array.shape[-2], b.array.shape[-1])
            if shape != self.wanted:
                return Candidate(self.target, formula, shape, False, None, SHAPE, note)
            left = self._of_rows(a.array)
            made = left @ b.array
            terms = self._summed(np.abs(left) @ np.abs(b.array))
            count = a.array.shape[-1] * max(made.size // max(self.truth.size, 1), 1)
            made, other = self._summed(made), self._summed(self._of_rows(a.other) @ b.other)
            off = error(made, self.truth, rounding(terms, count + 8, self.dtype), top(made, self.truth))
            random = error(other, self.random_truth, SAME_SUM)
        if off > RIGHT_IN["float64"]:
            return Candidate(self.target, formula, shape, True, off, WRONG, note)
        words = "" if random <= RIGHT_IN["float64"] else "the same by chance: with other numbers it is wrong"
        return Candidate(self.target, formula, shape, True, off, RIGHT, words)

    def _summed(self, made: Array) -> Array:
        """Summed over the batch axes along which the operand was broadcast."""
        if self.rows is not None:
            return made
        lead = made.ndim - len(self.operand_shape)
        axes = [lead + a for a, n in enumerate(self.operand_shape) if n == 1 and made.shape[lead + a] != 1]
        return np.asarray(made.sum(axis=(*range(lead), *axes), keepdims=True)).reshape(self.operand_shape)

    def _note(self, a: Factor, b: Factor) -> str:
        """The mistake a product is known as."""
        operand, cotangent = (b, a) if a.cotangent else (a, b)
        in_order = a.cotangent == (self.position == 0)
        if in_order and not cotangent.turned:
            return "" if operand.turned else "forgot the transpose"
        if not in_order and cotangent.turned and not operand.turned:
            return "the right numbers, transposed"
        return "the factors are swapped" if not in_order and operand.turned and not cotangent.turned else ""


def _both(name: str, array: Array, other: Array, cotangent: bool) -> tuple[Factor, Factor]:
    """A factor as it is, and turned over its last two axes."""
    return (
        Factor(name, array, other, cotangent, False),
        Factor(f"{name}ᵀ", np.swapaxes(array, -1, -2), np.swapaxes(other, -1, -2), cotangent, True),
    )
