"""Which kind of pass computes an iteration; what few sessions need is imported when one does."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bpdebug.arrays import Array
from bpdebug.engine.budget import Budget
from bpdebug.engine.edits import Override
from bpdebug.engine.run import Pass
from bpdebug.engine.source import ArraySource
from bpdebug.errors import InputError
from bpdebug.graph import Graph
from bpdebug.graph.halves import in_halves

if TYPE_CHECKING:
    from bpdebug.engine.room import Room


def given(graph: Graph, budget: Budget) -> Mapping[int, Any]:
    """The arrays of leaves, by number, of their shapes: where passes are on a backend's arrays, there."""
    if budget.backend is None:
        return graph.arrays
    from bpdebug.engine.placed import PlacedLeaves  # as below

    return PlacedLeaves.of(graph, budget.backend)


def in_precision(graph: Graph, budget: int | Budget, *, read: bool = False) -> Graph:
    """The graph with its half precision where the budget's backend has it; E_DTYPE where floats are of one, and none.

    So are other dtypes that a device has not, as some have no float64. What only casts to half precision is computed
    anywhere, float32 holding what was rounded; what is `read` is computed nowhere.
    """
    backend = None if isinstance(budget, int) else budget.backend
    if backend is not None and not read:
        missing = {dtype.name for dtype in graph.dtypes} - backend.scope.keys()
        if missing:
            hint = 'compute in dtype = "float32", or on the CPU: --device cpu'
            raise InputError(f"{backend.name} has no {min(missing)}", code="E_DTYPE", hint=hint)
    if backend is not None and backend.halved is not None:
        return in_halves(graph)
    if graph.half and not read:
        hint = 'backend="torch" and backend="jax" do (--backend torch); or compute in dtype = "float32"'
        name = "NumPy" if backend is None else backend.name
        raise InputError(f"{name} does not compute in {graph.half}", code="E_DTYPE", hint=hint)
    return graph


def computed(
    graph: Graph, leaf: Callable[[int], Array], source: ArraySource, edits: Sequence[Override], budget: Budget,
    room: Room | None,
) -> Pass:  # fmt: skip
    """A pass with nothing computed: cut where it has a `room`, on other arrays where the budget has a backend.

    `leaf` gives the arrays that it starts from, of their tensors' shapes.
    """
    if room is not None and budget.backend is not None:
        from bpdebug.engine.bounded_elsewhere import BoundedPlacedPass  # start-up: few are cut, and on other arrays

        return BoundedPlacedPass(graph, leaf, room, edits, budget.disk, backend=budget.backend)
    if room is not None:
        from bpdebug.engine.bounded import BoundedPass  # start-up: few passes have to be cut

        return BoundedPass(graph, leaf, room, edits, budget.disk)
    if budget.backend is None:
        return Pass(graph, leaf, source, edits)
    from bpdebug.engine.placed import PlacedPass  # start-up: few are on other arrays than NumPy's

    return PlacedPass(graph, leaf, source, edits, backend=budget.backend)
