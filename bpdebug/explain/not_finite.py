"""Where a NaN or an infinity in a gradient was born: in the backward pass, or before it in the forward pass."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpdebug.engine import BACKWARD, FORWARD, SEED
from bpdebug.explain.question import OVERFLOW, ZERO_TIMES_INF, Question, Why
from bpdebug.explain.reasons import divided_by_zero, zero_times_infinity
from bpdebug.graph import Lit


class NotFinite(Question):
    """The way of a number that is none, back to the event that made it."""

    def not_finite(self, tensor: int, test: Any) -> Why:
        """NaN (or infinity) in a gradient, followed back along contributions that have it."""
        while True:
            gradient = self.run.gradient(tensor)
            if gradient is not None and (self.set_by_hand(tensor, True) & test(gradient)).any():
                last = self.timeline.completed_by(tensor, self.iteration)
                return Why(self.of, OVERFLOW, last, (*self.evidence, f"∂{self.name(tensor)} was set to it by hand"))
            bad = [(k, p) for k, p in self.graph.edges_from(tensor) if test(self.run.contribution(k, p)).any()]
            if not bad:
                seed = tensor in self.graph.incoming and test(self.run.seed(tensor)).any()
                if seed:
                    return self.answer(OVERFLOW, SEED, tensor, f"what comes in at {self.name(tensor)} has it")
                last = self.timeline.completed_by(tensor, self.iteration)
                text = f"the sum ∂{self.name(tensor)} makes it, of contributions without"
                return Why(self.of, OVERFLOW, last, (*self.evidence, text))
            k, _ = bad[0]
            out = self.graph.first + k
            if test(self.cotangent(k)).any():
                self.evidence.append(f"∂{self.name(tensor)} has it from ∂{self.name(out)}, at {self.at(k)}")
                tensor = out
                continue
            for t in (*self.graph.nodes[k].tensors, out):
                if self.graph.is_float(t) and test(self.run.value(t)).any():
                    self.evidence.append(f"{self.at(k)} uses the value of {self.name(t)}, which has it")
                    return self._forward(t, test)
            return self._born_backward(tensor, k, bad[0][1], test)

    def _born_backward(self, tensor: int, k: int, position: int, test: Any) -> Why:
        """The rule of node k makes it from numbers without."""
        out = self.graph.first + k
        cells = np.argwhere(test(self.run.contribution(k, position)))
        cell = ", ".join(map(str, cells[0].tolist()))
        place = f"∂{self.name(tensor)}[{cell}]" if cell else f"∂{self.name(tensor)}"
        formula = self.graph.plans[k].formula(position, self.timeline.graph.operand_names(k), self.name(out))
        source = self.source(k, position, test(self.run.contribution(k, position)))
        made = zero_times_infinity(source)
        if test is np.isnan and (made or not self.cotangent(k).all()):
            words = made or f"∂{self.name(out)} has zeros"
            text = f"{place} = {formula} is zero times infinity (or 0/0) at {self.at(k)}: {words}"
            return self.answer(ZERO_TIMES_INF, BACKWARD, out, text, *self._infinite(k))
        what = "NaN" if test is np.isnan else "infinite"
        cause = divided_by_zero(source) or f"what goes in is not {what}"
        text = f"{place} = {formula} is {what} at {self.at(k)}: {cause}"
        return self.answer(OVERFLOW, BACKWARD, out, text, *(self._infinite(k) if test is np.isnan else ()))

    def _infinite(self, k: int) -> tuple[str, ...]:
        """Where an infinity that goes into node k's rule, by its gradient or by a value, came from."""
        said, self.evidence = self.evidence, []
        out, found = self.graph.first + k, None
        if np.isinf(self.cotangent(k)).any():
            found = self.not_finite(out, np.isinf)
        else:
            used = (*self.graph.nodes[k].tensors, out)
            large = next((t for t in used if self.graph.is_float(t) and np.isinf(self.run.value(t)).any()), None)
            found = None if large is None else self._forward(large, np.isinf)
        self.evidence = said
        return found.evidence if found is not None else ()

    def _forward(self, tensor: int, test: Any) -> Why:
        """Up the forward pass, to the value that has it first."""
        graph = self.graph
        while (node := graph.node(tensor)) is not None:
            if (self.set_by_hand(tensor, False) & test(self.run.value(tensor))).any():
                return self.answer(OVERFLOW, FORWARD, tensor, f"{self.name(tensor)} was set to it by hand")
            floats = [t for t in node.tensors if graph.is_float(t)]
            above = next((t for t in floats if test(self.run.value(t)).any()), None)
            if above is None:
                break
            tensor = above
        if node is None:
            users = graph.users(tensor)
            text = f"{self.name(tensor)} came with it"
            return self.answer(OVERFLOW, FORWARD, graph.first + users[0], text)
        values = [np.asarray(self.run.value(t)) for t in floats]
        values += [np.asarray(i.value) for i in node.inputs if isinstance(i, Lit)]
        zero, infinite = any(not v.all() for v in values), any(np.isinf(v).any() for v in values)
        product = test is np.isnan and zero and (infinite or node.op.name in ("div", "pow"))
        index = self.timeline.index_of(FORWARD, tensor, self.iteration)
        what = "NaN" if test is np.isnan else "infinity"
        call = self.timeline.call_text(tensor - graph.first)
        text = f"{self.name(tensor)} = {call} makes {what} at event {index}, in the forward pass"
        return self.answer(ZERO_TIMES_INF if product else OVERFLOW, FORWARD, tensor, text)
