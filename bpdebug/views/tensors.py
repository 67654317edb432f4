"""Views about one tensor: what it is, its cells in a range, its neighbours; and the displays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from bpdebug.arrays import Array, Cell, cell_text
from bpdebug.debugger import State
from bpdebug.debugger.ranges import Range
from bpdebug.errors import BpdebugError, CommandError
from bpdebug.expression import Scope, Value, evaluate, parse, target
from bpdebug.graph import Graph, Subject
from bpdebug.translation import N_, _, listed, ngettext
from bpdebug.views.blocks import Block, Matrix, Row, Table, Text
from bpdebug.views.encode import cells
from bpdebug.views.numbers import number_format, shape_text
from bpdebug.views.report import Report

MOST = 20
"""Cells and tensors listed one by one."""
STATUS = {
    "not-computed": N_("not computed yet"), "no-path": N_("no path to an output"), "partial": N_("so far"),
    "value": N_("value"),
}  # fmt: skip


def whatis(state: State, text: str, value: Value) -> Report:
    """dtype, shape and status; of a tensor, what computes it and where."""
    shape = None if value.shape is None else shape_text(value.shape)
    graph = state.timeline.graph
    tensor = graph.index.get(text)
    dtype = precision_of(text, value, graph)
    shown = dtype if tensor is None else dtype_text(graph, tensor)
    rows = [(_("shape"), shape or "–"), (_("dtype"), shown or "–"), (_("status"), _(STATUS[value.status]))]
    data: dict[str, Any] = {
        "expr": text, "shape": list(value.shape) if value.shape is not None else None, "dtype": dtype,
        "status": value.status, "from": None, "line": None,
    }  # fmt: skip
    if tensor is not None:
        node = graph.node(tensor)
        data["from"] = made = graph.statement(tensor) if node else made_by(graph, tensor)
        rows.append((_("from"), made))
        if node is not None:
            rows.append((_("line"), str(node.line)))
            data["line"] = node.line
            if node.line in graph.imported.sources:
                rows.append((_("source"), ": ".join(graph.imported.sources[node.line])))
            if node.block:
                module = graph.imported.classes.get(node.block)
                rows.append((_("block"), f"{node.block} ({module})" if module else node.block))
        also = [name for name, first in graph.imported.aliases.items() if first == graph.names[tensor]]
        if also:
            rows.append((_("also"), listed(also)))
    return Report("whatis", text, (Table(("", ""), tuple(rows)),), data)


def cells_(state: State, text: str, value: Value, span: Range, at: tuple[int, ...] | None) -> Report:
    """The cells of a tensor in a range, or the one that was found."""
    data: dict[str, Any] = {"expr": text, "range": span.text, "count": 0, "cells": [], "at": list(at) if at else at}
    if value.array is None:
        title = _("{of}: {said}").format(of=text, said=_(STATUS[value.status]))
        return Report("cells", title, (), data)
    graph, mask = state.timeline.graph, span.mask(value.array)
    count, form = int(np.count_nonzero(mask)), number_format(value.array)
    data["count"] = count
    shown = [at] if at is not None else list(_first(mask))
    data["cells"] = [{"cell": list(c), "value": value.array[c].item()} for c in shown]
    rows = tuple((cell_text(text, c), form.text(value.array[c])) for c in shown)
    links = tuple(f"origin {cell_text(text, c)}" for c in shown) if subject_of(text, graph) is not None else ()
    blocks: list[Block] = [Table(("", ""), rows, links=links)] if rows else []
    if at is None and count > MOST:
        blocks.append(Text(_("and {count:,} more").format(count=count - MOST), "dim"))
    title = ngettext(
        "{count} cell of {text} in {range}, of {size}", "{count} cells of {text} in {range}, of {size}", count
    )
    title = _("{count} cell of {text} {range}, of {size}") if span.single else title
    title = title.format(count=count, text=text, range=span.text, size=value.array.size)
    return Report("cells", title, tuple(blocks), data)


def subject_of(text: str, graph: Graph) -> Subject | None:
    """The tensor or gradient that was typed; None for cells of it, and for what is computed."""
    try:
        place = target(parse(text), graph)
    except CommandError:
        return None
    return None if place.key else Subject(place.reference.tensor, place.reference.gradient)


def precision_of(text: str, value: Value, graph: Graph) -> str | None:
    """What a tensor or gradient that was typed is computed in, be it half precision; of all else the value's dtype."""
    found = subject_of(text, graph) if value.dtype else None
    return value.dtype if found is None or isinstance(found.tensor, str) else graph.precision(found.tensor)


def dtype_text(graph: Graph, tensor: int) -> str:
    """What a tensor is computed in, and what it was given as where that is another: 'float32, given as bfloat16'."""
    stored, dtype = graph.leaves[tensor].stored if tensor < len(graph.leaves) else "", graph.precision(tensor)
    return _("{dtype}, given as {stored}").format(dtype=dtype, stored=stored) if stored not in ("", dtype) else dtype


def _first(mask: Array) -> Iterator[Cell]:
    """The first MOST cells of a mask of any shape."""
    flat, at = mask.reshape(-1), -1
    for _nth in range(min(MOST, int(np.count_nonzero(flat)))):
        at += 1 + int(flat[at + 1 :].argmax())
        yield tuple(map(int, np.unravel_index(at, mask.shape)))


def neighbours(state: State, way: str, name: str, everything: bool) -> Report:
    """What a tensor is computed from, or what is computed from it; `everything` follows as far as it goes."""
    graph = state.timeline.graph

    def near(tensor: int) -> Iterable[int]:
        if way == "outputs":
            return map(graph.tensor, graph.users(tensor))
        node = graph.node(tensor)
        return node.tensors if node else ()

    seen: dict[int, int] = {}
    edge, depth = [graph.index[name]], 0
    while edge and (everything or not depth):
        depth += 1
        found = dict.fromkeys(other for t in edge for other in near(t) if other not in seen)
        seen |= dict.fromkeys(found, depth)
        edge = list(found)
    rows = tuple((str(d), graph.names[t], made_by(graph, t), shape_text(graph.shapes[t])) for t, d in seen.items())
    data = {"of": name, "way": way, "rows": [{"distance": d, "name": graph.names[t]} for t, d in seen.items()]}
    links = tuple(f"{way} {graph.names[t]}" for t in seen)
    away, op, shape = _("distance"), _("op"), _("shape")
    blocks = (Table((away, _("name"), op, shape), rows, links=links, sheds=(away, shape, op)),)
    title = _("outputs of {name}") if way == "outputs" else _("inputs of {name}")
    return Report("neighbours", title.format(name=name), blocks, data)


def made_by(graph: Graph, tensor: int) -> str:
    """The op that computes a tensor, or what kind of leaf it is."""
    node, kind = graph.node(tensor), graph.kind(tensor)
    return node.op.name if node else _(kind)


def displays(state: State, only: int | None = None) -> Report:
    """The expressions shown at every stop, as they are here."""
    blocks: list[Block] = []
    rows = []
    for d in state.displays:
        if only is not None and d.number != only:
            continue
        value = evaluate(d.expression, Scope(state.timeline, state.cursor))
        array, name = value.array, f"{d.number}: {d.text}"
        if value.status == "partial":
            name = _("{expression} (so far)").format(expression=name)
        if array is None:
            blocks.append(Text(f"{name}  {value.text or _(STATUS[value.status])}"))
        elif not array.ndim:
            blocks.append(Text(f"{name} = {number_format(array).text(array[()])}"))
        else:
            blocks.append(Row((Matrix(name, array, array.shape),)))
        shown = None if array is None else cells(array)
        rows.append({"number": d.number, "expr": d.text, "status": value.status, "value": shown})
    return Report("displays", "", tuple(blocks), {"rows": rows})


def displayed(state: State) -> Report:
    """All displays; where one cannot be evaluated, why not."""
    try:
        return displays(state)
    except BpdebugError as error:
        return Report("displays", _("display: {error}").format(error=error.message), (), {"rows": []})
