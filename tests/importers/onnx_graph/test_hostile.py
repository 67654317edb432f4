"""Hostile models, built from causes: refused with their code, little work and memory, and nothing unsafe said."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bpdebug
from bpdebug.errors import BpdebugError
from tests.counting import work
from tests.test_bad_input import LONGEST, MOST_LINES, PEAK, PICKLE, here, refusal, unsafe

onnx = pytest.importorskip("onnx", reason="onnx is an optional oracle")

from onnx import TensorProto, helper  # noqa: E402  # where onnx is there

from bpdebug.importers.onnx_graph.wire import check_records  # noqa: E402
from bpdebug.limits import Limits  # noqa: E402
from tests.importers.onnx_graph.models import model, node, small  # noqa: E402

assert here  # the fixture
F32, I64 = TensorProto.FLOAT, TensorProto.INT64
X = helper.make_tensor_value_info("x", F32, [2, 3])
HUGE = 10**12
EMPTY = TensorProto(name="w", data_type=F32, dims=[0])
SEQUENCE = helper.make_tensor_sequence_value_info("x", F32, [2])
CAST = node("Cast", "i", "k", to=F32)
EVIL = "\x1b]0;owned\x07\u202e[bold]"


def varint(n: int) -> bytes:
    found = b""
    while n > 127:
        found, n = found + bytes([n & 127 | 128]), n >> 7
    return found + bytes([n])


def record(field: int, content: bytes) -> bytes:
    """A field of a protobuf record that holds a record."""
    return varint(field << 3 | 2) + varint(len(content)) + content


def one(op: str, inputs: str = "x", held: dict[str, Any] | None = None, outputs: str = "y", **attrs: Any) -> bytes:
    """A model of one node over x, (2, 3), and of what it holds."""
    arrays = {name: np.asarray(array) for name, array in (held or {}).items()}
    made: bytes = model([node(op, inputs, outputs, **attrs)], [X], outputs.split(), arrays, 18).SerializeToString()
    return made


def constants(*nodes: Any, **held: Any) -> bytes:
    """A model whose nodes depend on no input, before one that does."""
    arrays = {name: np.asarray(array) for name, array in held.items()}
    made: bytes = model([*nodes, node("Mul", "x k", "y")], [X], ["y"], arrays, 18).SerializeToString()
    return made


def tensor(dims: Sequence[int], kind: int = F32, raw: bytes | None = b"", **more: Any) -> bytes:
    """A model that multiplies x with a tensor of this description."""
    made = model([node("Mul", "x w", "y")], [X], ["y"])
    proto = made.graph.initializer.add(name="w", data_type=kind, **more)
    proto.dims.extend(dims)
    if raw is not None:
        proto.raw_data = raw
    found: bytes = made.SerializeToString()
    return found


def changed(change: Callable[[Any], object]) -> bytes:
    """relu(x), and something done to it."""
    made = model([node("Relu", "x", "y")], [X], ["y"])
    change(made)
    found: bytes = made.SerializeToString()
    return found


def of_input(shape: Sequence[int]) -> bytes:
    """relu(x), x of a shape."""
    return changed(lambda m: m.graph.input[0].CopyFrom(helper.make_tensor_value_info("x", F32, shape)))


def long_time() -> bytes:
    w, t = np.ones((1, 1, 1), np.float32), helper.make_tensor_value_info("t", F32, [10**8, 1, 1])
    made = model([node("RNN", "t w r", "y", hidden_size=1)], [t], ["y"], {"w": w, "r": w})
    found: bytes = made.SerializeToString()
    return found


def misnamed() -> bytes:
    """A graph called by a control character, in which shapes do not fit."""
    made = model([node("Add", "x w", "y")], [X], ["y"], {"w": np.ones(4, np.float32)})
    made.graph.name = EVIL
    found: bytes = made.SerializeToString()
    return found


def of(*nodes: Any) -> bytes:
    """These nodes, behind x, before y."""
    found: bytes = model(nodes, [X], ["y"]).SerializeToString()
    return found


def graphs(depth: int) -> bytes:
    """A graph in an attribute of a node of a graph ..."""
    content = b""
    for _ in range(depth):
        content = record(1, record(5, record(6, content)))
    return record(7, content)


def doubled(times: int) -> bytes:
    """A constant that is joined with itself so often."""
    nodes = [node("Concat", f"c{i} c{i}", f"c{i + 1}", axis=0) for i in range(times)]
    return constants(*nodes, node("ReduceSum", f"c{times}", "i", keepdims=0), CAST, c0=np.ones(10**3, int))


def named(name: str) -> bytes:
    return one("Mul", f"x {name}", {name: np.ones(4, np.float32)})


def outer() -> bytes:
    wide = np.ones((1, 200_000), int)
    return constants(node("MatMul", "c r", "i"), CAST, c=wide.T, r=wide)


def flood(*fields: int, count: int = 10_000) -> bytes:
    """Records of two bytes each, in the last of these fields of records within each other, in a graph."""
    content = (varint(fields[-1] << 3 | 2) + b"\0") * count
    for field in reversed(fields[:-1]):
        content = record(field, content)
    return b"\x08\x0a" + record(7, content)


FLOODS = {
    "nodes": (1,), "initializers": (5,), "inputs": (11,), "values": (13,), "attributes": (1, 5),
    "inputs of a node": (1, 1),
    "dims of a tensor": (5, 1), "tensors of an attribute": (1, 5, 10), "axes of a value": (13, 2, 1, 2, 1),
    "metadata": (1, 9), "graphs of an attribute": (1, 5, 11),
}  # fmt: skip


@pytest.mark.parametrize("name", FLOODS)
def test_records_are_counted_before_they_are_objects(name: str) -> None:
    with pytest.raises(BpdebugError) as caught:
        check_records(flood(*FLOODS[name]), Limits({"nodes": 1000}))
    assert caught.value.code == "E_LIMIT"


CASES: dict[str, tuple[str, bytes]] = {
    # what is no model
    "empty": ("E_FILE", b""), "text": ("E_FILE", b"format = 1\n[graph]\n"), "pickle": ("E_FILE", PICKLE),
    "noise": ("E_FILE", np.random.default_rng(0).bytes(4096)), "cut off": ("E_FILE", one("Relu")[:-3]),
    "a length beyond the file": ("E_FILE", b"\x08\x0a\x3a" + varint(2**40)), "a group": ("E_FILE", b"\x0b\x0c"),
    "a length of 2 ** 63": ("E_FILE", b"\x3a" + varint(2**63)),
    "a number without end": ("E_FILE", b"\x08" + b"\xff" * 40),
    "graphs within graphs": ("E_FILE", graphs(5000)),
    # versions
    "opset 7": ("E_FILE", changed(lambda m: setattr(m.opset_import[0], "version", 7))),
    "opset 99": ("E_FILE", changed(lambda m: setattr(m.opset_import[0], "version", 99))),
    "opset -1": ("E_FILE", changed(lambda m: setattr(m.opset_import[0], "version", -1))),
    "no opset": ("E_FILE", changed(lambda m: m.ClearField("opset_import"))),
    "no graph": ("E_LOSS", changed(lambda m: m.ClearField("graph"))),
    # tensors
    "fewer bytes than cells": ("E_FILE", tensor([2, 3], raw=bytes(20))),
    "more bytes than cells": ("E_FILE", tensor([2, 3], raw=bytes(28))),
    "a negative size": ("E_FILE", tensor([-2, -3], raw=bytes(24))),
    "a product that wraps": ("E_LIMIT", tensor([2**32, 2**32, 2**32])),
    "no cells of a huge tensor": ("E_LIMIT", tensor([0, HUGE])),
    "a huge tensor": ("E_LIMIT", tensor([HUGE, HUGE])), "65 axes": ("E_LIMIT", tensor([1] * 65, raw=bytes(4))),
    "strings": ("E_DTYPE", tensor([2], TensorProto.STRING)),
    "complex": ("E_DTYPE", tensor([1], TensorProto.COMPLEX64, bytes(8))),
    "type 0": ("E_DTYPE", tensor([1], 0, bytes(4))), "type 99": ("E_DTYPE", tensor([1], 99, bytes(4))),
    "fewer numbers than cells": ("E_FILE", tensor([3], raw=None, float_data=[1, 2])),
    "numbers of another type": ("E_FILE", tensor([2], raw=None, double_data=[1, 2])),
    "two of one name": ("E_NAME", changed(lambda m: m.graph.initializer.extend([EMPTY, EMPTY]))),
    "sparse": ("E_OP", changed(lambda m: m.graph.sparse_initializer.add())),
    # inputs
    "a huge input": ("E_LIMIT", of_input([HUGE, HUGE])),
    "a negative axis": ("E_FILE", of_input([-2])),
    "100 axes": ("E_LIMIT", of_input([1] * 100)),
    "a sequence": ("E_OP", changed(lambda m: m.graph.input[0].CopyFrom(SEQUENCE))),
    "an input of no type": ("E_OP", changed(lambda m: m.graph.input[0].ClearField("type"))),
    # nodes
    "itself": ("E_NAME", of(node("Add", "x y", "y"))),
    "a later one": ("E_NAME", of(node("Relu", "z", "y"), node("Relu", "x", "z"))),
    "twice": ("E_NAME", of(node("Relu", "x", "y"), node("Exp", "x", "y"))),
    "an output that nobody makes": ("E_LOSS", of(node("Relu", "x", "z"))),
    "no op": ("E_OP", one("")), "an unknown op": ("E_OP", one("os.system")), "an op with escapes": ("E_OP", one(EVIL)),
    "no inputs": ("E_OP", one("Relu", "")), "too many inputs": ("E_OP", one("Relu", "x x x")),
    "an attribute of another type": ("E_OP", one("Elu", alpha="x")),
    "an unknown attribute": ("E_OP", one("Relu", alpha=1.0)),
    "a missing attribute": ("E_OP", one("MaxPool")),
    # results
    "constant of a shape": ("E_LIMIT", constants(node("ConstantOfShape", "s", "k"), s=[HUGE, HUGE])),
    "a negative shape": ("E_OP", constants(node("ConstantOfShape", "s", "k"), s=[-1])),
    "expand": ("E_LIMIT", constants(node("Expand", "c s", "i"), CAST, c=1, s=[HUGE, HUGE])),
    "expand x": ("E_LIMIT", one("Expand", "x s", {"s": [HUGE, HUGE, 2, 3]})),
    "tile": ("E_LIMIT", constants(node("Tile", "c s", "i"), CAST, c=np.ones(10, int), s=[HUGE])),
    "range": ("E_LIMIT", constants(node("Range", "a b c", "k"), a=0, b=HUGE, c=1)),
    "range of nothing": ("E_OP", constants(node("Range", "a b c", "k"), a=0, b=1, c=0)),
    "one hot": ("E_LIMIT", constants(node("OneHot", "j d v", "i"), CAST, j=np.zeros(9, int), d=HUGE, v=[0, 1])),
    "outer product": ("E_LIMIT", outer()),
    "division by 0": ("E_OP", constants(node("Div", "a b", "i"), CAST, a=[1], b=[0])),
    "gather": ("E_OP", constants(node("Gather", "c j", "i"), CAST, c=np.ones(3, int), j=[HUGE])),
    "pads": ("E_LIMIT", one("Pad", "x p", {"p": [HUGE, 0, 0, HUGE]})),
    "repeats": ("E_LIMIT", one("Tile", "x s", {"s": [HUGE, HUGE]})),
    "scales": ("E_LIMIT", one("Resize", "x _ s", {"s": np.array([1e6, 1e6], np.float32)})),
    "k": ("E_SHAPE", one("TopK", "x k", {"k": [HUGE]}, "y z")),
    "an axis out of range": ("E_SHAPE", one("Softmax", axis=7)),
    "a permutation": ("E_OP", one("Transpose", perm=[0, 0])),
    "a shape": ("E_OP", one("Reshape", "x s", {"s": [-1, -1]})),
    "a shape that does not fit": ("E_SHAPE", one("Reshape", "x s", {"s": [7]})),
    "pieces": ("E_OP", one("Split", "x s", {"s": [9, -7]}, "y z")),
    "steps of 0": ("E_OP", one("Slice", "x a b c d", {"a": [0], "b": [1], "c": [0], "d": [0]})),
    "a matrix that does not fit": ("E_SHAPE", one("MatMul", "x w", {"w": np.ones((2, 2), np.float32)})),
    "a kernel of 0": ("E_SHAPE", one("Conv", "x w", {"w": np.ones((1, 1, 0, 0), np.float32)})),
    "an equation": ("E_SHAPE", one("Einsum", equation="i" * 10_000 + "->")),
    "a long time": ("E_LIMIT", long_time()),
    # names
    "a name with escapes": ("E_SHAPE", named(EVIL.replace(" ", ""))), "a long name": ("E_LIMIT", named("n" * 100_000)),
    "a graph with escapes": ("E_SHAPE", misnamed()),
}  # fmt: skip
"""Name -> the code of its refusal, and the file."""


@pytest.fixture(params=CASES, ids=lambda name: name.replace(" ", "-"))
def case(request: pytest.FixtureRequest, here: Path) -> tuple[Path, str]:  # the fixture by that name
    code, raw = CASES[request.param]
    path = here / f"{request.param.replace(' ', '_')}.onnx"
    path.write_bytes(raw)
    return path, code


def test_a_hostile_model_is_refused(case: tuple[Path, str]) -> None:
    path, code = case
    error = refusal(path)
    assert error.code == code, str(error)
    assert error.hint, str(error)
    assert error.where.startswith(path.name), str(error)
    for shown in (error.message, error.hint, error.where):
        assert not unsafe(shown), ascii(shown)
        assert len(shown) <= LONGEST
    assert work(lambda: refusal(path)).lines < MOST_LINES
    tracemalloc.start()
    try:
        refusal(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < PEAK + path.stat().st_size, f"{peak >> 20} MiB"


def test_what_is_worked_out_has_a_share_of_the_memory(tmp_path: Path) -> None:
    """A constant that is joined with itself 60 times."""
    (tmp_path / "m.onnx").write_bytes(doubled(60))
    with pytest.raises(BpdebugError, match="worked out") as caught:
        bpdebug.from_onnx(tmp_path / "m.onnx", limits=Limits({"memory": 16 << 20}))
    assert caught.value.code == "E_LIMIT"


def test_the_model_that_is_spoilt_is_good(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(one("Relu"))
    assert len(bpdebug.run(bpdebug.load(tmp_path / "m.onnx"))) == 3


def test_no_byte_can_be_changed_so_that_something_else_than_a_refusal_comes_out(tmp_path: Path) -> None:
    """Every fourth byte of a small model, one at a time, and lengths that it could be cut to."""
    whole = small()
    spoilt = [whole[:i] for i in range(0, len(whole), 4)]
    spoilt += [whole[:i] + bytes([whole[i] ^ 1 << i % 8]) + whole[i + 1 :] for i in range(0, len(whole), 4)]
    codes = set()
    for content in spoilt:
        (tmp_path / "m.onnx").write_bytes(content)
        try:
            bpdebug.load(tmp_path / "m.onnx")
        except BpdebugError as error:
            codes.add(error.code)
    assert codes <= {"E_FILE", "E_LIMIT", "E_DTYPE", "E_SHAPE", "E_NAME", "E_OP", "E_LOSS", "E_ATTR"}
