"""Small models beside those of the zoo, judged as they are; and the judge itself, which can fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec import structs

from bpdebug.graph import Graph, Step, build
from bpdebug.limits import Limits

torch = pytest.importorskip("torch", reason="PyTorch is an optional oracle")

from bpdebug.importers.aten.opening import ended, opened  # noqa: E402  # where torch is there
from tests.importers.zoo.judge import compared, judged  # noqa: E402  # as above
from tests.importers.zoo.small import mlp, squares  # noqa: E402  # as above

nn, F = torch.nn, torch.nn.functional
Module: Any = nn.Module
IDS = torch.tensor([0, 1, 2, 3, 4, 0])


@pytest.fixture(autouse=True)
def _double() -> Any:
    """Models and numbers of double precision, the same ones in every run."""
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(torch.float32)


class Normalised(Module):  # type: ignore[misc]  # torch may be missing
    """What a ConvNeXt block does, on rows."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.up, self.down = nn.LayerNorm(6), nn.Linear(6, 12), nn.Linear(12, 6)
        self.gamma = nn.Parameter(torch.full((6,), 0.1))

    def forward(self, x: Any) -> Any:
        return x + self.gamma * self.down(F.gelu(self.up(self.norm(x))))


class Tied(Module):  # type: ignore[misc]  # as above
    """An autoencoder whose decoder's weight is the encoder's, turned, and whose embedding is its head."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.code, self.head = nn.Embedding(5, 4), nn.Linear(4, 2), nn.Linear(4, 5, bias=False)
        self.head.weight = self.embedding.weight

    def forward(self, ids: Any) -> Any:
        return self.head(F.linear(torch.tanh(self.code(self.embedding(ids))), self.code.weight.T))


SMALL: dict[str, Callable[[], tuple[Any, ...]]] = {
    "transformer": lambda: (nn.TransformerEncoderLayer(8, 2, 12, batch_first=True), (torch.randn(2, 3, 8),), squares),
    "normalised": lambda: (Normalised(), (torch.randn(2, 3, 6),), squares),
    "tied": lambda: (Tied(), (torch.randint(5, (2, 3)),), lambda y: F.cross_entropy(y.flatten(0, 1), IDS)),
    "ties": lambda: (nn.Sequential(nn.MaxPool2d(2)), (torch.zeros(1, 1, 4, 4),), torch.sum),
    "batch norm": lambda: (nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3)), (torch.randn(2, 2, 5, 5),), squares),
}  # fmt: skip


@pytest.mark.parametrize("name", SMALL)
def test_a_model_is_what_torch_computes(name: str) -> None:
    assert judged(SMALL[name]()).wrong == []


# --- the judge can fail


def rejudged(change: Callable[[Graph, list[Step]], list[Step]], weights: Callable[[Any], object] = id) -> list[str]:
    """What is wrong with a perceptron of square layers whose steps are changed, or whose weights are."""
    case = mlp()
    reader = opened(*case)
    scenario = ended(reader, True, Limits())
    graph = scenario.graph
    names = [tuple(graph.names[i] if isinstance(i, int) else i for i in node.inputs) for node in graph.nodes]
    steps = [Step(n.id, n.op.name, i, n.attrs, n.block, n.line) for n, i in zip(graph.nodes, names, strict=True)]
    assert graph.loss is not None
    built = build(graph.leaves, change(graph, steps), loss=graph.names[graph.loss])
    weights(case[0])
    return [name for name, _ in compared(reader, structs.replace(scenario, graph=built), case).wrong]


def test_the_judge_finds_nothing_where_nothing_is_changed() -> None:
    assert rejudged(lambda graph, steps: steps) == []


def test_the_judge_sees_weights_that_are_shuffled() -> None:
    def shuffle(model: Any) -> None:
        with torch.no_grad():
            model[2].weight.copy_(model[2].weight.flatten().roll(1).reshape(16, 16))

    assert "2.weight" in rejudged(lambda graph, steps: steps, shuffle)


def test_the_judge_sees_a_missing_transpose_in_a_square_layer() -> None:
    def straight(graph: Graph, steps: list[Step]) -> list[Step]:
        assert any(s.id == "2.weight_T" and s.op == "transpose" for s in steps)
        inputs = ("2.weight" if i == "2.weight_T" else i for s in steps for i in s.inputs)
        return [structs.replace(s, inputs=tuple(next(inputs) for _ in s.inputs)) for s in steps]

    assert {"2.add", "loss", "∂2.weight"} <= set(rejudged(straight))


def test_the_judge_sees_a_gradient_that_does_not_reach_a_bias() -> None:
    def cut(graph: Graph, steps: list[Step]) -> list[Step]:
        held = Step("cut", "stop_gradient", ("2.bias",), {}, "", 0)
        return [held, *(structs.replace(s, inputs=("2.matmul", "cut")) if s.id == "2.add" else s for s in steps)]

    assert set(rejudged(cut)) == {"∂2.bias", "∂2.bias (eager)"}
