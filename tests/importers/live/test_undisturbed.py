"""Watching changes no bit of a training, and leaves nothing behind."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest

import bpdebug

torch = pytest.importorskip("torch", reason="PyTorch is an optional oracle")

from torch.nn.modules import module as hooks_of_all  # noqa: E402

from tests.importers.live.nets import NETS, loss_of, plain  # noqa: E402  # where torch is there

STEPS = 5


def trained(net: str, watch: bool) -> list[Any]:
    """Losses, the parameters and the generator's state after each of some steps."""
    torch.manual_seed(0)
    model, x = NETS[net](plain)
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    found = []
    for _ in range(STEPS):
        with bpdebug.watch(model) if watch else nullcontext() as w:
            loss = loss_of(model, x)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 0.1)
            optimizer.step()
        found.append((loss.item(), [p.detach().clone() for p in model.parameters()], torch.get_rng_state()))
        if w is not None:
            assert w.differences() == []
    return found


@pytest.mark.parametrize("net", NETS)
def test_a_training_is_the_same_in_every_bit(net: str) -> None:
    for (a, p, r), (b, q, s) in zip(trained(net, True), trained(net, False), strict=True):
        assert a == b
        assert all(torch.equal(x, y) for x, y in zip(p, q, strict=True))
        assert torch.equal(r, s)


def everything(model: Any) -> list[Any]:
    """What may be hooked or patched."""
    hooks = [
        getattr(m, name)
        for m in (*model.modules(), hooks_of_all)
        for name in vars(m)
        if name.endswith(("_hooks", "_hooks_always_called"))
    ]
    tensors = [(p._backward_hooks, p._post_accumulate_grad_hooks) for p in model.parameters()]
    functions = torch.autograd.backward, torch.autograd.Function.__dict__["apply"], torch.Tensor.backward
    return [
        [len(h) if h is not None else 0 for h in hooks],
        tensors,
        functions,
        torch._C._len_torch_dispatch_stack(),
    ]


@pytest.mark.parametrize("fails", [False, True])
def test_nothing_is_left_behind(fails: bool) -> None:
    model, x = NETS["mlp"](plain)
    before = everything(model)
    try:
        with bpdebug.watch(model):
            loss = loss_of(model, x)
            if fails:
                raise ZeroDivisionError
            loss.backward()
    except ZeroDivisionError:
        assert fails
    assert everything(model) == before


Function: Any = torch.autograd.Function


class Fails(Function):  # type: ignore[misc]  # torch's types are not looked at
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return x * 2

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        raise ZeroDivisionError


def test_nor_where_a_backward_pass_fails() -> None:
    model, x = NETS["mlp"](lambda x, w: Fails.apply(x) @ w)
    before = everything(model)
    with pytest.raises(ZeroDivisionError), bpdebug.watch(model) as w:
        loss_of(model, x).backward()
    assert everything(model) == before
    with pytest.raises(bpdebug.BpdebugError, match="no backward pass"):
        w.differences()


def test_importing_the_face_loads_no_torch() -> None:
    import subprocess
    import sys

    code = "import sys, bpdebug; bpdebug.watch; print('torch' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout.strip() == "False"
