"""Every combination of settings over 50 steps against torch.optim in float64; and the values stored from it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.engine.optimizer_table import STEPS, TABLE, B, T, W, X, trained
from tests.engine.test_optimizers import STORED, state_by_name

torch = pytest.importorskip("torch", reason="PyTorch is an optional oracle")

CLASSES = {
    "sgd": "SGD", "momentum": "SGD", "adam": "Adam", "adamw": "AdamW", "rmsprop": "RMSprop", "adagrad": "Adagrad",
}  # fmt: skip
KEPT = {
    "velocity": "momentum_buffer", "m": "exp_avg", "v": "exp_avg_sq", "square": "square_avg", "average": "grad_avg",
    "sum": "sum",
}  # fmt: skip


def by_torch(name: str) -> tuple[list[Any], list[dict[str, Any]]]:
    """W and b after all steps, and what the optimizer keeps of them."""
    optimizer, settings = TABLE[name]
    given = dict(settings)
    rates, most, value = given.pop("lr"), given.pop("clip_norm", None), given.pop("clip_value", None)
    if "beta1" in given or "beta2" in given:
        given["betas"] = (given.pop("beta1", 0.9), given.pop("beta2", 0.999))
    w, b = (torch.tensor(a, dtype=torch.float64, requires_grad=True) for a in (W, B))
    x, t = torch.tensor(X), torch.tensor(T)
    made = getattr(torch.optim, CLASSES[optimizer])([w, b], lr=rates if isinstance(rates, float) else rates[0], **given)
    for k in range(STEPS):
        made.param_groups[0]["lr"] = rates if isinstance(rates, float) else rates[k]
        made.zero_grad()
        ((x @ w + b - t) ** 2).mean().backward()
        if most is not None:
            torch.nn.utils.clip_grad_norm_([w, b], most)
        if value is not None:
            torch.nn.utils.clip_grad_value_([w, b], value)
        made.step()
    return [w.detach().numpy(), b.detach().numpy()], [made.state[w], made.state[b]]


@pytest.mark.parametrize("name", TABLE)
def test_fifty_steps(name: str) -> None:
    timeline = trained(name)
    parameters, states = by_torch(name)
    for parameter, wanted, kept in zip(("W", "b"), parameters, states, strict=True):
        np.testing.assert_allclose(timeline.value(parameter), wanted, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(wanted, STORED[name][parameter], rtol=1e-12, atol=1e-12, err_msg="stored")
        for state, found in state_by_name(timeline, parameter).items():
            np.testing.assert_allclose(found, kept[KEPT[state]].numpy(), rtol=1e-12, atol=1e-12, err_msg=state)


def test_defaults_are_those_of_torch_but_for_two() -> None:
    from bpdebug.engine import OPTIMIZERS

    ours = {"sgd": {"lr": 0.01}, "momentum": {"lr": 0.01, "momentum": 0.9}}
    for name, optimizer in OPTIMIZERS.items():
        made = getattr(torch.optim, CLASSES[name])([torch.zeros(1, requires_grad=True)]).defaults
        beta1, beta2 = made.get("betas", (0.9, 0.999))
        theirs = {**made, "beta1": beta1, "beta2": beta2, "clip_norm": 0, "clip_value": 0, **ours.get(name, {})}
        assert optimizer.settings_of({}) == {key: theirs[key] for key in optimizer.settings_of({})}
