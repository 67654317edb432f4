"""What is refused while a graph is built, in which words, before a single value exists."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bpdebug.arrays import DType
from bpdebug.engine import Timeline
from bpdebug.errors import BpdebugError
from bpdebug.graph import DRAWN, INPUT, NODE, PARAMETER, Graph, Incoming, Leaf, Lit, Step, build
from bpdebug.limits import GIB, MIB, Limits
from bpdebug.ops import OPS
from tests.counting import growth, work
from tests.graphs import DOUBLE, SINGLE, all_attrs, assert_same, leaf, make, step

X, W, B = np.ones((2, 3)), np.ones((3, 2)), np.ones(2)


def refused(*args: Any, **given: Any) -> BpdebugError:
    with pytest.raises(BpdebugError) as caught:
        make(*args, **given)
    return caught.value


def untouchable(name: str, shape: tuple[int, ...], dtype: DType = DOUBLE, kind: str = INPUT) -> Leaf:
    """A leaf that must not be read: nothing may be allocated before everything was checked."""

    def read() -> Any:
        raise AssertionError(f"{name} was read")

    return Leaf(name, kind, shape, dtype, read)


def test_what_a_graph_knows() -> None:
    graph = make(
        {"X": X, "W": W, "b": B},
        step("Y", "matmul", "X", "W", line=3, block="layer1"), step("Z", "add", "Y", "b", line=4),
        step("D", "dropout", "Z", line=5), step("L", "sum", "D", line=6), loss="L", parameters=["W"],
    )  # fmt: skip
    assert tuple(graph.names) == ("X", "W", "b", "D.mask", "Y", "Z", "D", "L")
    assert graph.first == 4
    assert len(graph) == 4
    assert [graph.kind(i) for i in range(8)] == [INPUT, PARAMETER, INPUT, DRAWN] + [NODE] * 4
    assert tuple(graph.shapes) == ((2, 3), (3, 2), (2,), (2, 2), (2, 2), (2, 2), (2, 2), ())
    assert [str(d) for d in graph.dtypes] == ["float64"] * 3 + ["bool"] + ["float64"] * 4
    assert graph.loss == 7
    assert {t: read().item() for t, read in graph.incoming.items()} == {7: 1.0}
    assert [graph.nbytes(i) for i in (0, 3, 7)] == [48, 4, 8]
    node = graph.node(4)
    assert node is not None
    assert (node.id, node.op.name, node.tensors, node.block, node.line) == ("Y", "matmul", (0, 1), "layer1", 3)
    assert graph.node(0) is None
    assert graph.nodes[2].inputs == (5, 3), "a drawn mask is the last operand"
    assert list(graph.backward_nodes) == [3, 2, 1, 0]
    assert graph.edges_from(5) == [(2, 0)]
    assert graph.edges(0) == [(0, 0), (1, 1)]
    assert not graph.has_gradient(3)


def test_equal_nodes_share_a_plan() -> None:
    graph = make(
        {"x": B}, step("a", "exp", "x"), step("b", "exp", "a"), step("c", "mul", "b", 2), step("d", "mul", "c", 2.0),
        step("e", "mul", "d", 2), into={"e": B},
    )  # fmt: skip
    a, b, c, d, e = graph.plans
    assert a is b
    assert c is e
    assert c is not d


# --- names and ops


def test_an_unknown_tensor_is_named_with_its_line_and_the_nearest() -> None:
    error = refused({"weights": W}, step("Y", "neg", "wieghts", line=7), loss="Y")
    assert (error.code, error.where) == ("E_NAME", "f.toml:7")
    assert str(error) == "error[E_NAME] f.toml:7: no tensor 'wieghts'\n  help: did you mean weights?"
    assert refused({"x": X}, step("Y", "neg", "Z"), step("Z", "neg", "x"), into={"Y": X}).code == "E_NAME"


def test_an_unknown_op() -> None:
    attrs: dict[str, Any] = {}
    bad = Step("Y", "matmull", ("x",), attrs, "", 3)
    error = refused({"x": X}, bad, into={"Y": X})
    assert (error.code, error.hint, error.where) == ("E_OP", "did you mean matmul?", "f.toml:3")


@pytest.mark.parametrize("names", [("x", "y"), ("y", "y"), ("y", "d.mask")])
def test_a_name_stands_for_one_tensor(names: tuple[str, str]) -> None:
    steps = [step("d", "dropout", "x"), *(step(n, "neg", "x", line=i + 2) for i, n in enumerate(names))]
    error = refused({"x": X}, *steps, into={"y": X})
    assert error.code == "E_NAME"
    assert error.message == f"'{names[0] if names[0] == 'x' else names[1]}' names two tensors"


def test_two_leaves_of_one_name() -> None:
    with pytest.raises(BpdebugError) as caught:
        build(
            [leaf("x", X), leaf("x", W)],
            [step("y", "neg", "x")],
            incoming={"y": Incoming(None, np.ones)},
            where="f.toml",
        )
    assert caught.value.code == "E_NAME"


# --- shapes


def test_a_shape_error_names_the_node_its_line_both_operands_and_what_to_do() -> None:
    error = refused({"X": X, "W": X}, step("Z", "matmul", "X", "W", line=12), into={"Z": X})
    assert str(error) == (
        "error[E_SHAPE] f.toml:12: matmul 'Z': (2, 3) @ (2, 3): inner sizes 3 and 2 differ\n"
        "  help: did you mean the transpose, .T, of the right operand?"
    )


def test_shapes_that_do_not_broadcast() -> None:
    error = refused({"X": X, "W": W}, step("Z", "add", "X", "W", line=4), into={"Z": X})
    assert error.code == "E_SHAPE"
    assert error.message == "add 'Z': (2, 3) and (3, 2) do not broadcast: sizes 2 and 3 meet in axis -2"
    assert error.hint


@pytest.mark.parametrize(
    "op",
    [op for op in OPS.values() if op.operands == ("x",) and "f" in op.kinds[0] and not op.name.startswith("arg")],
    ids=lambda o: o.name,
)
def test_every_refusal_of_a_number_is_in_words(op: Any) -> None:
    """A 0-d operand with sample attributes: built, or refused with code, place and help, never another exception."""
    attrs = all_attrs(op, op.samples[0].attrs)
    try:
        graph = make({"x": np.array(2.0)}, Step("y", op.name, ("x",), attrs, "", 9), into={"y": "ones"})
    except BpdebugError as refusal:
        error = refusal
    else:
        assert Timeline(graph).value("y").shape == graph.shapes[-1]
        return
    assert error.code in ("E_SHAPE", "E_ATTR")
    assert error.where == "f.toml:9"
    assert error.hint
    assert error.message.startswith(f"{op.name} 'y': ")


# --- dtypes


IDS, TEST = np.array([0, 1]), np.array([True, False])


@pytest.mark.parametrize(
    ("op", "inputs", "says"),
    [
        ("add", ("x", "ids"), "add mixes integers and floats"),
        ("mul", ("ids", "x"), "mul mixes integers and floats"),
        ("add", ("ids", 0.5), "add mixes integers and floats"),
        ("add", ("x", "test"), "add takes float or integer tensors, and operand 2 is bool"),
        ("exp", ("ids",), "exp takes float tensors, and operand 1 is int64"),
        ("div", ("ids", "ids"), "div takes float tensors"),
        ("embedding", ("t", "x"), "embedding takes integer tensors, and operand 2 is float64"),
        ("where", ("x", "x", "x"), "where takes boolean tensors, and operand 1 is float64"),
        ("where", ("ids", "x", "x"), "where takes boolean tensors, and operand 1 is int64"),
        ("where", (1, "x", "x"), "where takes a boolean here, not the number 1"),
        ("where", ("test", "x", "ids"), "where mixes integers and floats"),
        ("mul", ("test", 2.0), "mul mixes a boolean tensor with the number 2.0"),
        ("one_hot", ("x",), "one_hot takes integer tensors"),
        ("mean", ("ids",), "mean takes float tensors"),
        ("matmul", ("n", "t"), "matmul takes float tensors"),
    ],
)
def test_dtypes_that_do_not_fit(op: str, inputs: tuple[Any, ...], says: str) -> None:
    leaves = {"x": np.ones(2), "ids": IDS, "test": TEST, "t": np.ones((2, 2)), "n": np.ones((2, 2), np.int64)}
    given: dict[str, Any] = {"depth": 2} if op == "one_hot" else {}
    error = refused(leaves, step("y", op, *inputs, line=5, **given), into={"y": "ones"})
    assert error.code == "E_DTYPE"
    assert error.where == "f.toml:5"
    assert says in error.message
    assert error.hint


@pytest.mark.parametrize(
    ("op", "inputs", "leave_out"),
    [
        ("add", ("x", "ids"), True), ("exp", ("ids",), True), ("add", ("x", "count"), False),
        ("exp", ("count",), False), ("mul", ("test", 0.01), False), ("mul", (0.01, "mask"), False),
        ("exp", ("mask",), False), ("embedding", ("t", "z"), False), ("embedding", ("t", "x"), False),
    ],
)  # fmt: skip
def test_only_a_dtype_that_stands_in_the_file_is_to_be_left_out(
    op: str, inputs: tuple[Any, ...], leave_out: bool
) -> None:
    leaves = {"x": np.ones(2), "ids": IDS, "test": TEST, "t": np.ones((2, 2))}
    steps = (step("mask", "greater", "x", 0.5), step("count", "sum", "mask"), step("z", "neg", "x"))
    error = refused(leaves, *steps, step("y", op, *inputs, line=5), into={"z": "ones"})
    assert error.code == "E_DTYPE"
    assert ("leave out dtype" in error.hint) == leave_out
    assert error.hint != 'declare it with dtype = "int64"' or inputs[1] == "x"


@pytest.mark.parametrize(
    ("op", "inputs", "dtype"),
    [
        ("mul", ("x", "test"), SINGLE),
        ("mul", ("test", "x"), SINGLE),
        ("mul", ("test", "test"), np.bool_),
        ("mul", ("ids", 2), np.int64),
        ("mul", ("x", 2), SINGLE),
        ("mul", ("x", 2.5), SINGLE),
        ("add", ("ids", "ids"), np.int64),
        ("greater", ("x", "ids"), np.bool_),
        ("equal", ("ids", 0.5), np.bool_),
        ("where", ("test", "x", 0), SINGLE),
        ("where", ("test", "ids", 0), np.int64),
        ("where", ("test", 1.5, "x"), SINGLE),
        ("sum", ("test",), np.int64),
        ("sum", ("x",), SINGLE),
    ],
)
def test_dtypes_that_fit(op: str, inputs: tuple[Any, ...], dtype: Any) -> None:
    leaves = {"x": np.ones(2, SINGLE), "ids": IDS, "test": TEST}
    graph = make(leaves, step("y", op, *inputs), step("z", "exp", "x"), into={"z": np.ones(2, SINGLE)})
    assert graph.dtypes[graph.index["y"]] == dtype
    assert Timeline(graph).value("y").dtype == dtype


def test_float64_does_not_creep_into_a_float32_graph() -> None:
    """`where` of two float literals is float64 by NumPy's rules, and has no place beside float32 tensors."""
    leaves = {"x": np.ones(2, SINGLE), "test": TEST}
    error = refused(
        leaves, step("y", "where", "test", 1.0, 0.0), step("z", "mul", "x", "y"), into={"z": np.ones(2, SINGLE)}
    )
    assert error.code == "E_DTYPE"


# --- integers that pick


def test_indices_out_of_range_are_refused_before_the_run() -> None:
    error = refused(
        {"T": np.ones((3, 2)), "ids": np.array([0, 3])}, step("y", "embedding", "T", "ids", line=8), into={"y": "ones"}
    )
    assert error.code == "E_SHAPE"
    assert error.where == "f.toml:8"
    assert error.message == "embedding 'y': 'ids' holds 3, which is out of range for 3"
    assert error.hint == "indices run from -3 to 2"


@pytest.mark.parametrize("bad", [[0, -4], [3, 0]])
def test_every_lookup_is_checked_not_only_the_first_of_its_kind(bad: list[int]) -> None:
    leaves = {"T": np.ones((3, 2)), "good": np.array([0, 2]), "bad": np.array(bad)}
    error = refused(
        leaves, step("a", "embedding", "T", "good"), step("b", "embedding", "T", "bad", line=9), into={"a": "ones"}
    )
    assert (error.code, error.where) == ("E_SHAPE", "f.toml:9")
    assert "'bad' holds" in error.message


@pytest.mark.parametrize(
    ("op", "operand", "attrs", "ids", "ok"),
    [
        ("gather", (4, 2), {"axis": 1}, [-2, 1], True),
        ("gather", (4, 2), {"axis": 1}, [2], False),
        ("gather", (4, 2), {"axis": -2}, [3, -4], True),
        ("take_along_axis", (4, 2), {"axis": 0}, [[3, -4]], True),
        ("take_along_axis", (4, 2), {"axis": 0}, [[4, 0]], False),
        ("cross_entropy", (2, 3), {}, [0, 2], True),
        ("cross_entropy", (2, 3), {}, [0, 3], False),
        ("cross_entropy", (2, 3), {}, [0, -1], False),
        ("nll", (2, 3), {}, [-1, 1], False),
    ],
)
def test_the_range_of_indices(op: str, operand: tuple[int, ...], attrs: dict[str, Any], ids: Any, ok: bool) -> None:
    leaves = {"x": np.ones(operand), "ids": np.array(ids)}
    last = step("y", op, "x", "ids", **attrs)
    if ok:
        assert make(leaves, last, into={"y": "ones"})
    else:
        assert refused(leaves, last, into={"y": "ones"}).code == "E_SHAPE"


def test_one_hot_takes_no_negative_index() -> None:
    assert (
        refused({"ids": np.array([0, -1])}, step("y", "one_hot", "ids", depth=2), into={"y": "ones"}).code == "E_SHAPE"
    )
    assert (
        refused({"ids": np.array([0, 2])}, step("y", "one_hot", "ids", depth=2), into={"y": "ones"}).code == "E_SHAPE"
    )


def test_no_indices_are_all_in_range() -> None:
    empty = np.zeros((0,), np.int64)
    assert make({"T": np.ones((3, 2)), "ids": empty}, step("y", "embedding", "T", "ids"), into={"y": "ones"})


def test_computed_indices_are_checked_when_they_are_computed() -> None:
    graph = make(
        {"T": np.ones((3, 2)), "ids": np.array([0, 2])},
        step("next", "add", "ids", 1, line=3), step("y", "embedding", "T", "next", line=4), into={"y": "ones"},
    )  # fmt: skip
    asks: list[Callable[[Timeline], Any]] = [lambda t: t.value("y"), lambda t: t.run(), lambda t: t.grad("T")]
    for ask in asks:
        with pytest.raises(BpdebugError) as caught:
            ask(Timeline(graph))
        assert caught.value.code == "E_SHAPE"
        assert caught.value.message.startswith("embedding 'y' (line 4): ")
        assert caught.value.hint == "the indices were computed by the program: check them"


# --- outputs


def test_a_node_that_draws_needs_its_operand() -> None:
    error = refused({"x": X}, step("y", "dropout"), loss="y")
    assert (error.code, error.message) == ("E_ATTR", "dropout takes 1 to 2 operands, and x is missing")


def test_a_step_whose_like_was_seen_is_a_few_lines_of_work() -> None:
    def long(length: int) -> Graph:
        steps = [step(f"h{i + 1}", "mul" if i % 2 else "add", f"h{i}", "x") for i in range(length)]
        return make({"h0": X, "x": X}, *steps, step("L", "sum", f"h{length}"), loss="L")

    assert 1.9 < growth(long, 1000) < 2.1
    assert work(lambda: long(1000)).lines < 45_000, "45 lines a node, with those of the test"
    assert "on_path" not in vars(long(10)), "where gradients go is worked out by the first that asks"


def test_a_loss_is_one_float_of_the_program() -> None:
    steps = (step("Y", "exp", "X"), step("n", "greater", "X", 0.0), step("L", "sum", "Y"), step("k", "sum", "n"))
    cases: dict[str, tuple[str, str]] = {
        "Y": ("the loss 'Y' has shape (2, 3)", "a loss is one number: mean(Y)"),
        "X": ("'X' is no node", "name a tensor that the program computes"),
        "k": ("'k' is int64, and only floats have gradients", "start from a float tensor"),
        "l": ("no tensor 'l' to start from", "name a node of the program"),
        "LL": ("no tensor 'LL' to start from", "did you mean L?"),
    }
    for name, (message, hint) in cases.items():
        error = refused({"X": X}, *steps, loss=name)
        assert (error.code, error.message, error.hint, error.where) == ("E_LOSS", message, hint, "f.toml")


def test_a_loss_or_gradients_that_come_in_and_not_both() -> None:
    steps = (step("Y", "exp", "X"), step("L", "sum", "Y"))
    assert refused({"X": X}, *steps).message == "the graph has neither 'loss' nor 'incoming'"
    assert refused({"X": X}, *steps, loss="L", into={"Y": X}).message == "the graph has both 'loss' and 'incoming'"
    assert refused({"X": X}).code == "E_LOSS"


def test_a_gradient_that_comes_in_has_its_outputs_shape() -> None:
    error = refused({"X": X}, step("Y", "exp", "X"), into={"Y": W})
    assert error.code == "E_SHAPE"
    assert error.message == "the gradient coming in at 'Y' has shape (3, 2), and Y has (2, 3)"
    assert refused({"X": X}, step("Y", "exp", "X"), into={"X": X}).code == "E_LOSS"
    assert make({"X": X}, step("Y", "exp", "X"), into={"Y": "ones"})


def test_a_gradient_that_comes_in_is_read_once_and_given_its_shape() -> None:
    asked: list[Any] = []

    def read(shape: tuple[int, ...]) -> Any:
        asked.append(shape)
        return np.random.default_rng(len(asked)).normal(size=shape)

    graph = build([leaf("X", X)], [step("Y", "exp", "X")], incoming={"Y": Incoming(None, read)}, where="f.toml")
    timeline = Timeline(graph)
    assert asked == []
    first = timeline.grad("Y")
    assert_same(timeline[1].value, first)
    timeline.run()
    assert_same(timeline.grad("Y"), first)
    assert asked == [(2, 3)]


# --- literals


@pytest.mark.parametrize("pair", [(1, 1.0), (True, 1), (0.0, -0.0), (0, -0.0)])
def test_literals_that_compare_equal_stay_what_they_are(pair: tuple[Any, Any]) -> None:
    x = np.array([1.0, -2.0])
    graph = make({"x": x}, step("a", "mul", "x", pair[0]), step("b", "mul", "x", pair[1]), into={"a": x, "b": x})
    assert graph.plans[0] is not graph.plans[1]
    timeline = Timeline(graph)
    assert_same(timeline.value("a"), x * pair[0])
    assert_same(timeline.value("b"), x * pair[1])
    assert [n.inputs[1] for n in graph.nodes] == [Lit(pair[0]), Lit(pair[1])]


def test_attributes_that_compare_equal_stay_what_they_are() -> None:
    x = np.array([-1.0, -2.0])
    graph = make(
        {"x": x},
        step("a", "leaky_relu", "x", slope=0.0),
        step("b", "leaky_relu", "x", slope=-0.0),
        into={"a": x, "b": x},
    )
    timeline = Timeline(graph)
    assert np.signbit(timeline.value("a")).all()
    assert not np.signbit(timeline.value("b")).any()


def test_a_number_alone_is_no_operand_of_a_reduction() -> None:
    error = refused({"x": X}, step("y", "sum", 2.0, line=3), step("z", "exp", "x"), into={"z": X})
    assert error.code in ("E_OP", "E_DTYPE")
    assert error.where == "f.toml:3"


# --- limits


def cost(function: Callable[[], Any]) -> tuple[int, int]:
    """Lines carried out, and peak bytes, of a call that must be refused."""

    def attempt() -> None:
        with pytest.raises(BpdebugError) as caught:
            function()
        assert caught.value.code == "E_LIMIT"
        assert caught.value.hint

    tracemalloc.start()
    attempt()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return work(attempt).lines, peak


HUGE = 10**6
BOMBS: dict[str, tuple[list[Leaf], list[Step]]] = {
    "an outer product": (
        [untouchable("a", (HUGE, 1)), untouchable("b", (1, HUGE))], [step("y", "mul", "a", "b"), step("L", "sum", "y")],
    ),
    "a matmul": (
        [untouchable("a", (HUGE, 2)), untouchable("b", (2, HUGE))],
        [step("y", "matmul", "a", "b"), step("L", "sum", "y")],
    ),
    "broadcast_to": (
        [untouchable("a", (1,))], [step("y", "broadcast_to", "a", shape=(HUGE, HUGE)), step("L", "sum", "y")],
    ),
    "a pad": ([untouchable("a", (1,))], [step("y", "pad", "a", widths=10**12), step("L", "sum", "y")]),
    "a leaf": ([untouchable("a", (HUGE, HUGE))], [step("L", "sum", "a")]),
    "im2col": ([untouchable("a", (1, 1, 3000, 3000))], [step("y", "im2col", "a", size=1000), step("L", "sum", "y")]),
    "what a rule computes on the way": (  # var of a broadcast: small in, small out, large between
        [untouchable("a", (HUGE, 1)), untouchable("c", (1, 1000)), untouchable("b", (HUGE, 1000))],
        [step("L", "mse", "b", "b", reduction="mean")],
    ),
    "more axes than a tensor has": (
        [untouchable("a", (1,) * 20)], [step("y", "expand_dims", "a", axis=tuple(range(20))), step("L", "sum", "y")],
    ),
    "no cells, but no machine could index them": (
        [untouchable("a", (0, 2**40))],
        [step("y", "broadcast_to", "a", shape=(2**40, 0, 2**40)), step("L", "sum", "y")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("bomb", BOMBS)
def test_what_is_too_large_is_refused_from_its_shape(bomb: str) -> None:
    leaves, steps = BOMBS[bomb]
    lines, peak = cost(lambda: build(leaves, steps, loss="L", where="f.toml"))
    assert lines < 100_000
    assert peak < 5 * MIB


def test_the_limit_counts_what_no_budget_could_hold() -> None:
    def graph(memory: int) -> Graph:
        leaves = [untouchable("a", (1000, 100))]
        return build(
            leaves,
            [step("y", "exp", "a"), step("L", "sum", "y")],
            loss="L",
            where="f",
            limits=Limits({"memory": memory}),
        )

    # a, y and both gradients are 800,000 bytes each; exp's rule computes its value and its gradient on the way.
    assert graph(1_600_000)
    with pytest.raises(BpdebugError, match="exp 'y': what its rule computes on the way"):
        graph(1_500_000)
    with pytest.raises(BpdebugError, match=r"input 'a' of shape \(1000, 100\)"):
        graph(500_000)


def test_the_limit_of_nodes() -> None:
    steps = [step(f"y{i}", "neg", f"y{i - 1}" if i else "x") for i in range(11)]
    error = refused({"x": np.array(1.0)}, *steps, loss="y10", limits=Limits({"nodes": 10}))
    assert error.message == "nodes in the program: 11, and the limit 'nodes' is 10"
    assert make({"x": np.array(1.0)}, *steps, loss="y10", limits=Limits({"nodes": 11}))


def test_nothing_is_read_or_allocated_by_building() -> None:
    leaves = [untouchable("X", (1000, 1000)), untouchable("W", (1000, 1000), kind=PARAMETER)]
    steps = [step("Y", "matmul", "X", "W"), step("R", "relu", "Y"), step("L", "mean", "R")]
    tracemalloc.start()
    graph = build(leaves, steps, loss="L", where="f.toml", limits=Limits({"memory": GIB}))
    Timeline(graph)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < MIB
    assert graph.shapes[-1] == ()


def test_literals_alone_make_no_double_in_a_single_precision_graph() -> None:
    x = np.array([1.0, -1.0], np.float32)
    steps = (step("c", "greater", "x", 0), step("y", "where", "c", 1.0, 0.0), step("L", "sum", "x"))
    with pytest.raises(BpdebugError, match="float64 tensor, and the scenario's are float32") as caught:
        make({"x": x}, *steps, loss="L")
    assert caught.value.code == "E_DTYPE"
    assert make({"x": x.astype(np.float64)}, *steps, loss="L").dtypes[-2] == np.float64
