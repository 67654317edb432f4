"""A model as an exported program whose ops are those that people know, as far as there are rules for them."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from msgspec import Struct
from torch.utils import _pytree as pytree

from bpdebug.errors import InputError
from bpdebug.importers.aten.names import MODEL
from bpdebug.importers.aten.table import RULES


class WithLoss(torch.nn.Module):  # type: ignore[misc]  # torch's types are not looked at
    """A model of flat arguments that gives its float outputs, or its loss alone; the model is its module MODEL."""

    def __init__(self, model: torch.nn.Module, spec: Any, loss: Callable[[Any], Any] | str | None) -> None:
        super().__init__()
        self.add_module(MODEL, model)
        self.spec, self.loss = spec, loss
        self.train(model.training)

    def forward(self, *flat: Any) -> Any:
        args, kwargs = pytree.tree_unflatten(flat, self.spec)
        out = self.get_submodule(MODEL)(*args, **kwargs)
        if callable(self.loss):
            return self.loss(out)
        if self.loss is not None:
            return _named_output(out, self.loss)
        found = [t for t in pytree.tree_leaves(out) if isinstance(t, torch.Tensor) and t.is_floating_point()]
        return tuple(found)


def _named_output(out: Any, name: str) -> Any:
    """The output of a name; E_LOSS where there is none."""
    found = out.get(name) if isinstance(out, Mapping) else getattr(out, name, None)
    if found is None:
        has = ", ".join(out) if isinstance(out, Mapping) else type(out).__name__
        raise InputError(f"the model has no output '{name}'", code="E_LOSS", hint=f"it gives: {has}")
    return found


class Exported(Struct, frozen=True, eq=False):
    """An exported program, its arguments by name in their order, and the custom Functions that it lost."""

    program: Any
    inputs: dict[str, Any]
    functions: tuple[str, ...]


def export(model: torch.nn.Module, args: Any, loss: Callable[[Any], Any] | str | None) -> Exported:
    """The program of a model on arguments, functional; regions without gradients end in `detach`.

    Raises E_FILE where torch.export cannot read the model, and E_LOSS for an output that it has not.
    """
    args, kwargs = _arguments(args)
    inputs = _names(model, args, kwargs)
    whole = WithLoss(model, pytree.tree_structure((args, kwargs)), loss)
    with warnings.catch_warnings(), _watched_functions() as functions:
        warnings.simplefilter("ignore")  # of torch about itself
        try:
            program = lowered(torch.export.export(whole, tuple(pytree.tree_leaves((args, kwargs)))))
        except InputError:
            raise
        except Exception as error:  # whatever the model's code, and torch's, raise
            said = next(iter(str(error).strip().splitlines()), type(error).__name__)
            hint = "torch.export.export(model, args) must be able to read it: no branches that depend on values"
            raise InputError(f"torch.export: {said}", code="E_FILE", where=type(model).__name__, hint=hint) from None
    return Exported(program, inputs, tuple(dict.fromkeys(functions)))


def lowered(program: Any) -> Any:
    """An exported program as functional calls of ops that have rules, as far as there are any."""
    _detach(program.graph_module)
    return program.run_decompositions(_decompositions(program))


def _decompositions(program: Any) -> Any:
    """torch's table of decompositions without the ops that have rules; attention that draws falls apart."""
    table = torch.export.default_decompositions()
    drawing = any("dot_product_attention" in str(n.target) and _draws(*n.args, **n.kwargs) for n in program.graph.nodes)
    for name in RULES:
        packet, _, overload = name.partition(".")
        op = getattr(getattr(torch.ops.aten, packet, None), overload, None)
        if op is not None and not (drawing and packet == "scaled_dot_product_attention"):
            table.pop(op, None)
    return table


def _draws(q: Any, k: Any, v: Any, mask: Any = None, dropout_p: float = 0, *how: Any, **more: Any) -> bool:
    return dropout_p > 0


def _arguments(args: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    if isinstance(args, Mapping):
        return (), dict(args)
    return (tuple(args) if isinstance(args, tuple | list) else (args,)), {}


def _names(model: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The flat arguments by the names that forward gives them, `x`, or `x.0` within one that holds several."""
    try:
        given = [*inspect.signature(model.forward).bind_partial(*args).arguments.items(), *kwargs.items()]
    except TypeError:
        given = [*((f"arg{i}", a) for i, a in enumerate(args)), *kwargs.items()]
    found: dict[str, Any] = {}
    for name, value in given:
        leaves = pytree.tree_leaves(value)
        found |= {name if len(leaves) == 1 else f"{name}.{i}": leaf for i, leaf in enumerate(leaves)}
    return found


def _detach(module: Any) -> None:
    """Has what a region under no_grad gives pass through `detach`: decomposing forgets the region."""
    for node in list(module.graph.nodes):
        if node.op == "call_function" and "set_grad_enabled" in str(node.target) and node.args[0] is False:
            region = getattr(module, node.args[1].target)
            out = next(n for n in region.graph.nodes if n.op == "output")
            with region.graph.inserting_before(out):
                out.args = torch.fx.map_arg(out.args, partial(_detached, region.graph))
            region.recompile()


def _detached(graph: Any, node: Any) -> Any:
    found = graph.call_function(torch.ops.aten.detach.default, (node,))
    found.meta = dict(node.meta)
    return found


@contextmanager
def _watched_functions() -> Iterator[list[str]]:
    """The names of the custom Functions that are applied inside."""
    seen: list[str] = []
    own = torch.autograd.Function.__dict__["apply"]

    def apply(cls: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append(cls.__name__)
        return own.__func__(cls, *args, **kwargs)

    torch.autograd.Function.apply = classmethod(apply)
    try:
        yield seen
    finally:
        torch.autograd.Function.apply = own
