"""What a graph is made of: leaves, numbers folded into ops, nodes, and what is said of every tensor."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain
from operator import attrgetter
from typing import Any, TypeVar

from msgspec import Struct, field

from bpdebug.arrays import Array, DType, Parts, Shape, read_only
from bpdebug.errors import ShapeError
from bpdebug.ops import Op
from bpdebug.symbolic import Plan
from bpdebug.translation import N_

INPUT, PARAMETER, DRAWN = N_("input"), N_("parameter"), N_("drawn")
STATE, NODE = N_("state"), N_("node")


class Leaf(Struct, frozen=True, eq=False, dict=True):
    """A tensor that no node computes; `read` gives its array when first needed (integers: at building as well).

    `stored` is the type that its file holds, where it is another; `parts` read it part by part, where that can be done.
    """

    name: str
    kind: str
    shape: Shape
    dtype: DType
    read: Callable[[], Array]
    stored: str = ""
    parts: Parts | None = None

    @cached_property
    def array(self) -> Array:
        """What was read, once for all timelines of a graph; read-only."""
        return read_only(self.read())


class LeafArrays(dict[int, Array]):
    """The arrays of leaves, by tensor number: looking one up again takes no Python of ours."""

    def __init__(self, leaves: Sequence[Leaf]) -> None:
        self._leaves = leaves

    def __missing__(self, tensor: int) -> Array:
        found = self[tensor] = self._leaves[tensor].array
        return found


class Lit(Struct, frozen=True):
    """A number written in the program and folded into an op: no tensor, no gradient."""

    value: bool | int | float


class Imported(Struct, frozen=True):
    """What is known of the program that a graph was imported from; of a scenario's own, nothing.

    `classes` has the class of the module of each block that is a call of one; `sources` the line of the user's own
    source behind a line of the program, as ("model.py:12", its text); `aliases` other names of leaves.
    """

    classes: Mapping[str, str] = field(default_factory=dict)
    sources: Mapping[int, tuple[str, str]] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)


Operand = int | Lit
V = TypeVar("V")


class Step(Struct, frozen=True, eq=False):
    """One node before anything is checked; inputs are names or literals, default attributes may be left out.

    `assigned` is the name that the line gives it, before a number tells it from others: dH, where `id` is dH.1.
    """

    id: str
    op: str
    inputs: tuple[str | Lit, ...]
    attrs: Mapping[str, Any]
    block: str
    line: int
    assigned: str | None = None


class NewNode(int):
    """A tensor that a step before computes: the number of the step."""

    __slots__ = ()


class Steps(Sequence[Step]):
    """Steps in columns, each made when somebody looks at it: of a program of many there are no objects to be made.

    In the columns an input may be a NewNode, which a step has by name.
    """

    __slots__ = ("columns",)

    def __init__(self, *columns: Sequence[Any]) -> None:
        self.columns = columns

    @classmethod
    def of(cls, steps: Iterable[Step]) -> Steps:
        """The steps as they come."""
        rows = list(steps)
        return cls(*([getattr(step, name) for step in rows] for name in Step.__struct_fields__))

    def __len__(self) -> int:
        return len(self.columns[0])

    def __getitem__(self, n: Any) -> Any:
        return [self[i] for i in range(*n.indices(len(self)))] if isinstance(n, slice) else Step(*self.row(n))

    def row(self, n: int) -> tuple[Any, ...]:
        """What step n is made of, in the order of a Step's fields."""
        ids = self.columns[0]
        id, op, inputs, *rest = [column[n] for column in self.columns]
        named = [i if type(i) is Lit else ids[i] if type(i) is NewNode else str.__str__(i) for i in inputs]
        return id, op, tuple(named), *rest


class Node(Struct, frozen=True, eq=False, gc=False):
    """One application of an op. `inputs` are tensor numbers or literals; `line` counts in the file, from 1."""

    id: str
    op: Op
    inputs: tuple[Operand, ...]
    attrs: Mapping[str, Any]
    block: str
    line: int

    @property
    def tensors(self) -> tuple[int, ...]:
        """The tensor operands' numbers, literals left out."""
        return tuple(i for i in self.inputs if isinstance(i, int))


class PerTensor(Sequence[V]):
    """Something of every tensor, by number: of those `before` the nodes as given, of a node what is said of it."""

    __slots__ = ("_before", "_nodes", "_what")

    def __init__(self, before: Iterable[V], nodes: Sequence[Any], what: str) -> None:
        self._before, self._nodes, self._what = tuple(before), nodes, attrgetter(what)

    def __len__(self) -> int:
        return len(self._before) + len(self._nodes)

    def __getitem__(self, tensor: Any) -> Any:
        first = len(self._before)
        if tensor < 0:
            tensor += len(self)
        return self._before[tensor] if tensor < first else self._what(self._nodes[tensor - first])

    def __iter__(self) -> Iterator[V]:
        return chain(self._before, map(self._what, self._nodes))


def per_tensor(
    names: Iterable[str], before: Sequence[tuple[Shape, DType]], nodes: Sequence[Node], plans: Sequence[Plan]
) -> tuple[PerTensor[str], PerTensor[Shape], PerTensor[DType]]:
    """Names, shapes and dtypes of all tensors, from those before the nodes."""
    shapes, dtypes = [shape for shape, _ in before], [dtype for _, dtype in before]
    return PerTensor(names, nodes, "id"), PerTensor(shapes, plans, "shape"), PerTensor(dtypes, plans, "dtype")


def out_of_range(node: Node, error: IndexError) -> ShapeError:
    """Indices that a node computed turned out not to fit: known only now, worded like the rest."""
    message = f"{node.op.name} '{node.id}' (line {node.line}): {error}"
    return ShapeError(message, hint="the indices were computed by the program: check them")
