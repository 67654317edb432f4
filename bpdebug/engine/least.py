"""The least that a graph can be run in."""

from __future__ import annotations

from bpdebug.engine import sizes
from bpdebug.engine.bounded import cut
from bpdebug.errors import InputError
from bpdebug.graph import Graph
from bpdebug.limits import MIB, spell_bytes


def check_least(graph: Graph, size: int, where: str, *, trained: bool) -> None:
    """E_LIMIT where so many bytes are less than what has to be kept of a graph, however its passes are cut."""
    states = sizes.of_states(graph, (*graph.trainable, *graph.owners)) if trained else 0
    beside, arrays = sizes.of_leaves(graph) + sizes.of_rules(graph) + states, sizes.of_arrays(graph)
    least = beside + min(arrays, cut(graph, size - beside).nbytes if beside + arrays > size else arrays)
    if least > size:
        message = f"this takes at least {spell_bytes(least)}, and the limit 'memory' is {spell_bytes(size)}"
        hint = f"--memory {-(-least // MIB)}M, in Python memory={least}: less cannot be kept of it"
        raise InputError(message, code="E_LIMIT", where=where, hint=hint)
