"""What if, as data: cells of a tensor or of a gradient that were set, and rules that were replaced."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from bpdebug.arrays import Array
from bpdebug.engine.update import UpdateRule
from bpdebug.graph import Graph
from bpdebug.symbolic import Plan


class Override(Struct, frozen=True, eq=False):
    """Cells of a tensor (or of its gradient) and what they become where it is computed, in one iteration.

    `key` is NumPy's index, () for all cells; `value` broadcasts to them. `line` is the command that says so.
    """

    tensor: int
    gradient: bool
    key: tuple[Any, ...]
    value: Array
    iteration: int = 0
    line: str = ""

    def applied(self, array: Array) -> Array:
        """A copy of the array with the cells overridden."""
        changed = np.array(array, copy=True)
        changed[self.key] = self.value
        return changed


class RuleOverride(Struct, frozen=True, eq=False):
    """Node k's backward rule for one operand, replaced in every iteration; see `Plan.replacing` for `rule`."""

    k: int
    position: int
    rule: Callable[[Plan], Any]
    line: str = ""


class UpdateOverride(Struct, frozen=True, eq=False):
    """The update rule of a parameter, replaced in every iteration; its states go on as they did.

    `rule(update)` builds the new parameter from the update's own leaves.
    """

    tensor: int
    rule: Callable[[UpdateRule], Any]
    line: str = ""


Edit = Override | RuleOverride | UpdateOverride


def edited(graph: Graph, edits: Sequence[Edit]) -> Graph:
    """The graph with backward rules replaced; ShapeError where one gives another shape."""
    if not edits:
        return graph
    plans: dict[int, Plan] = {}
    for e in edits:
        if isinstance(e, RuleOverride):
            plans[e.k] = plans.get(e.k, graph.plans[e.k]).replacing({e.position: e.rule})
    return replace(graph, plans=tuple(plans.get(k, p) for k, p in enumerate(graph.plans))) if plans else graph


def first_iteration(edits: Iterable[Edit]) -> int:
    """The iteration from which on a timeline may be another than without these edits."""
    return min((edit.iteration if isinstance(edit, Override) else 0 for edit in edits), default=0)


def overrides(edits: Iterable[Edit], iteration: int) -> list[Override]:
    """Those that set cells in an iteration, in their order."""
    return [e for e in edits if isinstance(e, Override) and e.iteration == iteration]


def overridden(edits: Sequence[Edit], tensor: int, gradient: bool, iteration: int) -> list[Override]:
    """The overrides of a tensor (or of its gradient) that hold in an iteration, the oldest first."""
    return [e for e in overrides(edits, iteration) if (e.tensor, e.gradient) == (tensor, gradient)]
