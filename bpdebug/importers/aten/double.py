"""A model in float64 throughout, also where it asks for a narrower dtype itself: to tell rounding from a wrong rule."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree

_NARROW = {torch.float32, torch.float16, torch.bfloat16}
_CASTS = {torch.Tensor.float, torch.Tensor.half, torch.Tensor.bfloat16}


class _Doubled(TorchFunctionMode):  # type: ignore[misc]  # torch's types are not looked at
    """Whatever asks for a narrower dtype is given float64."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in _CASTS:
            return args[0].double()
        args, kwargs = pytree.tree_map(_wide, (tuple(args), kwargs or {}))
        return func(*args, **kwargs)


def _wide(value: Any) -> Any:
    """A dtype or a tensor, wide enough; anything else as it is."""
    if isinstance(value, torch.dtype):
        return torch.float64 if value in _NARROW else value
    return value.double() if isinstance(value, torch.Tensor) and value.dtype in _NARROW else value


@contextmanager
def doubled() -> Iterator[None]:
    """Inside, tensors are made and cast in float64 by PyTorch's functions, whatever dtype is asked for."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        with _Doubled():
            yield
    finally:
        torch.set_default_dtype(before)


def widen(program: Any, inputs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """An exported program and its inputs in float64; its calls are traced anew when it is lowered."""
    for module in program.graph_module.modules():
        for node in getattr(getattr(module, "graph", None), "nodes", ()):
            node.args, node.kwargs = pytree.tree_map(_wide, (node.args, node.kwargs))
            if node.op == "placeholder" and isinstance(node.meta.get("val"), torch.Tensor):
                node.meta["val"] = _wide(node.meta["val"])
    for held in (program.state_dict, program.constants):
        for name, value in held.items():
            wide = _wide(value)
            held[name] = (
                torch.nn.Parameter(wide, value.requires_grad) if isinstance(value, torch.nn.Parameter) else wide
            )
    return program, {name: _wide(value) for name, value in inputs.items()}


def widened(model: torch.nn.Module, args: Any) -> tuple[torch.nn.Module, Any]:
    """A model and its arguments in float64; copies, where they are not."""
    tensors = (*model.parameters(), *model.buffers())
    model = deepcopy(model).double() if any(t.dtype in _NARROW for t in tensors) else model
    return model, pytree.tree_map(_wide, args)
