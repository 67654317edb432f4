"""Every op of single cells at the ends of the number line against PyTorch, in both precisions, values and slopes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from bpdebug.ops import OPS
from bpdebug.symbolic.prims import NUMPY

torch = pytest.importorskip("torch", reason="PyTorch is an optional oracle")
F = torch.nn.functional
Word = Callable[..., Any]

EDGES = [
    0.0,
    -0.0,
    np.nan,
    np.inf,
    -np.inf,
    1.0,
    -1.0,
    0.5,
    -0.5,
    3.0,
    -3.0,
    6.0,
    20.0,
    -20.0,
    100.0,
    -100.0,
    800.0,
    -800.0,
]
"""And the smallest, the smallest normal and the largest number of the dtype, of either sign."""

UNARY: dict[str, Word] = {
    **{name: getattr(torch, name) for name in ("neg", "exp", "log", "sqrt", "square", "abs", "sin", "cos")},
    **{name: getattr(F, name) for name in ("relu", "leaky_relu", "elu", "gelu", "silu", "softplus", "sigmoid", "tanh")},
    **{
        name: getattr(torch, name) for name in ("expm1", "log1p", "log2", "log10", "tan", "sinh", "cosh", "erf", "erfc")
    },
    **{name: getattr(torch, name) for name in ("rsqrt", "reciprocal", "sign", "floor", "round")},
    **{name: getattr(F, name) for name in ("mish", "softsign", "celu", "selu", "hardtanh", "relu6", "hardsigmoid")},
    **{name: getattr(F, name) for name in ("hardswish", "hardshrink", "softshrink")},
    "threshold": lambda x: F.threshold(x, 0.5, 2.0),
    "clip": lambda x: torch.clip(x, -1, 1),
}
BINARY: dict[str, Word] = {
    **{name: getattr(torch, name) for name in ("add", "sub", "mul", "div", "maximum", "minimum", "pow")},
    **{name: getattr(torch, name) for name in ("atan2", "hypot", "logaddexp", "xlogy")},
    "mod": torch.remainder,
    "mse": lambda y, t: F.mse_loss(y, t, reduction="none"),
    "bce_with_logits": lambda z, t: F.binary_cross_entropy_with_logits(z, t, reduction="none"),
}
ATTRS: dict[str, dict[str, Any]] = {
    "clip": {"min": -1.0, "max": 1.0}, "threshold": {"threshold": 0.5, "value": 2.0}, "mse": {"reduction": "none"},
    "bce_with_logits": {"reduction": "none"},
}  # fmt: skip

OTHERWISE: dict[tuple[str, str], Callable[..., Any]] = {
    # Conventions, in README's table.
    ("clip", "a"): lambda x: np.isnan(x),
    # A NaN is neither inside nor outside: PyTorch's vectors let the gradient through, its single numbers do not, and
    # its hardsigmoid never does; where the slope is computed from the cell, ours is NaN.
    **dict.fromkeys(
        (
            (name, "a")
            for name in ("hardtanh", "relu6", "hardsigmoid", "hardswish", "hardshrink", "softshrink", "celu", "selu")
        ),
        lambda x: np.isnan(x),
    ),
    ("softsign", "a"): lambda x: np.isinf(x),
    # PyTorch takes sgn(NaN) for 0; its vectors of float32 have slope 1 for elu at NaN, single numbers NaN.
    ("abs", "a"): lambda x: np.isnan(x),
    ("elu", "a"): lambda x: np.isnan(x),
    ("hypot", "a"): lambda a, b: (a == 0) & (b == 0),
    ("hypot", "b"): lambda a, b: (a == 0) & (b == 0),
    ("xlogy", "b"): lambda a, b: a == 0,
    # Both are infinite at -0.0; PyTorch's is the cube of -inf.
    ("rsqrt", "a"): lambda x: x == 0,
    # In vectors (not in single numbers) PyTorch has NaN where the quotient overflows; its slope divides anew.
    ("mod", "value"): lambda a, b: ~np.isfinite(a / b),
    ("mod", "b"): lambda a, b: ~np.isfinite(a / b) | np.isinf(b),
    # PyTorch takes the sign of NaN for 0; NumPy does not.
    ("sign", "value"): lambda x: np.isnan(x),
    # PyTorch adds 1 to what is -1 but for its last digits.
    ("expm1", "a"): lambda x: x <= -20,
    # PyTorch adds squares, which overflow and vanish.
    **dict.fromkeys((("atan2", "a"), ("atan2", "b")), lambda a, b: ~np.isfinite(1 / (a * a + b * b))),
    # PyTorch subtracts from 1 what is near 1, and has 0 or few digits left: tests/ops/test_precision.py has the digits.
    ("sigmoid", "a"): lambda x: x >= 20,
    ("gelu", "value"): lambda x: (x <= -3) | (x == np.inf) | (x > 1e38),  # float32: NaN, inf
    ("gelu", "a"): lambda x: x <= -3,
    # Its logarithm of a sigmoid cancels where z is far below 0; at -inf it is inf - inf.
    ("bce_with_logits", "value"): lambda z, t: z <= -20,
}
"""Where we answer otherwise, for the value or the slope of an operand.

What PyTorch's float32 answers there may hang on where the cell lies: whole vectors go another way than the rest.
"""


def edges(dtype: Any) -> Any:
    info = np.finfo(dtype)
    ends = [info.smallest_subnormal, info.tiny, info.max]
    return np.array([*EDGES, *ends, *(-end for end in ends)], dtype)


def points(name: str, dtype: Any) -> list[Any]:
    """Every edge, or every pair of edges; targets are shares, and a base that has a logarithm is not negative."""
    cells = edges(dtype)
    if name in UNARY:
        return [cells]
    first = cells[(cells >= 0) | np.isnan(cells)] if name == "pow" else cells
    second = np.array([0, 1, 0.5, 0.25], dtype) if name == "bce_with_logits" else cells
    return [x.ravel().copy() for x in np.meshgrid(first, second)]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", [*UNARY, *BINARY])
@np.errstate(all="ignore")
def test_the_answers_are_pytorchs(name: str, dtype: Any) -> None:
    """As zero, NaN, infinite or to some digits: the last ones are another test's."""
    op, xs = OPS[name], points(name, dtype)
    attrs = {**{key: attr.default for key, attr in op.attrs.items()}, **ATTRS.get(name, {})}
    y = op.forward(NUMPY, *xs, **attrs)
    slopes = op.vjp(NUMPY, np.ones_like(y), y, *xs, **attrs)
    leaves = [torch.tensor(x, requires_grad=True) for x in xs]
    value = {**UNARY, **BINARY}[name](*leaves)
    theirs = torch.autograd.grad(value, leaves, torch.ones_like(value), allow_unused=True)
    for what, mine, tensor in zip(("value", "a", "b"), (y, *slopes), (value, *theirs), strict=False):
        wanted = tensor.detach().numpy()
        near = np.isclose(mine, wanted, rtol=1e-4, atol=0, equal_nan=True) | (abs(mine - wanted) < np.finfo(dtype).tiny)
        otherwise = OTHERWISE.get((name, what))
        known = otherwise(*xs) if otherwise else np.zeros(mine.shape, bool)
        assert mine.dtype == dtype
        assert list(zip(*(x[~(near | known)].tolist() for x in xs), strict=True)) == [], what


def test_every_op_of_single_cells_is_compared() -> None:
    single = {
        op.name
        for op in OPS.values()
        if op.forward.__module__.endswith((".elementwise", ".functions", ".hard", ".activations"))
    }
    assert single <= {*UNARY, *BINARY}
