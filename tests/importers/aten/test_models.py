"""Small models of the kinds that people have: loss and every leaf's gradient are PyTorch's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec import structs

from bpdebug.graph import Graph, Lit, Step, build
from bpdebug.scenario import Scenario
from tests.importers.aten.judge import compare, judged

torch = pytest.importorskip("torch", reason="PyTorch is an optional oracle")
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


def classes(count: int, *shape: int) -> Callable[[Any], Any]:
    """Cross entropy with classes drawn now."""
    target = torch.randint(count, shape)
    return lambda out: F.cross_entropy(out, target)


def squares(out: Any) -> Any:
    """The mean square of the first output."""
    return (out[0] if isinstance(out, tuple) else out).square().mean()


def mlp() -> tuple[Any, ...]:
    return nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 3)), (torch.randn(5, 4),)


def lenet() -> tuple[Any, ...]:
    convolutions = (
        nn.Conv2d(1, 3, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(3, 4, 3, padding=1),
        nn.ReLU(),
        nn.AvgPool2d(2),
    )
    return nn.Sequential(*convolutions, nn.Flatten(), nn.Linear(36, 3)), (torch.randn(2, 1, 14, 14),)


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
    "mlp": lambda: (*mlp(), classes(3, 5)),
    "lenet": lambda: (*lenet(), classes(3, 2)),
    "lstm cell": lambda: (nn.LSTMCell(3, 4), (torch.randn(2, 3),), squares),
    "transformer": lambda: (nn.TransformerEncoderLayer(8, 2, 12, batch_first=True), (torch.randn(2, 3, 8),), squares),
    "normalised": lambda: (Normalised(), (torch.randn(2, 3, 6),), squares),
    "tied": lambda: (Tied(), (torch.randint(5, (2, 3)),), lambda y: F.cross_entropy(y.flatten(0, 1), IDS)),
    "ties": lambda: (nn.Sequential(nn.MaxPool2d(2)), (torch.zeros(1, 1, 4, 4),), torch.sum),
    "batch norm": lambda: (nn.Sequential(nn.Conv2d(2, 3, 3), nn.BatchNorm2d(3)), (torch.randn(2, 2, 5, 5),), squares),
}  # fmt: skip


@pytest.mark.parametrize("name", SMALL)
def test_a_model_is_what_torch_computes(name: str) -> None:
    judged(*SMALL[name]())


# --- the judge can fail


def rebuilt(scenario: Scenario, change: Callable[[Step], Step | None]) -> Scenario:
    """The scenario with steps changed, or left out where nothing is given: then their first operand stands for them."""
    graph = scenario.graph
    steps: list[Step] = []
    other: dict[str, str | Lit] = {}
    for node in graph.nodes:
        inputs = tuple(other.get(n, n) if isinstance(n, str) else n for n in map(graph_input(graph), node.inputs))
        step = Step(node.id, node.op.name, inputs, node.attrs, node.block, node.line)
        made = change(step)
        if made is None:
            other[node.id] = inputs[0]
        else:
            steps.append(made)
    assert graph.loss is not None
    return structs.replace(scenario, graph=build(graph.leaves, steps, loss=graph.names[graph.loss]))


def graph_input(graph: Graph) -> Callable[[Any], Any]:
    return lambda i: graph.names[i] if isinstance(i, int) else i


def test_the_judge_sees_weights_that_are_shuffled() -> None:
    model, args, loss = SMALL["mlp"]()
    scenario = judged(model, args, loss)
    with torch.no_grad():
        model[2].weight.copy_(model[2].weight.flatten().roll(1).reshape(4, 4))
    with pytest.raises(AssertionError):
        compare(scenario, model, args, loss)


def test_the_judge_sees_a_missing_transpose_in_a_square_layer() -> None:
    model, args, loss = SMALL["mlp"]()
    scenario = judged(model, args, loss)
    assert any(node.id == "2.weight_T" and node.op.name == "transpose" for node in scenario.graph.nodes)
    with pytest.raises(AssertionError, match="loss"):
        compare(rebuilt(scenario, lambda s: None if s.id == "2.weight_T" else s), model, args, loss)


def test_the_judge_sees_a_gradient_that_does_not_reach_a_bias() -> None:
    model, args, loss = SMALL["mlp"]()
    scenario = judged(model, args, loss)
    cut = Step("cut", "stop_gradient", ("2.bias",), {}, "", 0)
    graph = scenario.graph
    steps = [
        Step(n.id, n.op.name, tuple(map(graph_input(graph), n.inputs)), n.attrs, n.block, n.line) for n in graph.nodes
    ]
    steps = [structs.replace(s, inputs=("2.matmul", "cut")) if s.id == "2.add" else s for s in steps]
    broken = build(graph.leaves, [cut, *steps], loss=graph.names[graph.loss])  # type: ignore[index]  # it has a loss
    with pytest.raises(AssertionError, match=r"2\.bias"):
        compare(structs.replace(scenario, graph=broken), model, args, loss)
