"""Code generated for what many passes compute: straight-line functions over some hundred nodes each.

Locals stand between the nodes, lists only at the borders. One function for 100,000 nodes would take seconds and
hundreds of megabytes to compile; equal chunks share their code.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from bpdebug.graph import Graph
from bpdebug.symbolic import Plan
from bpdebug.symbolic import compile as code

SIZE = 420
"""Nodes in a chunk: layers of up to seven nodes divide it, so that chunks of a repeated layer are equal."""
LARGE = 2**18
"""Bytes of a node's result from which on its function is so slow that asking whether to stop costs nothing."""

Row = tuple[int, tuple[int, ...]]
"""A node, and the positions of its operands whose gradients it adds to."""
Chunk = tuple[code.Function, tuple[int, ...]]
"""`run(V, G, numbers)`."""


class _Straight:
    """Lines while they grow: each tensor's value or gradient gets a local, numbered by first use."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.lines: list[str] = []
        self.names: dict[tuple[str, int], str] = {}
        self.loaded: dict[str, list[int]] = {"V": [], "G": []}
        self.temporaries = 0

    def local(self, table: str, tensor: int, *, load: bool) -> str:
        """The local name of V[tensor] or G[tensor]; with `load` it is fetched on entry."""
        name = self.names.get((table, tensor))
        if name is None:
            name = self.names[table, tensor] = f"{table.lower()}{len(self.names)}"
            if load:
                self.loaded[table].append(tensor)
        return name

    def fill(self, plan: Plan, k: int, positions: tuple[int, ...] | None = None) -> tuple[list[str], list[bool]]:
        """Write the shared lines of node k's template, and give its targets' expressions, and which have no axes."""
        template, graph = code.template(plan, positions), self.graph
        blanks = {"t": f"t{self.temporaries}_"}
        self.temporaries += 1
        for name, (what, number) in template.used.items():
            read = graph.operand(k, number) if what == "operand" else number if what == "tensor" else graph.tensor(k)
            blanks[name] = self.local("G" if what == "gradient" else "V", read, load=True)
        if plan.nbytes >= LARGE:
            self.lines.append("may_stop()")
        self.lines.extend(line.format_map(blanks) for line in template.lines)
        return [source.format_map(blanks) for source in template.sources], template.scalars

    def function(self, table: str, stored: Iterable[int]) -> Chunk:
        """All of it, between the loads and the stores: of tensors whose numbers go up evenly in one slice."""
        numbers: list[int] = []

        def moves(table: str, tensors: Iterable[int]) -> Iterator[tuple[str, str]]:
            for span in _spans(sorted(tensors)):
                names, at = [self.names[table, t] for t in span], f"n[{len(numbers)}]"
                numbers.append(span[0])
                if len(span) == 1:
                    yield names[0], f"{table}[{at}]"
                else:
                    ends = f"{at}:{at} + {span.step * len(span)}" + (f":{span.step}" if span.step > 1 else "")
                    yield ", ".join(names), f"{table}[{ends}]"

        loads = [f"{names} = {place}" for name, tensors in self.loaded.items() for names, place in moves(name, tensors)]
        stores = [f"{place} = {names}" for names, place in moves(table, stored)]
        return code.chunk([*loads, *self.lines, *stores]), tuple(numbers)


def forward_chunks(graph: Graph, tensors: Sequence[int]) -> Iterator[Chunk]:
    """Code that computes these tensors' values, which come in program order; all that they need beside is there."""
    for at in range(0, len(tensors), SIZE):
        chunk, stored = _Straight(graph), tensors[at : at + SIZE]
        for tensor in stored:
            (source,), _ = chunk.fill(graph.plans[tensor - graph.first], tensor - graph.first)
            chunk.lines.append(f"{chunk.local('V', tensor, load=False)} = {source}")
        yield chunk.function("V", stored)


def backward_chunks(graph: Graph, rows: Sequence[Row], seeds: Iterable[int]) -> Iterator[Chunk]:
    """Code that goes back through these nodes, in the order of the backward pass; `seeds` have a gradient already."""
    live = set(seeds)
    for at in range(0, len(rows), SIZE):
        chunk, stored = _Straight(graph), dict[int, None]()
        for k, positions in rows[at : at + SIZE]:
            sources, scalars = chunk.fill(graph.plans[k], k, positions)
            for position, source, scalar in zip(positions, sources, scalars, strict=True):
                tensor = graph.operand(k, position)
                name = chunk.local("G", tensor, load=tensor in live)
                if tensor in live:
                    source = f"np.asarray({name} + {source})" if scalar else f"{name} + ({source})"
                live.add(tensor)
                chunk.lines.append(f"{name} = {source}")
                stored[tensor] = None
        yield chunk.function("G", stored)


def _spans(numbers: Sequence[int]) -> Iterator[range]:
    """Ascending numbers as ranges, each as long as it can be; one of two numbers alone saves nothing."""
    at = 0
    while at < len(numbers):
        start = numbers[at]
        step = numbers[at + 1] - start if at + 1 < len(numbers) else 1
        end = at + 1
        while end < len(numbers) and numbers[end] - numbers[end - 1] == step:
            end += 1
        if end - at < 3 and step > 1:
            end = at + 1
        yield range(start, start + step * (end - at), step)
        at = end
