"""Calls of ops: operands, attributes, defaults, and the words where they do not fit."""

from __future__ import annotations

from typing import Any

import pytest

from bpdebug.graph import Lit
from bpdebug.ops import OPS, REQUIRED
from tests.language.writing import one, refused, steps


@pytest.mark.parametrize(
    ("call", "inputs", "attrs"),
    [
        ("sum(X)", ("X",), {"axis": None, "keepdims": False}),
        ("sum(X, 0)", ("X",), {"axis": 0, "keepdims": False}),
        ("sum(X, (0, -1), keepdims=True)", ("X",), {"axis": (0, -1), "keepdims": True}),
        ("sum(X, axis=None)", ("X",), {"axis": None, "keepdims": False}),
        ("softmax(X)", ("X",), {"axis": -1}),
        ("reshape(X, (2, -1))", ("X",), {"shape": (2, -1)}),
        ("reshape(X, shape=6)", ("X",), {"shape": 6}),
        ("leaky_relu(X, slope=1)", ("X",), {"slope": 1.0}),
        ("clip(X, -1, max=None)", ("X",), {"min": -1.0, "max": None}),
        ("gelu(X, approximate='tanh')", ("X",), {"approximate": "tanh"}),
        ("maximum(X, 0)", ("X", Lit(0)), {}),
        ("maximum(a=X, b=W)", ("X", "W"), {}),
        ("layer_norm(X)", ("X",), {"axis": -1, "eps": 1e-5}),
        ("layer_norm(X, W, eps=1e-3)", ("X", "W"), {"axis": -1, "eps": 1e-3}),
        ("layer_norm(X, beta=b, gamma=W)", ("X", "W", "b"), {"axis": -1, "eps": 1e-5}),
        ("concat(X, W, b, axis=1)", ("X", "W", "b"), {"axis": 1}),
        ("dropout(X, 0.25)", ("X",), {"p": 0.25}),
        ("max_pool2d(X, 2)", ("X",), {"size": 2, "stride": None, "padding": 0, "dilation": 1, "ceil_mode": False}),
        (
            "max_pool2d(X, (2, 2), stride=(1, 2))",
            ("X",),
            {"size": (2, 2), "stride": (1, 2), "padding": 0, "dilation": 1, "ceil_mode": False},
        ),
        ("pad(X, ((1, 0), (0, 2)))", ("X",), {"widths": ((1, 0), (0, 2)), "mode": "constant", "value": 0.0}),
        ("permute(X, axes=(1, 0))", ("X",), {"axes": (1, 0)}),
        ("one_hot(ids, 3)", ("ids",), {"depth": 3, "dtype": "float64"}),
        ("where(X > 0, X, 0.0)", ("greater1", "X", Lit(0.0)), {}),
        ("expand_dims(X, axis=2 - 3)", ("X",), {"axis": -1}),
    ],
)
def test_arguments_find_their_places(call: str, inputs: tuple[object, ...], attrs: dict[str, Any]) -> None:
    step = one(f"Y = {call}")
    assert step.inputs == inputs
    assert dict(step.attrs) == attrs
    assert [type(v) for v in step.attrs.values()] == [type(v) for v in attrs.values()]
    assert list(step.attrs) == list(OPS[step.op].attrs)
    hash(tuple(step.attrs.items()))


def test_one_hot_has_the_dtype_of_the_scenario() -> None:
    assert steps("Y = one_hot(ids, 3)", dtype="float32")[0].attrs["dtype"] == "float32"


def test_attributes_may_be_loop_variables_and_named_numbers() -> None:
    program = "size = (3, 2)\nfor t in range(2):\n    Y = sum(reshape(X, size), axis=t)"
    assert [s.attrs["axis"] for s in steps(program) if s.op == "sum"] == [0, 1]


@pytest.mark.parametrize(
    ("call", "code", "says", "hint"),
    [
        ("sum(X, axes=0)", "E_ATTR", "'axes'", "axis"),
        ("sum(X, axis=0, axis=1)", "E_ATTR", "axis is given twice", ""),
        ("sum(X, 0, axis=1)", "E_ATTR", "axis is given twice", ""),
        ("sum(X, W)", "E_ATTR", "'W'", "constants"),
        ("sum(X, axis=1.0)", "E_ATTR", "must be an integer, a tuple of integers or None, not 1.0", ""),
        ("sum(X, axis=True)", "E_ATTR", "not True", ""),
        ("sum(X, axis='0')", "E_ATTR", 'not "0"', ""),
        ("sum(X, axis=(0, (1,)))", "E_ATTR", "axis", ""),
        ("sum(X, axis=lambda: 0)", "E_ATTR", "lambda", ""),
        ("sum(X, axis=[0])", "E_ATTR", "a list", ""),
        ("sum(X, axis=relu(X))", "E_ATTR", "a call", ""),
        ("sum(X, axis=0 < 1)", "E_ATTR", "a comparison", ""),
        ("sum(X, keepdims=1)", "E_ATTR", "True or False", "keepdims=True"),
        ("sum(X, axis=10 ** 10 ** 10)", "E_LIMIT", "digits", ""),
        ("sum(X, axis=nothing)", "E_NAME", "nothing", ""),
        ("reshape(X)", "E_ATTR", "shape", "reshape(x, shape)"),
        ("reshape(X, (2.0, 3))", "E_ATTR", "shape", "(2, 3)"),
        ("reshape(X, None)", "E_ATTR", "shape", ""),
        ("reshape(X, 2, 3)", "E_ATTR", "3 arguments", "reshape(x, shape)"),
        ("leaky_relu(X, 0.1)", "E_ATTR", "2 arguments", "slope=0.1"),
        ("leaky_relu(X, slope=W)", "E_ATTR", "'W'", ""),
        ("leaky_relu(X, slope='0.1')", "E_ATTR", "slope", ""),
        ("leaky_relu(X, slope=" + "9" * 350 + ")", "E_LIMIT", "", ""),
        ("mse(X, T, 'sum')", "E_ATTR", "3 arguments", 'reduction="sum"'),
        ("mse(X, T, reduction='avg')", "E_ATTR", '"avg"', '"mean"'),
        ("mse(X, T, reduction='maen')", "E_ATTR", '"maen"', "did you mean mean?"),
        ("gelu(X, approximate=1)", "E_ATTR", "approximate", ""),
        ("clip(X, 0)", "E_ATTR", "max", ""),
        ("relu()", "E_ATTR", "1 operand", "relu(x)"),
        ("relu(X, W)", "E_ATTR", "2 arguments", ""),
        ("relu(X, inplace=True)", "E_ATTR", "'inplace'", "relu has: at_zero"),
        ("tanh(X, inplace=True)", "E_ATTR", "'inplace'", "no attributes"),
        ("maximum(X)", "E_ATTR", "b is missing", "maximum(a, b)"),
        ("maximum(b=X)", "E_ATTR", "a is missing", ""),
        ("maximum(X, a=W)", "E_ATTR", "twice", ""),
        ("conv2d(X)", "E_ATTR", "2 to 3 operands", ""),
        ("batch_norm(X, var=b)", "E_ATTR", "mean is missing", ""),
        ("concat()", "E_ATTR", "at least 1 operand", ""),
        ("concat(X, W, 1)", "E_ATTR", "joins tensors", "axis=1"),
        ("split(X, 2, part=1)", "E_ATTR", "'part'", ""),
        ("split(X, 0)", "E_ATTR", "sections", ""),
        ("one_hot(ids, 3, dtype='float32')", "E_ATTR", "'dtype'", ""),
        ("one_hot(ids)", "E_ATTR", "depth", ""),
    ],
)
def test_arguments_that_do_not_fit(call: str, code: str, says: str, hint: str) -> None:
    error = refused(f"A = exp(X)\nY = {call}")
    assert (error.code, error.where) == (code, "<program>:2"), str(error)
    assert says in error.message, str(error)
    assert hint in error.hint, str(error)


@pytest.mark.parametrize(
    "op", [op for op in OPS.values() if op.name not in ("slice", "take_at")], ids=lambda op: op.name
)
def test_every_op_can_be_called_with_its_samples(op: Any) -> None:
    """Whatever op is added, the language reaches it."""
    for sample in op.samples:
        names = [f"t{i}" for i, value in enumerate(sample.inputs) if isinstance(value, list)]
        operands = [f"t{i}" if isinstance(value, list) else repr(value) for i, value in enumerate(sample.inputs)]
        if op.draws and len(operands) > 1:
            operands[-1] = f"mask={operands[-1]}"
        given = [f"{k}={v!r}" for k, v in sample.attrs.items() if k in op.open_attrs]
        many = "Y, Z" if op.name == "unbind" else "Y"
        made = steps(f"{many} = {op.name}({', '.join(operands + given)})", tuple(names))
        step = made[0 if op.name == "unbind" else sample.attrs.get("part", 0)]
        wanted = {k: a.default for k, a in op.attrs.items() if a.default is not REQUIRED} | dict(sample.attrs)
        wanted |= {"parts": 2, "part": 0} if op.name == "unbind" else {}
        assert dict(step.attrs) == wanted
        assert len(step.inputs) == len(sample.inputs)


def test_signatures_read_like_calls() -> None:
    assert OPS["sum"].signature == "sum(x, axis=None, keepdims=False)"
    assert OPS["concat"].signature == "concat(a, b, ..., axis=0)"
    assert OPS["gelu"].signature == 'gelu(x, approximate="none")'
