"""What an autograd node's forward was among the calls that were recorded, and where the user wrote it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import cache
from linecache import getline

from msgspec import Struct

from bpdebug.importers.calls import Source
from bpdebug.importers.live.calls import Applied, CallSite, ForwardCall
from bpdebug.importers.live.passes import AutogradNode

PRECISIONS = ("float8_e5m2", "float8_e4m3fn", "bfloat16", "float16", "float32", "float64")
"""Dtypes, the coarsest first."""
_MADE = "GeneratedBackwardFor_"
"""What the Functions are called that torch.library.register_autograd makes."""


class Taken(Struct, frozen=True, eq=False):
    """What one autograd node's forward was: a call, or all calls of a custom Function."""

    node: AutogradNode
    calls: Sequence[ForwardCall]
    function: Applied | None

    @property
    def place(self) -> CallSite:
        return self.calls[-1].place if self.function is None else self.function.place

    @property
    def name(self) -> str:
        """What it is called: addmm, or the custom Function's class, unless torch made that for an op of the user's."""
        if self.function is not None and not self.node.name.startswith(_MADE):
            return self.node.name.removesuffix("Backward")
        return named(self.calls[0])

    @property
    def precision(self) -> str:
        """The coarsest dtype that it computes in."""
        held = (
            h.tensor.dtype for call in self.calls for h in (*call.outputs, *call.seen) if h.tensor.is_floating_point()
        )
        return min((str(dtype).removeprefix("torch.") for dtype in held), key=PRECISIONS.index, default="")


def op_of(call: ForwardCall) -> str:
    """A call's op in the table of rules: mylib.op.default; of aten's as if nothing was written in place (relu_)."""
    library, _, op = str(call.op).partition(".")
    if library != "aten":
        return str(call.op)
    packet, _, overload = op.partition(".")
    name = f"{packet if packet.startswith('__') else packet.rstrip('_')}.{overload}"
    return "transpose.int" if name == "transpose.default" else name  # as it is called in place


def named(call: ForwardCall) -> str:
    """What a step of a call is called: addmm."""
    return op_of(call).split(".")[-2].strip("_")


@cache
def _line(file: str, line: int) -> Source:
    return (f"{os.path.basename(file)}:{line}", getline(file, line).strip()) if file else ("", "")


def source_of(place: CallSite) -> Source:
    """The user's line: "model.py:12", and its text."""
    return _line(place.file, place.line)
