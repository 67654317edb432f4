"""What a reader of any format ends with: a scenario, or a refusal of all calls at once that no rule covers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
from msgspec import structs

from bpdebug.arrays import Array, DType, Shape
from bpdebug.errors import InputError
from bpdebug.graph import Graph, Imported, Incoming, build
from bpdebug.graph.halves import of_half
from bpdebug.importers.lowering import Draft, Operand
from bpdebug.limits import Limits
from bpdebug.scenario import Scenario


def ends_of(program: Draft, outputs: Sequence[Operand]) -> list[Operand]:
    """A node for each output: a leaf that is given back, or a node that is so twice, gets one of its own."""
    taken, ends = {leaf.name for leaf in program.leaves}, []
    for o in outputs:
        ends.append(program.step("", "output", "reshape", [o], {"shape": o.shape}) if o.name in taken else o)
        taken.add(o.name)
    return ends


def scenario_of(
    program: Draft, loss: str | None, ends: Sequence[Operand], where: str, limits: Limits, *, conventions: str,
    remarks: Sequence[str] = (), given: Mapping[str, Array | None] = {}, classes: Mapping[str, str] = {},
    aliases: Mapping[str, str] = {},
) -> Scenario:  # fmt: skip
    """The scenario of what was drafted: from its loss, or from a gradient at each end, of ones where none is `given`.

    Those that are given have their ends' shapes and dtypes.

    `classes` are those of the modules whose calls blocks are, `aliases` other names of leaves.
    Raises what building a graph raises.
    """
    incoming = {} if loss else {o.name: Incoming(None, partial(_comes_in, given.get(o.name), o.dtype)) for o in ends}
    graph = build(
        program.leaves, program.steps, loss=loss, incoming=incoming, limits=limits, where=where,
        conventions=conventions,
    )  # fmt: skip
    graph = of_half(with_known(graph, Imported(classes, program.sources, aliases)), program.half)
    text = "\n".join(program.lines)
    dtypes = [leaf.dtype for leaf in program.leaves if leaf.dtype.kind == "f"]
    return Scenario(
        name=where, title=where, about="", dtype=dtypes[-1] if dtypes else np.dtype(np.float64), seed=0, graph=graph,
        program=text, program_line=1, lines=tuple(program.lines), raw=text.encode(), remarks=tuple(remarks),
        conventions=conventions,
    )  # fmt: skip


def with_known(graph: Graph, imported: Imported) -> Graph:
    """A graph with what is known of its program; aliases, each of a tensor that is there, are names in it."""
    index = {also: graph.index[name] for also, name in imported.aliases.items()} | dict(graph.index)
    return structs.replace(graph, index=index, imported=imported)


def _comes_in(given: Array | None, dtype: DType, shape: Shape) -> Array:
    return np.ones(shape, dtype) if given is None else given.astype(dtype, copy=False)


def no_rules(lacking: Counter[str], places: Mapping[str, str], where: str) -> InputError:
    """E_OP for all calls that no rule covers, with how many there are of each, and where the first stands."""
    count = sum(lacking.values())
    said = [f"{what} ({n}x{', ' + p if (p := places.get(what)) else ''})" for what, n in lacking.most_common()]
    message = f"{count} {'call has' if count == 1 else 'calls have'} no rule: {'; '.join(said)}"
    hint = "open a part of the model that does without, or write it with other ops"
    return InputError(message, code="E_OP", where=where, hint=hint)
