"""Where a call of an exported program stands: its block among the calls of modules, and the user's source line."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import torch

_TORCH = os.path.dirname(torch.__file__)
MODEL = "model_of_the_user"
"""The module of `WithLoss` that is the user's; no model has one of this name."""
_FRAME = re.compile(r'File "([^"\n]+)", line (\d+), in \S+\n +(.*)')


def own(path: str) -> str:
    """A qualified name as the user's model has it."""
    return path.removeprefix(f"{MODEL}.") if path != MODEL else ""


class Blocks:
    """The blocks of calls: a block is one call of a module, `encoder`, the second `encoder@2`."""

    def __init__(self, calls: Sequence[Any], within: Callable[[str, str], str]) -> None:
        self.known: dict[tuple[str, str], str] = {}
        self.classes: dict[str, str] = {}
        """The class of the module whose call a block is."""
        self.within = within
        self.calls = Counter(self.of(call) for call in calls)

    def of(self, node: Any) -> str:
        """The block that a call stands in; '' is the model itself."""
        block, above = "", ""
        for key, (path, kind) in (node.meta.get("nn_module_stack") or {}).items():
            path = own(path)
            if not path:
                continue
            if (block, key) not in self.known:
                inside = path.removeprefix(f"{above}.") if above else path
                self.known[block, key] = made = self.within(block, inside)
                self.classes[made] = getattr(kind, "__name__", str(kind)).rpartition(".")[2]
            block, above = self.known[block, key], path
        return block

    def alone(self, node: Any) -> bool:
        """Whether a call is all that its module does."""
        block = self.of(node)
        return bool(block) and self.calls[block] == 1


def source_of(node: Any) -> tuple[str, str]:
    """The innermost line of the user's own source behind a call: "model.py:12", and its text; '' where unknown."""
    return _source(node.meta.get("stack_trace") or "")


@cache
def _source(trace: str) -> tuple[str, str]:
    for file, line, text in reversed(_FRAME.findall(trace)):
        if not file.startswith((_TORCH, os.path.dirname(__file__))):
            return f"{os.path.basename(file)}:{line}", text.strip()
    return "", ""
