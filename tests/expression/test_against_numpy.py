"""Random expressions, evaluated by us and by NumPy: the same bits, or both refuse."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bpdebug.engine import Timeline
from bpdebug.engine.stats import two_norm
from bpdebug.errors import BpdebugError
from bpdebug.expression import Scope, evaluate, parse
from tests.expression.common import error_of
from tests.graphs import assert_same, make, step

RNG = np.random.default_rng(11)
ARRAYS: dict[str, Any] = {
    "A": RNG.normal(size=(3, 3)), "B": RNG.normal(size=(3, 3)).astype(np.float32), "C": RNG.integers(-2, 4, (3, 3)),
    "M": RNG.normal(size=(3, 3)) > 0, "R": RNG.normal(size=(1, 3)), "V": RNG.normal(size=(3,)), "s": np.float64(1.5),
    "F": RNG.normal(size=(2, 3, 3)), "Z": np.array([[0.0, -0.0, np.inf], [-np.inf, np.nan, 1.0], [2.0, 0.0, -3.0]]),
    "O": np.zeros((0, 3)), "layer1.h": np.arange(9.0).reshape(3, 3) - 4,
}  # fmt: skip
LEAVES = {n: a for n, a in ARRAYS.items() if "." not in n}


def _timeline() -> Timeline:
    values = {**LEAVES, "h0": ARRAYS["layer1.h"]}
    made = make(values, step("layer1.h", "mul", "h0", 1.0, block="layer1"), step("L", "sum", "layer1.h"), loss="L")
    return Timeline(made)


SCOPE = Scope(_timeline(), len(_timeline()))


@dataclass(frozen=True)
class Said:
    """An expression as text, how tightly its outermost operator binds, and what NumPy makes of it."""

    text: str
    binding: int
    run: Callable[[], Any]

    def inside(self, least: int) -> str:
        return self.text if self.binding >= least else f"({self.text})"


ATOM, POWER, SIGN, PRODUCT, SUM, COMPARE = 9, 8, 7, 6, 5, 4
NUMBERS = ["0", "1", "2", "3", "-1", "0.5", "1.5", "1e3", "7"]
OPERATORS: dict[str, tuple[int, Callable[[Any, Any], Any]]] = {
    "+": (SUM, lambda a, b: a + b), "-": (SUM, lambda a, b: a - b), "*": (PRODUCT, lambda a, b: a * b),
    "/": (PRODUCT, lambda a, b: a / b), "//": (PRODUCT, lambda a, b: a // b), "%": (PRODUCT, lambda a, b: a % b),
    "@": (PRODUCT, lambda a, b: np.matmul(a, b)), "==": (COMPARE, lambda a, b: a == b),
    "<": (COMPARE, lambda a, b: a < b),
    ">=": (COMPARE, lambda a, b: a >= b), "!=": (COMPARE, lambda a, b: a != b),
}  # fmt: skip


def kept(value: Any) -> Any:
    """Arrays stay arrays where NumPy would make scalars of them; plain numbers stay plain."""
    if isinstance(value, complex):
        raise ValueError("no real number")
    return value if type(value) in (bool, int, float) else np.asarray(value)


def shown(value: Any) -> Any:
    """An integer beyond 64 bits as a float, which is how it is shown and given to functions."""
    return float(value) if type(value) is int and not -(2**63) <= value < 2**63 else value


def number(text: str) -> Said:
    value = float(text) if "." in text or "e" in text else int(text)
    return Said(text, ATOM if value >= 0 else SIGN, lambda: value)


def tensor(name: str) -> Said:
    return Said(name, ATOM, lambda: np.asarray(ARRAYS[name]))


@st.composite
def operated(draw: st.DrawFn, inner: st.SearchStrategy[Said]) -> Said:
    a, b = draw(inner), draw(inner)
    op = draw(st.sampled_from([*OPERATORS, "**"]))
    space = draw(st.sampled_from(["", " "]))
    if op == "**":
        text = f"{a.inside(ATOM)}{space}**{space}{b.inside(SIGN)}"
        return Said(text, POWER, lambda: kept(a.run() ** b.run()))
    binding, function = OPERATORS[op]
    left, right = a.inside(binding + (binding == COMPARE)), b.inside(binding + 1)
    return Said(f"{left}{space}{op}{space}{right}", binding, lambda: kept(function(a.run(), b.run())))


@st.composite
def signed(draw: st.DrawFn, inner: st.SearchStrategy[Said]) -> Said:
    a = draw(inner)
    if draw(st.booleans()):
        return Said(f"-{a.inside(SIGN)}", SIGN, lambda: kept(-a.run()))
    return Said(f"+{a.inside(SIGN)}", SIGN, lambda: kept(+a.run()))


INDICES: list[tuple[str, Any]] = [
    ("[0]", 0), ("[-1]", -1), ("[0:2]", slice(0, 2)), ("[:, 1]", (slice(None), 1)), ("[::-1]", slice(None, None, -1)),
    ("[..., 0]", (..., 0)), ("[1, 2]", (1, 2)), ("[...]", ...), ("[1:, -2:]", (slice(1, None), slice(-2, None))),
    ("[5:]", slice(5, None)), ("[0, ..., 1]", (0, ..., 1)), ("[2, 2, 2]", (2, 2, 2)),
]  # fmt: skip


@st.composite
def placed(draw: st.DrawFn, inner: st.SearchStrategy[Said]) -> Said:
    a = draw(inner)
    text = a.inside(ATOM)
    if draw(st.integers(0, 2)) == 0:
        return Said(text + draw(st.sampled_from([".T", "ᵀ"])), ATOM, lambda: np.matrix_transpose(a.run()))
    index, key = draw(st.sampled_from(INDICES))
    return Said(text + index, ATOM, lambda: np.asarray(_indexed(a.run(), key)))


def _indexed(array: Any, key: Any) -> Any:
    if not isinstance(array, np.ndarray):
        raise TypeError("a number has no places")
    return array[key]


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "sum": np.sum, "mean": np.mean, "max": np.max, "min": np.min, "any": np.any, "all": np.all,
}  # fmt: skip


@st.composite
def called(draw: st.DrawFn, inner: st.SearchStrategy[Said]) -> Said:
    a = draw(inner)
    name = draw(st.sampled_from([*FUNCTIONS, "abs", "isnan", "isinf", "zeros", "size", "rank", "norm"]))
    if name in FUNCTIONS:
        axis = draw(st.sampled_from([None, 0, -1, 1, (0, 1)]))
        keep = draw(st.booleans())
        text = f"{name}({a.text}{'' if axis is None else f', axis={axis}'}{', keepdims=True' if keep else ''})"
        return Said(text, ATOM, lambda: np.asarray(_reduced(FUNCTIONS[name], shown(a.run()), axis, keep)))
    plain: dict[str, Callable[[Any], Any]] = {
        "abs": lambda x: kept(abs(x)), "isnan": lambda x: _tested(np.isnan, x), "isinf": lambda x: _tested(np.isinf, x),
        "zeros": lambda x: int(np.size(x) - np.count_nonzero(x)), "size": lambda x: int(np.size(x)),
        "rank": lambda x: int(np.ndim(x)), "norm": _norm,
    }  # fmt: skip
    return Said(f"{name}({a.text})", ATOM, lambda: plain[name](a.run() if name == "abs" else shown(a.run())))


def _reduced(function: Callable[..., Any], x: Any, axis: Any, keep: bool) -> Any:
    if np.ndim(x) == 0 and axis is not None:
        raise ValueError("no axes")  # NumPy lets axis 0 of a number pass
    if np.size(x) == 0 and function in (np.mean, np.max, np.min):
        counts = np.shape(x) if axis is None else tuple(np.shape(x)[i] for i in np.atleast_1d(axis))
        if 0 in counts:
            raise ValueError("no cells")
    return function(x, axis=axis, keepdims=keep) if keep or axis is not None else function(x)


def _tested(function: Callable[[Any], Any], x: Any) -> Any:
    return bool(function(x)) if type(x) in (bool, int, float) else kept(function(x))


def _norm(x: Any) -> Any:
    array = np.asarray(x)
    return np.asarray(two_norm(array), array.dtype if array.dtype.kind == "f" else np.float64)


EXPRESSIONS = st.recursive(
    st.sampled_from([*map(tensor, ARRAYS), *map(number, NUMBERS)]),
    lambda inner: st.one_of(operated(inner), operated(inner), signed(inner), placed(inner), called(inner)),
    max_leaves=10,
)


@given(EXPRESSIONS)
def test_random_expressions(said: Said) -> None:
    """Where NumPy (or Python, for plain numbers) refuses, so do we; but a zero divisor that is computed is IEEE's."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            wanted = said.run()
        except (TypeError, ValueError, IndexError, ArithmeticError) as error:
            wanted = error
    refusal = error_of(lambda: evaluate(parse(said.text), SCOPE))
    if refusal is not None:
        assert isinstance(wanted, Exception) or _ours_alone(wanted), f"{said.text}: {refusal}"
        return
    found = evaluate(parse(said.text), SCOPE)
    if isinstance(wanted, ZeroDivisionError):
        return
    assert not isinstance(wanted, Exception), f"{said.text}: {wanted!r}"
    assert found.array is not None
    assert_same(found.array, shown(wanted), said.text)


def _ours_alone(wanted: Any) -> bool:
    """What Python allows and we refuse: integers too large to show."""
    return type(wanted) is int and wanted.bit_length() > 1000


@pytest.mark.parametrize("text", [
    "A*B+V", "A-B-V", "A/B/V*2", "-A**2", "-A**-2", "A**V**2", "A@B@A", "A+B@A-V", "-A.T**2",
])  # fmt: skip
@pytest.mark.parametrize("space", ["", " "])
def test_precedence_is_pythons(text: str, space: str) -> None:
    spaced = text.replace("@", f"{space}@{space}").replace("+", f"{space}+{space}")
    with np.errstate(all="ignore"):
        wanted = eval(text, {}, dict(ARRAYS))
    assert_same(evaluate(parse(spaced), SCOPE).array, wanted, text)


ROW = ["+", "-", "*", "/", "//", "%", "@", "**"]
FLAT = st.lists(
    st.tuples(st.sampled_from(["A", "B", "V", "2", "0.5", "-3"]), st.sampled_from(ROW)), min_size=1, max_size=9
).map(lambda parts: "".join(a + op for a, op in parts) + "A")


@given(FLAT)
def test_operators_in_a_row_are_read_as_python_reads_them(text: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            wanted = eval(text, {}, dict(ARRAYS))
        except (TypeError, ValueError, ArithmeticError):
            wanted = None
    try:
        found = evaluate(parse(text), SCOPE).array
    except BpdebugError:
        assert wanted is None
        return
    if wanted is not None and wanted.shape:
        assert_same(found, wanted, text)


LOGIC = st.recursive(
    st.sampled_from(["1", "0", "2", "0.0", "3"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["and", "or", "<", "==", ">=", "+", "*", "-"]), inner).map(" ".join),
        inner.map(lambda a: f"not {a}"), inner.map(lambda a: f"({a})"),
    ),
    max_leaves=12,
)  # fmt: skip


@given(LOGIC)
def test_logic_is_pythons(text: str) -> None:
    """The truth is Python's; `and` and `or` give True or False, and there is no `not` after an operator."""
    try:
        wanted = eval(text.replace(" and ", " and 1 and ").replace(" or ", " or 0 or "), {}, {})
    except SyntaxError:
        wanted = None
    try:
        found = evaluate(parse(text), SCOPE).array
    except BpdebugError:
        assert wanted is None, text
        return
    if wanted is not None and not any(f"{op}" in text for op in ("+", "*", "-", "<", "=")):
        assert bool(found) == bool(wanted), text
