"""Calls of ONNX's ops for the test of their rules: operands, and attributes. Away from kinks and ties."""

from __future__ import annotations

from typing import Any

import numpy as np

RNG = np.random.default_rng(7)
Case = tuple[tuple[Any, ...], dict[str, Any]]


def r(*shape: int) -> Any:
    """Normal numbers."""
    return RNG.standard_normal(shape)


def p(*shape: int) -> Any:
    """Numbers between 0.1 and 0.9."""
    return 0.1 + 0.8 * RNG.random(shape)


def i(*values: Any) -> Any:
    """Integers."""
    return np.array(values if len(values) != 1 or not isinstance(values[0], list) else values[0], np.int64)


def f32(*values: float) -> Any:
    """float32, as scales are."""
    return np.array(values, np.float32)


def m(*shape: int) -> Any:
    return RNG.random(shape) < 0.5


X = (3, 4)
WHERE = "coordinate_transformation_mode"


def c(*args: Any, **attrs: Any) -> Case:
    """A call; `outputs` and `opset` are the test's own."""
    return args, attrs


IMAGE = (2, 4, 7, 6)
CELLWISE = (
    "Relu", "Tanh", "Sigmoid", "Exp", "Neg", "Abs", "Sin", "Cos", "Tan", "Sinh", "Cosh", "Erf", "Sign", "Floor",
    "Round", "Mish", "Softsign", "Softplus", "HardSwish", "Identity", "Ceil", "Atan",
)  # fmt: skip
CASES: dict[str, list[Case]] = {
    **{name: [c(r(*X))] for name in CELLWISE},
    **{name: [c(p(*X))] for name in ["Log", "Sqrt", "Reciprocal", "Asin", "Acos", "Atanh"]},
    "Acosh": [c(1 + p(*X))],
    **{name: [c(r(*X), r(4)), c(r(3, 1), r(1, 4)), c(r(*X), r())] for name in ["Add", "Sub", "Mul"]},
    "Div": [c(r(*X), p(4)), c(p(3, 1), p(1, 4))],
    **{name: [c(r(*X), r(4))] for name in ["Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"]},
    "Not": [c(m(*X))], "And": [c(m(*X), m(4))], "Or": [c(m(*X), m(4))], "Xor": [c(m(*X), m(4))], "IsNaN": [c(r(*X))],
    **{name: [c(r(*X), r(4), r(3, 1)), c(r(*X))] for name in ["Max", "Min", "Sum", "Mean"]},
    "Pow": [c(r(*X), i(3)[0]), c(r(*X), i(2)[0]), c(p(*X), r(4)), c(p(*X), i(1, 2, 3, 4))],
    "Mod": [c(r(*X), p(4), fmod=1)],
    "Clip": [c(r(*X), np.array(-0.5), np.array(0.5)), c(r(*X), None, np.array(0.5)), c(r(*X))],
    "Elu": [c(r(*X), alpha=0.7), c(r(*X))], "Celu": [c(np.float32(r(*X)), alpha=0.7)],
    "LeakyRelu": [c(r(*X), alpha=0.2), c(r(*X))], "Selu": [c(r(*X)), c(r(*X), alpha=1.5, gamma=2.0)],
    "PRelu": [c(r(2, 3, 4), p(3, 1)), c(r(*X), p(1)), c(r(*X), p(4)), c(r(2, 3, 4), p(2, 1, 1))],
    "HardSigmoid": [c(r(*X)), c(r(*X), alpha=0.3, beta=0.4)], "ThresholdedRelu": [c(r(*X)), c(r(*X), alpha=0.2)],
    "Shrink": [c(r(*X)), c(r(*X), lambd=0.3, bias=0.3)], "Gelu": [c(r(*X)), c(r(*X), approximate="tanh")],
    "Where": [c(m(*X), r(4), r(*X))], "Cast": [c(r(*X), to=1), c(r(*X), to=11), c(r(*X), to=7), c(r(*X), to=9)],
    "CastLike": [c(r(*X), np.zeros(1, np.float32)),
                 c(r(*X), np.zeros(1))], "Dropout": [c(r(*X)),
                 c(r(*X), np.array(0.3))],
    "Shape": [c(r(2, 3, 4)), c(r(2, 3, 4), start=1), c(r(2, 3, 4), end=-1)], "Size": [c(r(*X))],
    "Reshape": [c(r(2, 3, 4), i(0, -1)), c(r(*X), i(2, 6)), c(r(0, 3), i(0, 5), allowzero=1)],
    "Flatten": [c(r(2, 3, 4)), c(r(2, 3, 4), axis=2), c(r(2, 3, 4), axis=0), c(r(2, 3, 4), axis=-1)],
    "Squeeze": [c(r(3, 1, 2, 1), i(1)), c(r(3, 1, 2, 1)), c(r(3, 1, 2, 1), i(-1, 1))],
    "Unsqueeze": [c(r(*X), i(1)), c(r(*X), i(0, -1)), c(r(*X), i(-1))],
    "Transpose": [c(r(2, 3, 4)), c(r(2, 3, 4), perm=[0, 2, 1]), c(r(*X), perm=[0, 1])],
    "Expand": [c(r(3, 1), i(2, 1, 4)), c(r(*X), i(1))], "Tile": [c(r(*X), i(2, 1))],
    "Concat": [c(r(*X), r(2, 4), axis=0), c(r(*X), r(3, 1), axis=-1)],
    "Split": [c(r(5, 2), i(2, 3), outputs=2),
              c(r(2, 5), axis=1, num_outputs=3, outputs=3),
              c(r(4, 2), num_outputs=2, outputs=2)],
    "Slice": [c(r(5, 6), i(1, 0), i(4, 99), i(0, 1), i(1, 2)),
              c(r(5, 6), i(-2), i(-99), i(1), i(-2)),
              c(r(5, 6), i(0), i(2)),
              c(r(5, 6), i(3), i(1), i(0)), c(r(5, 6), i(-1), i(-(2**62)), i(0), i(-1))],
    "Pad": [c(r(*X), i(1, 0, 0, 2)), c(r(*X), i(1, 0, 0, 2), np.array(3.0)), c(r(*X), i(1, 2, 2, 1), mode="reflect"),
            c(r(*X), i(1, 2, 0, 1), mode="edge"), c(r(*X), i(1, 2), None, i(1)),
            c(r(*X), i(1, 2, 1, 0), mode="wrap")],
    "DepthToSpace": [c(r(2, 8, 2, 3), blocksize=2), c(r(2, 8, 2, 3), blocksize=2, mode="CRD")],
    "SpaceToDepth": [c(r(2, 3, 4, 6), blocksize=2)],
    "ReverseSequence": [c(r(4, 3, 2), i(1, 4, 2)), c(r(3, 4), i(1, 4, 2), batch_axis=0, time_axis=1)],
    "Trilu": [c(r(3, 4)), c(r(2, 3, 4), i(1)[0], upper=0), c(r(3, 4), i(-1)[0])],
    "Constant": [c(value_float=1.5), c(value_ints=[1, 2])],
    **{f"Reduce{name}": [c(p(2, 3, 4)), c(p(2, 3, 4), i(1)), c(p(2, 3, 4), i(0, -1), keepdims=0)] for name in
       ["Sum", "Mean", "Max", "Min", "Prod", "L1", "L2", "LogSum", "LogSumExp", "SumSquare"]},
    "LpNormalization": [c(r(*X)), c(p(*X), axis=0, p=1)],
    "CumSum": [c(r(*X), i(1)[0]), c(r(*X), i(0)[0], exclusive=1), c(r(*X), i(-1)[0], reverse=1, exclusive=1)],
    "ArgMax": [c(r(*X)), c(r(*X), axis=1, keepdims=0)], "ArgMin": [c(r(*X), axis=-1)],
    "TopK": [c(r(*X), i(2), outputs=2), c(r(*X), i(2), axis=0, largest=0, outputs=2)],
    "MatMul": [c(r(3, 4), r(4, 2)), c(r(4), r(4, 2)), c(r(3, 4), r(4)), c(r(4), r(4)), c(r(2, 1, 3, 4), r(5, 4, 2)),
               c(r(2, 3, 4), r(4))],
    "Gemm": [c(r(3, 4), r(4, 2)),
             c(r(4, 3), r(2, 4), r(2), transA=1, transB=1),
             c(r(3, 4), r(4, 2), r(3, 1), alpha=0.5, beta=2.0)],
    "Einsum": [c(r(2, 3, 4), r(2, 4, 5), equation="bij, bjk -> bik"), c(r(3, 3), equation="ij->ji")],
    "Conv": [c(r(*IMAGE), r(3, 4, 3, 2)), c(r(*IMAGE), r(6, 2, 3, 3), r(6), group=2, pads=[1, 0, 1, 2], strides=[2, 1]),
             c(r(2, 3, 9), r(4, 3, 3), dilations=[2], auto_pad="SAME_UPPER"), c(r(1, 2, 4, 5, 4), r(3, 2, 2, 2, 2)),
             c(r(*IMAGE), r(3, 4, 3, 3), auto_pad="SAME_LOWER", strides=[2, 2])],
    "ConvTranspose": [c(r(2, 4, 3, 4), r(4, 3, 3, 2)),
                      c(r(2, 4, 3, 4), r(4, 3, 3, 3), r(3), strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 0]),
                      c(r(2, 4, 3), r(4, 2, 3), strides=[2], pads=[0, 1]),
                      c(r(1, 2, 3, 3), r(2, 2, 3, 3), strides=[2, 2], auto_pad="SAME_UPPER")],
    "MaxPool": [c(r(*IMAGE), kernel_shape=[2, 2], strides=[2, 2]), c(r(*IMAGE), kernel_shape=[3, 2], pads=[1, 0, 0, 1]),
                c(r(2, 3, 9), kernel_shape=[3], dilations=[2]),
                c(r(*IMAGE), kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1),
                c(r(*IMAGE), kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_UPPER")],
    "AveragePool": [c(r(*IMAGE), kernel_shape=[2, 2], strides=[2, 2]),
                    c(r(*IMAGE), kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
                    c(r(*IMAGE), kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1),
                    c(r(*IMAGE), kernel_shape=[3, 2], pads=[0, 1, 2, 0]),
                    c(r(*IMAGE), kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_LOWER")],
    "GlobalAveragePool": [c(r(*IMAGE))], "GlobalMaxPool": [c(r(*IMAGE))],
    "LpPool": [c(r(*IMAGE), kernel_shape=[2, 3]), c(r(*IMAGE), kernel_shape=[2, 2], p=3, strides=[2, 2])],
    "Resize": [
        c(r(1, 2, 3, 4), None, np.array([1, 1, 2, 1.5], np.float32)),
        c(r(1, 2, 3, 4), None, None, i(1, 2, 5, 7), mode="linear"),
        c(r(1, 2, 5, 4), None, None, i(1, 2, 3, 2), mode="linear", coordinate_transformation_mode="align_corners"),
        c(r(1, 2, 4, 4), None, None, i(1, 2, 7, 6), mode="cubic"),
        c(r(1, 2, 4, 4), None, f32(1, 1, 0.8, 0.8), mode="cubic", exclude_outside=1, cubic_coeff_a=-0.5),
        c(r(1, 1, 3, 3), None, f32(2, 3), **{WHERE: "asymmetric"}, nearest_mode="floor", axes=[2, 3]),
        c(r(1, 1, 4, 5), None, None, i(1, 1, 3, 1), mode="linear", coordinate_transformation_mode="pytorch_half_pixel"),
        c(r(1, 1, 4, 5), None, None, i(1, 1, 3, 7), nearest_mode="ceil", **{WHERE: "half_pixel_symmetric"}),
    ],
    "Softmax": [c(r(*X)), c(r(2, 3, 4), axis=1)], "LogSoftmax": [c(r(*X)), c(r(2, 3, 4), axis=0)],
    "BatchNormalization": [c(r(2, 3, 4), r(3), r(3), r(3), p(3)), c(r(*IMAGE), r(4), r(4), r(4), p(4), epsilon=1e-3)],
    "InstanceNormalization": [c(r(2, 3, 4), r(3), r(3))],
    "GroupNormalization": [c(r(2, 4, 3), r(4), r(4), num_groups=2), c(r(2, 4, 3), r(2), r(2), num_groups=2, opset=18)],
    "LayerNormalization": [c(r(*X), r(4), r(4)), c(r(2, 3, 4), r(3, 4), axis=1), c(r(2, 3, 4), r(4), r(3, 4), axis=-2)],
    "RMSNormalization": [c(r(*X), r(4), opset=23), c(r(2, 3, 4), r(3, 4), axis=1, opset=23)],
    "LRN": [c(r(5, 5, 3, 2), size=3), c(r(5, 5, 3, 2), size=4, alpha=0.5, beta=0.6, bias=2.0)],
    "SoftmaxCrossEntropyLoss": [c(r(3, 4), i(0, 3, 1)),
                                c(r(2, 3, 4), i([[0, 1, 2, 0], [2, 2, 1, 0]]), p(3), reduction="sum"),
                                c(r(3, 4), i(0, -1, 1), ignore_index=-1, outputs=2)],
    "NegativeLogLikelihoodLoss": [c(r(3, 4), i(0, 3, 1)),
                                  c(r(2, 3, 4), i([[0, 1, 2, 0], [2, 2, 1, 0]]), p(3), reduction="none")],
    "MeanVarianceNormalization": [c(np.float32(r(2, 3, 2, 2))), c(np.float32(r(2, 3)), axes=[0])],
    "Gather": [c(r(5, 3), i(2, 0, 2)),
               c(r(5, 3), i([[0, 2], [1, 1]]), axis=1),
               c(r(5, 3), i(-1)[0]),
               c(r(5, 3), i(-1, 1), axis=0)],
    "GatherElements": [c(r(3, 4), i([[0, 2, 2, 1]])), c(r(3, 4), i([[0, 3], [1, 1], [-1, 2]]), axis=1)],
    "GatherND": [c(r(3, 4, 2), i([[0, 1], [2, -1]])), c(r(2, 3, 4), i([[1], [0]]), batch_dims=1)],
    "ScatterND": [c(r(4, 3), i([[1], [3]]), r(2, 3)), c(r(4, 3), i([[1, 2], [-1, 0], [1, 2]]), r(3), reduction="add")],
    "ScatterElements": [c(r(3, 4), i([[0, 3], [1, 2], [3, -4]]), r(3, 2), axis=1),
                        c(r(3, 2), i([[0, 1], [0, 1]]), r(2, 2), reduction="add")],
    "Attention": [c(r(2, 3, 4, 5), r(2, 3, 6, 5), r(2, 3, 6, 5), opset=23),
                  c(r(2, 4, 6), r(2, 4, 6), r(2, 4, 6), q_num_heads=3, kv_num_heads=3, is_causal=1, opset=23),
                  c(r(1, 4, 3, 5), r(1, 2, 3, 5), r(1, 2, 3, 5), r(3, 3), scale=0.5, opset=23),
                  c(r(1, 2, 3, 4), r(1, 2, 3, 4), r(1, 2, 3, 4), softcap=2.0, opset=23)],
    "RNN": [
        c(r(3, 2, 4), r(1, 5, 4), r(1, 5, 5), hidden_size=5, outputs=2),
        c(r(3, 2, 4), r(2, 5, 4), r(2, 5, 5), r(2, 10), None, r(2, 2, 5), hidden_size=5, direction="bidirectional",
          activations=["Tanh", "Tanh"], outputs=2),
    ],
    "GRU": [
        c(r(3, 2, 4), r(1, 15, 4), r(1, 15, 5), r(1, 30), hidden_size=5, outputs=2),
        c(r(3, 2, 4), r(1, 15, 4), r(1, 15, 5), r(1, 30), None, r(1, 2, 5), hidden_size=5, linear_before_reset=1,
          outputs=2),
    ],
    "LSTM": [
        c(r(3, 2, 4), r(1, 20, 4), r(1, 20, 5), hidden_size=5, outputs=3),
        c(r(3, 2, 4), r(1, 20, 4), r(1, 20, 5), r(1, 40), None, r(1, 2, 5), r(1, 2, 5), hidden_size=5, outputs=3),
    ],
    "Asinh": [c(r(*X))],
}  # fmt: skip
"""Op -> calls."""
