"""Calls of aten's ops for the test of their rules, cell by cell and of shapes: away from kinks and ties."""

from __future__ import annotations

from typing import Any

import torch

FIXED: set[int] = set()
OF_SINGLE, SINGLE = ("hardsigmoid.default", "celu.default"), 2.0**-23
"""PyTorch's derivatives of these hold a constant of single precision, also where everything else is double."""
RNG = torch.Generator().manual_seed(7)


def r(*shape: int) -> Any:
    """Normal numbers of a shape, the same ones in every run."""
    return torch.randn(shape, generator=RNG, dtype=torch.float64)


def p(*shape: int) -> Any:
    """Numbers between 0.1 and 0.9."""
    return 0.1 + 0.8 * torch.rand(shape, generator=RNG, dtype=torch.float64)


def i(size: int, *shape: int) -> Any:
    return torch.randint(size, shape, generator=RNG)


def m(*shape: int) -> Any:
    return torch.rand(shape, generator=RNG) < 0.5


def k(tensor: Any) -> Any:
    """A tensor of which torch is asked no gradient."""
    FIXED.add(id(tensor))
    return tensor


F64, INF = torch.float64, float("inf")


def t(*cells: float) -> Any:
    return torch.tensor(cells, dtype=F64)


X = (3, 4)
OURS = (
    "relu", "tanh", "sigmoid", "silu", "exp", "neg", "abs", "sin", "cos", "tan", "sinh", "cosh", "erf", "erfc", "expm1",
    "sign", "floor", "round", "mish", "selu", "relu6", "hardswish", "hardsigmoid", "square",
)  # fmt: skip
SAME = (
    "sgn", "detach", "log_sigmoid", "log_sigmoid_forward", "alias", "clone", "contiguous", "lift_fresh_copy",
    "lift_fresh", "positive",
)  # fmt: skip
CELLS: dict[str, list[tuple[Any, ...]]] = {
    **{
        f"{name}.default": [(r(*X),)]
        for name in (*OURS, *SAME)
    },
    **{f"{name}.default": [(p(*X),)] for name in ("log", "sqrt", "log1p", "log2", "rsqrt", "reciprocal")},
    **{f"{name}.default": [(p(*X),)] for name in ("acos", "asin", "atanh")}, "acosh.default": [(1 + p(*X),)],
    **{f"{name}.default": [(r(*X),), (t(1e200, -1e200, 0.0),)] for name in ("asinh", "atan")},
    "sinc.default": [(r(*X),), (t(0.0, -0.0, 0.5, -1.25, 3.0),)],
    "elu.default": [(r(*X), 0.7)], "softplus.default": [(r(*X), 2.0, 1.0), (r(*X),)], "gelu.default": [(r(*X),)],
    "celu.default": [(r(*X), 0.7)], "leaky_relu.default": [(r(*X), 0.2)], "hardtanh.default": [(r(*X), -0.5, 0.3)],
    "hardshrink.default": [(r(*X), 0.3)], "softshrink.default": [(r(*X), 0.3)],
    "threshold.default": [(r(*X), 0.1, 2.0)], "glu.default": [(r(3, 4), 1), (r(4, 3), 0)],
    "prelu.default": [(r(2, 3, 4), p(3)), (r(2, 3), p(1))], "_prelu_kernel.default": [(r(2, 3, 4), p(1, 3, 1))],
    **{f"{name}.Tensor": [(r(*X), r(4)), (r(3, 1), r(1, 4))] for name in ("add", "sub", "mul", "div")},
    **{f"{name}.Scalar": [(r(*X), 3)] for name in ("add", "sub", "mul", "div")},
    **{f"{name}.Tensor": [(r(*X), r(4))] for name in ("gt", "ge", "lt", "le", "eq", "ne")},
    **{f"{name}.Scalar": [(r(*X), 0.5)] for name in ("gt", "ge", "lt", "le", "eq", "ne")},
    "add.Tensor": [(r(*X), r(4)), (r(*X), i(5, 4)), (r(*X), torch.tensor(2)), (r(*X), k(torch.tensor(2.5)))],
    **{f"{name}.default": [(r(*X), r(4))] for name in ("maximum", "minimum", "atan2", "hypot", "logaddexp")},
    "remainder.Tensor": [(r(*X), p(4))], "remainder.Scalar": [(r(*X), 0.3)], "xlogy.Tensor": [(r(*X), p(4))],
    "fmod.Tensor": [(3 * r(*X), r(4)), (t(1.0, -7.0), k(t(0.1, -2.0)))], "fmod.Scalar": [(3 * r(*X), 0.3)],
    "rsub.Scalar": [(r(*X), 2), (r(*X), 2, 3)], "rsub.Tensor": [(r(*X), r(4))],
    "pow.Tensor_Scalar": [(p(*X), 2), (r(*X), 3), (p(*X), -0.5)], "pow.Tensor_Tensor": [(p(*X), r(4))],
    "pow.Scalar": [(2.0, r(*X))], "addcmul.default": [(r(*X), r(4), r(3, 1))],
    "addcdiv.default": [(r(*X), r(4), p(3, 1))], "clamp.default": [(r(*X), -0.5, 0.5), (r(*X), None, 0.5)],
    "clip.default": [(r(*X), -0.5)], "clamp_min.default": [(r(*X), -0.5)], "clamp_max.default": [(r(*X), 0.5)],
    "_to_copy.default": [(r(*X),)], "to.dtype": [(r(*X), F64)], "type_as.default": [(r(*X), r(2))],
    "copy.default": [(k(r(*X)), k(r(4))), (k(r(*X)), k(r(*X)))], "where.self": [(m(*X), r(4), r(*X))],
    "where.ScalarOther": [(m(*X), r(4), 2.0)], "where.ScalarSelf": [(m(*X), 2.0, r(4))],
    "masked_fill.Scalar": [(r(*X), m(*X), -1.0)], "masked_fill.Tensor": [(r(*X), m(4), torch.tensor(2.0, dtype=F64))],
    "native_dropout.default": [(r(*X), 0.5, True), (r(*X), 0.5, False)], "view.default": [(r(*X), [2, 6])],
    "_unsafe_view.default": [(r(*X), [12])], "reshape.default": [(r(*X), [-1, 2])],
    "flatten.using_ints": [(r(2, 3, 4), 1)], "unflatten.int": [(r(*X), 1, [2, 2])], "squeeze.dim": [(r(3, 1), 1)],
    "squeeze.dims": [(r(3, 1, 1), [1, 2])], "squeeze.default": [(r(3, 1),)], "view_as.default": [(r(*X), r(12))],
    "_reshape_alias.default": [(r(*X), [2, 6], [6, 1])], "expand.default": [(r(3, 1), [2, 3, 4])],
    "expand_as.default": [(r(3, 1), r(2, 3, 4))], "broadcast_to.default": [(r(3, 1), [2, 3, 4])],
    "permute.default": [(r(2, 3, 4), [2, 0, 1]), (r(2, 3, 4), [0, 2, 1]), (r(2, 3), [1, 0]), (r(2, 3), [0, 1])],
    "transpose.int": [(r(2, 3, 4), 0, 1), (r(2, 3, 4), -1, 1)], "t.default": [(r(*X),), (r(3),)],
    "numpy_T.default": [(r(*X),)], "mT.default": [(r(2, 3, 4),)], "movedim.int": [(r(2, 3, 4), 0, 2)],
    "movedim.intlist": [(r(2, 3, 4), [0, 1], [2, 0])], "unsqueeze.default": [(r(*X), 1), (r(*X), -1)],
    "select.int": [(r(*X), 1, -1)], "slice.Tensor": [(r(*X), 1, 1, 3), (r(*X), 1, -2, 99), (r(*X), 0, 0, 3, 2)],
    "narrow.default": [(r(*X), 1, 1, 2)], "split.Tensor": [(r(*X), 3, 1)], "unsafe_split.Tensor": [(r(*X), 3, 1)],
    "split_with_sizes.default": [(r(*X), [1, 3], 1)], "split.sizes": [(r(*X), [1, 3], 1)],
    "unsafe_split_with_sizes.default": [(r(*X), [1, 3], 1)], "chunk.default": [(r(*X), 2, 1)],
    "unsafe_chunk.default": [(r(*X), 3, -1)], "unbind.int": [(r(*X), 1)], "cat.default": [([r(*X), r(2, 4)], 0)],
    "concat.default": [([r(*X), r(3, 1)], -1)], "stack.default": [([r(*X), r(*X)], -1)],
    "flip.default": [(r(*X), [1])], "roll.default": [(r(*X), [1, -1], [0, 1]), (r(*X), [2])],
    "repeat.default": [(r(*X), [2, 1, 3])], "tile.default": [(r(*X), [2])],
    "repeat_interleave.self_int": [(r(*X), 2), (r(*X), 3, 1)],
    "slice_scatter.default": [(r(*X), r(3, 2), 1, 1, 3), (r(*X), r(1, 4), 0, -1)],
    "select_scatter.default": [(r(*X), r(3), 1, -1), (r(*X), r(4), 0, 1)],
    "diagonal.default": [(r(2, 3, 4), 1, 0, 2)], "tril.default": [(r(*X), -1)], "triu.default": [(r(2, 3, 3),)],
    "trace.default": [(r(3, 4),)], "_pad_circular.default": [(r(1, 2, 4), [1, 2])],
    **{f"reflection_pad{d}d.default": [(r(1, 2, *(4,) * d), [1, 2] * d)] for d in (1, 2, 3)},
    **{f"replication_pad{d}d.default": [(r(1, 2, *(3,) * d), [1, 2] * d)] for d in (1, 2, 3)},
    "clamp.Tensor": [(r(*X), k(-p(4)), k(p(*X))), (r(*X), r(4)), (r(*X), None, r(3, 1)),
        (t(0, 1, 3), t(0, 1, 1), t(2, 1, 3))],
    "exp2.default": [(r(*X),)], "log10.default": [(p(*X),), (t(1000.0),)], "ceil.default": [(r(*X),)],
    "trunc.default": [(3 * r(*X),)], "fix.default": [(3 * r(*X),)],
    "div.Tensor_mode": [(r(*X), p(4), {"rounding_mode": mode}) for mode in (None, "floor", "trunc")]
    + [(t(1.0, -1.0, 1.0, -3.0), t(0.1, 0.3, 0.0, -0.0), {"rounding_mode": mode}) for mode in ("floor", "trunc")],
    "div.Scalar_mode": [(r(*X), 0.3, {"rounding_mode": "floor"}), (t(1.0, -1.0, 7.0), 0.1, {"rounding_mode": "floor"}),
        (t(1.0, -1.0), 0.0, {"rounding_mode": "floor"})],
    "constant_pad_nd.default": [(r(*X), [1, 2]), (r(*X), [1, -1, 0, 2], 2.0)],
    "pad.default": [
        (r(*X), [1, 2, 0, 1]), (r(*X), [1, 0], "constant", 3.0),
        (r(1, 2, 4), [1, 2], "reflect"), (r(1, 2, 4, 3), [1, 2, 1, 0], "replicate"), (r(1, 2, 4), [1, 2], "circular"),
    ],
}  # fmt: skip
