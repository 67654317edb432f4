"""Symbolic arrays: what a rule builds when it is traced."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np
from msgspec import Struct, field

from bpdebug.arrays import DType, Shape, encode_key
from bpdebug.errors import ShapeError
from bpdebug.far import Far
from bpdebug.progress import may_stop


class TraceError(TypeError):
    """A rule did something that cannot be traced: a fault of the rule, never of the user."""


def broadcast(*shapes: Shape) -> Shape:
    """The shape NumPy broadcasts to; ShapeError names the axis that does not fit."""
    rank = max(map(len, shapes), default=0)
    out = []
    for axis in range(-rank, 0):
        sizes = {s[axis] for s in shapes if len(s) >= -axis} - {1}
        if len(sizes) > 1:
            raise ShapeError(
                f"{' and '.join(map(str, shapes))} do not broadcast: "
                f"sizes {' and '.join(map(str, sorted(sizes)))} meet in axis {axis}",
                hint="sizes must be equal, or one of them 1; reshape or transpose one operand",
            )
        out.append(sizes.pop() if sizes else 1)
    return tuple(out)


def stretched(shape: Shape, own: Shape) -> tuple[int, ...]:
    """The axes of `shape` that broadcasting gave to an operand of shape `own`: added in front, or stretched from 1."""
    lead = len(shape) - len(own)
    return (*range(lead), *(lead + a for a, n in enumerate(own) if n == 1 and shape[lead + a] != 1))


def broadcasted(*args: Any, **attrs: Any) -> Shape:
    """The shape of an elementwise result."""
    return broadcast(*(a.shape for a in args if isinstance(a, Expr)))


@lru_cache(maxsize=4096)
def _promote(kinds: tuple[Any, ...]) -> DType:
    return np.result_type(*(kind() if isinstance(kind, type) else kind for kind in kinds))


def promoted(*args: Any, **attrs: Any) -> DType:
    """The dtype of an elementwise result; Python numbers are weak (NEP 50)."""
    return _promote(tuple(a.dtype if isinstance(a, Expr) else type(a) for a in args))


def _nothing(result: Expr) -> int:
    return 0


class Prim(Struct, frozen=True, eq=False):
    """One word of the array namespace: how it runs, is typed and prints.

    `run(*operands, **attrs)` is what runs on NumPy; `shape` and `dtype`, called alike, type the result; they raise
    ShapeError. `arrays` counts the operands (-1: a list of them); `attrs` are the keywords with their defaults (`...`:
    none). `source` is a template of readable NumPy, `{0}` the first operand and `{attrs}` the keywords; empty where
    `infix` or the plain call says it. `why` is what kind of part it makes. `view` marks what shares memory with its
    operand. `scratch(result)` counts the cells it allocates beside its result.
    """

    name: str
    run: Callable[..., Any]
    arrays: int = 1
    attrs: Mapping[str, Any] = field(default_factory=dict)
    shape: Callable[..., Shape] = broadcasted
    dtype: Callable[..., DType] = promoted
    infix: str = ""
    precedence: int = 90
    source: str = ""
    why: str = "elementwise"
    view: bool = False
    word: str = ""
    scratch: Callable[[Expr], int] = _nothing

    @property
    def says(self) -> str:
        """The word in formulas: the language's, where it has an op for it under another name."""
        return self.word or self.name

    @property
    def defaults(self) -> dict[str, Any]:
        """The keywords that may be left out, with their values."""
        return {name: value for name, value in self.attrs.items() if value is not ...}

    def bind(self, args: tuple[Any, ...], given: Mapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """A call's operands and all its keywords, which may be given by position; TraceError where some are wrong."""
        operands, rest = (tuple(args[0]), args[1:]) if self.arrays < 0 else (args[: self.arrays], args[self.arrays :])
        if len(operands) < self.arrays:
            plural = "" if self.arrays == 1 else "s"
            raise TraceError(f"xp.{self.name} takes {self.arrays} array{plural}, not {len(operands)}")
        unknown = set(given) - set(self.attrs)
        if unknown or len(rest) > len(self.attrs):
            raise TraceError(f"xp.{self.name} takes {list(self.attrs)}, not {sorted(unknown)}")
        attrs = {**self.attrs, **dict(zip(self.attrs, rest, strict=False)), **given}
        missing = [key for key, value in attrs.items() if value is ...]
        if missing:
            raise TraceError(f"xp.{self.name} needs {', '.join(missing)}")
        return operands, attrs


def _left(word: str) -> Callable[[Expr, Any], Expr]:
    """The method behind `x + other`."""
    bare = word in ("multiply", "divide", "pow")

    def method(self: Expr, other: Any) -> Expr:
        # x * 1, x / 1 and x ** 1 are x, bit for bit; leaving them out makes formulas readable.
        return self if bare and self.unchanged_by(other) else self.trace.make(word, self, other)

    return method


def _right(word: str) -> Callable[[Expr, Any], Expr]:
    """The method behind `other + x`."""

    def method(self: Expr, other: Any) -> Expr:
        return self if word == "multiply" and self.unchanged_by(other) else self.trace.make(word, other, self)

    return method


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

    @property
    def applies(self) -> str:
        """The name of the primitive that it applies; '' of a leaf."""
        return self.prim.name if self.prim is not None else ""

    def operands(self) -> list[Expr]:
        """The symbolic operands, literals left out."""
        return [a for a in self.args if isinstance(a, Expr)]

    __add__, __radd__ = _left("add"), _right("add")
    __sub__, __rsub__ = _left("subtract"), _right("subtract")
    __mul__, __rmul__ = _left("multiply"), _right("multiply")
    __truediv__, __rtruediv__ = _left("divide"), _right("divide")
    __pow__, __rpow__ = _left("pow"), _right("pow")
    __matmul__ = _left("matmul")
    __lt__, __le__ = _left("less"), _left("less_equal")
    __gt__, __ge__ = _left("greater"), _left("greater_equal")
    __eq__ = _left("equal")  # type: ignore[assignment]  # a comparison is symbolic too, not a bool
    __ne__ = _left("not_equal")  # type: ignore[assignment]  # as above
    __hash__ = object.__hash__

    def __neg__(self) -> Expr:
        return self.trace.make("negative", self)

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

    def unchanged_by(self, other: Any) -> bool:
        """Whether `other` is the 1 that a float is multiplied by, divided by or raised to."""
        return type(other) is int and other == 1 and self.dtype.kind == "f"

    def __repr__(self) -> str:
        head = self.prim.name if self.prim else self.name
        return f"<{head} {self.shape} {self.dtype}>"


class Trace:
    """One tracing of a rule: the namespace `xp` it is given, and the table in which equal expressions are one."""

    def __init__(self, prims: Mapping[str, Prim]) -> None:
        self._prims = prims
        self._seen: dict[Any, Expr] = {}

    def leaf(self, name: str, shape: Shape, dtype: DType) -> Expr:
        return Expr(self, None, (), {}, shape, dtype, name)

    def __getattr__(self, name: str) -> Callable[..., Expr]:
        if name not in self._prims:
            raise TraceError(f"xp.{name} is not in the namespace that rules are written against")
        return lambda *args, **kwargs: self.make(name, *args, **kwargs)

    def make(self, name: str, *args: Any, **kwargs: Any) -> Expr:
        """A primitive applied: bound, typed and interned; TraceError where it takes no such call, or ShapeError."""
        prim = self._prims[name]
        operands, attrs = prim.bind(args, kwargs)
        for operand in operands:
            if not isinstance(operand, Expr) and type(operand) not in (bool, int, float):
                raise TraceError(f"xp.{name}: an operand is {type(operand).__name__}, not a symbolic array or a number")
        ident = name, tuple(id(a) if isinstance(a, Expr) else (type(a), repr(a)) for a in operands), repr(attrs)
        found = self._seen.get(ident)
        if found is None:
            shape, dtype = prim.shape(*operands, **attrs), prim.dtype(*operands, **attrs)
            found = self._seen[ident] = Expr(self, prim, operands, attrs, shape, dtype)
        return found


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

    Where a leaf is far, it is worked out there. TraceError for a leaf without a value.
    """
    known = dict(leaves)
    for e in walk(expr):
        if id(e) not in known:
            if e.prim is None:
                raise TraceError(f"no value for {e.name}")
            args = [known[id(a)] if isinstance(a, Expr) else a for a in e.args]
            may_stop()
            far = next((a for a in args if isinstance(a, Far)), None)
            known[id(e)] = e.prim.run(*args, **e.attrs) if far is None else far.place.applied(e.applies, args, e.attrs)
    return known
