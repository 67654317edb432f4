"""Which module is being called, told by hooks on all of them: blocks, and the names of parameters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook


class Modules:
    """The calls of modules that are under way; `block` is the innermost, "" the model itself.

    The model is the one that is given, else the first that is called. Others that are called beside it are blocks,
    named by their classes, and so are their parameters.
    """

    def __init__(self, model: torch.nn.Module | None, within: Callable[[str, str], str]) -> None:
        self.within, self.block = within, ""
        self.paths: dict[torch.nn.Module, str] = {}
        self.tensors: dict[int, tuple[str, torch.Tensor]] = {}
        self.also: dict[str, list[str]] = {}
        self.classes: dict[str, str] = {}
        """The class of the module whose call a block is."""
        self.first: torch.nn.Module | None = None
        self._under_way: list[tuple[str, str]] = [("", "")]
        self._hooks: list[Any] = []
        if model is not None:
            self.know(model)

    def know(self, model: torch.nn.Module) -> str:
        """Names a model's modules, parameters and buffers; gives the path that they begin with."""
        path = "" if self.first is None else type(model).__name__
        self.first = self.first or model
        for name, module in model.named_modules():
            self.paths.setdefault(module, ".".join(p for p in (path, name) if p))
        for name, tensor in (*model.named_parameters(remove_duplicate=False), *model.named_buffers()):
            known, _ = self.tensors.setdefault(id(tensor), (".".join(p for p in (path, name) if p), tensor))
            if known != (whole := ".".join(p for p in (path, name) if p)):
                self.also.setdefault(known, []).append(whole)
        return path

    def __enter__(self) -> Modules:
        self._hooks = [
            register_module_forward_pre_hook(self._begins),
            register_module_forward_hook(self._ends, always_call=True),
        ]
        return self

    def __exit__(self, *raised: object) -> None:
        self.release()

    def release(self) -> None:
        """Calls of modules are no longer followed."""
        for hook in self._hooks:
            hook.remove()

    def _begins(self, module: torch.nn.Module, args: Any) -> None:
        block, above = self._under_way[-1]
        path = self.paths.get(module)
        if path is None:
            path = self.know(module)
        inside = path.removeprefix(f"{above}.") if above else path
        self.block = self.within(block, inside) if inside else block
        if inside:
            self.classes[self.block] = type(module).__name__
        self._under_way.append((self.block, path))

    def _ends(self, module: torch.nn.Module, args: Any, out: Any) -> None:
        if len(self._under_way) > 1:
            self._under_way.pop()
        self.block = self._under_way[-1][0]
