"""Reports that are lists or sentences: info, list, where, when, help, print, and what a command said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from math import prod
from typing import Any

from bpdebug.debugger import COMMANDS, Command, State
from bpdebug.debugger.running import NAMES, block_at
from bpdebug.debugger.state import Fork
from bpdebug.engine import stats
from bpdebug.engine.stats import two_norm
from bpdebug.errors import CommandError
from bpdebug.expression import Value, hex_cells, names_in, parse, target
from bpdebug.graph import DRAWN, Graph, Subject, frames
from bpdebug.views.blocks import Block, Cells, Matrix, Row, Source, Table, Text
from bpdebug.views.encode import cells
from bpdebug.views.numbers import number, shape_text
from bpdebug.views.overrides import marked
from bpdebug.views.place import place_data, when_text
from bpdebug.views.report import Report
from bpdebug.views.update import optimizer_list

MOST_USAGE = 36
"""Characters of a command's usage in a list of commands."""
AROUND = 6
"""Lines of the program shown before and after the current one."""


def said(state: State, text: str) -> Report:
    return Report("said", text, (), {"text": text})


def when(state: State) -> Report:
    return Report("when", when_text(state), (), place_data(state))


def where(state: State) -> Report:
    """The stack of blocks, innermost first."""
    found = frames(block_at(state.timeline, state.cursor))
    names = [*found, state.scenario.name]
    rows = tuple(("▶" if i == state.frame else "", f"#{i}", name) for i, name in enumerate(names))
    data = {"blocks": found, "frame": state.frame, "at": place_data(state)}
    return Report("where", when_text(state), (Table(("", "", ""), rows),), data)


def source(state: State, line: int | None) -> Report:
    """The program around the cursor, or around a line of the file."""
    event = state.event
    current = event.line if event else None
    lines = state.scenario.lines
    first = state.scenario.program_line
    last = min(len(lines), first + len(state.scenario.program.splitlines()) - 1)
    at = line or current or first
    shown = tuple((n, lines[n - 1]) for n in range(max(first, at - AROUND), min(last, at + AROUND) + 1))
    graph, stops = state.timeline.graph, set()
    for b in state.breakpoints:
        for offset in b.stops.offsets[:1000] if b.located else ():
            node = graph.node(state.timeline.schedule.tensor_at(offset))
            if node is not None:
                stops.add(node.line)
    block = Source(shown, current, frozenset(stops))
    data = {"lines": [{"line": n, "text": text} for n, text in shown], "current": current}
    return Report("list", state.scenario.name, (block,), data)


def info(state: State, what: str, filters: str) -> Report:
    """One of the lists; a filter is a word that must stand in the row, or `name=W*`, `op=matmul`, `shape=3x4`."""
    headers, rows = LISTS[what](state)
    kept = [row for row in rows if all(_passes(dict(zip(headers, row, strict=True)), f) for f in filters.split())]

    def data() -> dict[str, Any]:
        return {"what": what, "rows": [dict(zip(headers, row, strict=True)) for row in kept]}

    return Report("info", "", (Table(headers, tuple(kept)),), data)


def _passes(row: dict[str, str], word: str) -> bool:
    key, sign, pattern = word.partition("=")
    if not sign:
        return any(word in cell for cell in row.values())
    return key in row and fnmatchcase(row[key].replace("×", "x"), pattern.replace("×", "x"))


Listing = tuple[tuple[str, ...], list[tuple[str, ...]]]


def _tensors(state: State) -> Listing:
    graph, timeline = state.timeline.graph, state.timeline
    rows: list[tuple[str, ...]] = []
    for t, name in enumerate(graph.names):
        node = graph.node(t)
        if node is None and graph.kind(t) == DRAWN:
            continue  # a mask belongs to its node
        there = "value" if timeline.schedule.has_value(t, state.cursor) else "not-computed"
        rows.append(
            (name, node.op.name if node else graph.kind(t), shape_text(graph.shapes[t]), str(graph.dtypes[t]), there)
        )
    return ("name", "op", "shape", "dtype", "status"), rows


def _breakpoints(state: State) -> Listing:
    rows: list[tuple[str, ...]] = []
    for b in state.breakpoints:
        what = ("temporary " if b.temporary else "") + NAMES[b.kind] + ("" if b.enabled else ", disabled")
        passed = f", {b.ignore} to pass over" if b.ignore else ""
        rows.append((str(b.number), what, b.location, b.condition_text, f"{b.hits}{passed}", " ;; ".join(b.commands)))
    return ("number", "what", "location", "condition", "hits", "commands"), rows


def _blocks(state: State) -> Listing:
    counts: dict[str, list[int]] = {}
    for k, node in enumerate(state.timeline.graph.nodes):
        for block in frames(node.block):
            counts.setdefault(block, []).append(k)
    nodes = state.timeline.graph.nodes
    rows: list[tuple[str, ...]] = [(name, str(len(ks)), str(nodes[ks[0]].line)) for name, ks in counts.items()]
    return ("block", "nodes", "line"), rows


def _parameters(state: State) -> Listing:
    rows: list[tuple[str, ...]] = []
    for t, leaf in enumerate(state.timeline.graph.leaves):
        if leaf.kind == "parameter":
            array = state.timeline.value_at(t, state.cursor)
            norm = number(two_norm(array)) if array is not None else ""
            rows.append((leaf.name, shape_text(leaf.shape), str(leaf.dtype), norm))
    return ("name", "shape", "dtype", "norm"), rows


def _gradients(state: State) -> Listing:
    timeline, graph = state.timeline, state.timeline.graph
    rows: list[tuple[str, ...]] = []
    for t, name in enumerate(graph.names):
        if graph.takes_gradient(t):
            status = timeline.schedule.grad_status(t, state.cursor)
            array = timeline.grad_at(t, state.cursor)
            norm = number(two_norm(array)) if array is not None else ""
            rows.append((f"∂{name}", shape_text(graph.shapes[t]), status, norm))
    return ("name", "shape", "status", "norm"), rows


def _marks(state: State) -> Listing:
    rows: list[tuple[str, ...]] = [(str(m.number), str(m.cursor), m.note) for m in state.marks]
    return ("number", "event", "note"), rows


def _displays(state: State) -> Listing:
    rows: list[tuple[str, ...]] = [(str(d.number), d.text) for d in state.displays]
    return ("number", "expression"), rows


def _forks(state: State) -> Listing:
    known = state.forks or (Fork(0, state.timeline),)
    rows: list[tuple[str, ...]] = [
        (
            "▶" if f.number == state.fork else "",
            str(f.number),
            str(f.parent) if f.number else "",
            " ;; ".join(f.lines) or "the scenario",
        )
        for f in known
    ]
    return ("", "number", "of", "made by"), rows


LISTS: dict[str, Callable[[State], Listing]] = {
    "tensors": _tensors,
    "breakpoints": _breakpoints,
    "blocks": _blocks,
    "parameters": _parameters,
    "gradients": _gradients,
    "marks": _marks,
    "displays": _displays,
    "forks": _forks,
    "optimizer": optimizer_list,
}


def help_(state: State, name: str) -> Report:
    """Every command in a line each, or one in full."""
    if not name:
        rows = tuple((_usage(c), ", ".join(c.aliases), c.key, c.says) for c in COMMANDS.values())
        data = {"commands": [_described(n) for n in COMMANDS]}
        return Report("help", "", (Table(("command", "alias", "key", "what it does"), rows),), data)
    command = COMMANDS[name]
    table = Table(
        ("", ""),
        (
            ("usage", f"{command.name} {command.args}".strip()),
            ("also", ", ".join(command.aliases) or "–"),
            ("key", command.key or "–"),
            ("example", command.example),
        ),
    )
    return Report("help", f"{command.name}: {command.says}", (table,), _described(name))


def _usage(command: Command) -> str:
    """The command with its arguments, where they are short; `help COMMAND` has them whole."""
    words = f"{command.name} {command.args}".strip()
    return words if len(words) <= MOST_USAGE else f"{command.name} ..."


def apropos(state: State, word: str) -> Report:
    """The commands whose row has a word in it, whatever its case."""
    found = [
        c for c in COMMANDS.values()
        if word.casefold() in " ".join((c.name, *c.aliases, c.args, c.says, c.example)).casefold()
    ]  # fmt: skip
    rows = tuple((_usage(c), c.says) for c in found)
    data = {"word": word, "commands": [c.name for c in found]}
    title = "" if rows else f"no command speaks of '{word}'"
    return Report("apropos", title, (Table(("command", "what it does"), rows),) if rows else (), data)


def _described(name: str) -> dict[str, Any]:
    c = COMMANDS[name]
    return {
        "name": c.name, "aliases": list(c.aliases), "key": c.key, "args": c.args, "says": c.says, "example": c.example,
    }  # fmt: skip


STATUS = {
    "not-computed": "not computed yet",
    "no-path": "no path leads from here to an output: there is no gradient",
}


def print_(state: State, text: str, value: Value, style: str) -> Report:
    """An expression's value, in one of the formats."""
    array = value.array
    data: dict[str, Any] = {
        "expr": text, "status": value.status, "shape": list(value.shape) if value.shape is not None else None,
        "dtype": value.dtype, "value": None, "stats": None,
    }  # fmt: skip
    if array is None:
        words = value.text if value.status == "value" else _why_absent(state, text, value.status)
        if value.status == "value":
            data["value"] = words
        return Report("print", f"{text}: {words}" if value.status != "value" else f"{text} = {words}", (), data)
    title = f"{text}: so far, more is to be added" if value.status == "partial" else ""

    def full() -> dict[str, Any]:
        numbers = stats(array) if array.dtype.kind in "fib" else None
        return {**data, "value": cells(array, full=style == "f"), "stats": numbers}

    return Report("print", title, tuple(marked(state, _printed(state.timeline.graph, text, array, style))), full)


def _why_absent(state: State, text: str, status: str) -> str:
    """Why an expression has no value here; an integer has no gradient for another reason than a float has none."""
    graph = state.timeline.graph
    for reference in names_in(parse(text), graph):
        if reference.gradient and not graph.is_float(reference.tensor):
            return f"{reference.name} is {graph.dtypes[reference.tensor]}: integers and booleans take no gradient"
    return STATUS[status]


def _printed(graph: Graph, text: str, array: Any, style: str) -> Iterator[Block]:
    if style == "s":
        s = stats(array)
        yield Text(f"{text}  {shape_text(array.shape)} {array.dtype}")
        rows = tuple((name, number(getattr(s, name))) for name in ("min", "max", "mean", "std", "norm"))
        yield Table(("", ""), (*rows, ("zeros", str(s.zeros)), ("nan, inf", f"{s.nans}, {s.infs}")))
    elif style == "x":
        if array.size > 1000:
            raise CommandError("too many cells for /x", code="E_EXPR", hint="slice it: print/x W[0]")
        rows = array.reshape(prod(array.shape[:-1]), array.shape[-1] if array.ndim else 1)
        lines = [" ".join(hex_cells(row)) for row in rows] if array.size else ["no cells"]
        yield Text(f"{text}  {shape_text(array.shape)}\n" + "\n".join(lines))
    elif style == "f":
        yield Text(f"{text}  {shape_text(array.shape)}")
        yield Cells(array)
    else:
        yield Row((Matrix(text, array, array.shape, subject=_subject(text, graph)),))


def _subject(text: str, graph: Graph) -> Subject | None:
    """The tensor or gradient that was typed; None for cells of it, and for what is computed."""
    try:
        place = target(parse(text), graph)
    except CommandError:
        return None
    return None if place.key else Subject(place.reference.tensor, place.reference.gradient)
