"""Code generated for a whole graph, for where many runs of one graph come: training, checks, what-ifs.

Straight-line functions over some 500 nodes each, locals between them, lists only at their borders. One function
for 100,000 nodes would take seconds and hundreds of megabytes to compile; equal chunks share their code.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

from bpdebug.engine.run import Code, Function, wanted
from bpdebug.graph import Graph
from bpdebug.symbolic import compile as code

SIZE = 500
"""Nodes in a chunk."""


class _Chunk:
    """Lines while they grow: each tensor's value or gradient gets a local, numbered by first use."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.numbers: list[int] = []
        self.loads: list[str] = []
        self.lines: list[str] = []
        self.names: dict[tuple[str, int], str] = {}
        self.temporaries = 0

    def local(self, table: str, tensor: int, *, load: bool) -> str:
        """The local name of V[tensor] or G[tensor]; with `load` it is fetched on entry."""
        name = self.names.get((table, tensor))
        if name is None:
            place = len(self.numbers)
            self.numbers.append(tensor)
            name = self.names[table, tensor] = f"{table.lower()}{place}"
            if load:
                self.loads.append(f"{name} = {table}[n[{place}]]")
        return name

    def fill(self, template: code.Template, k: int) -> list[str]:
        """Write a template's shared lines for node k, and give its targets' expressions."""
        graph = self.graph
        blanks = {"t": f"t{self.temporaries}_"}
        self.temporaries += 1
        for name, (what, number) in template.used.items():
            read = graph.operand(k, number) if what == "operand" else number if what == "tensor" else graph.tensor(k)
            blanks[name] = self.local("G" if what == "gradient" else "V", read, load=True)
        self.lines.extend(line.format_map(blanks) for line in template.lines)
        return [source.format_map(blanks) for source in template.sources]

    def function(self, stores: Sequence[str]) -> tuple[Function, tuple[int, ...]]:
        return code.chunk([*self.loads, *self.lines, *stores]), tuple(self.numbers)


class ChunkedCode(Code):
    """A graph's code as a few dozen functions, each over some 500 nodes."""

    def run_forward(self, V: list[Any]) -> None:
        try:
            for run, numbers in self._forward_chunks:
                run(V, None, numbers)
        except IndexError:
            super().run_forward(V)  # node by node, so that the message names the node

    def run_backward(self, V: list[Any], G: list[Any]) -> None:
        for run, numbers in self._backward_chunks:
            run(V, G, numbers)

    @cached_property
    def _forward_chunks(self) -> list[tuple[Function, tuple[int, ...]]]:
        return [self._forward_chunk(range(a, b)) for a, b in _slices(len(self.graph.nodes))]

    def _forward_chunk(self, nodes: range) -> tuple[Function, tuple[int, ...]]:
        chunk, stores = _Chunk(self.graph), []
        for k in nodes:
            (source,) = chunk.fill(code.template(self.graph.plans[k]), k)
            name = chunk.local("V", self.graph.tensor(k), load=False)
            chunk.lines.append(f"{name} = {source}")
            stores.append(name)
        first = chunk.names["V", self.graph.tensor(nodes[0])].removeprefix("v")
        return chunk.function([f"a = n[{first}]", f"V[a:a + {len(stores)}] = ({', '.join(stores)},)"])

    @cached_property
    def _backward_chunks(self) -> list[tuple[Function, tuple[int, ...]]]:
        live = set(self.graph.incoming)
        order = self.graph.backward_nodes
        return [self._backward_chunk(order[a:b], live) for a, b in _slices(len(order))]

    def _backward_chunk(self, nodes: Sequence[int], live: set[int]) -> tuple[Function, tuple[int, ...]]:
        """`live` are the tensors whose gradient has something in it already; it grows."""
        chunk, stored = _Chunk(self.graph), []
        for k in nodes:
            positions = wanted(self.graph, k)
            template = code.template(self.graph.plans[k], positions)
            sources = chunk.fill(template, k)
            for position, source, scalar in zip(positions, sources, template.scalars, strict=True):
                tensor = self.graph.operand(k, position)
                name = chunk.local("G", tensor, load=tensor in live)
                if tensor in live:
                    source = f"np.asarray({name} + {source})" if scalar else f"{name} + ({source})"
                live.add(tensor)
                chunk.lines.append(f"{name} = {source}")
                stored.append(tensor)
        stores = (chunk.names["G", t] for t in dict.fromkeys(stored))
        return chunk.function([f"G[n[{name[1:]}]] = {name}" for name in stores])


def _slices(count: int) -> Iterator[tuple[int, int]]:
    return ((a, min(a + SIZE, count)) for a in range(0, count, SIZE))
