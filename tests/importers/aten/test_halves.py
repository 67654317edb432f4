"""Models in half precision: read as they are, and computed on PyTorch's arrays as PyTorch computes them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bpdebug
from bpdebug.errors import BpdebugError
from bpdebug.importers.writing import write_scenario

torch = pytest.importorskip("torch", reason="PyTorch is an extra")
nn = torch.nn
EPS = {"bfloat16": 2.0**-8, "float16": 2.0**-11}


def mlp(bias: bool) -> Any:
    return nn.Sequential(
        nn.Linear(16, 32, bias=bias), nn.ReLU(), nn.Linear(32, 32, bias=bias), nn.Tanh(), nn.Linear(32, 4, bias=bias)
    )


def convolved() -> Any:
    return nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 5))


class Block(nn.Module):  # type: ignore[misc,name-defined]  # torch's types are not looked at
    """What a Transformer is made of: a norm, attention, GELU, sums."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.qkv, self.out = nn.LayerNorm(16), nn.Linear(16, 48), nn.Linear(16, 16)

    def forward(self, x: Any) -> Any:
        q, k, v = self.qkv(self.norm(x)).chunk(3, -1)
        return x + nn.functional.gelu(self.out(torch.softmax(q @ k.mT / 4, -1) @ v))


class Rms(nn.Module):  # type: ignore[misc,name-defined]
    """A norm that is worked out in float32, as large models do."""

    def __init__(self) -> None:
        super().__init__()
        self.scale, self.linear = nn.Parameter(torch.ones(16)), nn.Linear(16, 16, bias=False)

    def forward(self, x: Any) -> Any:
        wide = x.float()
        wide = wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + 1e-6)
        return self.linear(self.scale * wide.to(x.dtype))


class Autocast(nn.Module):  # type: ignore[misc,name-defined]
    """Parameters in float32, products in bfloat16."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = mlp(bias=False)

    def forward(self, x: Any) -> Any:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return self.inner(x)


def square(y: Any) -> Any:
    return y.float().square().mean()


def both(model: Any, x: Any, loss: Callable[[Any], Any] = square) -> tuple[Any, dict[str, tuple[Any, Any]]]:
    """The timeline on PyTorch's arrays, and each parameter's gradient there and by PyTorch itself."""
    torch.manual_seed(0)
    timeline = bpdebug.run(bpdebug.from_torch(model, x, loss), backend="torch")
    model.zero_grad()
    theirs = loss(model(x))
    theirs.backward()
    pairs = {n: (timeline.grad(n), p.grad.float().numpy()) for n, p in model.named_parameters()}
    return timeline, pairs | {"loss": (np.float32(timeline.loss), theirs.detach().float().numpy())}


def near(pairs: dict[str, tuple[Any, Any]], share: float) -> None:
    """Within a share of the largest cell."""
    for name, (ours, theirs) in pairs.items():
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=share * np.abs(theirs).max(), err_msg=name)


@pytest.mark.parametrize("half", EPS)
@pytest.mark.parametrize("model", [lambda: mlp(False), Autocast], ids=["half", "autocast"])
def test_where_the_kernels_are_the_same_the_bits_are(model: Any, half: str) -> None:
    """Products, ReLU and tanh: PyTorch has one kernel for each, and for a layer with a bias another."""
    if model is Autocast and half == "float16":
        pytest.skip("bfloat16 alone is in it")
    dtype = getattr(torch, half) if model is not Autocast else torch.float32
    torch.manual_seed(1)
    timeline, pairs = both(model().to(dtype), torch.randn(8, 16, dtype=dtype))
    for name, (ours, theirs) in pairs.items():
        assert np.array_equal(ours, theirs), name
    assert half in set(timeline.graph.halves.values())


class Apart(nn.Linear):  # type: ignore[misc,name-defined]
    """A layer whose product is rounded before the bias is added, as the two nodes of one are here."""

    def forward(self, x: Any) -> Any:
        return x @ self.weight.T + self.bias


@pytest.mark.parametrize("loss", [
    nn.functional.cross_entropy,
    lambda y, t: nn.functional.nll_loss(nn.functional.log_softmax(y, -1), t),
], ids=["cross_entropy", "nll"])  # fmt: skip
def test_a_classifier_errs_by_the_roundings_of_its_layers_alone(loss: Callable[[Any, Any], Any]) -> None:
    """PyTorch's kernel of a layer with a bias rounds once, and two nodes twice: with the two apart the bits are the
    same, up to the loss. Of the same logits its gradient is no further from double precision than PyTorch's own."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(32, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)).bfloat16()
    x, t = torch.randn(64, 32).bfloat16(), torch.randint(0, 10, (64,))
    timeline = bpdebug.run(bpdebug.from_torch(model, x, lambda y: loss(y, t)), backend="torch")
    for k in (0, 2, 4):
        model[k].__class__ = Apart
    logits = model(x).detach()
    assert np.array_equal(timeline.value("4.add"), logits.float().numpy())

    def gradient(y: Any) -> Any:
        (found,) = torch.autograd.grad(loss(y.requires_grad_(), t), y)
        return found.double().numpy()

    right = gradient(logits.double())
    off = [float(np.linalg.norm(g - right)) for g in (timeline.grad("4.add"), gradient(logits))]
    assert off[0] < off[1] < EPS["bfloat16"] * np.linalg.norm(right)


@pytest.mark.parametrize("half", EPS)
@pytest.mark.parametrize(
    ("model", "shape"),
    [
        (lambda: mlp(True), (8, 16)), (Block, (2, 5, 16)), (Rms, (5, 16)),
        (convolved, (2, 2, 8, 8)),
    ],
    ids=["biases", "block", "rms", "conv"],
)  # fmt: skip
def test_elsewhere_it_is_off_by_roundings(model: Any, shape: tuple[int, ...], half: str) -> None:
    """Each of the nodes rounds once on either way and either side, by half a unit of what passes there."""
    torch.manual_seed(1)
    dtype = getattr(torch, half)
    timeline, pairs = both(model().to(dtype), torch.randn(*shape, dtype=dtype))
    graph = timeline.graph
    assert graph.half == half
    near(pairs, 2 * len(graph) * EPS[half])
    if model is Rms:
        assert {graph.precision(t) for t in graph.incoming} == {"float32"}
        assert len({graph.precision(graph.first + k) for k in range(len(graph))}) == 2


def test_numpy_says_who_computes_in_it_and_double_has_it_all(tmp_path: Path) -> None:
    model, x = mlp(True).bfloat16(), torch.randn(8, 16).bfloat16()
    scenario = bpdebug.from_torch(model, x, square)
    assert scenario.precision == "bfloat16"
    with pytest.raises(BpdebugError, match="NumPy does not compute in bfloat16"):
        bpdebug.run(scenario)
    there = bpdebug.run(scenario, backend="torch")
    assert bpdebug.run(bpdebug.from_torch(model, x, square, double=True)).loss == pytest.approx(there.loss, rel=0.1)
    write_scenario(scenario, str(tmp_path / "model.toml"))
    written = bpdebug.load(tmp_path / "model.toml")
    assert written.precision == "bfloat16"
    assert bpdebug.run(written, backend="torch").loss == there.loss


def test_leaves_of_two_precisions_are_cast_where_they_come_in() -> None:
    """Targets in float32 beside a model in bfloat16: no one precision says both."""
    target = torch.linspace(-1, 1, 32).reshape(8, 4)
    torch.manual_seed(1)
    model, x = mlp(False).bfloat16(), torch.randn(8, 16).bfloat16()
    timeline, pairs = both(model, x, lambda y: nn.functional.mse_loss(y, target))
    assert timeline.graph.half == ""
    assert timeline.graph.precision(timeline.graph.index["0.weight"]) == "float32"
    assert "bfloat16" in timeline.graph.halves.values()
    near(pairs, 2 * len(timeline.graph) * EPS["bfloat16"])
