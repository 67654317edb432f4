"""The numbers of a backward pass that was recorded: what came in at each application, and what it handed on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from msgspec import Struct

from bpdebug.arrays import Array
from bpdebug.engine.closeness import error
from bpdebug.engine.observed import Observed, reached
from bpdebug.engine.recorded import Application
from bpdebug.graph import Graph
from bpdebug.importers.live.passes import AutogradNode, BackwardPass
from bpdebug.importers.live.values import Values
from bpdebug.importers.lowering import Operand

_SAME = {"float64": 1e-12, "float32": 1e-5, "bfloat16": 1e-1, "float16": 1e-2}
"""Errors of a sum of a few gradients that was added in another order."""


class Told(Struct, frozen=True):
    """What is said of an application: see `Application`."""

    function: str
    module: str
    line: str
    precision: str


class PassNumbers:
    """Values by tensor, gradients by application, under the names that tensors have in the graph."""

    def __init__(self, values: Values, backward: BackwardPass) -> None:
        self.values, self.backward = values, backward
        self.applications: list[Application] = []
        self._of: list[int] = []
        self.seen: dict[str, Array] = {}
        self._incoming: dict[str, Array] = {}
        self._handed: dict[tuple[int, str], list[Array]] = {}
        self._into: dict[tuple[Any, int], list[torch.Tensor]] = defaultdict(list)
        for record in backward.nodes:
            for (source, nr), g in zip(record.operands, record.handed or (), strict=False):
                if source is not None and g is not None:
                    self._into[source.node, nr].append(g)
        for root, g in zip(backward.roots, backward.gradients, strict=True):
            self._into[root.node, root.nr].append(torch.ones_like(root.tensor) if g is None else g)

    def add(
        self, taken: int, record: AutogradNode, told: Told, steps: tuple[int, int], outputs: Mapping[int, Operand],
        operands: Sequence[Operand | None], absent: tuple[str, ...],
    ) -> None:  # fmt: skip
        """What was `taken`, by its number: `outputs` by theirs, `operands` with None where no gradient is asked for."""
        if record.handed is None or steps[0] == steps[1]:
            return
        n = len(self.applications)
        for operand, given in self.handed(record, operands).items():
            self._handed[n, operand] = given
        for nr, output in outputs.items():
            self._incoming[output.name] = self.came_in(record, nr, output)
        names = tuple(o.name for o in outputs.values()), tuple(dict.fromkeys(o.name for o in operands if o is not None))
        self._of.append(taken)
        self.applications.append(
            Application(told.function, told.module, told.line, *steps, *names, absent, told.precision)
        )

    def came_in(self, record: AutogradNode, nr: int, output: Operand) -> Array:
        """What came in at an output, of its shape; zeros where nothing did."""
        found = record.incoming[nr] if record.incoming else None
        return np.zeros(output.shape, output.dtype) if found is None else self._array(found, output)

    def arrived(self, record: AutogradNode, leaf: Operand) -> None:
        """All that came in at a leaf."""
        if record.incoming:
            self._incoming[leaf.name] = self.came_in(record, 0, leaf)

    def handed(self, record: AutogradNode, operands: Sequence[Operand | None]) -> dict[str, list[Array]]:
        """What an application handed to each of its operands, of its shape, each time that it has it.

        Zeros where it had nothing to hand.
        """
        found: dict[str, list[Array]] = defaultdict(list)
        for operand, g in zip(operands, record.handed or (), strict=False):
            if operand is not None:
                made = np.zeros(operand.shape, operand.dtype) if g is None else self._array(g, operand)
                found[operand.name].append(made)
        return found

    def given(self, record: AutogradNode, nr: int, output: Operand) -> Array | None:
        """What the consumers of an output, and a root, handed to it, of its shape; None where none did."""
        found = [self._array(g, output) for g in self._into.get((record.node, nr), ())]
        return np.asarray(sum(found[1:], found[0])) if found else None

    def changed(self, record: AutogradNode, nr: int, output: Operand) -> bool:
        """Whether what came in at an output is not what was handed to it."""
        given, found = self._into.get((record.node, nr), []), record.incoming[nr] if record.incoming else None
        total = self.given(record, nr, output)
        if found is None or total is None or (len(given) == 1 and given[0] is found):
            return False
        return error(self._array(found, output), total) > _SAME.get(str(found.dtype).removeprefix("torch."), 0.0)

    def _array(self, tensor: torch.Tensor, like: Operand) -> Array:
        """A gradient, in the dtype of what it is the gradient of."""
        return self.values.plain(tensor).astype(like.dtype, copy=False)

    def unled(self, graph: Graph) -> dict[int, tuple[str, ...]]:
        """By number, what was taken and handed something to operands that no step of it leads to: these."""
        found = {}
        for n, told in enumerate(self.applications):
            led = reached(graph, told)
            names = [o for o in told.operands if graph.index[o] not in led and any(g.any() for g in self._handed[n, o])]
            if names:
                found[self._of[n]] = tuple(names)
        return found

    def observed(self, graph: Graph) -> Observed:
        """The recording, by the graph's numbers."""
        index = graph.index
        return Observed(
            graph, self.applications, {index[n]: a for n, a in self.seen.items() if n in index},
            {index[n]: a for n, a in self._incoming.items()},
            {(n, index[name]): a for (n, name), a in self._handed.items()},
        )  # fmt: skip
