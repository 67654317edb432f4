"""Reports that are lists or sentences: info, list, where, when, print, and what a command said."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

from bpdebug.debugger import State
from bpdebug.debugger.running import block_at
from bpdebug.debugger.state import Fork
from bpdebug.engine import stats
from bpdebug.errors import CommandError
from bpdebug.expression import Value, hex_cells, names_in, parse
from bpdebug.graph import Graph, frames
from bpdebug.translation import N_, _
from bpdebug.views import graph_lists
from bpdebug.views.blocks import Block, Cells, Listing, Matrix, OnDemand, Row, Table, Text
from bpdebug.views.columns import Linked, Listed, of_rows
from bpdebug.views.encode import cells
from bpdebug.views.memory import memory_rows
from bpdebug.views.numbers import in_time, number, shape_text
from bpdebug.views.overrides import marked
from bpdebug.views.place import place_data, stop_text, when_text
from bpdebug.views.report import Report
from bpdebug.views.source import stop_lines
from bpdebug.views.tensors import precision_of, subject_of

if TYPE_CHECKING:
    from bpdebug.explain.norms import Norms

AROUND = 6
"""Lines of the program shown before and after the current one."""


def said(state: State, text: str) -> Report:
    """What a command has to say in a sentence."""
    return Report("said", text, (), {"text": text})


def when(state: State) -> Report:
    """Where the cursor stands, in a line."""
    return Report("when", when_text(state), (), place_data(state))


def where(state: State) -> Report:
    """The stack of blocks, innermost first."""
    found = frames(block_at(state.timeline, state.cursor))
    names = [*found, state.scenario.name]
    rows = tuple(("▶" if i == state.frame else "", f"#{i}", name) for i, name in enumerate(names))
    data = {"blocks": found, "frame": state.frame, "at": place_data(state)}
    links = (*(f"seek {block}." for block in found), "seek begin")
    return Report("where", when_text(state), (Table(("", "", ""), rows, links=links),), data)


def source(state: State, line: int | None) -> Report:
    """The program around the cursor, or around a line of the file."""
    event, lines = state.event, state.scenario.lines
    current, first = event.line if event else None, state.scenario.program_line
    last = min(len(lines), first + len(state.scenario.program.splitlines()) - 1)
    at = line or current or first
    shown = tuple((n, lines[n - 1]) for n in range(max(first, at - AROUND), min(last, at + AROUND) + 1))
    block = Listing(shown, current, stop_lines(state.breakpoints, state.timeline.schedule))
    data = {"lines": [{"line": n, "text": text} for n, text in shown], "current": current}
    return Report("list", state.scenario.name, (block,), data)


def info(state: State, what: str, filters: str, norms: Norms | None = None, seconds: float | None = None) -> Report:
    """One of the lists; a filter is a word that must stand in the row, or `name=W*`, `op=matmul`, `shape=3x4`.

    A word is not looked for among norms, which takes all of them to be known; `norm=1.*` is. That of gradients has
    their norms; the title says how many were worked out within a time.
    """
    headers, rows, sheds = LISTS[what]
    made = rows(state) if norms is None else rows(state, norms)
    found = made if isinstance(made, Listed) else of_rows(made, len(headers))
    kept = found.kept(headers, filters.split())
    title, looked_at = "", {}
    if norms is not None:
        words = _("{looked_at:,} of {of:,} norms were worked out in {seconds:g} s")
        title = in_time(words, norms.looked_at, norms.of, seconds)
        looked_at = {"looked_at": norms.looked_at, "of": norms.of}
    shown = OnDemand(len(kept), lambda n: found.row(kept[n]))
    links = OnDemand(len(kept), lambda n: found.link(kept[n]))
    table = Table(tuple(map(_, headers)), shown, links=links, sheds=tuple(map(_, sheds)))
    named = partial(zip, headers, strict=True)
    return Report("info", title, (table,), lambda: {"what": what, "rows": [dict(named(r)) for r in shown], **looked_at})


Rows = Iterator[Linked]


def _breakpoints(state: State) -> Rows:
    for b in state.breakpoints:
        hits = _("{hits}, {ignore} to pass over").format(hits=b.hits, ignore=b.ignore) if b.ignore else str(b.hits)
        at = b.stops.next_after(state.cursor) if b.located else None
        link = f"seek #{at}" if at is not None else f"seek {b.location}" if b.located else ""
        yield (str(b.number), stop_text(b), b.location, b.condition_text, hits, " ;; ".join(b.commands)), link


def _forks(state: State) -> Rows:
    for f in state.forks or (Fork(0, state.timeline),):
        parent, made = str(f.parent) if f.number else "", " ;; ".join(f.lines) or _("the scenario")
        yield ("▶" * (f.number == state.fork), str(f.number), parent, made), f"switch {f.number}"


def _displays(state: State) -> Rows:
    return (((str(d.number), d.text), f"print {d.text}") for d in state.displays)


def _marks(state: State) -> Rows:
    for m in state.marks:
        yield (str(m.number), str(m.cursor), m.note), f"seek {m.cursor}"


LISTS: dict[str, tuple[tuple[str, ...], Callable[..., Listed | Iterable[Linked]], tuple[str, ...]]] = {
    "tensors": (
        (N_("name"), N_("op"), N_("shape"), N_("dtype"), N_("status")), graph_lists.tensors, ("dtype", "op", "status"),
    ),
    "breakpoints": (
        (N_("number"), N_("what"), N_("location"), N_("condition"), N_("hits"), N_("commands")), _breakpoints,
        ("commands", "hits", "what", "condition"),
    ),
    "blocks": ((N_("block"), N_("nodes"), N_("line")), graph_lists.blocks, ("line", "nodes")),
    "parameters": ((N_("name"), N_("shape"), N_("dtype"), N_("norm")), graph_lists.parameters, ("dtype", "shape")),
    "gradients": ((N_("name"), N_("shape"), N_("status"), N_("norm")), graph_lists.gradients, ("shape", "status")),
    "marks": ((N_("number"), N_("event"), N_("note")), _marks, ("event",)),
    "displays": ((N_("number"), N_("expression")), _displays, ()),
    "forks": (("", N_("number"), N_("of"), N_("made by")), _forks, ("of",)),
    "optimizer": (
        (N_("name"), N_("what"), N_("shape"), N_("value")), graph_lists.optimizer, ("shape", "what"),
    ),
    "memory": ((N_("what"), N_("bytes"), N_("why")), lambda s: ((row, "") for row in memory_rows(s)), ()),
}  # fmt: skip
"""The headers of each list, what makes its rows (of gradients: from their norms), and which columns matter least."""


STATUS = {
    "not-computed": N_("not computed yet"),
    "no-path": N_("no path leads from here to an output: there is no gradient"),
}


def print_(state: State, text: str, value: Value, style: str) -> Report:
    """An expression's value, in one of the formats."""
    array = value.array
    data: dict[str, Any] = {
        "expr": text, "status": value.status, "shape": list(value.shape) if value.shape is not None else None,
        "dtype": value.dtype, "value": None, "stats": None,
    }  # fmt: skip
    if array is None:
        if value.status == "value":  # a word, or the numbers of a shape
            return Report("print", f"{text} = {value.text}", (), {**data, "value": value.text})
        title = _("{of}: {said}").format(of=text, said=_why_absent(state, text, value.status))
        return Report("print", title, (), data)
    title = _("{of}: so far, more is to be added").format(of=text) if value.status == "partial" else ""

    def full() -> dict[str, Any]:
        numbers = stats(array) if array.dtype.kind in "fib" else None
        return {**data, "value": cells(array, full=style == "f"), "stats": numbers}

    return Report("print", title, tuple(marked(state, _printed(state.timeline.graph, text, value, style))), full)


def _why_absent(state: State, text: str, status: str) -> str:
    """Why an expression has no value here; an integer has no gradient for another reason than a float has none."""
    graph = state.timeline.graph
    for reference in names_in(parse(text), graph):
        if reference.gradient and not graph.is_float(reference.tensor):
            words = _("{name} is {dtype}: integers and booleans take no gradient")
            return words.format(name=reference.name, dtype=graph.dtypes[reference.tensor])
    return _(STATUS[status])


def _printed(graph: Graph, text: str, value: Value, style: str) -> Iterator[Block]:
    array: Any = value.array
    if style == "s":
        s = stats(array)
        yield Text(f"{text}  {shape_text(array.shape)} {precision_of(text, value, graph)}")
        said = {"min": _("min"), "max": _("max"), "mean": _("mean"), "std": _("std"), "norm": _("norm")}
        rows = tuple((said[name], number(getattr(s, name))) for name in said)
        yield Table(("", ""), (*rows, (_("zeros"), str(s.zeros)), ("nan, inf", f"{s.nans}, {s.infs}")))
    elif style == "x":
        if array.size > 1000:
            raise CommandError("too many cells for /x", code="E_EXPR", hint="slice it: print/x W[0]")
        rows = array.reshape(prod(array.shape[:-1]), array.shape[-1] if array.ndim else 1)
        lines = [" ".join(hex_cells(row)) for row in rows] if array.size else [_("no cells")]
        yield Text(f"{text}  {shape_text(array.shape)}\n" + "\n".join(lines))
    elif style == "f":
        yield Text(f"{text}  {shape_text(array.shape)}")
        yield Cells(array)
    else:
        yield Row((Matrix(text, array, array.shape, subject=subject_of(text, graph)),))
