"""Symbolic arrays: what a rule builds when it is traced."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from bpdebug.arrays import DType, Shape
from bpdebug.errors import ShapeError
from bpdebug.progress import may_stop

Literal = bool | int | float
Key = tuple[Any, ...]


class TraceError(TypeError):
    """A rule did something that cannot be traced: a fault of the rule, never of the user."""


@dataclass(frozen=True, eq=False)
class Prim:
    """One word of the array namespace: how it types, runs and prints.

    `arrays` counts the operands (-1: a list of them); `attrs` are the keywords with their defaults (`...`: none).
    `infer(args, attrs)` gives shape and dtype. `run` is what runs on NumPy. `source` is a template of readable
    NumPy, `{0}` the first operand and `{attrs}` the keywords; empty where `infix` or the plain call says it.
    `why` is what kind of part it makes. `view` marks what shares memory with its operand.
    `scratch(args, attrs)` counts the cells it allocates beside its result.
    """

    name: str
    infer: Callable[[tuple[Any, ...], Mapping[str, Any]], tuple[Shape, DType]]
    run: Callable[..., Any]
    arrays: int = 1
    attrs: Mapping[str, Any] = field(default_factory=dict)
    infix: str = ""
    precedence: int = 90
    source: str = ""
    why: str = "elementwise"
    view: bool = False
    word: str = ""
    scratch: Callable[[tuple[Any, ...], Mapping[str, Any]], int] | None = None

    @property
    def says(self) -> str:
        """The word in formulas: the language's, where it has an op for it under another name."""
        return self.word or self.name

    @property
    def defaults(self) -> dict[str, Any]:
        """The keywords that may be left out, with their values."""
        return {name: value for name, value in self.attrs.items() if value is not ...}


class Expr:
    """A symbolic array: a leaf with a name, or a primitive applied to operands. Interned per trace."""

    __slots__ = ("args", "attrs", "dtype", "name", "prim", "shape", "trace")
    __array_ufunc__ = None  # NumPy scalars and arrays must leave the operators to us

    def __init__(
        self, trace: Trace, prim: Prim | None, args: tuple[Any, ...], attrs: Mapping[str, Any],
        shape: Shape, dtype: DType, name: str = "",
    ) -> None:  # fmt: skip
        self.trace, self.prim, self.args, self.attrs = trace, prim, args, attrs
        self.shape, self.dtype, self.name = shape, dtype, name

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        return prod(self.shape) * self.dtype.itemsize

    def operands(self) -> list[Expr]:
        """The symbolic operands, literals left out."""
        return [a for a in self.args if isinstance(a, Expr)]

    def _infix(self, name: str, left: Any, right: Any) -> Expr:
        for side in (left, right):
            if not isinstance(side, Expr) and type(side) not in (bool, int, float):
                raise TraceError(f"{name} of a symbolic array and {type(side).__name__}")
        return self.trace.make(name, left, right)

    def __add__(self, other: Any) -> Expr:
        return self._infix("add", self, other)

    def __radd__(self, other: Any) -> Expr:
        return self._infix("add", other, self)

    def __sub__(self, other: Any) -> Expr:
        return self._infix("subtract", self, other)

    def __rsub__(self, other: Any) -> Expr:
        return self._infix("subtract", other, self)

    def __mul__(self, other: Any) -> Expr:
        # x * 1, x / 1 and x ** 1 are x, bit for bit; leaving them out makes formulas readable.
        return self if self._is_one(other) else self._infix("multiply", self, other)

    def __rmul__(self, other: Any) -> Expr:
        return self if self._is_one(other) else self._infix("multiply", other, self)

    def __truediv__(self, other: Any) -> Expr:
        return self if self._is_one(other) else self._infix("divide", self, other)

    def __rtruediv__(self, other: Any) -> Expr:
        return self._infix("divide", other, self)

    def __pow__(self, other: Any) -> Expr:
        return self if self._is_one(other) else self._infix("pow", self, other)

    def __rpow__(self, other: Any) -> Expr:
        return self._infix("pow", other, self)

    def __matmul__(self, other: Any) -> Expr:
        return self._infix("matmul", self, other)

    def __neg__(self) -> Expr:
        return self.trace.make("negative", self)

    def __lt__(self, other: Any) -> Expr:
        return self._infix("less", self, other)

    def __le__(self, other: Any) -> Expr:
        return self._infix("less_equal", self, other)

    def __gt__(self, other: Any) -> Expr:
        return self._infix("greater", self, other)

    def __ge__(self, other: Any) -> Expr:
        return self._infix("greater_equal", self, other)

    def __eq__(self, other: Any) -> Expr:  # type: ignore[override]
        return self._infix("equal", self, other)

    def __ne__(self, other: Any) -> Expr:  # type: ignore[override]
        return self._infix("not_equal", self, other)

    __hash__ = object.__hash__

    def __getitem__(self, key: Any) -> Expr:
        return self.trace.make("index", self, key=encode_key(key))

    def __bool__(self) -> bool:
        raise TraceError("a rule must not branch on values: use xp.where")

    def __iter__(self) -> Iterator[Any]:
        raise TraceError("a rule must not iterate over an array")

    def __float__(self) -> float:
        raise TraceError("a rule must not take a number out of an array")

    __int__ = __index__ = __float__

    def __len__(self) -> int:
        raise TraceError("use x.shape[0]")

    def _is_one(self, other: Any) -> bool:
        return type(other) is int and other == 1 and self.dtype.kind == "f"

    def __repr__(self) -> str:
        head = self.prim.name if self.prim else self.name
        return f"<{head} {self.shape} {self.dtype}>"


class Trace:
    """One tracing of a rule: the namespace `xp` it is given, and the table in which equal expressions are one."""

    def __init__(self, prims: Mapping[str, Prim]) -> None:
        self._prims = prims
        self._seen: dict[Any, Expr] = {}
        self.axes: dict[tuple[int, bool], dict[int, tuple[int, ...]]] = {}  # filled by `shared_axes`

    def leaf(self, name: str, shape: Shape, dtype: DType) -> Expr:
        return Expr(self, None, (), {}, shape, dtype, name)

    def __getattr__(self, name: str) -> Callable[..., Expr]:
        if name not in self._prims:
            raise TraceError(f"xp.{name} is not in the namespace that rules are written against")
        return lambda *args, **kwargs: self.make(name, *args, **kwargs)

    def make(self, name: str, *args: Any, **kwargs: Any) -> Expr:
        """Apply a primitive: bind its keywords, infer shape and dtype, and intern the result."""
        prim = self._prims[name]
        if prim.arrays < 0:
            operands, rest = tuple(args[0]), args[1:]
        else:
            operands, rest = args[: prim.arrays], args[prim.arrays :]
        if len(operands) < prim.arrays:
            plural = "" if prim.arrays == 1 else "s"
            raise TraceError(f"xp.{name} takes {prim.arrays} array{plural}, not {len(operands)}")
        for operand in operands:
            if not isinstance(operand, Expr) and type(operand) not in (bool, int, float):
                raise TraceError(f"xp.{name}: an operand is {type(operand).__name__}, not a symbolic array or a number")
        unknown = set(kwargs) - set(prim.attrs)
        if unknown or len(rest) > len(prim.attrs):
            raise TraceError(f"xp.{name} takes {list(prim.attrs)}, not {sorted(unknown)}")
        attrs = {**prim.attrs, **dict(zip(prim.attrs, rest, strict=False)), **kwargs}
        missing = [key for key, value in attrs.items() if value is ...]
        if missing:
            raise TraceError(f"xp.{name} needs {', '.join(missing)}")
        ident = (
            name,
            tuple(id(a) if isinstance(a, Expr) else (type(a), repr(a)) for a in operands),
            repr(attrs),
        )
        found = self._seen.get(ident)
        if found is None:
            shape, dtype = prim.infer(operands, attrs)
            found = self._seen[ident] = Expr(self, prim, operands, attrs, shape, dtype)
        return found


def encode_key(key: Any) -> Key:
    """An index as hashable plain data: ints stay, a slice becomes (start, stop, step)."""
    items = key if isinstance(key, tuple) else (key,)
    return tuple((k.start, k.stop, k.step) if isinstance(k, slice) else k for k in items)


def decode_key(key: Key) -> tuple[Any, ...]:
    """The index NumPy takes, from what `encode_key` made."""
    return tuple(slice(*k) if isinstance(k, tuple) else k for k in key)


def walk(*roots: Expr) -> list[Expr]:
    """Every expression below the roots once, operands before what uses them; iterative, so depth is no limit."""
    order: list[Expr] = []
    seen: set[int] = set()
    stack: list[tuple[Expr, bool]] = [(root, False) for root in reversed(roots)]
    while stack:
        expr, ready = stack.pop()
        if ready:
            order.append(expr)
        elif id(expr) not in seen:
            seen.add(id(expr))
            stack.append((expr, True))
            stack.extend((a, False) for a in reversed(expr.operands()) if id(a) not in seen)
    return order


def evaluate(expr: Expr, leaves: Mapping[int, Any]) -> dict[int, Any]:
    """The values of an expression and of all it is made of, by identity; `leaves` gives those of its leaves.

    TraceError for a leaf without a value.
    """
    known = dict(leaves)
    for e in walk(expr):
        if id(e) not in known:
            if e.prim is None:
                raise TraceError(f"no value for {e.name}")
            args = [known[id(a)] if isinstance(a, Expr) else a for a in e.args]
            may_stop()
            known[id(e)] = e.prim.run(*args, **e.attrs)
    return known


def broadcast(*shapes: Shape) -> Shape:
    """The shape NumPy broadcasts to; ShapeError names the axis that does not fit."""
    rank = max(map(len, shapes), default=0)
    out = []
    for axis in range(-rank, 0):
        sizes = {s[axis] for s in shapes if len(s) >= -axis} - {1}
        if len(sizes) > 1:
            found = " and ".join(str(list(s) and tuple(s)) for s in shapes)
            raise ShapeError(
                f"{found} do not broadcast: sizes {' and '.join(map(str, sorted(sizes)))} meet in axis {axis}",
                hint="sizes must be equal, or one of them 1; reshape or transpose one operand",
            )
        out.append(sizes.pop() if sizes else 1)
    return tuple(out)


def stretched(shape: Shape, own: Shape) -> tuple[int, ...]:
    """The axes of `shape` that broadcasting gave to an operand of shape `own`: added in front, or stretched from 1."""
    lead = len(shape) - len(own)
    return (*range(lead), *(lead + a for a, n in enumerate(own) if n == 1 and shape[lead + a] != 1))


@lru_cache(maxsize=4096)
def _promote(kinds: tuple[Any, ...]) -> DType:
    return np.result_type(*(kind() if isinstance(kind, type) else kind for kind in kinds))


def result_dtype(args: tuple[Any, ...]) -> DType:
    """The dtype of an elementwise result; Python numbers are weak (NEP 50)."""
    return _promote(tuple(a.dtype if isinstance(a, Expr) else type(a) for a in args))
