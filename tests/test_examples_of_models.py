"""The examples of README and the manual that open models: with PyTorch, JAX and ONNX, which the extras bring."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bpdebug
from tests.examples import EXAMPLES, Example, examples, lay_out, run

torch = pytest.importorskip("torch", reason="PyTorch is an optional oracle")
jax = pytest.importorskip("jax", reason="JAX is an optional oracle")
onnx = pytest.importorskip("onnx", reason="onnx is an optional oracle")

from torch import nn  # noqa: E402  # where they are there

from tests.importers.onnx_graph.models import model as onnx_model  # noqa: E402
from tests.importers.onnx_graph.models import node  # noqa: E402

EXITS = {"bpdebug compare run.bptrace": 1}
"""Lines that do not end with 0: the wrong backward of train.py is found."""
LOSS = 'def loss(params, x): return jax.numpy.mean(jax.nn.relu(x @ params["w1"]) @ params["w2"])'


class Encoder(nn.Module):  # type: ignore[misc]  # PyTorch's types are not looked at
    def __init__(self) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 1)

    def forward(self, x: Any) -> Any:
        return self.encoder(x).mean(1)


class WithLoss(nn.Module):  # type: ignore[misc]  # as above
    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(3, 2)

    def forward(self, x: Any) -> Any:
        return {"loss": self.fc(x).square().mean()}


class Own(nn.Module):  # type: ignore[misc]  # as above
    def forward(self, x: Any) -> Any:
        return torch.ops.mylib.op(x)


def _onnx() -> Any:
    value = onnx.helper.make_tensor_value_info
    nodes = [node("Gather", "embedding.weight ids", "e"), node("Mul", "e x", "p"), node("Mul", "p scale", "q")]
    nodes.append(node("ReduceMean", "q", "loss", keepdims=0))
    given = [value("ids", onnx.TensorProto.INT64, ["batch"]), value("x", onnx.TensorProto.FLOAT, ["batch", 2])]
    held = {"embedding.weight": np.ones((3, 2), np.float32), "scale": np.array([2, 3], np.float32)}
    return onnx_model(nodes, given, ["loss"], held)


@pytest.fixture(autouse=True)
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lay_out(tmp_path)
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    torch.export.save(torch.export.export(WithLoss(), (torch.ones(2, 3),)), "model.pt2")
    onnx.save(_onnx(), "model.onnx")
    np.savez("x.npz", ids=np.array([0, 2, 1, 1]))
    (train,) = (example.text for example in EXAMPLES if example.page == "watching" and example.kind == "python")
    Path("train.py").write_text(train, encoding="utf-8")


@pytest.mark.parametrize("example", examples("sh", models=True))
def test_commands(example: Example) -> None:
    for line in example.commands:
        code, said = run(line)
        assert code == EXITS.get(line, 0), said


@pytest.mark.parametrize("example", examples("python", models=True))
def test_programs(example: Example, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {"bpdebug": bpdebug, "jax": jax, "jnp": jax.numpy}
    if "register_torch_op" in example.text:
        torch.library.define("mylib::op", "(Tensor x) -> Tensor")
        torch.library.impl("mylib::op", "default", torch.relu)
        torch.library.impl("mylib::op", "Meta", torch.empty_like)
    elif "from_torch" in example.text:
        x, y = torch.randn(4, 3, 8), torch.tensor([0, 7, 1, 2])
        names |= {"model": Encoder(), "x": x, "y": y, "cross_entropy": nn.functional.cross_entropy}
    elif "from_jax" in example.text:
        names |= {"params": {"w1": np.ones((3, 4)), "w2": np.ones((4, 2))}, "x": np.ones((2, 3)), "y": np.array([0, 1])}
    exec(compile(example.text, str(Path("train.py").resolve()), "exec"), names)
    if example.page == "watching":
        assert capsys.readouterr().out.startswith("ProductBackward tanh train.py:")  # as its comment says
    if "register_torch_op" in example.text:
        opened = bpdebug.from_torch(Own(), (torch.tensor([1.0, -1.0]),))
        assert "relu" in {made.op.name for made in opened.graph.nodes}


def test_what_holds_a_model_in_one_s_own_tests() -> None:
    (example,) = (e for e in EXAMPLES if e.page == "check-and-tests" and e.kind == "python")
    names: dict[str, Any] = {"jax": jax}
    exec(example.text, names)
    y = torch.tensor([0, 7, 1, 2])
    names |= {"model": Encoder(), "x": torch.randn(4, 3, 8), "y": y, "criterion": nn.CrossEntropyLoss()}
    names["test_the_model"]()
    names |= {"params": {"w1": np.ones((3, 4)), "w2": np.ones((4, 2))}, "x": np.ones((2, 3))}
    exec(LOSS, names)
    names["test_the_loss"]()
