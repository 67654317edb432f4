"""What a watched step is: torch's numbers in a timeline, our rules beside them, and what is refused or told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bpdebug
from bpdebug.errors import BpdebugError
from bpdebug.importers.aten.table import RULES

torch = pytest.importorskip("torch", reason="PyTorch is an optional oracle")
nn, F = torch.nn, torch.nn.functional
Module: Any = nn.Module
Function: Any = torch.autograd.Function


class Net(Module):  # type: ignore[misc]  # torch may be missing
    """A layer called twice, and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.head = nn.Sequential(nn.Linear(4, 4), nn.Tanh()), nn.Linear(4, 3)

    def forward(self, x: Any) -> Any:
        return self.head(self.layer(self.layer(x)))


def step(model: Any, x: Any) -> Any:
    return F.cross_entropy(model(x), torch.tensor([0, 1, 2, 1, 0]))


@pytest.fixture
def model() -> Any:
    torch.manual_seed(0)
    return Net()


@pytest.fixture
def x() -> Any:
    return torch.randn(5, 4)


def test_the_timeline_has_torchs_numbers(model: Any, x: Any) -> None:
    with bpdebug.watch(model) as w:
        h = model.layer(x)
        loss = step(model.head, h)
        h.retain_grad()
        loss.backward()
    assert w.timeline.loss == loss.item()
    for name, p in model.head.named_parameters():
        found = w.timeline.grad(f"head.{name}")
        assert found is not None
        np.testing.assert_array_equal(found, p.grad.numpy())
    np.testing.assert_array_equal(w.timeline.value("layer.1.tanh"), h.detach().numpy())
    np.testing.assert_array_equal(w.timeline.grad("layer.1.tanh"), h.grad.numpy())


def test_names_blocks_and_lines_are_the_users(model: Any, x: Any) -> None:
    with bpdebug.watch(model) as w:
        step(model, x).backward()
    graph = w.scenario.graph
    assert {leaf.name for leaf in graph.leaves[:3]} == {"layer.0.weight", "x", "layer.0.bias"}
    assert {n.block for n in graph.nodes} >= {"layer.0.addmm", "layer.1", "layer@2.0.addmm", "layer@2.1", "head.addmm"}
    assert any(line.startswith("# test_watch.py:") and "self.head(self.layer" in line for line in w.scenario.lines)


class Tied(Net):
    """One layer under two names."""

    def __init__(self) -> None:
        super().__init__()
        self.again = self.layer[0]


@pytest.mark.parametrize("number", [0, 1])
def test_classes_lines_and_other_names_are_known_in_the_step_and_its_recording(
    tmp_path: Path, x: Any, number: int
) -> None:
    model = Tied()
    with bpdebug.watch(model, step=number) as w:
        for _ in range(2):
            step(model, x).backward()
    w.save(tmp_path / "step.bptrace")
    kept, line = bpdebug.load(tmp_path / "step.bptrace"), Net.forward.__code__.co_firstlineno + 1
    assert kept.graph.imported == w.scenario.graph.imported
    for scenario in (w.scenario, kept):
        session = bpdebug.Session(scenario)
        assert f"test_watch.py:{line}: 22 events" in session.do(f"break test_watch.py:{line}").to_text()
        text = session.do("whatis layer@2.1.tanh").to_text()
        assert f"test_watch.py:{line}: return self.head(self.layer(self.layer(x)))" in text
        assert "layer@2.1 (Tanh)" in text
        assert "Sequential" in session.do("info blocks").to_text()
        assert "again.weight" in session.do("whatis layer.0.weight").to_text()
        ours, alias = (session.do(f"print {name}.weight").to_data()["value"] for name in ("layer.0", "again"))
        assert alias == ours


def test_what_is_set_is_computed_by_our_rules(model: Any, x: Any) -> None:
    with bpdebug.watch(model) as w:
        step(model, x).backward()
    session = bpdebug.Session(w.scenario)
    session.do("set head.bias[0] = 1")
    before, after = w.timeline.loss, session.state.timeline.loss
    with torch.no_grad():
        model.head.bias[0] = 1
    assert before is not None
    assert after == pytest.approx(step(model, x).item(), rel=1e-5)
    assert after != before


def test_a_parameter_is_as_it_was_when_it_was_used(model: Any, x: Any) -> None:
    before = model.head.weight.detach().numpy().copy()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with bpdebug.watch(model) as w:
        step(model, x).backward()
        optimizer.step()
        step(model, x).backward()
    optimizer.step()
    np.testing.assert_array_equal(w.timeline.value("head.weight"), before)
    assert len(w.timelines) == 1  # the step is over where parameters change


def test_two_backward_passes_have_a_timeline_each(model: Any, x: Any) -> None:
    with bpdebug.watch(model) as w:
        h = model.layer(x)
        step(model.head, h).backward(retain_graph=True)
        h.sum().backward()
    assert [t.graph.nodes[-1].op.name for t in w.timelines] == ["nll", "sum"]
    assert w.timeline is w.timelines[0]


@pytest.mark.parametrize("number", [0, 2])
def test_the_pass_of_a_number_is_watched(model: Any, x: Any, number: int) -> None:
    optimizer, losses = torch.optim.SGD(model.parameters(), lr=0.1), []
    with bpdebug.watch(model, step=number) as w:
        for _ in range(4):
            optimizer.zero_grad()
            loss = step(model, x)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    assert w.timeline.loss == losses[number]
    assert len(w.timelines) == 1
    assert w.differences() == []


def test_an_op_without_a_rule_is_carried_on(model: Any, x: Any) -> None:
    with bpdebug.watch(model) as w:
        step(lambda x: torch.lgamma(model.layer(x)[:, :3] + 3), x).backward()
    assert any("no rule" in said and "lgamma (1x, test_watch.py:" in said for said in w.scenario.remarks)
    np.testing.assert_array_equal(w.timeline.grad("layer.0.weight"), model.layer[0].weight.grad.numpy())
    session = bpdebug.Session(w.scenario)
    session.do("seek lgamma@bwd")
    assert "No rule" in session.do("lens").to_text()
    assert "lgamma" not in {row["node"] for row in session.do("check").to_data()["rows"]}
    assert w.differences() == []


def test_an_op_of_ones_own_is_given_a_rule_and_its_backward_held_against_it(
    monkeypatch: pytest.MonkeyPatch, x: Any
) -> None:
    op = torch.library.custom_op(
        "bpdebug_live::tripled", lambda x: 3 * x.relu(), mutates_args=(), schema="(Tensor x) -> Tensor"
    )
    op.register_autograd(lambda ctx, g: 3 * g)  # where x is negative, too

    def watched() -> Any:
        with bpdebug.watch() as w:
            op(x.clone().requires_grad_()).sum().backward()
        return w

    before = watched()
    assert before.differences() == []
    assert before.scenario.graph.nodes[0].id == "tripled"
    assert any("bpdebug_live.tripled.default (1x, test_watch.py:" in said for said in before.scenario.remarks)
    monkeypatch.setitem(RULES, "bpdebug_live.tripled.default", None)  # afterwards it is not there
    bpdebug.register_torch_op("bpdebug_live::tripled", lambda c, x: c.emit("mul", c.emit("relu", x), 3.0))
    after = watched()
    assert [node.id for node in after.scenario.graph.nodes[:2]] == ["tripled.relu", "tripled.mul"]
    assert after.scenario.remarks == ()
    assert [row.node for row in after.differences()] == ["tripled.mul"]


def test_a_hook_is_an_event_and_told(model: Any, x: Any) -> None:
    with bpdebug.watch(model) as w:
        h = model.layer(x)
        h.register_hook(lambda g: 2 * g)
        step(model.head, h).backward()
    node = w.scenario.graph.nodes[w.scenario.graph.index["layer.1.tanh_hook"] - w.scenario.graph.first]
    assert node.op.name == "hook"
    assert "a hook multiplies ∂layer.1.tanh by 2" in w.scenario.remarks
    np.testing.assert_array_equal(w.timeline.grad("layer.0.weight"), model.layer[0].weight.grad.numpy())
    assert w.differences() == []


def test_a_hook_of_a_leaf_is_one_too(model: Any, x: Any) -> None:
    model.head.bias.register_hook(lambda g: -g)
    with bpdebug.watch(model) as w:
        step(model, x).backward()
    assert "a hook multiplies ∂head.bias by -1" in w.scenario.remarks
    np.testing.assert_array_equal(w.timeline.grad("head.bias"), model.head.bias.grad.numpy())


def test_gradients_that_were_held_are_told(model: Any, x: Any) -> None:
    with bpdebug.watch(model) as w:
        step(model, x).backward()
        step(model, x).backward()
    first, second = (s.remarks for s in w.scenarios)
    assert not any("zero_grad" in said for said in first)
    assert any("zero_grad" in said and "layer.0.weight" in said for said in second)


def test_a_branch_under_no_grad_is_told(model: Any, x: Any) -> None:
    with bpdebug.watch(model) as w:
        with torch.no_grad():
            scale = torch.exp(model.layer(x)[:, :3])
        step(lambda x: model(x) * scale, x).backward()
    assert any("exp (test_watch.py:" in said and "no_grad" in said for said in w.scenario.remarks)


class Overwrites(Function):  # type: ignore[misc]  # torch's types are not looked at
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x.clone()

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g.mul_(2)


def test_a_function_that_writes_to_what_comes_in_is_told(model: Any, x: Any) -> None:
    with bpdebug.watch(model) as w:
        h = model.layer(x)
        step(model.head, Overwrites.apply(h) + h).backward()
    assert {row.function for row in w.differences()} == {"OverwritesBackward"}
    assert w.differences()[0].factor == 2
    assert any("OverwritesBackward writes to the gradient" in said for said in w.scenario.remarks)


def test_written_in_place_is_another_tensor(x: Any) -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(inplace=True), nn.Linear(4, 3))
    with bpdebug.watch(model) as w:
        step(model, x).backward()
    assert (w.timeline.value("0.addmm.add") < 0).any()
    assert w.differences() == []


def test_written_in_place_through_a_view_too(x: Any) -> None:
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(inplace=True), nn.Linear(4, 3))
    with bpdebug.watch(model) as w:
        model(x.reshape(5, 1, 4)).square().sum().backward()
    assert w.scenario.recording is not None
    assert [a.function for a in w.scenario.recording.applications].count("CopySlices") == 1
    assert w.differences() == []
    np.testing.assert_array_equal(w.timeline.grad("0.weight"), model[0].weight.grad.numpy())


def test_through_a_view_of_what_is_used_elsewhere_is_refused_with_the_line(model: Any, x: Any) -> None:
    with bpdebug.watch(model) as w:
        h = model.layer[0](x)
        h[:, 0].mul_(2)
        step(model.head, h).backward()
    with pytest.raises(BpdebugError, match="mul writes in place through a view") as caught:
        w.scenario  # noqa: B018 - asking is what raises
    assert str(caught.value.where).startswith("test_watch.py:")


def test_the_second_forward_of_a_checkpoint_is_no_event(model: Any, x: Any) -> None:
    with bpdebug.watch(model) as w:
        step(model.head, torch.utils.checkpoint.checkpoint(model.layer, x, use_reentrant=False)).backward()
    assert [n.op.name for n in w.scenario.graph.nodes].count("tanh") == 1
    assert w.differences() == []


def test_fused_attention_is_one_node() -> None:
    q = torch.randn(1, 2, 4, 8, requires_grad=True)
    with bpdebug.watch() as w:
        F.scaled_dot_product_attention(q, q, q, is_causal=True).square().sum().backward()
    assert w.scenario.graph.nodes[0].op.name == "scaled_dot_product_attention"
    assert w.differences() == []
    np.testing.assert_array_equal(w.timeline.grad("q"), q.grad.numpy())


def test_casts_are_kept_and_judged_as_coarsely_as_they_are(model: Any, x: Any) -> None:
    with bpdebug.watch(model) as w:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = step(model, x)
        loss.backward()
    nodes = w.scenario.graph.nodes
    assert {n.attrs["dtype"] for n in nodes if n.op.name == "cast"} == {"bfloat16", "float32"}
    assert w.scenario.recording is not None
    assert {a.precision for a in w.scenario.recording.applications} == {"bfloat16", "float32"}
    assert w.differences() == []
    assert w.timeline.loss == loss.item()


# --- what is refused


def test_a_root_that_is_given_twice_gets_both_gradients() -> None:
    x = torch.randn(3, requires_grad=True)
    with bpdebug.watch() as w:
        loss = x.square().sum()
        torch.autograd.backward([loss, loss, loss], [None, torch.tensor(3.0), None])
    assert w.differences() == []
    found: Any = [w.timeline.grad(name) for name in ("x", "sum")]
    np.testing.assert_allclose(found[0], x.grad.numpy())
    np.testing.assert_allclose(found[1], 5)


def penalty(x: Any) -> None:
    y = torch.tanh(x).sum()
    (g,) = torch.autograd.grad(y, x, create_graph=True)
    (y + g.square().sum()).backward()


@pytest.mark.parametrize(
    ("go", "said"),
    [
        (penalty, "create_graph=True: the gradient of a gradient"),
        (lambda x: (x * torch.ones(3, requires_grad=True)).sum().backward(inputs=[x]), "inputs=: what leads"),
    ],
)
def test_what_torch_computes_otherwise_is_refused_and_not_judged(go: Any, said: str) -> None:
    own = torch.autograd.grad
    with bpdebug.watch() as w:
        go(torch.randn(3, requires_grad=True))
    assert torch.autograd.grad is own
    with pytest.raises(BpdebugError, match=said) as caught:
        w.differences()
    assert caught.value.code == "E_OP"


@pytest.mark.filterwarnings("ignore:Using backward")
def test_a_gradient_of_a_gradient_is_refused_with_the_line(model: Any, x: Any) -> None:
    with bpdebug.watch(model) as w:
        step(model, x).backward(create_graph=True)
    with pytest.raises(BpdebugError, match="create_graph") as caught:
        w.scenario  # noqa: B018 - asking is what raises
    assert str(caught.value.where).startswith("test_watch.py:")


@pytest.mark.parametrize(
    ("loss", "what"),
    [
        (lambda x: F.embedding(torch.tensor([0, 1]), x, sparse=True).sum(), "sparse"),
        (lambda x: torch.fft.fft(x).abs().sum(), "complex"),
    ],
)
def test_tensors_that_are_no_arrays_of_numbers_are_refused(loss: Any, what: str) -> None:
    x = torch.randn(3, 4, requires_grad=True)
    with bpdebug.watch() as w:
        loss(x).backward()
    with pytest.raises(BpdebugError, match=what) as caught:
        w.scenario  # noqa: B018 - as above
    assert caught.value.code == "E_DTYPE"


def test_a_model_that_is_spread_is_refused() -> None:
    spread = type("DistributedDataParallel", (nn.Linear,), {})(2, 2)
    with pytest.raises(BpdebugError, match="DistributedDataParallel"):
        bpdebug.watch(spread)


def test_without_a_backward_pass_there_is_nothing(model: Any, x: Any) -> None:
    with bpdebug.watch(model) as w:
        step(model, x)
    with pytest.raises(BpdebugError, match="no backward pass"):
        w.timeline  # noqa: B018 - as above


def test_a_step_is_a_number() -> None:
    with pytest.raises(BpdebugError, match="step -1"):
        bpdebug.watch(None, step=-1)


def test_without_torch_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    with pytest.raises(BpdebugError, match="not installed") as caught:
        bpdebug.watch()
    assert caught.value.code == "E_FILE"
