"""The updates of a training: their rules, and what they make of parameters and states, where the pass's arrays lie."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bpdebug.arrays import Array
from bpdebug.engine.edits import Edit, UpdateOverride
from bpdebug.engine.optimizers import Training
from bpdebug.engine.run import Pass
from bpdebug.engine.starting import State
from bpdebug.engine.update import Norm, UpdateRule
from bpdebug.graph import Graph
from bpdebug.symbolic import Expr

if TYPE_CHECKING:
    from bpdebug.engine.there import There

NORMS = -1
"""In place of a parameter's number: the norm of all gradients."""


class Updates:
    """The updates of all parameters, of which `edits` replace some rules; what a fork does not replace is the parent's.

    On NumPy's arrays a rule is evaluated as its parts are; on another library's it is one function there, and what it
    makes stays there.
    """

    def __init__(
        self, graph: Graph, training: Training | None, edits: Iterable[Edit], parent: Updates | None = None
    ) -> None:  # fmt: skip
        self.graph, self.training, self.parent = graph, training, parent
        self.parameters = graph.trainable if training else ()
        self._by_hand = {e.tensor: e.rule for e in edits if isinstance(e, UpdateOverride)}
        self._rules: dict[int, UpdateRule] = {}
        self._there: dict[tuple[int, str], There] = {}
        self._numbers: dict[Any, Any] = {}

    def rule(self, tensor: int) -> UpdateRule:
        """The traced update rule of a parameter; ShapeError where one by hand gives another shape."""
        training, graph = self.training, self.graph
        assert training is not None
        if tensor not in self._rules:
            if self.parent is not None and tensor not in self._by_hand:
                return self.parent.rule(tensor)
            by_hand = self._by_hand.get(tensor)
            self._rules[tensor] = UpdateRule(training, graph.shapes[tensor], graph.dtypes[tensor], by_hand)
        return self._rules[tensor]

    @property
    def by_hand(self) -> frozenset[int]:
        """The parameters whose rules were set by hand."""
        return frozenset(self._by_hand) | (self.parent.by_hand if self.parent is not None else frozenset())

    @cached_property
    def norm_rule(self) -> Norm:
        graph = self.graph
        return Norm([graph.shapes[t] for t in self.parameters], [graph.dtypes[t] for t in self.parameters])

    def norm(self, run: Pass) -> float | None:
        """The norm of all gradients of a pass, where updates depend on it."""
        if not self.parameters or not self.rule(self.parameters[0]).needs_norm:
            return None
        rule = self.norm_rule
        if run.library.numpy:
            return rule.run([run.cotangent(t) for t in self.parameters])
        there = self._function(run, NORMS, [rule.expr], rule.gradients)
        return float(there.library.near(there([_held(run, t, True) for t in self.parameters], {}, {})[0]))

    def computed(
        self, run: Pass, tensor: int, t: int, norm: float | None, *, lines_only: bool = False
    ) -> dict[int, Array]:  # fmt: skip
        """The arrays of a parameter's update, by the identity of expressions, whose shapes they have: all, or lines."""
        rule, states = self.rule(tensor), self.graph.states.get(tensor, ())
        known = rule.leaves(run.value(tensor), run.cotangent(tensor), [run.value(n) for n in states], t + 1, norm)
        return rule.evaluate(known, lines_only=lines_only)

    def after(self, run: Pass, t: int) -> State:
        """Parameters and states, of the pass's arrays, as the updates of iteration t leave them; it ran backward."""
        norm, after, met = self.norm(run), State(), dict[str, Any]()
        for tensor in self.parameters:
            rule, states = self.rule(tensor), self.graph.states.get(tensor, ())
            if run.library.numpy:
                known = self.computed(run, tensor, t, norm, lines_only=True)
                made: Sequence[Any] = [known[id(e)] for e in rule.kept]
            else:
                there = self._function(run, tensor, rule.kept, [rule.w, rule.g, *rule.states.values()])
                read = [_held(run, tensor, False), _held(run, tensor, True), *(_held(run, n, False) for n in states)]
                made = there(read, rule.numbers_as_leaves(t + 1, norm), met)
            after.update(zip((*states, tensor), made, strict=True))
        return after

    def _function(self, run: Pass, key: int, targets: Sequence[Expr], leaves: Sequence[Expr]) -> There:
        """A parameter's rule, or that of the norm, as a function where the pass's arrays lie."""
        from bpdebug.engine.there import There  # start-up: few passes are on other arrays than NumPy's

        library: Any = run.library
        found = self._there.get((key, library.name))
        if found is None:
            half = self.graph.halves.get(key, "")
            found = self._there[key, library.name] = There(targets, leaves, library, self._numbers, half)
        return found


def _held(run: Pass, tensor: int, gradient: bool) -> Any:
    """A value or a gradient as the pass has it, where it lies."""
    table = run.G if gradient else run.V
    if table[tensor] is None:
        run.cotangent(tensor) if gradient else run.value(tensor)
    return table[tensor]
