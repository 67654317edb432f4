"""Where a node stands: its block among the calls of modules, as far as the exporter wrote it down."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Any

_SCOPES = "pkg.torch.onnx.name_scopes"
_QUOTED = re.compile(r"'([^']*)'")
_PLAIN = re.compile(r"[^\w.]")


def path_of(node: Any) -> str:
    """The module that a node belongs to: of PyTorch's exporters, and of those that name nodes by paths; '' if none."""
    said = next((entry.value for entry in node.metadata_props if entry.key == _SCOPES), "")
    scopes = _QUOTED.findall(text_of(said))
    found = scopes[-2] if len(scopes) > 1 else ".".join(node.name.strip("/").split("/")[:-1])
    parts = [_PLAIN.sub("_", part) for part in found.split(".")]
    return ".".join(part for part in parts if part)[:200]


def text_of(said: str | bytes) -> str:
    """What the exporter wrote down; protobuf gives bytes for what is no UTF-8."""
    return said if isinstance(said, str) else said.decode("utf-8", "replace")


class NodePlaces:
    """The blocks of a model's nodes; a node of several steps is a block of its own, unless its module does no more."""

    def __init__(self, nodes: Iterable[Any]) -> None:
        self.calls = Counter(path_of(node) for node in nodes)
        self.counted: Counter[str] = Counter()

    def alone(self, block: str) -> bool:
        """Whether one node is all that a module does."""
        return bool(block) and self.calls[block] == 1

    def within(self, block: str, name: str) -> str:
        """A block inside of another, numbered from the second on."""
        plain = f"{block}." * bool(block) + _PLAIN.sub("_", name).lower()
        self.counted[plain] += 1
        return plain if self.counted[plain] == 1 else f"{plain}@{self.counted[plain]}"
