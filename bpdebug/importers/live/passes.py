"""The backward passes of a training step: what came in at each autograd node, and what it handed to its operands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any

import torch
from msgspec import Struct, field
from torch.utils._python_dispatch import _get_current_dispatch_mode, _pop_mode_temporarily

from bpdebug.importers.live.calls import CallRecorder, Seen

ACCUMULATES = "torch::autograd::AccumulateGrad"


class AutogradNode(Struct, eq=False, gc=False):
    """A node of torch's backward graph, and the gradients that passed: None where it did not run.

    `incoming` is by output, `handed` by operand; `operands` are the nodes that these come from, and of which output.
    """

    node: Any
    name: str
    operands: list[tuple[AutogradNode | None, int]] = field(default_factory=list)
    incoming: list[torch.Tensor | None] | None = None
    handed: list[torch.Tensor | None] | None = None
    before: list[tuple[torch.Tensor, int, torch.Tensor]] = field(default_factory=list)

    @property
    def variable(self) -> torch.Tensor | None:
        """The leaf that it adds to; None of the others."""
        return self.node.variable if self.name == ACCUMULATES else None

    @property
    def custom(self) -> bool:
        """Whether it is a custom Function's."""
        return hasattr(type(self.node), "_forward_cls")


class BackwardPass(Struct, eq=False):
    """One call of `backward`: where it began, with which gradients, and its nodes, from the roots on.

    `calls` is how many calls were recorded until then, `held` are the leaves that held a gradient before, and
    `overwriters` the custom Functions that wrote to what came in.
    """

    roots: list[Seen]
    gradients: list[torch.Tensor | None]
    calls: int
    nodes: list[AutogradNode] = field(default_factory=list)
    held: list[torch.Tensor] = field(default_factory=list)
    overwriters: list[AutogradNode] = field(default_factory=list)


def nodes_of(roots: Sequence[Any]) -> list[AutogradNode]:
    """The nodes that lead to these, each once."""
    found: dict[Any, AutogradNode] = {}
    waiting = [root for root in roots if root is not None]
    while waiting:
        node = waiting.pop()
        if node not in found:
            found[node] = AutogradNode(node, node.name())
            waiting += [n for n, _ in node.next_functions if n is not None]
    for node, record in found.items():
        record.operands = [(None if n is None else found[n], nr) for n, nr in node.next_functions]
    return list(found.values())


class PassRecorder:
    """Stands in for `torch.autograd.backward` inside a `with`; `wanted` says of each pass whether to record it.

    It is told what of the pass cannot be recorded, if anything; `done` is told when one is over.
    """

    def __init__(self, calls: CallRecorder, wanted: Callable[[str], bool], done: Callable[[], None]) -> None:
        self.calls, self.wanted, self.done = calls, wanted, done
        self.passes: list[BackwardPass] = []
        self._inside = self._twice = False

    def __enter__(self) -> PassRecorder:
        self._own = torch.autograd.backward
        self._own_grad = torch.autograd.grad
        torch.autograd.backward, torch.autograd.grad = self._backward, self._grad
        return self

    def __exit__(self, *raised: object) -> None:
        torch.autograd.backward, torch.autograd.grad = self._own, self._own_grad

    def _grad(
        self, outputs: Any, inputs: Any, grad_outputs: Any = None, retain_graph: bool | None = None,
        create_graph: bool = False, *more: Any, **given: Any,
    ) -> Any:  # fmt: skip
        self._twice = self._twice or (create_graph and self.calls.on)
        return self._own_grad(outputs, inputs, grad_outputs, retain_graph, create_graph, *more, **given)

    def _backward(
        self, tensors: Any, grad_tensors: Any = None, retain_graph: bool | None = None, create_graph: bool = False,
        *more: Any, **given: Any,
    ) -> None:  # fmt: skip
        own = partial(self._own, tensors, grad_tensors, retain_graph, create_graph, *more, **given)
        if self._inside:
            own()
            return
        unread = "inputs=" if more or given.get("inputs") is not None else ""
        unread = "create_graph=True" if create_graph or self._twice else unread
        self._twice = False
        if not self.wanted(unread):
            self._run(own)
            self.done()
            return
        roots = [tensors] if isinstance(tensors, torch.Tensor) else list(tensors)
        gradients = [grad_tensors] if isinstance(grad_tensors, torch.Tensor) else list(grad_tensors or [None])
        made = BackwardPass(
            [Seen(x, x._version, x.grad_fn, x.output_nr) for x in roots],
            (gradients * len(roots))[: len(roots)],
            len(self.calls.calls),
        )
        with self._hooked(made):
            self._run(own)
        self.passes.append(made)
        self.done()

    def _run(self, own: Callable[[], None]) -> None:
        """The pass itself: what it calls does not go by the recorder of calls, where nothing stands above that."""
        self._inside, self.calls.on, on = True, False, self.calls.on
        mine = _get_current_dispatch_mode() is self.calls
        try:
            with _pop_mode_temporarily() if mine else nullcontext():
                own()
        finally:
            self._inside, self.calls.on = False, on

    @contextmanager
    def _hooked(self, made: BackwardPass) -> Any:
        """Hooks on all nodes while a pass runs."""
        made.nodes = nodes_of([root.node for root in made.roots])
        hooks = []
        for record in made.nodes:
            variable = record.variable
            if variable is not None and variable.grad is not None:
                made.held.append(variable)
            if variable is None:
                hooks.append(record.node.register_hook(partial(self._passed, made, record)))
            else:
                hooks.append(record.node.register_prehook(partial(self._arrives, record)))
            if record.custom:
                hooks.append(record.node.register_prehook(partial(self._comes_in, record)))
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def _arrives(self, record: AutogradNode, incoming: Any) -> None:
        """What comes in at a leaf, all of it."""
        record.incoming = list(incoming)

    def _comes_in(self, record: AutogradNode, incoming: Any) -> None:
        """Copies what comes in at a custom Function, which may write to it."""
        record.before = [(g, g._version, g.detach().clone()) for g in incoming if g is not None]

    def _passed(self, made: BackwardPass, record: AutogradNode, handed: Any, incoming: Any) -> None:
        record.handed, record.incoming = list(handed), list(incoming)
        for g, version, copy in record.before:
            if g._version != version:
                made.overwriters.append(record)
                passed = [record.incoming]  # and what was handed so far: what comes in later finds it overwritten
                passed += [p for n in made.nodes if n is not record for p in (n.handed, n.incoming) if p is not None]
                for gradients in passed:
                    gradients[:] = [copy if x is g else x for x in gradients]
        record.before = []
