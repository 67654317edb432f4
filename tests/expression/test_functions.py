"""Functions, kinds of results, dtypes, IEEE's numbers, and limits."""

from __future__ import annotations

import tracemalloc
import warnings
from typing import Any

import numpy as np
import pytest

from bpdebug.engine import Timeline
from bpdebug.engine.stats import two_norm
from bpdebug.errors import BpdebugError
from bpdebug.expression import Scope, check, evaluate, hex_cells, parse
from bpdebug.limits import GIB
from tests.expression.common import END, LEAVES, TIMELINE, array, ask, at, refused
from tests.graphs import assert_same, make, step


def value(name: str, position: int = END) -> Any:
    found = TIMELINE.value_at(TIMELINE.graph.index[name], position)
    assert found is not None
    return found


def grad(name: str, position: int = END) -> Any:
    return TIMELINE.grad_at(TIMELINE.graph.index[name], position)


# --- kinds of results


def test_what_is_no_tensor() -> None:
    found = ask("X.shape")
    assert (found.status, found.array, found.shape, found.dtype, found.plain) == ("value", None, None, None, (4, 3))
    assert found.text == "(4, 3)"
    assert ask("'a'").text == "a"
    assert ask("X").text == ""
    assert ask("(1, 2.5)").plain == (1, 2.5)
    assert array("X.shape[0]") == 4
    assert ask("X.shape[1:]").plain == (3,)
    assert array("X.shape == T.shape") == False  # noqa: E712
    assert array("X.dtype == 'float64' and ids.dtype != X.dtype")
    assert array("() == L.shape")


def test_numbers_beyond_64_bits_are_shown_as_floats() -> None:
    assert array("2 ** 70").dtype == np.float64
    assert array("2 ** 63 - 1").dtype == np.int64


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("norm(X)", lambda: np.asarray(two_norm(LEAVES["X"]))), ("max(X)", lambda: np.max(LEAVES["X"])),
        ("min(X, axis=1)", lambda: np.min(LEAVES["X"], axis=1)), ("mean(X, 0)", lambda: np.mean(LEAVES["X"], 0)),
        ("sum(X, axis=(0, -1))", lambda: np.sum(LEAVES["X"], axis=(0, 1))), ("sum(X)", lambda: np.sum(LEAVES["X"])),
        ("sum(X, axis=-1, keepdims=True)", lambda: np.sum(LEAVES["X"], axis=-1, keepdims=True)),
        ("abs(X)", lambda: np.abs(LEAVES["X"])), ("any(X > 1)", lambda: np.any(LEAVES["X"] > 1)),
        ("all(X > 1, axis=0)", lambda: np.all(LEAVES["X"] > 1, axis=0)), ("isnan(X)", lambda: np.isnan(LEAVES["X"])),
        ("isinf(X / 0)", lambda: np.ones((4, 3), bool)), ("isnan(nan)", lambda: True), ("isinf(-inf)", lambda: True),
        ("zeros(ids)", lambda: 2), ("size(X)", lambda: 12), ("rank(X)", lambda: 2), ("rank(3)", lambda: 0),
        ("size(3)", lambda: 1),
        ("sum(3)", lambda: 3), ("norm(-3)", lambda: 3.0), ("max(2.5)", lambda: 2.5),
        ("sum(X > 0)", lambda: np.sum(LEAVES["X"] > 0)),
        ("mean(ids)", lambda: np.mean(LEAVES["ids"])), ("zeros(0)", lambda: 1), ("sum(X[0:0])", lambda: np.float64(0)),
        ("norm(X[0:0])", lambda: np.float64(0)), ("abs(-3)", lambda: 3), ("any(X[0:0])", lambda: False),
        ("sum(X, ())", lambda: LEAVES["X"]), ("zeros(X * 0) / size(X)", lambda: 1.0), ("isnan(3)", lambda: False),
    ],
)  # fmt: skip
def test_functions(text: str, wanted: Any) -> None:
    assert_same(array(text), wanted(), text)


@pytest.mark.parametrize("function", ["max", "min", "mean", "sum", "norm"])
def test_a_number_beyond_64_bits_is_reduced_as_the_float_it_is_shown_as(function: str) -> None:
    assert array(f"{function}(2 ** 70)") == 2.0**70
    with pytest.raises(BpdebugError, match="too large"):
        ask(f"{function}(10 ** 400)")


@pytest.mark.parametrize("axis", [0, 1, (0, 1), -1])
def test_norm_along_axes(axis: Any) -> None:
    wide = np.linalg.norm(LEAVES["X"], axis=axis)
    np.testing.assert_allclose(array(f"norm(X, axis={axis})"), wide, rtol=1e-14)
    np.testing.assert_allclose(array(f"norm(X * 1e200, {axis})"), wide * 1e200, rtol=1e-14)
    assert array(f"norm(X, {axis}, keepdims=True)").ndim == 2
    assert np.all(np.isnan(array(f"norm(X + nan, {axis})")))
    assert np.all(np.isinf(array(f"norm(X / 0, {axis})")))
    assert np.all(array(f"norm(X * 0, {axis})") == 0)


def test_float32_stays_float32() -> None:
    made = make({"X": np.ones((2, 3), np.float32)}, step("Y", "mul", "X", 2.0), into={"Y": np.ones((2, 3), np.float32)})
    scope = Scope(Timeline(made), 2)
    for text in [
        "X * 2.5", "X / size(X)", "X / norm(X)", "X ** 2", "X - mean(X)", "2 ** X", "X * nan", "norm(X)", "-X",
        "X // 2",
    ]:  # fmt: skip
        assert evaluate(parse(text), scope).dtype == "float32", text
    assert evaluate(parse("X * 1e300"), scope).dtype == "float32"


def test_floats_follow_ieee_without_a_word() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.all(np.isinf(array("X / 0")))
        assert np.all(np.isnan(array("(X * 0) / (X * 0)")))
        assert np.all(np.isinf(array("(abs(X) + 1) * 1e308 * 1e308")))
        assert np.isnan(array("(-1 - norm(X)) ** 0.5"))
        assert array("ids // 0").dtype == np.int64
        assert np.all(np.isnan(array("X % 0")))
        assert array("1 / zeros(X)") == np.inf
        assert np.isnan(array("zeros(X) / zeros(X)"))
        assert array("(0 - 1) / zeros(X)") == -np.inf
        assert array("norm(X) / 0") == np.inf


def test_errors_that_only_numbers_show() -> None:
    assert "zero" in refused("1 // zeros(X)").message
    assert "negative" in refused("ids ** (ids - 1)").message
    assert refused("1 + 2 ** (1000 * size(X)) + 10 ** (zeros(ids) * 400)").column is not None


def test_zero_dimensional_results_have_the_arrays_bits() -> None:
    made = make({"x": np.float64(1.1)}, step("y", "pow", "x", 3), loss="y")
    scope = Scope(Timeline(made), len(Timeline(made)))
    assert_same(evaluate(parse("x ** 3"), scope).array, evaluate(parse("y"), scope).array)
    assert_same(evaluate(parse("(x + 0) ** 3"), scope).array, evaluate(parse("y"), scope).array)


def test_arrays_cannot_be_changed() -> None:
    for text in ["X", "X + 1", "X.T", "X[0]", "norm(X)", "3"]:
        with pytest.raises(ValueError, match="read-only"):
            array(text)[...] = 0


def test_the_engines_formulas_give_the_engines_bits() -> None:
    before = at("update", "W1") - 1
    for text, name in [("X.T @ ∂enc1.matmul1", "W1"), ("∂h.1 @ W2ᵀ", "D"), ("dL * 2 * E / size(E)", "E")]:
        np.testing.assert_allclose(array(text, before), grad(name, before), rtol=1e-15)
    assert_same(array("X.T @ ∂enc1.matmul1", before), grad("W1", before))


# --- limits


def test_results_are_held_against_the_memory_limit_before_they_are_computed() -> None:
    made = make({"a": np.ones((30_000, 1)), "b": np.ones((1, 30_000))}, step("y", "sum", "a"), loss="y")
    scope = Scope(Timeline(made), 0)
    tracemalloc.start()
    for text in ["a + b", "a @ b", "norm(a * b)", "1 + (a - b)[0, 0]", "(a @ b).T"]:
        with pytest.raises(BpdebugError, match=r"takes 6\.7\d* GiB") as caught:
            evaluate(parse(text), scope)
        assert caught.value.code == "E_EXPR"
        assert "--memory" in caught.value.hint
        check(parse(text), Timeline(made, budget=32 * GIB))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20
    assert evaluate(parse("(b @ a)[0, 0]"), scope).array == 30_000
    assert evaluate(parse("size(a[0:5] + b)"), scope).array == 150_000


def test_what_is_alive_together_counts_together() -> None:
    made = make({"a": np.ones((1000, 1)), "b": np.ones((1, 1000))}, step("y", "sum", "a"), loss="y")
    timeline = Timeline(made, budget=20_000_000)
    one_by_one = parse("(a + b)[0, 0]" + " + (a + b)[0, 0]" * 5)
    chain = parse("a + b" + " + 1" * 300)
    together = parse("(a + b) * ((a + b) * (a + b))")
    assert evaluate(chain, Scope(timeline, 0)).array is not None
    assert evaluate(one_by_one, Scope(timeline, 0)).array is not None
    with pytest.raises(BpdebugError, match="limit 'memory' is 19"):
        evaluate(together, Scope(timeline, 0))
    assert evaluate(together, Scope(Timeline(made), 0)).array is not None


def test_hex_cells() -> None:
    assert hex_cells(np.array([[1.5, -0.0], [np.inf, np.nan]])) == [[(1.5).hex(), "-0x0.0p+0"], ["inf", "nan"]]
    assert hex_cells(np.array([0.1], np.float32)) == ["0x1.99999a0000000p-4"]
    assert hex_cells(np.array(3)) == "0x3"
    assert hex_cells(np.array([True])) == ["True"]
    for text in np.ravel(hex_cells(LEAVES["X"])):
        assert float(array(f"{text.replace('-0x', '0x')}")) == abs(float.fromhex(text))
