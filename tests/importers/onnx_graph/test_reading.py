"""What an opened ONNX model says of itself: names, blocks, sizes, parameters, what is worked out, what is refused."""

from __future__ import annotations

import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bpdebug
from bpdebug import BpdebugError
from bpdebug.cli import main
from bpdebug.limits import Limits

onnx = pytest.importorskip("onnx", reason="onnx is an optional oracle")

from onnx import TensorProto, helper, numpy_helper  # noqa: E402  # where onnx is there

from tests.importers.onnx_graph.models import model, node, open_ended  # noqa: E402

F32, I64 = TensorProto.FLOAT, TensorProto.INT64
W, B = np.array([[1.0, 2], [3, 4], [5, 6]], np.float32), np.array([0.5, -1], np.float32)


def value(name: str, shape: Any, kind: int = F32) -> Any:
    return helper.make_tensor_value_info(name, kind, shape)


def linear(**more: Any) -> Any:
    nodes = [node("Gemm", "x fc.weight fc.bias", "y", name="/fc/Gemm"), node("Relu", "y", "out", name="/Relu")]
    return model(nodes, [value("x", ["batch", 3])], ["out"], {"fc.weight": W, "fc.bias": B}, **more)


def refused(made: Any, *args: Any, **more: Any) -> BpdebugError:
    with pytest.raises(BpdebugError) as caught:
        bpdebug.from_onnx(made, *args, **more)
    assert caught.value.hint
    return caught.value


def kinds(scenario: Any) -> dict[str, str]:
    return {leaf.name: leaf.kind for leaf in scenario.graph.leaves}


def test_names_are_those_of_the_file_and_blocks_the_paths_of_its_nodes() -> None:
    scenario = bpdebug.from_onnx(linear(), {"x": np.ones((2, 3))})
    assert [n.id for n in scenario.graph.nodes] == ["fc.matmul", "fc.add", "out"]
    assert kinds(scenario) == {"x": "input", "fc.weight": "parameter", "fc.bias": "parameter"}
    assert scenario.lines[0] == "fc.matmul = matmul(x, fc.weight)"
    assert np.array_equal(bpdebug.run(scenario).grad("fc.bias"), [2, 2])  # type: ignore[arg-type]  # it is there


def test_a_file_opens_at_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    onnx.save(linear(), tmp_path / "m.onnx")
    np.savez(tmp_path / "x.npz", x=np.ones((4, 3), np.float32))
    assert main(["run", str(tmp_path / "m.onnx"), "--inputs", str(tmp_path / "x.npz"), "--freeze", "fc.b*"]) == 0
    assert main(["compare", *[str(tmp_path / "m.onnx")] * 2, "--inputs", str(tmp_path / "x.npz")]) == 0
    assert "4×2" in capsys.readouterr().out
    for words, code in (("--dim batch=5", 0), ("--dim rows=5", 3), ("--loss out", 3), ("--freeze q", 3)):
        assert main(["run", str(tmp_path / "m.onnx"), *words.split()]) == code
    assert main(["run", str(tmp_path / "m.onnx"), "--set", "x=x.npy"]) == 2


def test_open_axes_have_size_2_and_one_name_one_size() -> None:
    def shapes(**more: Any) -> list[Any]:
        nodes = [node("Add", "a b", "s"), node("MatMul", "s c", "out")]
        made = model(nodes, [value("a", ["n", None]), value("b", ["n", "m"]), value("c", ["m", 3])], ["out"])
        graph = bpdebug.from_onnx(made, **more).graph
        return [leaf.shape for leaf in graph.leaves]

    assert shapes() == [(2, 2), (2, 2), (2, 3)]
    assert shapes(dim={"n": 4}) == [(4, 2), (4, 2), (2, 3)]
    assert shapes(feeds={"a": np.ones((5, 6), np.float32), "b": np.ones((5, 6))}) == [(5, 6), (5, 6), (6, 3)]
    with pytest.raises(BpdebugError, match="is 4, and is given as 5"):
        shapes(feeds={"a": np.ones((5, 6))}, dim={"n": 4})


def test_a_run_of_a_model_is_recorded_and_opened_without_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nodes = [
        node("Gemm", "x w b", "h"),
        node("Dropout", "h half on", "d"),
        node("Exp", "d", "y"),
        node("Neg", "h", "z"),
    ]
    held: dict[str, Any] = {"w": W, "b": B, "half": np.float32(0.5), "on": np.array(True)}
    onnx.save(model(nodes, [value("x", ["n", 3])], ["y", "z"], held), tmp_path / "m.onnx")
    assert main(["run", str(tmp_path / "m.onnx"), "--record", str(tmp_path / "r.bptrace")]) == 0
    (tmp_path / "m.onnx").unlink()
    first = capsys.readouterr().out
    assert main(["run", str(tmp_path / "r.bptrace")]) == 0
    assert capsys.readouterr().out == first


def test_what_is_not_given_is_drawn_the_same_each_time() -> None:
    first, again = (bpdebug.run(bpdebug.from_onnx(linear())) for _ in range(2))
    assert np.array_equal(first.value("x"), again.value("x"))
    assert first.value("x").std() > 0


def test_what_no_gradient_passes_through_is_an_input_or_a_number() -> None:
    nodes = [
        node("Shape", "x", "size"), node("Gather", "size at", "rows"), node("Cast", "rows", "count", to=F32),
        node("Div", "x count", "mean"), node("Cast", "ids", "mask", to=F32), node("Mul", "mean mask", "out"),
    ]  # fmt: skip
    made = model(nodes, [value("x", [4, 3]), value("ids", [3], I64)], ["out"], {"at": np.array(0)})
    scenario = bpdebug.from_onnx(made, {"ids": np.array([0, 1, 2])})
    assert scenario.lines == ("div = div(x, 4.0)", "out = mul(div, mask)")
    assert scenario.remarks == (
        "tensors that were worked out beforehand, inputs here, since no gradient passes through them: 1",
    )
    assert kinds(scenario)["mask"] == "input"


def test_statistics_are_inputs_and_what_is_frozen_too() -> None:
    held = {n: np.array(v, np.float32) for n, v in {"g": [1, 2], "b": [0, 1], "m": [0, 1], "v": [1, 4]}.items()}
    made = model([node("BatchNormalization", "x g b m v", "y")], [value("x", [3, 2])], ["y"], held)
    assert kinds(bpdebug.from_onnx(made, freeze="b")) == {
        "x": "input", "g": "parameter", "b": "input", "m": "input", "v": "input",
    }  # fmt: skip


def test_a_loss_is_named_or_the_only_output() -> None:
    nodes = [node("Relu", "x", "y"), node("ReduceSum", "y", "l", keepdims=0), node("Exp", "y", "z")]
    made = model(nodes, [value("x", [2, 3])], ["l", "z"])
    assert bpdebug.run(bpdebug.from_onnx(made)).loss is None
    named = bpdebug.from_onnx(made, loss="l")
    assert [n.id for n in named.graph.nodes] == ["relu", "l"]  # what it does not need is left out
    assert bpdebug.run(named).loss is not None
    assert refused(made, loss="y").code == refused(made, loss="q").code == refused(made, loss="x").code == "E_LOSS"
    alone = model(nodes[:2], [value("x", [2, 3])], ["l"])
    assert bpdebug.run(bpdebug.from_onnx(alone)).loss is not None


def test_ones_come_in_at_each_of_two_outputs_that_are_one_tensor() -> None:
    nodes = [node("Mul", "x w", "y"), node("Identity", "y", "z")]
    made = model(nodes, [value("x", [2])], ["y", "z"], {"w": np.array([3.0, 4.0], np.float32)})
    timeline = bpdebug.run(bpdebug.from_onnx(made, {"x": np.array([1.0, 2.0], np.float32)}))
    np.testing.assert_array_equal(timeline.grad("w"), [2.0, 4.0])


def test_all_that_has_no_rule_is_said_at_once() -> None:
    nodes = [
        node("Det", "x", "a", name="first"), node("Det", "x", "b"), node("Relu", "a", "c"),
        helper.make_node("Fused", ["x"], ["d"], domain="com.microsoft"), node("NonZero", "x", "e"),
    ]  # fmt: skip
    made = model(nodes, [value("x", [2, 2])], ["c", "b", "d", "e"])
    made.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    error = refused(made)
    assert error.code == "E_OP"
    assert error.message == "4 calls have no rule: Det (2x, first); com.microsoft.Fused (1x); NonZero (1x)"


@pytest.mark.parametrize("op", ["If", "Loop", "Scan", "SequenceConstruct"])
def test_what_runs_by_itself_is_refused_by_name(op: str) -> None:
    inner = helper.make_graph([node("Identity", "x", "i")], "inner", [], [open_ended("i")])
    attrs: dict[str, Any] = {
        "If": {"then_branch": inner, "else_branch": inner}, "Loop": {"body": inner},
        "Scan": {"body": inner, "num_scan_inputs": 1}, "SequenceConstruct": {},
    }[op]  # fmt: skip
    made = model([helper.make_node(op, ["x"], ["y"], **attrs)], [value("x", [2, 2])], ["y"])
    assert f"{op} (1x)" in refused(made).message


def test_a_sequence_that_a_tensor_is_split_into_is_its_pieces() -> None:
    nodes = [
        node("SplitToSequence", "x two", "s", axis=1), node("SequenceAt", "s last", "a"),
        node("SplitToSequence", "a", "t", axis=0, keepdims=0), node("SequenceAt", "t first", "y"),
    ]  # fmt: skip
    held = {"two": np.array(2), "last": np.array(-1), "first": np.array(0)}
    made = model(nodes, [value("x", [2, 5])], ["y"], held)
    timeline = bpdebug.run(bpdebug.from_onnx(made, {"x": np.arange(10).reshape(2, 5)}))
    assert np.array_equal(timeline.value("y"), [4])
    gradient = timeline.grad("x")
    assert gradient is not None
    assert gradient.sum() == gradient[0, 4] == 1


def test_a_function_is_a_block() -> None:
    body = [node("MatMul", "a w", "p"), helper.make_node("LeakyRelu", ["p"], ["q"], name="act")]
    body[1].attribute.append(onnx.AttributeProto(name="alpha", ref_attr_name="slope", type=1))
    function = helper.make_function("own", "Layer", ["a", "w"], ["q"], body, [helper.make_opsetid("", 21)], ["slope"])
    nodes = [
        helper.make_node("Layer", ["x", "w1"], ["h"], domain="own", slope=0.25),
        helper.make_node("Layer", ["h", "w2"], ["y"], domain="own", slope=0.5),
    ]
    held = {"w1": np.eye(3, dtype=np.float32), "w2": np.eye(3, dtype=np.float32)}
    made = model(nodes, [value("x", [2, 3])], ["y"], held, functions=[function])
    made.opset_import.append(helper.make_opsetid("own", 1))
    scenario = bpdebug.from_onnx(made)
    assert [n.id for n in scenario.graph.nodes] == ["layer.matmul", "layer.leaky_relu", "layer@2.matmul", "y"]
    assert [n.attrs.get("slope") for n in scenario.graph.nodes][1::2] == [0.25, 0.5]


def test_an_op_without_a_rule_is_taken_apart_as_onnx_defines_it() -> None:
    made = model([node("CenterCropPad", "x size", "y")], [value("x", [4, 5])], ["y"], {"size": np.array([2, 7])})
    found = bpdebug.run(bpdebug.from_onnx(made, {"x": np.arange(20).reshape(4, 5)})).value("y")
    assert np.array_equal(found, np.pad(np.arange(20).reshape(4, 5)[1:3], ((0, 0), (1, 1))))


def calling(names: str) -> Any:
    """Functions of which each calls the next one twice; _ is the identity."""
    functions = [
        helper.make_function(
            "own", name, ["x"], ["z"],
            [helper.make_node(inner, ["x"], ["y"], domain="own"), helper.make_node(inner, ["y"], ["z"], domain="own")],
            [helper.make_opsetid("own", 1)],
        )
        for name, inner in pairwise(names)
    ]  # fmt: skip
    if names.endswith("_"):
        functions.append(
            helper.make_function("own", "_", ["x"], ["z"], [node("Identity", "x", "z")], [helper.make_opsetid("", 21)])
        )
    made = model(
        [helper.make_node(names[0], ["x"], ["y"], domain="own")], [value("x", [2])], ["y"], functions=functions
    )
    made.opset_import.append(helper.make_opsetid("own", 1))
    return made


def test_functions_end() -> None:
    assert refused(calling("aba")).code == "E_LIMIT"  # a circle
    error = refused(calling("abcdefghijklmnopqrstuvwxyz_"), limits=Limits({"nodes": 1000}))
    assert error.code == "E_LIMIT"  # before 2 ** 26 calls


# --- element types


@pytest.mark.parametrize(("kind", "name"), [(TensorProto.BFLOAT16, "bfloat16"), (TensorProto.FLOAT16, "float16")])
def test_half_precision_is_held_in_single_and_rounded_where_the_file_casts(kind: int, name: str) -> None:
    ml_dtypes = pytest.importorskip("ml_dtypes", reason="the judge of rounding comes with onnx")
    half = np.dtype(getattr(ml_dtypes, name, None) or name)
    w = helper.make_tensor("w", kind, [3], np.array([0.1, 1 / 3, 1000.1], half).tobytes(), raw=True)
    nodes = [node("Cast", "x", "h", to=kind), node("Mul", "h w", "p"), node("Cast", "p", "y", to=F32)]
    made = model(nodes, [value("x", [3])], ["y"])
    made.graph.initializer.append(w)
    x = np.array([1.001, -2.0003, 3.3], np.float32)
    timeline = bpdebug.run(bpdebug.from_onnx(made, {"x": x}))
    rounded = x.astype(half).astype(np.float32)
    assert np.array_equal(timeline.value("cast"), rounded)
    assert np.array_equal(timeline.value("y"), rounded * np.array([0.1, 1 / 3, 1000.1], half).astype(np.float32))
    remarks = bpdebug.from_onnx(made).remarks
    assert remarks == (f"{name} in the file, float32 here: 1 tensors; only casts round",)
    assert f"float32, given as {name}" in bpdebug.Session(bpdebug.from_onnx(made)).do("whatis w").to_text()


@pytest.mark.parametrize("raw", [True, False])
@pytest.mark.parametrize(
    "kind", ["FLOAT", "DOUBLE", "FLOAT16", "BFLOAT16", "INT64", "INT32", "INT8", "UINT8", "UINT16", "UINT32", "BOOL"]
)
def test_every_type_in_both_ways(kind: str, raw: bool) -> None:
    number = getattr(TensorProto, kind)
    cells = np.array([0, 1, 1, 0]) if kind == "BOOL" else np.array([0, 1, 100, 7])
    dtype = helper.tensor_dtype_to_np_dtype(number)
    given = cells.astype(dtype)
    held = helper.make_tensor("w", number, [2, 2], given.tobytes() if raw else given.tolist(), raw=raw)
    made = model([node("Cast", "w", "c", to=F32), node("Mul", "x c", "y")], [value("x", [2, 2])], ["y"])
    made.graph.initializer.append(held)
    timeline = bpdebug.run(bpdebug.from_onnx(made, {"x": np.ones((2, 2), np.float32)}))
    assert np.array_equal(timeline.value("y"), cells.reshape(2, 2))


# --- files


def external(folder: Path, location: str, **more: str) -> Path:
    """A model whose weight lies in another file."""
    made = linear()
    proto = made.graph.initializer[0]
    proto.ClearField("raw_data")
    proto.data_location = TensorProto.EXTERNAL
    for key, said in {"location": location, "offset": "8", "length": "24", **more}.items():
        proto.external_data.add(key=key, value=said)
    (folder / "m.onnx").write_bytes(made.SerializeToString())
    return folder / "m.onnx"


def test_data_beside_the_model_is_read(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "w.bin").write_bytes(bytes(8) + W.tobytes())
    assert np.array_equal(bpdebug.run(bpdebug.load(external(tmp_path, "data/w.bin"))).value("fc.weight"), W)


@pytest.mark.parametrize(
    ("location", "more"),
    [
        ("../w.bin", {}), ("/etc/hostname", {}), ("data/../../w.bin", {}), ("no.bin", {}), ("", {}), ("link.bin", {}),
        ("w.bin", {"offset": "16"}), ("w.bin", {"offset": "-8"}), ("w.bin", {"length": "48"}),
        ("w.bin", {"length": "9" * 30}), ("w.bin", {"offset": "x"}), ("C:\\w.bin", {}), ("w.bin\0", {}), (".", {}),
    ],
)  # fmt: skip
def test_data_elsewhere_is_refused(location: str, more: dict[str, str], tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    for folder in (tmp_path, inside):
        (folder / "w.bin").write_bytes(bytes(8) + W.tobytes())
    (inside / "link.bin").symlink_to("../w.bin")
    error = refused(external(inside, location, **more))
    assert error.code == "E_FILE"
    assert error.where == "m.onnx"


def test_without_onnx_it_is_said_how_to_install_it(tmp_path: Path) -> None:
    code = """
import sys
sys.modules["onnx"] = None
import bpdebug
try:
    bpdebug.from_onnx("m.onnx")
except bpdebug.BpdebugError as error:
    print(error.code, error.hint)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == 'E_FILE pip install "bpdebug[onnx]"\n'


def test_nothing_of_onnx_is_loaded_before_a_model_is_opened() -> None:
    code = "import sys, bpdebug; bpdebug.load('two_layer'), bpdebug.from_onnx; print('onnx' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "False\n"


# --- PyTorch's exporters


def test_what_the_exporter_folded_is_said() -> None:
    made = linear(producer_name="pytorch")
    said = (
        "%bn = call_function[target=torch.ops.aten.batch_norm](args = (%conv, %p_bn_weight, %p_fc_weight), kwargs = {})"
    )
    made.graph.node[0].metadata_props.add(key="pkg.torch.onnx.fx_node", value=said)
    made.graph.initializer.append(numpy_helper.from_array(B, "val_7"))
    made.graph.node.append(node("Add", "out val_7", "end"))
    made.graph.output[0].name = "end"
    scenario = bpdebug.from_onnx(made)
    assert scenario.conventions == "torch"
    assert scenario.remarks[0].startswith("the exporter folded or merged 1 of 3 parameters (bn_weight ...)")
    assert scenario.remarks[1].startswith("1 parameters have names that the exporter made (val_7 ...)")
    assert kinds(scenario)["val_7"] == "parameter"


def test_a_module_of_pytorch_is_a_block() -> None:
    made = linear()
    for n, scopes in zip(made.graph.node, ("['', 'net', 'net.fc', 'linear']", "['', 'net', 'relu']"), strict=True):
        n.metadata_props.add(key="pkg.torch.onnx.name_scopes", value=scopes)
    assert [n.block for n in bpdebug.from_onnx(made).graph.nodes] == ["net.fc", "net.fc", "net"]
