"""Casts against PyTorch's, bit for bit: ties, subnormal numbers, what overflows, and the gradient that is cast back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bpdebug.errors import InputError
from bpdebug.ops import OPS
from bpdebug.symbolic import NUMPY
from tests.graphs import SINGLE, assert_same, make, step

RNG = np.random.default_rng(0)
NUMBERS = np.concatenate([
    RNG.normal(size=200) * 10.0 ** RNG.integers(-50, 40, 200),
    RNG.normal(size=500), 1 + np.arange(-64, 64) / 512, 1 + np.arange(-64, 64) / 4096, 2.0 ** np.arange(-150, 128),
    [0.0, -0.0, np.inf, -np.inf, np.nan, 65504.0, 65519.0, 65520.0, 3.39e38, 3.4e38, 1e300],
])  # fmt: skip


@pytest.mark.parametrize("of", ["float64", "float32"])
@pytest.mark.parametrize("to", ["float64", "float32", "float16", "bfloat16"])
def test_a_cast_and_its_gradient_are_pytorchs(of: str, to: str) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is an optional oracle")
    kept = torch.float64 if to == "float64" else torch.float32
    with np.errstate(all="ignore"):
        x = NUMBERS.astype(of)
        g = RNG.permutation(NUMBERS).astype("float64" if to == "float64" else "float32")
        y = OPS["cast"].forward(NUMPY, x, dtype=to)
        (back,) = OPS["cast"].vjp(NUMPY, g, y, x, dtype=to)
    theirs = torch.tensor(x, requires_grad=True)
    wanted = theirs.to(getattr(torch, to)).to(kept)
    wanted.backward(torch.tensor(g))
    assert_same(np.nan_to_num(y, nan=7.0), np.nan_to_num(wanted.detach().numpy(), nan=7.0))
    assert_same(np.nan_to_num(back, nan=7.0), np.nan_to_num(theirs.grad.numpy(), nan=7.0))


def graph(*steps: Any) -> Any:
    return make({"x": np.ones((2, 2)), "w": np.ones((2, 2))}, *steps, into={"Y": "ones"})


def test_two_precisions_meet_only_where_it_is_written() -> None:
    cast = step("h", "cast", "x", dtype="float32")
    with pytest.raises(InputError) as caught:
        graph(cast, step("Y", "matmul", "h", "w"))
    assert (caught.value.code, caught.value.hint) == ("E_DTYPE", 'write which is meant: cast(x, "float32")')
    made = graph(cast, step("v", "cast", "w", dtype="float32"), step("Y", "matmul", "h", "v"))
    assert [made.dtypes[made.index[name]] for name in ("x", "h", "Y")] == [np.dtype(float), SINGLE, SINGLE]
    assert made.plans[0].formula(0, ["x"], "h") == 'cast(∂h, "float64")'
    graph(cast, step("far", "less", "h", "w"), step("Y", "neg", "h"))
