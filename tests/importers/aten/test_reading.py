"""What an imported model says of itself: names, blocks, lines, what is folded, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bpdebug
from bpdebug import BpdebugError, Session
from bpdebug.errors import UsageError

torch = pytest.importorskip("torch", reason="PyTorch is an optional oracle")

from bpdebug.importers.aten.table import RULES  # noqa: E402  # where torch is there

nn, F = torch.nn, torch.nn.functional
Module: Any = nn.Module
Function: Any = torch.autograd.Function


class Twice(Module):  # type: ignore[misc]  # torch may be missing
    """One layer called twice, and a layer within another module."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Sequential(nn.Linear(3, 3), nn.ReLU())
        self.weight = nn.Parameter(torch.ones(3, 3))

    def forward(self, x: Any) -> Any:
        return F.linear(F.linear(self.layer(self.layer(x)), self.weight), self.weight)


def square(out: Any) -> Any:
    return out.square().mean()


def ids(scenario: Any) -> list[str]:
    return [node.id for node in scenario.graph.nodes]


def test_names_are_those_of_modules_and_a_block_is_a_call_of_one() -> None:
    scenario = bpdebug.from_torch(Twice(), torch.ones(2, 3), square)
    assert [leaf.name for leaf in scenario.graph.leaves] == ["x", "weight", "layer.0.weight", "layer.0.bias"]
    assert ids(scenario)[:4] == ["layer.0.weight_T", "layer.0.matmul", "layer.0.add", "layer.1.relu"]
    assert ids(scenario)[4:8] == ["layer@2.0.weight_T", "layer@2.0.matmul", "layer@2.0.add", "layer@2.1.relu"]
    assert [node.block for node in scenario.graph.nodes[:5]] == ["layer.0"] * 3 + ["layer.1", "layer@2.0"]


def test_a_call_of_several_steps_is_a_block_where_its_module_does_more() -> None:
    scenario = bpdebug.from_torch(Twice(), torch.ones(2, 3), square)
    assert ids(scenario)[8:12] == ["linear.weight_T", "linear.matmul", "linear@2.weight_T", "linear@2.matmul"]


def test_a_step_stands_at_a_line_of_a_program_that_names_the_source() -> None:
    scenario = bpdebug.from_torch(Twice(), torch.ones(2, 3), square)
    node = scenario.graph.nodes[1]
    assert scenario.lines[node.line - 1] == "layer.0.matmul = matmul(x, layer.0.weight_T)"
    assert any(line.startswith("# test_reading.py:") and "self.layer(self.layer(x))" in line for line in scenario.lines)


class Lines(Module):  # type: ignore[misc]  # torch may be missing
    def forward(self, x: Any, w: Any) -> Any:
        y = torch.tanh(x)
        return F.linear(y, w) + F.linear(y, w)


def test_a_line_of_the_source_stands_before_a_call_that_is_a_block_too() -> None:
    lines = bpdebug.from_torch(Lines(), (torch.ones(2, 3), torch.ones(3, 3)), square).lines
    said = [line.partition(": ")[2] for line in lines if line.startswith("#")]
    assert said[:2] == ["y = torch.tanh(x)", "return F.linear(y, w) + F.linear(y, w)"]


class Sliced(Module):  # type: ignore[misc]  # torch may be missing
    def forward(self, x: Any) -> Any:
        return x[0, :, 1:3] + x[1, ..., ::2].flip(1)


def test_an_index_is_written_as_it_is_typed() -> None:
    lines = bpdebug.from_torch(Sliced(), torch.randn(2, 3, 4), square).lines
    said = [line.partition(" = ")[2] for line in lines if "[" in line and not line.startswith("#")]
    assert said == ["x[0, :, :]", "select[:, 1:3]", "x[1, :, :]", "select2[:, 0:4:2]"]


def test_tied_parameters_are_one_leaf_by_their_first_name_and_the_others_may_be_typed() -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    model[1].weight = model[0].weight
    scenario = bpdebug.from_torch(model, torch.ones(2, 3), square)
    assert [leaf.name for leaf in scenario.graph.leaves] == ["input", "0.weight", "0.bias", "1.bias"]
    assert any("1.weight" in said and "0.weight" in said for said in scenario.remarks)
    session = Session(scenario)
    session.do("seek end")
    one, other = (session.do(f"print {name}").to_text().splitlines() for name in ("d1.weight", "∂0.weight"))
    assert one[1:] == other[1:]
    assert "1.weight" in session.do("whatis 0.weight").to_text()
    square(model(torch.ones(2, 3))).backward()
    found = bpdebug.run(scenario).grad("1.weight")
    assert found is not None
    np.testing.assert_allclose(found, model[0].weight.grad.numpy(), rtol=1e-5)


def test_lines_of_the_users_own_source_are_places_and_blocks_have_the_classes_of_their_modules() -> None:
    session = Session(bpdebug.from_torch(Twice(), torch.ones(2, 3), square))
    line = next(
        n
        for n, text in enumerate(Path(__file__).read_text().splitlines(), 1)
        if "return F.linear(F.linear(self.layer" in text
    )
    session.do(f"break test_reading.py:{line}@bwd")
    session.do("continue")
    assert session.state.event is not None
    assert session.state.event.name == "linear@2.matmul"
    said = session.do("whatis layer@2.0.matmul").to_text()
    assert f"test_reading.py:{line}: return F.linear" in said
    assert "layer@2.0 (Linear)" in said
    assert "layer@2 (Sequential)" in session.do("info blocks").to_text()
    with pytest.raises(BpdebugError, match="computes nothing") as caught:
        session.do("break tests/test_reading.py:1")
    assert f"test_reading.py:{line}" in caught.value.hint
    with pytest.raises(BpdebugError, match=r"no line of 'other\.py' computes anything"):
        session.do("break other.py:3")


class Masked(Module):  # type: ignore[misc]  # as above
    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(3))

    def forward(self, x: Any) -> Any:
        with torch.no_grad():
            held = torch.exp(x * self.scale)
        return torch.where(torch.arange(3) < 2, x * self.scale, held) * (x * self.scale).detach()


@pytest.mark.parametrize("fold", [True, False])
def test_no_gradient_passes_where_torch_lets_none_pass(fold: bool) -> None:
    model, x = Masked(), torch.randn(2, 3)
    scenario = bpdebug.from_torch(model, x, square, fold=fold)
    square(model(x)).backward()
    found = bpdebug.run(scenario).grad("scale")
    assert found is not None
    np.testing.assert_allclose(found, model.scale.grad.numpy(), rtol=1e-5)


def test_what_no_step_reads_is_no_leaf() -> None:
    scenario = bpdebug.from_torch(nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3)), torch.randn(4, 3), square)
    assert [leaf.name for leaf in scenario.graph.leaves] == ["input", "0.weight", "0.bias", "1.weight", "1.bias"]


def test_what_no_gradient_passes_through_is_an_input_that_is_told() -> None:
    scenario = bpdebug.from_torch(Masked(), torch.randn(2, 3), square)
    assert "less" not in {node.op.name for node in scenario.graph.nodes}
    assert any("no gradient passes through" in said for said in scenario.remarks)


class Lost(Function):  # type: ignore[misc]  # as above
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return x * 2

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g


class Custom(Module):  # type: ignore[misc]  # as above
    def forward(self, x: Any) -> Any:
        return Lost.apply(x)


def test_a_custom_function_is_told_to_be_replaced() -> None:
    scenario = bpdebug.from_torch(Custom(), torch.randn(2, 3), square)
    assert any("Lost" in said for said in scenario.remarks)
    assert "apply" in torch.autograd.Function.__dict__


class Strange(Module):  # type: ignore[misc]  # as above
    def forward(self, x: Any) -> Any:
        return torch.lgamma(x) + torch.lgamma(x + 1) + torch.fft.rfft(x).abs().sum() + torch.digamma(x)


def test_all_ops_without_a_rule_are_named_at_once_with_their_counts() -> None:
    with pytest.raises(BpdebugError, match=r"lgamma\.default \(2x, test_reading\.py:\d+\)") as caught:
        bpdebug.from_torch(Strange(), torch.rand(2, 3) + 1, square)
    assert caught.value.code == "E_OP"
    assert "digamma.default (1x" in caught.value.message


def test_without_a_loss_ones_come_in_and_an_output_can_be_named() -> None:
    model, x = nn.Linear(3, 2), torch.randn(4, 3)
    model(x).sum().backward()
    found = bpdebug.run(bpdebug.from_torch(model, x)).grad("weight")
    assert found is not None
    np.testing.assert_allclose(found, model.weight.grad.numpy(), rtol=1e-5)


class Giving(Module):  # type: ignore[misc]  # as above
    """Gives what `give` makes of its argument and its scale."""

    def __init__(self, give: Any) -> None:
        super().__init__()
        self.give, self.scale = give, nn.Parameter(torch.tensor([2.0, -3.0, 0.5]))

    def forward(self, x: Any) -> Any:
        return self.give(x, self.scale)


@pytest.mark.parametrize(
    "give",
    [
        lambda x, scale: ((x * scale).sum(), x),
        lambda x, scale: {"y": x * scale, "scale": scale},
        lambda x, scale: [(x * scale).exp()] * 2,
        lambda x, scale: scale,
    ],
    ids=["an input", "a parameter", "one twice", "a parameter alone"],
)
def test_ones_come_in_at_every_output_whatever_it_is(give: Any) -> None:
    model, x = Giving(give), torch.randn(4, 3)
    sum(out.sum() for out in torch.utils._pytree.tree_leaves(model(x))).backward()
    found = bpdebug.run(bpdebug.from_torch(model, x)).grad("scale")
    assert found is not None
    np.testing.assert_allclose(found, model.scale.grad.numpy(), rtol=1e-5)


@pytest.mark.parametrize("fold", [True, False])
def test_a_gradient_that_passes_through_complex_numbers_is_refused_and_not_left_out(fold: bool) -> None:
    for way in (lambda v: torch.fft.rfft(v).abs(), lambda v: torch.view_as_real(torch.complex(v, v))):
        model = Giving(lambda x, scale, way=way: (x * scale).sum() + way(x * scale).sum())
        with pytest.raises(BpdebugError, match="complex") as caught:
            bpdebug.from_torch(model, torch.randn(4, 3), fold=fold)
        assert caught.value.code == "E_OP"


@pytest.mark.parametrize("model", [nn.ReLU, torch.tanh, None])
def test_what_is_no_module_is_refused(model: Any) -> None:
    with pytest.raises(UsageError, match=r"a torch\.nn\.Module is opened"):
        bpdebug.from_torch(model, torch.randn(4, 3))


class Several(Module):  # type: ignore[misc]  # as above
    def forward(self, x: Any, *, scale: Any) -> Any:
        return {"loss": (x * scale).mean(), "y": x}


def test_an_output_is_named_and_arguments_are_keywords() -> None:
    given = {"x": torch.randn(4, 3), "scale": torch.randn(3)}
    scenario = bpdebug.from_torch(Several(), given, "loss")
    assert [leaf.name for leaf in scenario.graph.leaves] == ["x", "scale"]
    with pytest.raises(BpdebugError, match="no output 'los'"):
        bpdebug.from_torch(Several(), given, "los")


@pytest.mark.parametrize(
    ("model", "x", "loss", "code"),
    [
        (lambda: nn.Linear(3, 2), lambda: torch.randn(4, 3), lambda y: y, "E_LOSS"),
        (nn.Identity, lambda: torch.randn(4, 3).cfloat(), lambda y: y.abs().sum(), "E_DTYPE"),
        (lambda: nn.Linear(3, 2), lambda: torch.randn(4, 5), square, "E_FILE"),
        (lambda: nn.Linear(3, 2), lambda: torch.randn(4, 3), lambda y: y.argmax(), "E_LOSS"),
    ],
)
def test_what_cannot_be_opened_is_refused(model: Any, x: Any, loss: Any, code: str) -> None:
    with pytest.raises(BpdebugError) as caught:
        bpdebug.from_torch(model(), x(), loss)
    assert caught.value.code == code


def test_an_imported_model_is_stepped_through() -> None:
    session = Session(bpdebug.from_torch(Twice(), torch.ones(2, 3), square))
    session.do("break layer@2.0.matmul@bwd")
    session.do("continue")
    assert session.state.event is not None
    assert session.state.event.name == "layer@2.0.matmul"
    assert session.do("lens").to_text()


def test_torch_draws_what_it_would_have_drawn() -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.Dropout())
    before = torch.get_rng_state()
    bpdebug.from_torch(model, torch.ones(2, 3), square)
    assert torch.equal(before, torch.get_rng_state())


def test_without_torch_a_model_is_refused_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(BpdebugError, match="not installed") as caught:
        bpdebug.from_torch(None, ())
    assert caught.value.code == "E_FILE"
    assert 'pip install "bpdebug[torch]"' in caught.value.hint


def test_importing_bpdebug_loads_no_torch() -> None:
    code = "import sys, bpdebug; bpdebug.from_torch; print('torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout.strip() == "False"


class Narrow(Module):  # type: ignore[misc]  # torch may be missing
    """What Llama does in its norms: single precision within, whatever the model's is."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3))

    def forward(self, x: Any) -> Any:
        return (self.weight * torch.softmax(x.float(), -1, dtype=torch.float32)).to(x.dtype) + torch.zeros(3)


def test_casts_are_steps_and_double_leaves_none() -> None:
    model, x = Narrow().bfloat16().double(), torch.randn(2, 3, dtype=torch.float64)
    plain, double = bpdebug.from_torch(model, x, square), bpdebug.from_torch(model, x, square, double=True)
    assert {"float32", "float64"} == {dtype.name for dtype in plain.graph.dtypes}
    assert {"float64"} == {dtype.name for dtype in double.graph.dtypes}
    assert "cast" in {node.op.name for node in plain.graph.nodes}
    assert "cast" not in {node.op.name for node in double.graph.nodes}
    single = bpdebug.from_torch(Narrow(), x.float(), square, double=True)
    assert {"float64"} == {dtype.name for dtype in single.graph.dtypes}
    assert torch.get_default_dtype() == torch.float32


def _scaled(x: Any, by: float) -> Any:
    return torch.relu(x) * by


def _kept(ctx: Any, inputs: Any, output: Any) -> None:
    ctx.x, ctx.by = inputs


scaled: Any = torch.library.custom_op(
    "bpdebug_tests::scaled", _scaled, mutates_args=(), schema="(Tensor x, float by) -> Tensor"
)
scaled.register_fake(lambda x, by: torch.empty_like(x))
scaled.register_autograd(lambda ctx, g: (g * (ctx.x > 0) * ctx.by, None), setup_context=_kept)


class Scaled(Module):  # type: ignore[misc]  # torch may be missing
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(3, 3)

    def forward(self, x: Any) -> Any:
        return scaled(self.layer(x), 3.0)


def test_an_op_of_ones_own_is_given_a_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    model, x = Scaled().double(), torch.randn(2, 3, dtype=torch.float64)
    with pytest.raises(BpdebugError, match=r"bpdebug_tests\.scaled\.default"):
        bpdebug.from_torch(model, x, square)
    monkeypatch.setitem(RULES, "bpdebug_tests.scaled.default", None)  # afterwards it is not there
    bpdebug.register_torch_op("bpdebug_tests::scaled", lambda c, x, by: c.emit("mul", c.emit("relu", x), by))
    square(model(x)).backward()
    found = bpdebug.run(bpdebug.from_torch(model, x, square)).grad("layer.weight")
    assert found is not None
    np.testing.assert_allclose(found, model.layer.weight.grad.numpy(), rtol=1e-12)
    with pytest.raises(BpdebugError, match="no name of an op"):
        bpdebug.register_torch_op("bpdebug_tests.scaled", lambda c, x: x)
