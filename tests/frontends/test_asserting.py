"""assert_gradients on live modules: a wrong custom Function is named, and the parameters are left as they were."""

from __future__ import annotations

from typing import Any

import pytest

from bpdebug.errors import InputError, UsageError
from bpdebug.testing import assert_gradients

torch = pytest.importorskip("torch", reason="PyTorch is an optional oracle")
Function: Any = torch.autograd.Function
Module: Any = torch.nn.Module


class Late(Function):  # type: ignore[misc]  # torch may be missing
    """ReLU whose mask comes half a unit late."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return g * (ctx.saved_tensors[0] > -0.5)


class Model(Module):  # type: ignore[misc]  # as above
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = torch.nn.Linear(4, 5), torch.nn.Linear(5, 2)

    def forward(self, x: Any) -> Any:
        return self.b(Late.apply(self.a(x)))


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)


def right() -> Any:
    return torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.ReLU(), torch.nn.Linear(3, 2))


def test_a_right_module_passes_with_its_own_loss_or_the_sum() -> None:
    x = torch.randn(6, 4)
    assert_gradients(right(), x)
    assert_gradients(right(), x, loss=lambda y: torch.nn.functional.cross_entropy(y, torch.tensor([0, 1] * 3)))
    assert_gradients(right(), {"input": x}, wrt=["0.weight"])


def test_a_wrong_function_is_named_with_its_line() -> None:
    with pytest.raises(AssertionError) as caught:
        assert_gradients(Model(), torch.randn(6, 4))
    said = str(caught.value)
    assert "test_asserting.py:" in said.splitlines()[0]
    assert "handed on by Late" in said
    assert "our rule:" in said
    assert_gradients(Model(), torch.randn(6, 4), first_wrong="Late")


def test_gradients_that_were_there_stay() -> None:
    model = right()
    kept = model[0].weight.grad = torch.ones(3, 4)
    assert_gradients(model, torch.randn(6, 4))
    assert model[0].weight.grad is kept
    assert torch.equal(kept, torch.ones(3, 4))
    assert model[0].bias.grad is None


def test_a_leaf_that_is_none_is_said() -> None:
    with pytest.raises(UsageError, match="no leaf 'weight'"):
        assert_gradients(right(), torch.randn(6, 4), wrt="weight")


def test_what_no_rule_judges_does_not_pass() -> None:
    class Odd(Module):  # type: ignore[misc]  # as above
        def __init__(self) -> None:
            super().__init__()
            self.w = torch.nn.Parameter(torch.rand(3, 3))

        def forward(self, x: Any) -> Any:
            return torch.linalg.inv(x @ self.w + 3 * torch.eye(3))

    with pytest.raises(InputError, match="no rule"):
        assert_gradients(Odd(), torch.rand(3, 3))


class First(Function):  # type: ignore[misc]  # as above
    """A product that hands the wrong gradient to its input alone."""

    @staticmethod
    def forward(ctx: Any, x: Any, w: Any) -> Any:
        ctx.save_for_backward(x, w)
        return x @ w

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        x, w = ctx.saved_tensors
        return g @ w, x.T @ g


class Layer(Module):  # type: ignore[misc]  # as above
    def __init__(self) -> None:
        super().__init__()
        self.w = torch.nn.Parameter(torch.randn(4, 4))

    def forward(self, x: Any) -> Any:
        return First.apply(x, self.w)


class Writes(Module):  # type: ignore[misc]  # as above
    """A layer that writes into what it is given: no input of it can take a gradient."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = torch.nn.Linear(4, 2)

    def forward(self, x: Any) -> Any:
        x.mul_(2)
        return self.fc(x), x


def test_what_is_handed_to_an_input_is_judged_where_it_can_be() -> None:
    x = torch.randn(3, 4)
    with pytest.raises(AssertionError) as caught:
        assert_gradients(Layer(), x)
    said = str(caught.value).splitlines()
    assert said[0].startswith("the gradient ∂x is wrong at matmul (test_asserting.py:")
    assert said[1] == "  formula:  ∂x = ∂matmul @ wᵀ, handed on by FirstBackward"
    assert not x.requires_grad
    assert_gradients(Writes(), x, loss=lambda out: out[0].sum())


def test_an_output_that_is_no_tensor_needs_a_loss_and_errors_of_ours_show_no_way_through_us() -> None:
    with pytest.raises(UsageError, match="the model gives a tuple") as caught:
        assert_gradients(Writes(), torch.randn(3, 4))
    assert caught.value.__traceback__ is not None
    assert caught.value.__traceback__.tb_next is not None
    assert caught.value.__traceback__.tb_next.tb_next is None
