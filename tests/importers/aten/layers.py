"""Calls of aten's ops for the test of their rules, of what layers and losses are made of: away from kinks and ties."""

from __future__ import annotations

from typing import Any

import torch

from tests.importers.aten.cases import X, i, k, m, p, r

LAYERS: dict[str, list[tuple[Any, ...]]] = {
    "conv3d.default": [(r(1, 2, 3, 4, 4), r(3, 2, 2, 3, 2), r(3))],
    "conv3d.padding": [(r(1, 2, 3, 4, 4), r(3, 2, 2, 3, 2), None, [1, 1, 1], "same")],
    "conv_transpose3d.input": [(r(1, 2, 3, 3, 2), r(2, 3, 2, 2, 2), r(3), [2, 1, 1])],
    "matmul.default": [(r(*X), r(4, 2)), (r(4), r(4, 2)), (r(*X), r(4)), (r(4), r(4)), (r(2, 3, 4), r(4, 2))],
    "mm.default": [(r(*X), r(4, 2))], "bmm.default": [(r(2, 3, 4), r(2, 4, 2))], "mv.default": [(r(*X), r(4))],
    "dot.default": [(r(4), r(4))], "vdot.default": [(r(4), r(4))], "outer.default": [(r(3), r(4))],
    "linear.default": [(r(*X), r(5, 4), r(5)), (r(2, 3, 4), r(5, 4)), (r(4), r(5, 4), r(5))],
    "addmm.default": [(r(2), r(*X), r(4, 2))], "addmv.default": [(r(3), r(*X), r(4))],
    "baddbmm.default": [(r(2, 3, 2), r(2, 3, 4), r(2, 4, 2))],
    "conv1d.default": [(r(2, 2, 6), r(3, 2, 3), r(3), [2], [1])],
    "conv1d.padding": [(r(2, 2, 6), r(3, 2, 4), None, [1], "same")],
    "conv2d.default": [(r(2, 4, 5, 6), r(6, 2, 3, 2), r(6), [2, 1], [1, 0], [1, 2], 2), (r(2, 5, 6), r(3, 2, 3, 3))],
    "conv2d.padding": [(r(1, 2, 5, 6), r(3, 2, 4, 3), None, [1, 1], "same")],
    "conv_transpose1d.default": [(r(2, 3, 4), r(3, 2, 3), r(2), [2], [1], [1])],
    "conv_transpose2d.input": [
        (r(1, 2, 3, 4), r(2, 3, 3, 2), r(3), [2, 1], [1, 0], [1, 0]), (r(1, 2, 3, 3), r(2, 3, 2, 2)),
    ],
    "convolution.default": [
        (r(1, 2, 5, 5), r(3, 2, 3, 3), r(3), [1, 1], [1, 1], [1, 1], False, [0, 0], 1),
        (r(1, 2, 3, 3), r(2, 3, 3, 3), None, [2, 2], [0, 0], [1, 1], True, [0, 0], 1),
    ],
    "scaled_dot_product_attention.default": [
        (r(2, 2, 3, 4), r(2, 2, 5, 4), r(2, 2, 5, 4)), (r(2, 3, 4), r(2, 3, 4), r(2, 3, 4), None, 0.0, True),
        (r(2, 2, 3, 4), r(2, 2, 5, 4), r(2, 2, 5, 4), r(3, 5)),
        (r(1, 4, 3, 4), r(1, 2, 3, 4), r(1, 2, 3, 4), None, 0.0, False, {"enable_gqa": True, "scale": 0.3}),
    ],
    "layer_norm.default": [
        (r(2, 3, 4), [4], r(4), r(4)), (r(2, 3, 4), [3, 4], r(3, 4), r(3, 4)), (r(*X), [4], None, r(4)),
    ],
    "native_layer_norm.default": [(r(2, 3, 4), [4], r(4), r(4), 1e-05)],
    "rms_norm.default": [(r(*X), [4], r(4)), (r(*X), [4])], "_fused_rms_norm.default": [(r(*X), [4], r(4), 1e-06)],
    "group_norm.default": [(r(2, 4, 3), 2, r(4), r(4)), (r(2, 4), 2)],
    "native_group_norm.default": [(r(2, 4, 3), r(4), r(4), 2, 4, 3, 2, 1e-05)],
    "instance_norm.default": [(r(2, 3, 4), r(3), r(3), None, None, True, 0.1, 1e-05, False)],
    "batch_norm.default": [
        (r(5, 3, 4), r(3), r(3), k(r(3)), k(p(3)), True, 0.1, 1e-05, False),
        (r(5, 3), None, r(3), None, None, True, 0.1, 1e-05, False),
        (r(5, 3, 4), r(3), r(3), k(r(3)), k(p(3)), False, 0.1, 1e-05, False),
        (r(5, 3), r(3), None, k(r(3)), k(p(3)), False, 0.1, 1e-05, False),
    ],
    "native_batch_norm.default": [(r(5, 3, 4), r(3), r(3), k(r(3)), k(p(3)), True, 0.1, 1e-05)],
    "_native_batch_norm_legit_functional.default": [(r(5, 3, 4), r(3), r(3), k(r(3)), k(p(3)), True, 0.1, 1e-05)],
    "_native_batch_norm_legit_no_training.default": [(r(5, 3, 4), r(3), r(3), k(r(3)), k(p(3)), 0.1, 1e-05)],
    "softmax.int": [(r(*X), 0)], "_softmax.default": [(r(*X), -1, False)], "_safe_softmax.default": [(r(*X), -1)],
    "log_softmax.int": [(r(*X), 0)], "_log_softmax.default": [(r(*X), -1, False)], "sum.default": [(r(*X),)],
    "sum.dim_IntList": [(r(*X), [0]), (r(*X), [-1], True), (r(*X), [])], "mean.default": [(r(*X),)],
    "mean.dim": [(r(2, 3, 4), [0, -1], True)], "amax.default": [(r(*X), [1])], "amin.default": [(r(*X), [1])],
    "max.default": [(r(*X),)], "min.default": [(r(*X),)], "max.dim": [(r(*X), 1), (r(*X), 0, True)],
    "min.dim": [(r(*X), -1)], "median.dim": [(r(*X), 1)], "logsumexp.default": [(r(*X), [1])],
    "prod.default": [(r(*X),)], "prod.dim_int": [(r(*X), 1)], "argmax.default": [(r(*X), 1)],
    "argmin.default": [(r(*X),)], "cumsum.default": [(r(*X), 1)], "cumprod.default": [(r(*X), 1)],
    "var.correction": [(r(*X), [1], {"correction": 0}), (r(*X), [1])], "std.correction": [(r(*X), [1])],
    "var_mean.correction": [(r(*X), [1], {"correction": 0, "keepdim": True})],
    "linalg_vector_norm.default": [(r(*X), 2, [1]), (r(*X), 1), (r(*X), 3.0, [0], True), (r(*X), float("inf"), [1])],
    "norm.ScalarOpt_dim": [(r(*X), 2, [1])], "norm.Scalar": [(r(*X), 2)], "topk.default": [(r(*X), 2)],
    "sort.default": [(r(*X), 1, True)], "sort.stable": [(r(*X), {"stable": True})], "cummax.default": [(r(*X), 1)],
    "cummin.default": [(r(*X), 1)], "mse_loss.default": [(r(*X), r(*X)), (r(*X), r(*X), 2)],
    "l1_loss.default": [(r(*X), r(*X))],
    "smooth_l1_loss.default": [(r(*X), r(*X)), (r(*X), r(*X), 0, 0.5), (r(*X), r(*X), 1, 0.0)],
    "huber_loss.default": [(r(*X), r(*X), 1, 0.7)],
    "binary_cross_entropy.default": [(p(*X), p(*X)), (p(*X), p(*X), k(p(4)), 2)],
    "binary_cross_entropy_with_logits.default": [
        (r(*X), p(*X)), (r(*X), p(*X), k(p(*X))), (r(*X), k(p(*X)), k(p(4)), k(2 * p(4))),
    ],
    "nll_loss_nd.default": [(r(*X), i(4, 3)), (r(2, 3, 2, 2), i(3, 2, 2, 2), k(p(3)))],
    "nll_loss.default": [(r(*X), i(4, 3), k(p(4)), 2)],
    "nll_loss_forward.default": [
        (r(*X), i(4, 3), None, 1, -100), (r(*X), torch.tensor([1, -100, 2]), None, 1, -100),
    ],
    "nll_loss2d_forward.default": [(r(2, 3, 2, 2), i(3, 2, 2, 2), None, 1, -100)],
    "cross_entropy_loss.default": [
        (r(*X), i(4, 3)), (r(*X), i(4, 3), k(p(4))), (r(*X), torch.tensor([1, -100, 2])),
        (r(*X), i(4, 3), None, 2, -100, 0.1), (r(2, 3, 4), i(3, 2, 4), None, 0), (r(*X), torch.softmax(r(*X), 1)),
        (r(4), torch.tensor(2)), (r(*X), torch.tensor([1, -100, 2]), None, 1, -100, 0.1),
    ],
    "max_pool2d.default": [(r(1, 2, 5, 6), [2, 3], [2, 1], [1, 1]), (r(1, 2, 4, 4), [2])],
    "max_pool2d_with_indices.default": [(r(1, 2, 4, 4), [2, 2])],
    "avg_pool2d.default": [(r(1, 2, 5, 6), [2, 3], [2, 1], [1, 1])],
    "max_pool1d.default": [(r(1, 2, 6), [3], [2], [1])], "avg_pool1d.default": [(r(1, 2, 6), [3], [2], [1])],
    "adaptive_avg_pool2d.default": [(r(1, 2, 5, 6), [1, 1]), (r(1, 2, 4, 6), [2, 3]), (r(1, 2, 5, 7), [3, 3])],
    "_adaptive_avg_pool2d.default": [(r(1, 2, 4, 6), [2, 3])], "adaptive_avg_pool1d.default": [(r(1, 2, 7), [3])],
    "upsample_nearest2d.vec": [(r(1, 2, 2, 3), None, [2.0, 3.0])],
    "upsample_nearest2d.default": [(r(1, 2, 2, 3), [4, 6])], "upsample_nearest1d.vec": [(r(1, 2, 3), [6], None)],
    "upsample_nearest1d.default": [(r(1, 2, 3), [6])],
    "embedding.default": [(r(5, 3), i(5, 2, 2)), (r(5, 3), torch.tensor([1, 0, 1, 4]), 1)],
    "index_select.default": [(r(*X), 1, i(4, 5))], "gather.default": [(r(*X), 1, i(4, 3, 2))],
    "_unsafe_index.Tensor": [(r(*X), [None, i(4, 5)])],
    "index.Tensor": [
        (r(*X), [i(3, 2), i(4, 2)]), (r(2, 3, 4), [None, torch.tensor([-1, 0])]),
        (r(2, 3, 4), [i(2, 3), None, i(4, 3)]), (r(*X), [m(3)]), (r(2, 3, 4), [None, m(3, 4)]),
    ],
    "index_add.default": [(r(*X), 0, torch.tensor([0, 2, 0]), r(3, 4))],
    "scatter_add.default": [(r(*X), 1, i(4, 3, 2), r(3, 2))],
    "scatter.src": [(r(*X), 1, torch.tensor([[0, 1], [3, 2], [1, 0]]), r(3, 2))],
    "_embedding_bag.default": [
        (r(5, 3), i(5, 6), torch.tensor([0, 2, 2]), False, 0), (r(5, 3), i(5, 4), torch.tensor([0, 3]), False, 1),
    ],
    "_embedding_bag_forward_only.default": [(k(r(5, 3)), i(5, 6), torch.tensor([0, 2, 4]))],
}  # fmt: skip
