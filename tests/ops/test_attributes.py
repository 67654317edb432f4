"""Attributes bound to a call of an op: defaults filled in, kinds checked, and the words where one does not fit."""

from __future__ import annotations

from typing import Any

import pytest

from bpdebug.errors import BpdebugError
from bpdebug.graph import Step
from bpdebug.ops import OPS, REQUIRED, Op
from tests.graphs import graph_of, make, sample_call, step


@pytest.mark.parametrize("op", OPS.values(), ids=lambda op: op.name)
def test_defaults_are_filled_in_and_samples_fit(op: Op) -> None:
    for sample in op.samples:
        bound = op.bind(sample.attrs)
        assert list(bound) == list(op.attrs)
        assert REQUIRED not in bound.values()
        assert dict(op.bind(bound)) == dict(bound)
        assert dict(sample.attrs).items() <= dict(bound).items()


@pytest.mark.parametrize(
    ("op", "attrs", "message"),
    [
        ("sum", {"axis": 0.5}, "sum: axis must be an integer, a tuple of integers or None, not 0.5"),
        ("sum", {"axis": [0]}, "sum: axis must be an integer, a tuple of integers or None, not [0]"),
        ("sum", {"axes": 0}, "sum has no attribute 'axes'"),
        ("reshape", {}, "reshape needs shape, and it is not given"),
        ("mse", {"reduction": "avg"}, 'mse: reduction must be one of "mean", "sum", "none", not "avg"'),
        ("slice", {"key": (0.5,)}, "slice: key must be an index in plain data, not (0.5,)"),
        ("slice", {"key": ((0, 1),)}, "slice: key must be an index in plain data, not ((0, 1),)"),
        ("one_hot", {"depth": 3, "dtype": "int8"}, 'one_hot: dtype must be one of "float64", "float32", not "int8"'),
    ],
)
def test_what_does_not_fit_is_an_error_with_words(op: str, attrs: dict[str, Any], message: str) -> None:
    with pytest.raises(BpdebugError) as caught:
        OPS[op].bind(attrs)
    assert (caught.value.code, caught.value.message) == ("E_ATTR", message)
    assert caught.value.hint


def test_a_graph_is_built_where_default_attributes_are_left_out() -> None:
    """What reads another format knows the attributes that its file gives."""
    graph = make({"X": [[1.0, 2.0], [3.0, 4.0]]}, step("p", "softmax", "X"), step("L", "sum", "p"), loss="L")
    assert [dict(n.attrs) for n in graph.nodes] == [{"axis": -1}, {"axis": None, "keepdims": False}]
    call = sample_call(OPS["conv2d"], OPS["conv2d"].samples[0])
    assert dict(graph_of(call, call.value).nodes[0].attrs) == dict(call.attrs)


def test_a_graph_refuses_attributes_that_do_not_fit_with_their_line() -> None:
    with pytest.raises(BpdebugError, match="axis must be") as caught:
        make({"X": [1.0]}, Step("L", "sum", ("X",), {"axis": "0"}, "", 7), loss="L")
    assert (caught.value.code, caught.value.where) == ("E_ATTR", "f.toml:7")
    with pytest.raises(BpdebugError, match="needs shape"):
        make({"X": [1.0]}, Step("L", "reshape", ("X",), {}, "", 7), loss="L")


@pytest.mark.parametrize("op", OPS.values(), ids=lambda op: op.name)
def test_a_graph_refuses_operands_too_few_or_too_many(op: Op) -> None:
    least, most = op.arity
    for count in {least - 1, None if most is None else most + 1} - {-1, None}:
        with pytest.raises(BpdebugError, match=f"{op.name} takes ") as caught:
            make({"X": [1.0]}, Step("Y", op.name, ("X",) * int(count or 0), {}, "", 7), loss="Y")
        assert (caught.value.code, caught.value.where) == ("E_ATTR", "f.toml:7")
        assert caught.value.hint == f"write {op.signature}"
