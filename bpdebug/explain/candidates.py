"""At a matmul's backward event: every product that could stand for a gradient, judged by shape and by numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from math import prod

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from bpdebug.arrays import Array, Shape
from bpdebug.checks.one_rule import check_node
from bpdebug.checks.rule import NodeRule, backward_event, brought, rule_of, to_float64
from bpdebug.engine import Event, NodeEvent
from bpdebug.engine.closeness import RIGHT as RIGHT_IN
from bpdebug.engine.closeness import SAME_SUM, error, rounding, top
from bpdebug.errors import CommandError
from bpdebug.explain.products import EIGHT, Pair, inverses, is_inverted, products, sides
from bpdebug.far import near
from bpdebug.progress import TimeOver, may_stop, part, until
from bpdebug.symbolic import stretched
from bpdebug.translation import N_, _

RIGHT, WRONG, SHAPE = "right", "wrong", "shape"
MOST_WORK, SOME_ROWS = 10**8, 8
"""Multiplications of a product beyond which only some of its rows, drawn at random, are computed and compared."""


class ProductVerdict(Struct, frozen=True):
    """One product: what it would be (`target`), whether its shape fits, and how far its numbers are off.

    `shape` is None where the inner sizes differ. `error` is the largest difference as a part of the largest cell,
    of large products among SOME_ROWS rows.
    """

    target: str
    formula: str
    shape: Shape | None
    fits: bool
    error: float | None
    verdict: str
    note: str = ""


class ProductVerdicts(Struct, frozen=True):
    """The products for each operand of an event. `inverses` are those with an inverse in the transpose's place.

    `unconfirmed` names the gradients of which differences do not confirm the rule in use; the op's own is taken.
    `of` so many products, inverses too, `looked_at` were judged before the time was over.
    """

    node: str
    rows: tuple[ProductVerdict, ...]
    inverses: tuple[ProductVerdict, ...]
    unconfirmed: tuple[str, ...] = ()
    looked_at: int = 0
    of: int = 0


@np.errstate(all="ignore")
def candidates(event: Event | None, over: Callable[[], bool] | None = None) -> ProductVerdicts:
    """Every product of an operand and the cotangent, each also transposed; CommandError away from a matmul.

    How far it is, is reported; where `over` says that the time is over, the other products are left out.
    """
    event = backward_event(event, "candidates")
    if event.op != "matmul":
        raise CommandError(
            f"{event.name} is no matmul: {event.op} multiplies no matrices", code="E_EXPR",
            hint="seek matmul@bwd goes to one",
        )  # fmt: skip
    graph = event.graph
    rule = rule_of(graph, event.k, brought(event.run.operands(event.k)))
    edges = [(position, tensor) for position, tensor in graph.edges(event.k) if graph.has_gradient(tensor)]
    of = sum(EIGHT + is_inverted(rule.inputs[1 - position].shape) for position, _ in edges)
    rows, inverted, unconfirmed = list[ProductVerdict](), list[ProductVerdict](), list[str]()
    with suppress(TimeOver), until(over):
        with part(0, 1 + len(edges), N_("operands")):
            checked = check_node(event.run, event.k)
        for n, (position, tensor) in enumerate(edges, 1):
            may_stop()  # the check may have been left: what it knows of the rule is not all, and judges nothing
            with part(n, 1 + len(edges), N_("operands")):
                wrong = position in checked and checked[position].verdict == "fail"
                if wrong:
                    unconfirmed.append(f"∂{graph.names[tensor]}")
                judge = Comparison(event, rule, position, trusted=not wrong)
                rows += judge.products()  # those that were judged by then stay, wherever it stops
                inverted += judge.inverses()
    found = tuple(rows), tuple(inverted), tuple(unconfirmed)
    return ProductVerdicts(event.name, *found, looked_at=len(rows) + len(inverted), of=of)


class Comparison:
    """One operand's gradient, and what is compared with it."""

    def __init__(self, event: NodeEvent, rule: NodeRule, position: int, *, trusted: bool) -> None:
        names = event.operands
        self.position, self.target = position, f"∂{names[position]}"
        if names[0] == names[1]:  # X @ X: one name, two gradients
            side = _("{gradient} (left)") if position == 0 else _("{gradient} (right)")
            self.target = side.format(gradient=self.target)
        self.operand_shape: Shape = rule.inputs[position].shape
        self.wanted = rule.plan.before_sum(position)
        self.dtype = event.graph.dtypes[event.tensor]
        g, other, rng = to_float64(near(event.value)), rule.inputs[1 - position], np.random.default_rng(0)
        self.rows = self._rows_to_compare(other, g, rng)
        self.truth = self._of_rows(rule.gradient(position, rule.value(), g, own=not trusted))
        random, noise = np.asarray(rng.normal(size=other.shape)), np.asarray(rng.normal(size=g.shape))
        # On random numbers, so that what is right for these numbers only is told apart.
        turned = np.swapaxes(random, -1, -2)
        left, right = (noise, turned) if position == 0 else (turned, noise)
        self.random_truth = self._summed(self._of_rows(left) @ right)
        self.sides = sides(event.graph, event.k, position, [other, random], [g, noise])

    def _rows_to_compare(self, other: Array, g: Array, rng: np.random.Generator) -> Array | None:
        """Which rows of a gradient are compared: all (None), or some of a large one, of two axes."""
        work = prod(self.wanted) * (g.shape[-1] if self.position == 0 else g.shape[-2])
        if work <= MOST_WORK or other.ndim != 2 or g.ndim != 2:
            return None
        return np.sort(rng.choice(self.wanted[0], min(SOME_ROWS, self.wanted[0]), replace=False))

    def _of_rows(self, array: Array) -> Array:
        return array if self.rows is None else array[self.rows]

    def products(self) -> Iterator[ProductVerdict]:
        """The eight, judged."""
        return map(self.judged, products(*self.sides, self.position))

    def inverses(self) -> Iterator[ProductVerdict]:
        """The right product with the inverse where the transpose stands, for square operands."""
        name = self.sides[0].text
        for pair in inverses(*self.sides, self.position):
            found = self.judged(pair)
            if not pair.exists:
                found = replace(found, note=_("{name} has no inverse; its transpose it always has").format(name=name))
            elif found.verdict == RIGHT:
                words = _("{mistake}: here {name}⁻¹ = {name}ᵀ, and it is right by chance")
                found = replace(found, note=words.format(mistake=pair.known_as, name=name))
            yield found

    def judged(self, pair: Pair) -> ProductVerdict:
        """One product, by shape first, then by numbers."""
        may_stop()
        a, b, note = pair
        if pair.shape != self.wanted:
            return ProductVerdict(self.target, pair.text, pair.shape, False, None, SHAPE, note)
        made, drawn = (self._of_rows(x) @ y for x, y in zip(a.arrays, b.arrays, strict=True))
        terms = self._summed(np.abs(self._of_rows(a.arrays[0])) @ np.abs(b.arrays[0]))
        count = a.arrays[0].shape[-1] * max(made.size // max(self.truth.size, 1), 1)
        made = self._summed(made)
        off = error(made, self.truth, rounding(terms, count + 8, self.dtype), top(made, self.truth))
        if off > RIGHT_IN["float64"]:
            return ProductVerdict(self.target, pair.text, pair.shape, True, off, WRONG, note)
        chance = error(self._summed(drawn), self.random_truth, SAME_SUM) > RIGHT_IN["float64"]
        words = _("the same by chance: with other numbers it is wrong") if chance else ""
        return ProductVerdict(self.target, pair.text, pair.shape, True, off, RIGHT, words)

    def _summed(self, made: Array) -> Array:
        """Summed over the batch axes along which the operand was broadcast."""
        if self.rows is not None:
            return made
        axes = stretched(made.shape, self.operand_shape)
        return np.asarray(made.sum(axis=axes)).reshape(self.operand_shape)
