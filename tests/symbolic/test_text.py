"""Expressions as text: what is written reads back, bit for bit, with no bracket too many in what people look at."""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bpdebug.arrays import Array
from bpdebug.symbolic import PRIMS, Expr, Trace, TraceError, walk
from bpdebug.symbolic.arrays import power
from bpdebug.symbolic.brief import LONG
from bpdebug.symbolic.notation import FORMULA, SOURCE, Dialect
from bpdebug.symbolic.on_numpy import SCOPE
from bpdebug.symbolic.text import write
from tests.graphs import DOUBLE, FORMULA_WORDS, SAMPLES, SINGLE, bits, sample_call

RNG = np.random.default_rng(0)
LEAVES: dict[str, Array] = {
    "A": RNG.normal(size=(2, 2)), "B": RNG.normal(size=(2, 2)), "∂Y": RNG.normal(size=(2, 2)),
    "v": RNG.normal(size=2), "s": np.array(0.7), "T": RNG.normal(size=(3, 2, 2)), "W": RNG.normal(size=(2, 2)),
}  # fmt: skip
EXTRA: dict[str, Array] = {"c": np.array([[True, False], [False, True]]), "ids": np.array([1, 0, -1])}
LITERALS = [
    0,
    1,
    2,
    -3,
    0.5,
    -0.0,
    -1.5,
    1e-05,
    1e22,
    -1e300,
    0.1,
    3.0,
    True,
    float("inf"),
    float("-inf"),
    float("nan"),
]
WORDS = ["exp", "log", "log1p", "sqrt", "square", "abs", "sign", "sin", "cos", "tanh", "erf", "sigmoid"]


class Trees:
    """Random expressions over the leaves: every word of the namespace that takes floats, literals on either side."""

    def __init__(self, seed: int, casts: bool) -> None:
        self.random, self.casts = random.Random(seed), casts
        self.xp = Trace(PRIMS)
        self.leaves = {n: self.xp.leaf(n, a.shape, a.dtype) for n, a in {**LEAVES, **EXTRA}.items()}
        self.names = {id(e): n for n, e in self.leaves.items()}

    def any(self, depth: int) -> Expr:
        if depth <= 0 or self.random.random() < 0.08:
            return self.leaves[self.random.choice(list(LEAVES))]
        shapes = [self.infix, self.infix, self.infix, self.word, self.shaped, self.chosen]
        return self.random.choice(shapes)(depth - 1)

    def infix(self, depth: int) -> Expr:
        kind = self.random.choice(["+", "-", "*", "/", "**", "@", "@", "neg"])
        a = self.any(depth)
        if kind == "neg":
            return -a
        b: Any = self.any(depth)
        if kind == "@":
            return self.matrix(a) @ self.matrix(b)
        if a.shape != b.shape and self.fits(a, b):
            b = self.xp.sum(b)
        if self.random.random() < 0.25:
            literal: Any = self.random.choice(LITERALS)
            a, b = (a, literal) if self.random.random() < 0.5 else (literal, b)
        operate: dict[str, Callable[[Any, Any], Any]] = {
            "+": lambda p, q: p + q, "-": lambda p, q: p - q, "*": lambda p, q: p * q, "/": lambda p, q: p / q,
            "**": lambda p, q: p**q,
        }  # fmt: skip
        made: Expr = operate[kind](a, b)
        return made

    def fits(self, a: Expr, b: Expr) -> bool:
        try:
            np.broadcast_shapes(a.shape, b.shape)
        except ValueError:
            return True
        return len(b.shape) > 4 or len(a.shape) > 4

    def matrix(self, e: Expr) -> Expr:
        return e if e.shape in ((2, 2), (3, 2, 2)) else self.leaves[self.random.choice("ABW")]

    def word(self, depth: int) -> Expr:
        name = self.random.choice([*WORDS, "maximum", "minimum", "astype"])
        e = self.any(depth)
        if name == "astype":
            return self.xp.astype(e, SINGLE) if self.casts else e
        if name in ("maximum", "minimum"):
            return self.xp.make(name, e, self.random.choice([0, -1.5, self.xp.sum(self.any(depth))]))
        return self.xp.make(name, e)

    def shaped(self, depth: int) -> Expr:
        e, xp, pick = self.any(depth), self.xp, self.random.choice
        axis = pick([None, (), *range(-e.ndim, e.ndim)])
        if e.ndim > 1 and pick([True, False]):
            axis = tuple(self.random.sample(range(e.ndim), 2))
        forms: list[Callable[[], Expr]] = [
            lambda: xp.sum(e, axis=axis, keepdims=pick([True, False])),
            lambda: xp.max(e, axis=axis, keepdims=pick([True, False])),
            lambda: xp.min(e, axis),
            lambda: xp.reshape(e, (1, *e.shape)),
            lambda: xp.squeeze(xp.expand_dims(e, 0), 0),
            lambda: xp.expand_dims(e, pick([-1, 0, (0, -1)])),
            lambda: xp.broadcast_to(e, (2, *e.shape)),
            lambda: xp.stack([e, e], axis=pick([0, e.ndim])),
            lambda: xp.permute_dims(e, tuple(self.random.sample(range(e.ndim), e.ndim))),
        ]
        if e.ndim >= 2:
            forms += [lambda: xp.matrix_transpose(e)] * 6
        if e.ndim and e.shape[0]:
            n = e.shape[0]
            forms += [
                lambda: e[pick([0, -1, slice(None), slice(0, 1), slice(None, None, -1), (slice(1), 0)[: e.ndim]])],
                lambda: xp.pad0(e, ((0, 1),) * e.ndim),
                lambda: xp.place(e[0], e.shape, (n - 1,)),
                lambda: xp.concat([e, e], axis=0),
                lambda: xp.softmax(e),
                lambda: xp.log_softmax(e, axis=0),
            ]
            if n >= 2:
                forms += [lambda: xp.take(e, self.leaves["ids"], axis=0)]
                forms += [lambda: xp.scatter_add(xp.take(e, self.leaves["ids"], 0), self.leaves["ids"], axis=0, size=n)]
        return pick(forms)() if e.ndim <= 4 else xp.sum(e)

    def chosen(self, depth: int) -> Expr:
        a = self.any(depth)
        signs: list[Callable[[Any, Any], Any]] = [
            lambda p, q: p < q, lambda p, q: p <= q, lambda p, q: p > q, lambda p, q: p >= q,
            lambda p, q: p == q, lambda p, q: p != q,
        ]  # fmt: skip
        test = self.random.choice(signs)(a, self.random.choice([0, 0.5, self.xp.sum(self.any(depth))]))
        return self.xp.where(test, a, self.random.choice([0, 1.5, a, self.leaves["s"]]))


def interpreted(root: Expr, names: dict[int, str]) -> Any:
    """What the primitives compute, one after the other."""
    values = {**LEAVES, **EXTRA}
    known = {i: values[name] for i, name in names.items()}
    for e in walk(root):
        if id(e) not in known:
            assert e.prim is not None
            known[id(e)] = e.prim.run(*[known[id(a)] if isinstance(a, Expr) else a for a in e.args], **e.attrs)
    return known[id(root)]


def spelt(name: str) -> str:
    return name.replace("∂", "d")


def read_source(text: str) -> Any:
    return eval(spelt(text), {**SCOPE, **{spelt(n): a for n, a in {**LEAVES, **EXTRA}.items()}})


class Powers(ast.NodeTransformer):
    """`**` is the namespace's word: small powers of floats are products."""

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        self.generic_visit(node)
        if not isinstance(node.op, ast.Pow):
            return node
        return ast.Call(ast.Name("power", ast.Load()), [node.left, node.right], [])


def read_formula(text: str) -> Any:
    """A formula, read as NumPy: ∂Y is a name, Xᵀ swaps the last two axes, words are the namespace's."""
    numbers = {"inf": np.inf, "nan": np.nan}
    leaves = {spelt(n): a for n, a in {**LEAVES, **EXTRA}.items()}
    read = Powers().visit(ast.parse(spelt(text).replace("ᵀ", ".mT"), mode="eval"))
    code = compile(ast.fix_missing_locations(read), "<formula>", "eval")
    return eval(code, {**FORMULA_WORDS, "power": power, **numbers, **leaves})


@pytest.mark.parametrize(
    ("dialect", "read", "count"),
    [(SOURCE, read_source, 6000), (FORMULA, read_formula, 3000)],
    ids=["source", "formula"],
)
def test_random_trees_read_back_bit_for_bit(dialect: Dialect, read: Callable[[str], Any], count: int) -> None:
    sizes = []
    with np.errstate(all="ignore"):
        for seed in range(count):
            trees = Trees(seed, casts=dialect is SOURCE)
            tree = trees.any(trees.random.choice([2, 3, 4, 5, 6, 8]))
            text = write(tree, lambda e, names=trees.names: names.get(id(e)), dialect)  # type: ignore[misc]
            value = interpreted(tree, trees.names)
            assert bits(read(text)) == bits(value), text
            assert bits(value)[0] == tree.shape, text
            assert bits(value)[1] == str(tree.dtype), text
            sizes.append(len(walk(tree)))
    assert np.mean(sizes) > 6, "the trees must be large enough to need brackets"


# --- brackets where they are needed, and nowhere else


class Symbols:
    def __init__(self) -> None:
        self.xp = Trace(PRIMS)
        square = {name: self.xp.leaf(name, (2, 2), DOUBLE) for name in ("a", "b", "c", "x", "A", "B", "C")}
        self.leaves = square

    def text(self, rule: Callable[..., Any], dialect: Dialect = FORMULA) -> str:
        names = {id(e): n for n, e in self.leaves.items()}
        return write(rule(self.xp, **self.leaves), lambda e: names.get(id(e)), dialect)


CASES: list[tuple[Callable[..., Any], str]] = [
    (lambda xp, a, b, c, **_: a - (b - c), "a - (b - c)"),
    (lambda xp, a, b, c, **_: (a - b) - c, "a - b - c"),
    (lambda xp, a, b, c, **_: a - (b + c), "a - (b + c)"),
    (lambda xp, a, b, c, **_: a + (b + c), "a + (b + c)"),
    (lambda xp, a, b, c, **_: a + b * c, "a + b * c"),
    (lambda xp, a, b, c, **_: (a + b) * c, "(a + b) * c"),
    (lambda xp, a, b, c, **_: a / (b * c), "a / (b * c)"),
    (lambda xp, a, b, c, **_: a / b * c, "a / b * c"),
    (lambda xp, a, b, c, **_: a * (b / c), "a * (b / c)"),
    (lambda xp, a, b, c, **_: (a @ b) * c, "(a @ b) * c"),
    (lambda xp, a, b, c, **_: a @ (b * c), "a @ (b * c)"),
    (lambda xp, a, b, c, **_: (a * b) @ c, "(a * b) @ c"),
    (lambda xp, a, b, c, **_: (a / b) @ c, "(a / b) @ c"),
    (lambda xp, a, b, c, **_: (a @ b) / c, "(a @ b) / c"),
    (lambda xp, a, b, c, **_: a @ b @ c, "a @ b @ c"),
    (lambda xp, a, b, c, **_: a @ (b @ c), "a @ (b @ c)"),
    (lambda xp, a, b, c, **_: a @ b + c, "a @ b + c"),
    (lambda xp, A, B, **_: xp.matrix_transpose(A @ B), "(A @ B)ᵀ"),
    (lambda xp, A, B, **_: xp.matrix_transpose(B) @ xp.matrix_transpose(A), "Bᵀ @ Aᵀ"),
    (lambda xp, A, **_: xp.matrix_transpose(xp.matrix_transpose(A)), "Aᵀᵀ"),
    (lambda xp, A, **_: xp.matrix_transpose(A[0:1]), "A[0:1]ᵀ"),
    (lambda xp, A, **_: xp.matrix_transpose(A)[0], "Aᵀ[0]"),
    (lambda xp, A, B, **_: (A + B)[0, 1:], "(A + B)[0, 1:]"),
    (lambda xp, A, **_: A[::-1, ::2], "A[::-1, ::2]"),
    (lambda xp, x, **_: -(x**2), "-x ** 2"),
    (lambda xp, x, **_: (-x) ** 2, "(-x) ** 2"),
    (lambda xp, x, **_: x**-2, "x ** (-2)"),
    (lambda xp, x, **_: (-2) ** x, "(-2) ** x"),
    (lambda xp, a, b, c, **_: (a**b) ** c, "(a ** b) ** c"),
    (lambda xp, a, b, c, **_: a ** (b**c), "a ** (b ** c)"),
    (lambda xp, a, b, **_: -(a * b), "-(a * b)"),
    (lambda xp, a, b, **_: (-a) * b, "-a * b"),
    (lambda xp, a, b, **_: a * -b, "a * -b"),
    (lambda xp, a, b, **_: a - -b, "a - -b"),
    (lambda xp, a, **_: -xp.negative(a), "-(-a)"),
    (lambda xp, a, **_: a * -2, "a * -2"),
    (lambda xp, a, **_: 1 - a, "1 - a"),
    (lambda xp, a, b, **_: -(a + b), "-(a + b)"),
    (lambda xp, a, b, **_: xp.exp(a - b), "exp(a - b)"),
    (lambda xp, a, b, **_: xp.exp(a) ** 2, "exp(a) ** 2"),
    (lambda xp, a, b, c, **_: (a < b) == c, "(a < b) == c"),
    (lambda xp, a, b, c, **_: a == (b < c), "a == (b < c)"),
    (lambda xp, a, b, c, **_: a + b < c, "a + b < c"),
    (lambda xp, a, b, **_: xp.where(a > 0, b, 0), "where(a > 0, b, 0)"),
    (lambda xp, a, **_: xp.sum(a, axis=-1, keepdims=True), "sum(a, axis=-1, keepdims=True)"),
    (lambda xp, a, **_: xp.sum(a), "sum(a)"),
    (lambda xp, a, **_: xp.sum(a, axis=(0,)), "sum(a, axis=(0,))"),
    (lambda xp, a, b, **_: xp.concat([a, b], axis=0), "concat(a, b, axis=0)"),
    (lambda xp, a, b, c, **_: xp.astype(a @ b, DOUBLE) * c, "(a @ b) * c"),
    (lambda xp, a, b, c, **_: xp.astype(a + b, SINGLE) * c, "(a + b) * c"),
    (lambda xp, a, **_: a * float("inf"), "a * inf"),
    (lambda xp, a, **_: xp.maximum(a, float("-inf")), "maximum(a, -inf)"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "text"), CASES, ids=[text for _, text in CASES])
def test_brackets(rule: Callable[..., Any], text: str) -> None:
    assert Symbols().text(rule) == text


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (lambda xp, A, B, **_: xp.matrix_transpose(A @ B), "(A @ B).mT"),
        (lambda xp, A, B, **_: xp.sum(A + B, axis=0), "(A + B).sum(axis=0)"),
        (lambda xp, A, **_: xp.sum(-A), "(-A).sum()"),
        (lambda xp, A, **_: xp.sum(A, keepdims=True), "A.sum(keepdims=True)"),
        (lambda xp, A, **_: xp.max(xp.exp(A), axis=(0, 1)), "np.exp(A).max(axis=(0, 1))"),
        (lambda xp, A, **_: xp.astype(A > 0, SINGLE), "(A > 0).astype(np.float32)"),
        (lambda xp, A, **_: xp.reshape(xp.matrix_transpose(A), (4, 1)), "A.mT.reshape((4, 1))"),
        (lambda xp, A, **_: xp.permute_dims(A, (1, 0)), "A.transpose((1, 0))"),
        (lambda xp, A, **_: (A * 2)[0, ::2], "(A * 2)[0, ::2]"),
        (lambda xp, A, **_: xp.where(A > 0, A, float("nan")), "np.where(A > 0, A, np.nan)"),
        (lambda xp, A, **_: xp.softmax(A), "xp.softmax(A)"),
        (lambda xp, A, **_: xp.softmax(A, axis=0), "xp.softmax(A, axis=0)"),
        (lambda xp, A, B, **_: xp.concat([A, B], axis=1), "xp.concat(A, B, axis=1)"),
        (lambda xp, A, **_: xp.expand_dims(A, (0, -1)), "np.expand_dims(A, axis=(0, -1))"),
        (lambda xp, A, **_: xp.erf(A), "xp.erf(A)"),
        (lambda xp, A, **_: xp.sqrt(A), "np.sqrt(A)"),
    ],
)
def test_source_is_numpy_as_people_write_it(rule: Callable[..., Any], text: str) -> None:
    assert Symbols().text(rule, SOURCE) == text


def test_a_kept_subexpression_is_called_by_its_name() -> None:
    s = Symbols()
    a, b = s.leaves["a"], s.leaves["b"]
    product = a @ b
    names = {id(a): "a", id(b): "b", id(product): "P"}
    assert write(product * (a + product), lambda e: names.get(id(e)), FORMULA) == "P * (a + P)"


def test_a_leaf_without_a_name_is_a_fault_of_the_caller() -> None:
    s = Symbols()
    with pytest.raises(TraceError, match="leaf 'a' has no name here"):
        write(s.leaves["a"] + 1, lambda e: None, FORMULA)


@pytest.mark.parametrize("value", [np.float64(2.0), np.int64(3), "text", [1], {}, 1j, np.array(1.0)])
def test_only_plain_values_pass_the_gate(value: Any) -> None:
    """What reaches generated code is a number, a tuple of them, None or a dtype: nothing else has a spelling."""
    for dialect in (FORMULA, SOURCE):
        with pytest.raises(TraceError, match="as an attribute"):
            dialect.literal(value)
    with pytest.raises(TraceError):
        SOURCE.literal((1, value))


def test_literals_read_back() -> None:
    for value in [0.1, 1e-320, -0.0, 2**70, -5, True, None, (), (1,), (1, (2.5, None)), float("inf"), float("-inf")]:
        found = eval(SOURCE.literal(value), {"np": np})
        assert (type(found), repr(found)) == (type(value), repr(value))
    assert np.isnan(eval(SOURCE.literal(float("nan")), {"np": np}))
    assert eval(SOURCE.literal(SINGLE), {"np": np}) is np.float32


def test_a_chain_ten_times_as_deep_as_any_rule_is_written() -> None:
    s = Symbols()
    total = s.leaves["a"]
    for _ in range(200):
        total = total + s.leaves["b"]
    assert write(total, lambda e: e.name or None, FORMULA) == "a" + " + b" * 200


# --- long formulas


def test_what_is_repeated_in_a_long_formula_has_a_name_and_reads_back_to_the_same() -> None:
    """Names put back in place of what they stand for give the whole formula again, for every op of the table."""
    named = 0
    for op, i in SAMPLES:
        plan = sample_call(op, op.samples[i]).plan
        names = [f"X{n}" for n in range(len(plan.operands))]
        for position, gradient in enumerate(plan.gradients):
            if gradient is None:
                continue
            brief, whole = plan.brief(gradient, names, "Y"), plan.formula(position, names, "Y")
            assert (brief.text == whole) == (not brief.where)
            assert len(brief.text) <= len(whole)
            values = dict(brief.where)
            assert all(len(whole) > LONG for _ in values)
            text: str = brief.text
            for name, meant in reversed(brief.where):
                assert text.count(name) + sum(m.count(name) for m in values.values()) > 1
                text = text.replace(name, f"({meant})")
            assert bare(text) == bare(whole)
            named += bool(values)
    assert named >= 3


def bare(text: str) -> str:
    """A formula without brackets and blanks: names put back have brackets that the whole may do without."""
    return re.sub(r"[\s()]", "", text)
