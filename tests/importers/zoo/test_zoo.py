"""Six small ones of the zoo in every run; the whole by hand: python -m tests.importers.zoo."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="PyTorch is an optional oracle")

from tests.importers.zoo.judge import judged  # noqa: E402  # where torch is there
from tests.importers.zoo.small import SMALL  # noqa: E402


@pytest.fixture(autouse=True)
def _double() -> Any:
    """Models and numbers of double precision, the same ones in every run."""
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize("name", ["mlp", "lenet", "lstm cell", "dlrm", "gnn", "vae"])
def test_a_model_of_the_zoo_is_what_torch_computes(name: str) -> None:
    found = judged(SMALL[name]())
    assert found.wrong == []
    assert found.tensors > 20
