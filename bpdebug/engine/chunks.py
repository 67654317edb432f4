"""Code generated for what many passes compute: straight-line functions over some hundred nodes each.

Locals stand between the nodes, lists only at the borders. One function for 100,000 nodes would take seconds and
hundreds of megabytes to compile; equal chunks share their code.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from bpdebug.graph import Graph
from bpdebug.symbolic import Plan
from bpdebug.symbolic import compile as code
from bpdebug.symbolic.library import Function, Library
from bpdebug.symbolic.on_numpy import HERE

SIZE = 210
"""Nodes in a chunk: layers of up to seven nodes divide it (of four: two of them), so that chunks of a repeated layer
are equal."""
LARGE = 2**18
"""Bytes of a node's result from which on its function is so slow that asking whether to stop costs nothing."""

Row = tuple[int, tuple[int, ...]]
"""A node, and the positions of its operands whose gradients it adds to."""
Chunk = tuple[Function, tuple[int, ...], int]
"""`run(V, G, sums, numbers)`, its numbers, and how many nodes it is of."""


def reads(graph: Graph, k: int, positions: tuple[int, ...], library: Library = HERE) -> Iterator[int]:
    """The tensors whose values node k reads when it adds to the operands at the positions."""
    for what, number in code.template(graph.plans[k], positions, library).used.values():
        if what != "gradient":
            yield graph.tensor(k) if what == "value" else number if what == "tensor" else graph.operand(k, number)


class _Straight:
    """Lines while they grow: each tensor's value or gradient gets a local, numbered by first use."""

    def __init__(self, graph: Graph, library: Library) -> None:
        self.graph, self.library = graph, library
        self.lines: list[str] = []
        self.names: dict[tuple[str, int], str] = {}
        self.loaded: dict[str, list[int]] = {"V": [], "G": [], "S": []}

    def local(self, what: str, tensor: int, load: str = "") -> str:
        """The local name of a tensor's value ("v"), its transpose ("m") or gradient ("g"); `load`: from which table."""
        name = self.names.get((what, tensor))
        if name is None:
            name = self.names[what, tensor] = f"{what}{len(self.names)}"
            if load:
                self.loaded[load].append(tensor)
        return name

    def transposed(self, tensor: int) -> str:
        """A value's transpose: of a leaf, which many nodes may use, it is made once."""
        known, value = ("m", tensor) in self.names, self.local("v", tensor, "V")
        if self.graph.is_leaf(tensor) and not known:
            self.lines.append(f"{self.local('m', tensor)} = {value}.mT")
        return self.local("m", tensor) if self.graph.is_leaf(tensor) else f"{value}.mT"

    def fill(self, plan: Plan, k: int, positions: tuple[int, ...] | None = None) -> tuple[list[str], code.Template]:
        """Write the shared lines of node k's template, and give its targets' expressions, and the template."""
        template, graph = code.template(plan, positions, self.library), self.graph
        blanks = {"t": "t", "s": "{s}"}  # what a node has in between is let go by the next one's
        for name, (what, number) in template.used.items():
            own = what in ("value", "gradient")
            tensor = graph.tensor(k) if own else number if what == "tensor" else graph.operand(k, number)
            if what == "transposed":
                blanks[name] = self.transposed(tensor)
            else:
                blanks[name] = self.local("g", tensor, "G") if what == "gradient" else self.local("v", tensor, "V")
        if plan.nbytes >= LARGE:
            self.lines.append("may_stop()")
        self.lines.extend(line.format_map(blanks) for line in template.lines)
        return [source.format_map(blanks) for source in template.sources], template

    def function(self, count: int, **stored: Iterable[int]) -> Chunk:
        """All of it, of so many nodes, between the loads and the stores, by table: of tensors whose numbers go up
        evenly in one slice."""
        numbers: list[int] = []

        def moves(table: str, tensors: Iterable[int]) -> Iterator[tuple[str, str]]:
            what = "v" if table == "V" else "g"
            for span in _spans(sorted(tensors)) if table != "S" else (range(t, t + 1) for t in tensors):
                names, at = [self.names[what, t] for t in span], f"n[{len(numbers)}]"
                numbers.append(span[0])
                if len(span) == 1:
                    yield names[0], f"{table}[{at}]"
                else:
                    ends = f"{at}:{at} + {span.step * len(span)}" + (f":{span.step}" if span.step > 1 else "")
                    yield ", ".join(names), f"{table}[{ends}]"

        loads = [f"{names} = {place}" for name, tensors in self.loaded.items() for names, place in moves(name, tensors)]
        stores = [f"{place} = {names}" for table, made in stored.items() for names, place in moves(table, made)]
        return code.chunk([*loads, *self.lines, *stores], self.library), tuple(numbers), count


def forward_chunks(graph: Graph, tensors: Sequence[int], library: Library = HERE) -> Iterator[Chunk]:
    """Code that computes these tensors' values, which come in program order; all that they need beside is there."""
    for at in range(0, len(tensors), SIZE):
        chunk, stored = _Straight(graph, library), tensors[at : at + SIZE]
        for tensor in stored:
            (source,), _ = chunk.fill(graph.plans[tensor - graph.first], tensor - graph.first)
            chunk.lines.append(f"{chunk.local('v', tensor)} = {source}")
        yield chunk.function(len(stored), V=stored)


def backward_chunks(
    graph: Graph, rows: Sequence[Row], seeds: Iterable[int], library: Library = HERE
) -> Iterator[Chunk]:
    """Code that goes back through these nodes, in the order of the backward pass; `seeds` have a gradient already.

    From chunk to chunk a sum that is not whole yet goes among the `sums`, and only whole ones among the gradients.
    """
    live = set(seeds)
    last = {graph.operand(k, p): k for k, positions in rows for p in positions}
    for at in range(0, len(rows), SIZE):
        chunk, stored, own = _Straight(graph, library), dict[int, None](), set[int]()
        for k, positions in rows[at : at + SIZE]:
            sources, template = chunk.fill(graph.plans[k], k, positions)
            how = zip(positions, sources, template.scalars, template.onto, template.fresh, strict=True)
            for position, source, scalar, onto, fresh in how:
                tensor = graph.operand(k, position)
                name = chunk.local("g", tensor, "S" if tensor in live else "")
                if onto:
                    source = source.format(s=name if tensor in live else None)
                elif tensor in own:
                    source = f"xp.add_into({name}, {source}, into=0)"
                elif tensor in live:
                    source = f"np.asarray({name} + {source})" if scalar else f"{name} + ({source})"
                if library.fresh and (fresh or tensor in live):
                    own.add(tensor)  # until it is whole, nobody else has read it
                live.add(tensor)
                chunk.lines.append(f"{name} = {source}")
                stored[tensor] = None
        whole = [t for t in stored if last[t] >= k]
        yield chunk.function(len(rows[at : at + SIZE]), G=whole, S=[t for t in stored if last[t] < k])


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
