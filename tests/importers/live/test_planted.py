"""Wrong custom Functions are named, and nothing else; of right models nothing is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import bpdebug

torch = pytest.importorskip("torch", reason="PyTorch is an optional oracle")

from tests.importers.live.functions import WRONG  # noqa: E402
from tests.importers.live.nets import NETS, loss_of, plain  # noqa: E402  # where torch is there


@pytest.fixture(params=["float64", "float32"])
def precision(request: pytest.FixtureRequest) -> Iterator[str]:
    torch.set_default_dtype(getattr(torch, request.param))
    yield request.param
    torch.set_default_dtype(torch.float32)


def watched(net: str, stage: Any) -> Any:
    torch.manual_seed(0)
    model, x = NETS[net](stage)
    with bpdebug.watch(model) as w:
        loss_of(model, x).backward()
    return w


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_function_is_named_and_nothing_else(net: str, name: str) -> None:
    torch.set_default_dtype(torch.float64)
    try:
        rows = watched(net, WRONG[name]).differences()
    finally:
        torch.set_default_dtype(torch.float32)
    wanted = "SavedOverwritten" if name == "saved tensor overwritten" else name.title().replace(" ", "")
    assert {row.function for row in rows} == {f"{wanted}Backward"}
    assert {row.line for row in rows} <= {f"functions.py:{n}" for n in range(1, 200)}


@pytest.mark.parametrize("net", NETS)
def test_of_a_right_model_nothing_is_named(net: str, precision: str) -> None:
    w = watched(net, plain)
    assert w.differences() == []
    assert all(a.precision == precision for a in w.scenario.recording.applications)
    assert sum(len(a.operands) for a in w.scenario.recording.applications) > 15
