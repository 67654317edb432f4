"""What an iteration starts from: its leaves, before anything is set by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from bpdebug.arrays import Array, read_only
from bpdebug.engine.budget import ARRAY
from bpdebug.graph import DRAWN, STATE, Graph

State = dict[int, Any]
"""What updates have changed, by tensor number: parameters, and the optimizer's states; of the pass's arrays."""

NOTHING: State = {}
"""The state before the first update."""


def leaves(
    graph: Graph, seed: int, t: int = 0, changed: State = NOTHING, given: Mapping[int, Array] | None = None
) -> Callable[[int], Array]:  # fmt: skip
    """What gives `starting` of these, an array of a tensor's shape, by its number."""
    given = graph.arrays if given is None else given
    if changed or graph.first > len(graph.leaves):
        return partial(starting, graph, seed, t, changed, given)
    return given.__getitem__


def starting(graph: Graph, seed: int, t: int, changed: State, given: Mapping[int, Array], tensor: int) -> Array:
    """What iteration t has in a leaf, of its shape, before edits; `changed` is what updates made.

    What was `given` are the graph's arrays, or those of a backend's.
    """
    if tensor in changed:
        found: Array = changed[tensor]
        return found
    kind = graph.kinds[tensor]
    if kind == DRAWN:
        return _drawn(graph, seed, t, tensor)
    if kind == STATE:
        return read_only(np.zeros(graph.shapes[tensor], graph.dtypes[tensor]))
    return given[tensor]


def _drawn(graph: Graph, seed: int, t: int, tensor: int) -> Array:
    """The mask of kept entries: its stream is (seed, node name, iteration), the same in both passes."""
    node = graph.nodes[graph.users(tensor)[0]]  # a gradient that is written out reads the mask, too
    import hashlib  # here alone: it loads OpenSSL, and few graphs draw masks

    entropy = int.from_bytes(hashlib.sha256(f"{seed}\0{node.id}\0{t}".encode()).digest()[:16], "big")
    drawn = np.random.Generator(np.random.PCG64(entropy)).random(graph.shapes[tensor])
    return read_only(np.asarray(drawn >= node.attrs["p"]))


def nbytes(graph: Graph, state: State) -> int:
    """The bytes of parameters and optimizer states."""
    return sum(graph.nbytes(tensor) + ARRAY for tensor in state)
