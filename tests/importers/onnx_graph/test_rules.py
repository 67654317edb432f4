"""Every rule of the table: its values against onnx's reference, its gradients against differences of those."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from bpdebug.arrays import Array
from bpdebug.engine import Timeline

onnx = pytest.importorskip("onnx", reason="onnx is an optional oracle")

from onnx.reference import ReferenceEvaluator  # noqa: E402  # where onnx is there

from bpdebug.importers.onnx_graph.reading import FAMILIES  # noqa: E402
from bpdebug.importers.onnx_graph.table import RULES  # noqa: E402
from tests.importers.onnx_graph.cases import CASES, Case  # noqa: E402
from tests.importers.onnx_graph.judge import ours  # noqa: E402
from tests.importers.onnx_graph.models import one  # noqa: E402

assert FAMILIES  # the files of rules, which fill the table
STEP = 1e-6


def all_cases() -> Iterator[Any]:
    for name in RULES:
        for k, case in enumerate(CASES.get(name, ())):
            yield pytest.param(name, case, id=f"{name}-{k}")


def test_every_rule_has_a_case() -> None:
    sequences = {"SplitToSequence", "SequenceAt"}  # which no model gives
    assert set(CASES) == set(RULES) - sequences


def reference(model: Any, feeds: dict[str, Any]) -> list[Array]:
    """What onnx computes, node by node, in NumPy."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found: list[Array] = ReferenceEvaluator(model).run(None, feeds)
    return [np.asarray(f) for f in found]


def built(name: str, case: Case) -> tuple[Any, dict[str, Any]]:
    args, attrs = case
    attrs = dict(attrs)
    return one(name, args, attrs.pop("outputs", 1), attrs.pop("opset", 21), attrs)


@pytest.mark.parametrize(("name", "case"), all_cases())
def test_a_rule_is_what_onnx_computes(name: str, case: Case) -> None:
    model, feeds = built(name, case)
    found, _ = ours(model, feeds)
    single = any(a.dtype == np.float32 for a in feeds.values()) or name in ("Attention", "Resize", "GroupNormalization")
    for mine, theirs in zip(found, reference(model, feeds), strict=True):
        assert mine is not None
        assert mine.shape == theirs.shape
        np.testing.assert_allclose(mine, theirs, rtol=1e-5 if single else 1e-7, atol=1e-6 if single else 1e-9)


def total(timeline: Timeline) -> float:
    """The sum of the outputs' cells, each times the gradient that comes in there."""
    graph, found = timeline.graph, 0.0
    for output, incoming in graph.incoming.items():
        found += float((timeline.value(graph.names[output]) * incoming()).sum())
    return found


@pytest.mark.parametrize(("name", "case"), all_cases())
def test_the_gradients_of_a_rule_are_those_of_its_values(name: str, case: Case) -> None:
    """Along a direction by chance, by central differences; what rounds to float32 has none, nor has a constant."""
    model, feeds = built(name, case)
    timeline = ours(model, feeds)[1]
    if not feeds or np.dtype(np.float32) in timeline.graph.dtypes:
        return
    rng = np.random.default_rng(3)
    leaves = {leaf.name for leaf in timeline.graph.leaves}
    along = {n: rng.standard_normal(a.shape) * (n in leaves) for n, a in feeds.items()}
    ends = [total(ours(model, {n: a + sign * STEP * along[n] for n, a in feeds.items()})[1]) for sign in (1, -1)]
    slope = 0.0
    for leaf in leaves & feeds.keys():
        gradient = timeline.grad(leaf)
        slope += 0.0 if gradient is None else float((gradient * along[leaf]).sum())
    assert slope == pytest.approx((ends[0] - ends[1]) / (2 * STEP), rel=1e-6, abs=1e-6)


def test_a_negative_width_takes_cells_away() -> None:
    x = np.arange(12.0).reshape(3, 4)
    model, feeds = one("Pad", [x, np.array([-1, 0, 1, -2])], 1, 21, {})
    assert np.array_equal(ours(model, feeds)[0][0], np.pad(x[1:, :2], ((0, 1), (0, 0))))  # type: ignore[arg-type]  # there


def test_groups_of_a_transposed_convolution_are_convolutions_of_their_own() -> None:
    rng = np.random.default_rng(0)
    x, w, b = rng.standard_normal((2, 4, 3)), rng.standard_normal((4, 2, 3)), rng.standard_normal(4)
    how = {"strides": [2], "pads": [0, 1]}
    whole = ours(*one("ConvTranspose", [x, w, b], 1, 21, {**how, "group": 2}))[0][0]
    parts = [ours(*one("ConvTranspose", [x[:, h], w[h], b[h]], 1, 21, how))[0][0] for h in (slice(2), slice(2, 4))]
    np.testing.assert_allclose(whole, np.concatenate(parts, 1), rtol=1e-12)  # type: ignore[arg-type]  # they are there


def test_digits_are_kept_where_a_plain_formula_cancels() -> None:
    """Asin and Acos by the root of 1 - x², an exclusive sum by the sum less the cell: both would lose all of it."""
    x = np.array([1 - 2.0**-40, -1 + 2.0**-40, 1e-20])
    for name, exact in (("Asin", np.arcsin), ("Acos", np.arccos), ("Asinh", np.arcsinh)):
        np.testing.assert_allclose(ours(*one(name, [x], 1, 21, {}))[0][0], exact(x), rtol=1e-14)  # type: ignore[arg-type]  # there
    large = ours(*one("Asinh", [np.array([1e200, -1e200])], 1, 21, {}))[0][0]
    np.testing.assert_allclose(large, np.arcsinh([1e200, -1e200]), rtol=1e-14)  # type: ignore[arg-type]  # as above
    sums = ours(*one("CumSum", [np.array([1.0, 1e20, np.inf, 2.0]), np.array(0)], 1, 21, {"exclusive": 1}))[0][0]
    assert np.array_equal(sums, [0.0, 1.0, 1e20, np.inf])  # type: ignore[arg-type]  # as above


def test_a_reduction_over_no_axes_still_does_what_it_does_to_each_cell() -> None:
    x = np.array([[1.0, 2.0], [3.0, 0.5]])
    for name, exact in (
        ("L1", np.abs),
        ("L2", np.abs),
        ("SumSquare", np.square),
        ("LogSum", np.log),
        ("Sum", np.array),
    ):
        found = ours(*one(f"Reduce{name}", [x], 1, 18, {"noop_with_empty_axes": 1}))[0][0]
        np.testing.assert_allclose(found, exact(x), rtol=1e-12, err_msg=name)  # type: ignore[arg-type]  # they are there


def test_cells_that_are_none_add_nothing_to_a_norm_of_windows() -> None:
    """The reference evaluator counts them, as means of those that are there."""
    found = ours(*one("LpPool", [np.ones((1, 1, 3))], 1, 21, {"kernel_shape": [2], "strides": [2], "ceil_mode": 1}))[0][
        0
    ]
    np.testing.assert_allclose(found, [[[2**0.5, 1.0]]], rtol=1e-12)  # type: ignore[arg-type]  # as above


def test_an_output_shape_takes_the_odd_cell_from_the_beginning() -> None:
    """By the operator's page; SAME_UPPER alone takes it from the end."""
    x, w = np.array([[[1.0, 10.0]]]), np.array([[[1.0, 2.0, 3.0]]])
    whole = np.array([1.0, 2.0, 13.0, 20.0, 30.0])
    for auto_pad, kept in (("NOTSET", whole[1:]), ("SAME_LOWER", whole[1:]), ("SAME_UPPER", whole[:-1])):
        given = {"strides": [2], "output_shape": [4], "auto_pad": auto_pad}
        assert np.array_equal(ours(*one("ConvTranspose", [x, w], 1, 21, given))[0][0], kept[None, None])  # type: ignore[arg-type]  # as above


@pytest.mark.parametrize("name", ["HannWindow", "HammingWindow", "BlackmanWindow"])
def test_what_a_function_of_onnxs_reads_of_its_attributes_has_their_defaults(name: str) -> None:
    """`periodic` is 1 where the model says nothing, and the nodes that define the op read it."""
    make, kind, x = onnx.helper, onnx.TensorProto.FLOAT, np.arange(1, 6, dtype=np.float32)
    ends = [[make.make_tensor_value_info(end, kind, [5])] for end in "XY"]
    nodes = [make.make_node(name, ["n"], ["w"]), make.make_node("Mul", ["X", "w"], ["Y"])]
    graph = make.make_graph(nodes, "g", *ends, [make.make_tensor("n", onnx.TensorProto.INT64, [], [5])])
    model = make.make_model(graph, opset_imports=[make.make_opsetid("", 21)])
    (found,), (wanted,) = ours(model, {"X": x})[0], ReferenceEvaluator(model).run(None, {"X": x})
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-6)  # type: ignore[arg-type]  # it is there


def test_nan_is_the_largest_cell() -> None:
    x = np.array([1.0, np.nan, 2.0, 0.0])
    for largest, values, places in ((1, [np.nan, 2.0], [1, 2]), (0, [0.0, 1.0], [3, 0])):
        found = ours(*one("TopK", [x, np.array([2])], 2, 21, {"largest": largest}))[0]
        assert np.array_equal(found[0], values, equal_nan=True)  # type: ignore[arg-type]  # as above
        assert np.array_equal(found[1], places)  # type: ignore[arg-type]  # as above
