"""Small models as PyTorch's exporters write them: value and every parameter's gradient are PyTorch's."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest

import bpdebug

onnx = pytest.importorskip("onnx", reason="onnx is an optional oracle")
torch = pytest.importorskip("torch", reason="PyTorch is an optional oracle")
nn, F = torch.nn, torch.nn.functional
Module: Any = nn.Module


@pytest.fixture(autouse=True)
def _double() -> Iterator[None]:
    """Models and numbers of double precision, the same ones in every run."""
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(torch.float32)


def mlp() -> tuple[Any, ...]:
    return nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 3)), (torch.randn(5, 4),)


def lenet() -> tuple[Any, ...]:
    layers = (
        nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(3, 4, 3, padding=1, stride=2),
        nn.GELU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(4, 3), nn.LogSoftmax(-1),
    )  # fmt: skip
    return nn.Sequential(*layers).eval(), (torch.randn(2, 1, 14, 14),)


class Block(Module):  # type: ignore[misc]  # torch may be missing
    """A transformer's block over an embedding, its heads cut out by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.norm, self.qkv = nn.Embedding(7, 6), nn.LayerNorm(6), nn.Linear(6, 18)
        self.out, self.up, self.down = nn.Linear(6, 6), nn.Linear(6, 12), nn.Linear(12, 6)

    def forward(self, ids: Any) -> Any:
        x = self.embedding(ids)
        n, t, _ = x.shape
        q, k, v = (self.qkv(self.norm(x))[..., i : i + 6].reshape(n, t, 2, 3).transpose(1, 2) for i in (0, 6, 12))
        scores = q @ k.transpose(-1, -2) / 3**0.5
        mask = torch.tril(torch.ones(t, t, dtype=torch.bool))
        heads = scores.masked_fill(~mask, float("-inf")).softmax(-1) @ v
        x = x + self.out(heads.transpose(1, 2).reshape(n, t, 6))
        return x + self.down(F.silu(self.up(self.norm(x))))


class Recurrent(Module):  # type: ignore[misc]  # as above
    def __init__(self, kind: str) -> None:
        super().__init__()
        self.layer, self.head = getattr(nn, kind)(4, 3, bidirectional=kind != "RNN"), nn.Linear(3, 2)

    def forward(self, x: Any) -> Any:
        found = self.layer(x)[0]
        return self.head(found[..., :3])


def recurrent(kind: str) -> tuple[Any, ...]:
    return Recurrent(kind), (torch.randn(3, 2, 4),)


def up() -> tuple[Any, ...]:
    layers = (nn.ConvTranspose2d(2, 3, 3, stride=2, padding=1, output_padding=1), nn.InstanceNorm2d(3, affine=True),
              nn.PReLU(3), nn.Upsample(scale_factor=2.0), nn.GroupNorm(3, 3), nn.Hardswish())  # fmt: skip
    return nn.Sequential(*layers), (torch.randn(1, 2, 3, 4),)


MODELS: dict[str, Callable[[], tuple[Any, ...]]] = {
    "mlp": mlp, "lenet": lenet, "block": lambda: (Block(), (torch.tensor([[1, 2, 0, 6], [3, 3, 1, 5]]),)), "up": up,
    **{kind.lower(): partial(recurrent, kind) for kind in ("RNN", "GRU", "LSTM")},
}  # fmt: skip


def by_script(model: Any, args: Any) -> Any:
    """What PyTorch's older exporter writes, with every parameter in it; it makes one tensor of equal ones."""
    file = io.BytesIO()
    mode = torch.onnx.TrainingMode.PRESERVE
    torch.onnx.export(model, args, file, dynamo=False, training=mode, do_constant_folding=False)
    return onnx.load_model_from_string(file.getvalue())


def by_dynamo(model: Any, args: Any) -> Any:
    pytest.importorskip("onnxscript", reason="PyTorch's exporter needs it, and nothing else does")
    return torch.onnx.export(model, args, dynamo=True, verbose=False, optimize=False).model_proto


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("exporter", [by_script, by_dynamo])
def test_loss_and_gradients_are_pytorchs(exporter: Callable[..., Any], name: str) -> None:
    model, args = MODELS[name]()
    logging.disable(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch about its exporters
        proto = exporter(model, args)
    logging.disable(logging.NOTSET)
    feeds = {i.name: a.numpy() for i, a in zip(proto.graph.input, args, strict=False)}
    timeline = bpdebug.run(bpdebug.from_onnx(proto, feeds))
    out = model(*args)
    out.sum().backward()
    (end,) = timeline.graph.incoming
    close(timeline.value(timeline.graph.names[end]), out.detach().numpy())
    for key, parameter in model.named_parameters():
        close(timeline.grad(key), parameter.grad.numpy())


def close(mine: Any, theirs: Any) -> None:
    assert mine is not None
    assert mine.shape == theirs.shape
    np.testing.assert_allclose(mine, theirs, rtol=1e-7, atol=1e-9)
