"""From a training step that was recorded to a scenario: the calls that a gradient went back through, as steps.

The nodes of torch's backward graph say which calls these are. Each is an application: what came in at its outputs and
what it handed to its operands is held against our rules later. All else is a leaf, by its value at the time.
"""

from __future__ import annotations

from collections import ChainMap, Counter
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch

from bpdebug.arrays import Array
from bpdebug.errors import InputError
from bpdebug.graph import INPUT, PARAMETER
from bpdebug.importers.aten.families import ruled
from bpdebug.importers.aten.tensors import HALVES
from bpdebug.importers.calls import Calls
from bpdebug.importers.live.calls import ForwardCall, Held, Key, Seen, storage_of, writes
from bpdebug.importers.live.numbers import PassNumbers, Told
from bpdebug.importers.live.passes import AutogradNode, BackwardPass
from bpdebug.importers.live.step import LiveStep
from bpdebug.importers.live.taken import Taken, named, op_of, source_of
from bpdebug.importers.live.values import Values
from bpdebug.importers.lowering import Lowering, NoRule, Operand

COPIES = "torch::autograd::CopySlices"
_KEEPS = ("detach.default", "alias.default", "lift_fresh.default")
"""What keeps a tensor as it is; inside a custom Function no gradient passes through its ops anyway."""


Opaque = Mapping[int, tuple[str, ...]]
"""Applications whose steps are not what torch went through: by number, the operands that no step leads to."""


class StepReader:
    """A backward pass while it is read: the operands so far, by tensor and by autograd node."""

    def __init__(self, step: LiveStep, backward: BackwardPass, where: str, opaque: Opaque) -> None:
        self.step, self.backward, self.where, self.opaque = step, backward, where, opaque
        self.calls = Calls()
        self.calls.counted, self.program = Counter(step.names.counted), self.calls.program
        recorded = step.calls.calls[: backward.calls]
        self.values = Values(step.calls, where)
        self.records = {record.node: record for record in backward.nodes}
        self.variables = {id(v): record for record in backward.nodes if (v := record.variable) is not None}
        self.made_by = {held.key: call for call in recorded for held in call.outputs}
        self.nodes: dict[Key, tuple[Any, int]] = {}
        for seen in (s for call in recorded for s in call.seen):
            if seen.node is not None:
                self.nodes.setdefault(seen.key, (seen.node, seen.nr))
        self.nodes |= {root.key: (root.node, root.nr) for root in backward.roots}
        self.users = Counter(n.node for record in backward.nodes for n, _ in record.operands if n is not None)
        self.found: MutableMapping[Key, Operand] = {}
        self.computed: set[int] = set()
        self.aliases: dict[str, str] = {}
        self.outputs: dict[tuple[Any, int], Operand] = {}
        self.hooks: dict[str, tuple[Array | None, Array]] = {}
        self.numbers = PassNumbers(self.values, backward)
        self.taken = list(self._taken(recorded))
        self.alone = Counter(t.place.block for t in self.taken)

    def _taken(self, recorded: Sequence[ForwardCall]) -> Iterator[Taken]:
        """The calls that are on the way back, in their order; those of a custom Function together."""
        done: set[int] = set()
        for call in recorded:
            if call.function is None:
                record = self._record([call])
                if record is not None and not record.custom:
                    yield self._through_view(call, record) or Taken(record, [call], None)
            elif id(call.function) not in done:
                done.add(id(call.function))
                mine = [c for c in recorded if c.function is call.function]
                record = self._record(mine)
                if record is not None:
                    yield Taken(record, mine, call.function)

    def _through_view(self, call: ForwardCall, record: AutogradNode) -> Taken | None:
        """A call that writes through a view of what is used nowhere else, with the views that lead there.

        torch has two nodes for it, of which one copies into the whole, and the other is the view anew.
        """
        source = record.operands[0][0] if record.operands and writes(call.op) else None
        if source is None or source.name != COPIES or self.users[source.node] > 1:
            return None
        calls, seen = [call], call.seen[0]
        while (
            (view := self.made_by.get(seen.key)) is not None and view.function is None and self._record([view]) is None
        ):
            calls, seen = [view, *calls], view.seen[0]
        both = AutogradNode(
            record.node, source.name.rpartition("::")[2], source.operands, record.incoming, source.handed
        )
        return Taken(both, calls, None)

    def _record(self, calls: Sequence[ForwardCall]) -> AutogradNode | None:
        """The node of the backward graph that an output of these calls has."""
        keys = (held.key for call in calls for held in call.outputs)
        found = (self.records.get(self.nodes[key][0]) for key in keys if key in self.nodes)
        return next((record for record in found if record is not None), None)

    # --- operands

    def operand(self, seen: Seen) -> Operand:
        """A tensor as an operand: of the graph, or a leaf of its value then."""
        found = self.found.get(seen.key) or self.outputs.get((seen.node, seen.nr))
        if found is None:
            found = self._leaf(seen)
        self.found[seen.key] = found
        return found

    def _leaf(self, seen: Seen) -> Operand:
        tensor = seen.tensor
        if seen.node in self.records:
            raise self._unseen(self.records[seen.node])
        if id(tensor) in self.computed:
            raise NoRule("a tensor is written to in place through another one")
        name, _ = self.step.modules.tensors.get(id(tensor), ("", None))
        variable = id(tensor) in self.variables
        call = self.made_by.get(seen.key)
        called = name or self.step.calls.names.get(id(tensor)) or ("input" if call is None else named(call))
        array = self.values.array(seen)
        kind = PARAMETER if variable else INPUT
        where = "" if name or call is None else call.place.block
        made = self.program.leaf(where, called, array, kind, passing=variable)
        for also in self.step.modules.also.get(name, ()):
            self.aliases.setdefault(also, made.name)
        if not variable:
            return made
        record = self.variables[id(tensor)]
        self.numbers.arrived(record, made)
        return self._hooked(made, record, 0, "") if tensor._backward_hooks else made

    def _unseen(self, record: AutogradNode) -> InputError:
        """E_OP for a node that no call was seen of: one that writes through a view makes such."""
        calls = self.step.calls.calls
        made = [s for call in calls for s in call.seen if s.node is record.node or self._behind(s.node, record)]
        where = {(storage_of(s.tensor), s.version) for s in made}
        for call in calls:
            if writes(call.op) and where & {(storage_of(held.tensor), held.version) for held in call.outputs}:
                hint = "write it without: relu(x) for relu_(x), torch.where for an index that is set"
                message = f"{named(call)} writes in place through a view of what is used elsewhere, too"
                return InputError(message, code="E_OP", where=source_of(call.place)[0] or self.where, hint=hint)
        message = f"{record.name} came about by a call that was not seen"
        hint = "watch the whole step, from its first forward call on; what C++ or another thread calls is not seen"
        return InputError(message, code="E_OP", where=self.where, hint=hint)

    def _behind(self, node: Any, record: AutogradNode) -> bool:
        """Whether a node takes what a record made."""
        return node in self.records and any(source is record for source, _ in self.records[node].operands)

    # --- steps

    def read(self) -> list[Operand]:
        """Every application; gives the operands at which the pass began."""
        for n, taken in enumerate(self.taken):
            self._take(n, taken)
        return [self.operand(root) for root in self.backward.roots]

    def _take(self, n: int, taken: Taken) -> None:
        first, place = len(self.program.steps), taken.place
        found = None if n in self.opaque else self.calls.call(
            taken.name, taken.name, place.block, source_of(place), partial(self._ruled, taken),
            alone=self.alone[place.block] == 1,
        )  # fmt: skip
        if found is None:
            found = self._opaque(taken)
        self.found.update(found)
        outputs = self._outputs(taken)
        for held, nr in outputs:
            self.outputs[taken.node.node, nr] = self.found[held.key]
        self._remember(taken)
        self.numbers.add(
            n, taken.node, Told(taken.node.name, place.block, source_of(place)[0], taken.precision),
            (first, len(self.program.steps)), {nr: self.found[held.key] for held, nr in outputs},
            self._operands(taken), self.opaque.get(n, ()),
        )  # fmt: skip
        for held, nr in outputs:
            self._hook(taken, held, nr)

    def _remember(self, taken: Taken) -> None:
        """The values that torch computed, and that are still there."""
        for held in (held for call in taken.calls for held in call.outputs):
            if (operand := self.found.get(held.key)) is not None:
                self.computed.add(id(held.tensor))
                if not self.values.gone(held):
                    self.numbers.seen.setdefault(operand.name, self.values.array(held))

    def _outputs(self, taken: Taken) -> list[tuple[Held, int]]:
        """The tensors that are outputs of an autograd node, and which; of several, those that a gradient came in at."""
        made = (held for call in taken.calls for held in call.outputs)
        known = ((held, self.nodes.get(held.key, (None, 0))) for held in made)
        found = [(held, nr) for held, (node, nr) in known if node is taken.node.node]
        incoming = taken.node.incoming or ()
        return [(held, nr) for held, nr in found if nr < len(incoming) and incoming[nr] is not None] or found[:1]

    def _operands(self, taken: Taken) -> list[Operand | None]:
        """What torch hands a gradient to, by operand; None where none is asked for."""
        return [None if record is None else self._from(record, nr) for record, nr in taken.node.operands]

    def _from(self, record: AutogradNode, nr: int) -> Operand:
        variable = record.variable
        if variable is not None:
            return self.operand(Seen(variable, self._version(variable), None, 0))
        found = self.outputs.get((record.node, nr))
        if found is None:
            raise self._unseen(record)
        return found

    def _version(self, variable: torch.Tensor) -> int:
        """The version in which a leaf was used."""
        return next((key[1] for key in self.found if key[0] == id(variable)), int(variable._version))

    def _ruled(self, taken: Taken, block: str) -> dict[Key, Operand]:
        """The operands that the calls come to, by the rules of their ops; raises NoRule."""
        before, first = self.found, len(self.program.steps)
        made: dict[Key, Operand] = {}
        self.found = ChainMap(made, before)
        try:
            for call in taken.calls:
                try:
                    self._call(call, block, taken.function is not None)
                except NoRule as error:  # of several the reader is told which
                    raise NoRule(f"{op_of(call)} {error}".strip() if taken.function else str(error)) from None
            for held, _ in self._outputs(taken):
                if held.key not in self.found:
                    raise NoRule("a gradient at an output beside the first")
                if taken.function is not None and len(self.program.steps) == first:  # what it hands on may be another
                    x = self.found[held.key]
                    self.found[held.key] = self.program.step(block, taken.name, "reshape", [x], {"shape": x.shape})
            return made
        finally:
            self.found = before

    def _call(self, call: ForwardCall, block: str, inside: bool) -> None:
        by_id, op = {id(s.tensor): s for s in call.seen}, op_of(call)

        def given(value: Any) -> Any:
            if isinstance(value, torch.Tensor):
                return self.operand(by_id[id(value)])
            return [given(v) for v in value] if isinstance(value, list | tuple) else value

        outputs = [held.tensor for held in call.outputs]
        if not any(x.is_floating_point() for x in outputs):
            return
        args, kwargs = [given(a) for a in call.args], {k: given(v) for k, v in call.kwargs.items()}
        halves = {HALVES.get(x.dtype) for x in (outputs[0], *(s.tensor for s in call.seen))}
        if inside and op in _KEEPS:
            result = args[0]
        elif op.startswith("_to_copy") and len(halves) > 1:  # where a precision changes it is seen
            to = HALVES.get(outputs[0].dtype, "float32")
            result = self.program.step(block, "cast", "cast", args[:1], {"dtype": to})
        else:
            made, shape = partial(self.values.output, call), tuple(outputs[0].shape)
            lowering = Lowering(self.program, block, shape, self.values.dtype(outputs[0]), made)
            result = ruled(op, lowering, args, kwargs)
        for held, operand in zip(call.made, result if isinstance(result, list) else [result], strict=False):
            if held is not None and isinstance(operand, Operand):
                self.found[held.key] = operand

    def _opaque(self, taken: Taken) -> dict[Key, Operand]:
        """Steps without a rule: the outputs' values, and what torch handed to each operand, at the first of them."""
        block, name, record = taken.place.block, taken.name, taken.node
        asked = {o.name: o for o in self._operands(taken) if o is not None}
        handed = {
            n: np.asarray(sum(g[1:], g[0])) for n, g in self.numbers.handed(record, self._operands(taken)).items()
        }
        handed |= {n: np.zeros(o.shape, o.dtype) for n, o in asked.items() if n not in handed}
        found: dict[Key, Operand] = {}
        for held, _ in self._outputs(taken):
            value = self.program.leaf(block, f"{name}.value", self.values.array(held))
            passed = [
                self.program.leaf(block, f"{name}.handed", np.zeros(o.shape, o.dtype) if found else handed[o.name])
                for o in asked.values()
            ]
            found[held.key] = self.program.step(block, name, "opaque", [value, *passed, *asked.values()], {})
        return found

    def _hook(self, taken: Taken, held: Held, nr: int) -> None:
        """A step where what came in at an output is not what was handed to it: a hook, or somebody wrote to it."""
        x, record = self.found[held.key], taken.node
        if held.tensor._backward_hooks or self.numbers.changed(record, nr, x):
            self.found[held.key] = self.outputs[record.node, nr] = self._hooked(x, record, nr, taken.place.block)

    def _hooked(self, x: Operand, record: AutogradNode, nr: int, block: str) -> Operand:
        name, after = x.name.rpartition(".")[2], self.numbers.came_in(record, nr, x)
        self.hooks[x.name] = self.numbers.given(record, nr, x), after
        handed = self.program.leaf(block, f"{name}.hooked", after)
        return self.program.step(block, f"{name}_hook", "hook", [x, handed], {})
