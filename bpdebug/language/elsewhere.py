"""What other libraries call things, and what to write here."""

from __future__ import annotations

from collections.abc import Iterable

from bpdebug.errors import suggest
from bpdebug.graph.backward import GRAD

WRITTEN = {
    "a @ b": "mm bmm batch_dot",
    "a @ expand_dims(v, axis=1)": "mv matvec",
    "x @ W + c": "linear dense affine addmm baddbmm xw_plus_b",
    "dot(v, w)": "vdot inner vecdot",
    "outer(v, w)": "ger",
    "x.T": "t swapaxes swapdims matrix_transpose adjoint",
    "permute(x, (1, 0))": "moveaxis movedim permute_dims rollaxis",
    "diagonal(s)": "diag diag_part",
    # shapes
    "reshape(x, (4, 3))": "view view_as reshape_as resize unflatten rearrange",
    "flatten(x)": "ravel",
    "expand_dims(x, axis=0)": "unsqueeze expanddim atleast_3d",
    "expand_dims(v, axis=0)": "atleast_2d",
    "broadcast_to(x, (2, 3, 4))": "expand expand_as broadcast broadcast_in_dim broadcast_arrays",
    "repeat(x, 2, axis=1)": "repeat_interleave",
    "concat(x, y, axis=0)": "cat concatenate vstack row_stack append",
    "concat(x, y, axis=1)": "hstack",
    "stack(x, y, axis=2)": "dstack",
    "stack(v, w, axis=1)": "column_stack",
    "split(x, 2, axis=1)": "chunk array_split tensor_split hsplit",
    "split(s, 2, axis=0)": "vsplit",
    "x[0]": "unstack select get getitem",
    "x[1:3]": "narrow dynamic_slice slice_in_dim strided_slice",
    "flip(x, 1)": "fliplr reverse",
    "pad(x, ((1, 1), (0, 0)))": "zero_pad constant_pad constant_pad_nd",
    "gather(x, ids, axis=0)": "take index_select index gather_nd",
    "embedding(table, ids)": "embedding_lookup lookup",
    "scatter_add(u, ids, 3)": "index_add segment_sum",
    "masked_fill(x, mask, 0.5)": "fill_where",
    "cast(x, 'float64')": "astype float double",
    "where(mask, x, 0)": "masked_select cond select_n",
    "causal_mask(s)": "look_ahead_mask generate_square_subsequent_mask",
    "stop_gradient(x)": "detach stop_grad no_grad lax_stop_gradient",
    "grad(sum(x ** 2), x)": "gradient gradients autograd backward value_and_grad vjp",
    "x": "identity clone copy contiguous",
    "x * 0": "zeros_like",
    "x * 0 + 1": "ones_like",
    # cell by cell
    "x + y": "plus add_n",
    "x - y": "subtract minus",
    "x * y": "multiply times hadamard mult",
    "x / y": "divide true_divide truediv",
    "p ** y": "power float_power",
    "-x": "negative",
    "abs(x)": "absolute fabs",
    "p ** (1 / 3)": "cbrt",
    "x ** 2": "sqr",
    "exp(x * 0.6931471805599453)": "exp2",
    "log(q / (1 - q))": "logit",
    "sign(x)": "sgn signum",
    "reciprocal(p)": "inverse_of",
    "mod(x, p)": "remainder floormod",
    "atan2(x, y)": "arctan2",
    "where(x > 0, 1.0, 0 * x)": "heaviside step step_function",
    "x + 0.25 * (y - x)": "lerp",
    "x + 0.5 * y * z": "addcmul",
    "x + 0.5 * y / p": "addcdiv",
    "(x - y) ** 2": "squared_difference",
    "x == y": "eq",
    "x != y": "ne",
    "x < y": "lt",
    "x <= y": "le",
    "x > y": "gt",
    "x >= y": "ge",
    "x != x": "isnan",
    "where(x == x, x, 0)": "nan_to_num",
    "maximum(x, y)": "fmax",
    "minimum(x, y)": "fmin",
    "clip(x, 0, 1)": "clamp clip_by_value hard_clip",
    "maximum(x, 0)": "clamp_min",
    "minimum(x, 0)": "clamp_max",
    # activations
    "hardswish(x)": "hard_silu",
    "x - tanh(x)": "tanhshrink",
    "-softplus(-x)": "logsigmoid",
    "silu(x)": "swish",
    "sigmoid(x)": "expit logistic",
    "softmax(-x)": "softmin",
    "softmax(where(mask, x, -inf))": "masked_softmax",
    "scaled_dot_product_attention(x, y, z)": "dot_product_attention attention flash_attention",
    # over axes
    "sum(x, axis=0)": "reduce_sum add_reduce",
    "mean(x, axis=0)": "reduce_mean average avg",
    "max(x, axis=0)": "reduce_max amax",
    "min(x, axis=0)": "reduce_min amin",
    "logsumexp(x, axis=0)": "reduce_logsumexp lse",
    "var(x, axis=0)": "variance reduce_variance",
    "std(x, axis=0)": "reduce_std stddev",
    "max(x) - min(x)": "ptp",
    "sum(where(x == x, x, 0))": "nansum",
    "prod(x)": "reduce_prod product",
    "cumsum(x, 0)": "cumulative_sum",
    "cumprod(x, 0)": "cumulative_prod",
    "x[1:] - x[:-1]": "diff",
    "norm(x)": "vector_norm frobenius_norm global_norm l2_norm",
    "x / sqrt(sum(x ** 2, axis=-1, keepdims=True))": "normalize l2_normalize normalise",
    "sum(x * y, axis=-1) / sqrt(sum(x ** 2, axis=-1) * sum(y ** 2, axis=-1))": "cosine_similarity",
    "sqrt(sum((x - y) ** 2, axis=-1))": "pairwise_distance",
    "layer_norm(x, gamma, beta)": "layer_normalization",
    "batch_norm(x, gamma, beta)": "batch_norm1d batch_norm2d batch_normalization",
    "group_norm(img, groups=1)": "group_normalization",
    "instance_norm(img)": "instance_norm2d instance_normalization",
    # losses
    "cross_entropy(x, classes)": "cross_entropy_loss softmax_cross_entropy softmax_cross_entropy_with_logits "
    "sparse_softmax_cross_entropy_with_logits categorical_crossentropy",
    "nll(log_softmax(x), classes)": "nll_loss",
    "bce(q, q)": "binary_cross_entropy bce_loss",
    "bce_with_logits(x, q)": "binary_cross_entropy_with_logits bce_with_logits_loss sigmoid_cross_entropy_with_logits "
    "sigmoid_binary_cross_entropy",
    "mse(x, y)": "mse_loss mean_squared_error squared_error l2_loss",
    "l1(x, y)": "l1_loss mae mean_absolute_error",
    "smooth_l1(x, y)": "smooth_l1_loss",
    "huber(x, y)": "huber_loss",
    "mean(relu(1 - x * y))": "hinge hinge_loss",
    "kl_div(log_softmax(x), q)": "kl_div_loss kl_divergence",
    "hinge_embedding(x, y)": "hinge_embedding_loss",
    "cosine_embedding(x, y, r)": "cosine_embedding_loss",
    "multi_margin(x, classes)": "multi_margin_loss",
    "triplet_margin(x, y, z)": "triplet_margin_loss",
    # windows
    "conv2d(img, kernels)": "conv convolve2d conv_general_dilated correlate2d",
    "conv1d(line, filters)": "convolve correlate",
    "conv_transpose2d(img, up)": "conv2d_transpose deconv deconvolution conv_transpose",
    "max_pool2d(img, 2)": "max_pool max_pooling2d",
    "max_pool1d(line, 2)": "max_pooling1d",
    "avg_pool2d(img, 2)": "avg_pool average_pool average_pooling2d",
    "avg_pool1d(line, 2)": "average_pooling1d",
    "adaptive_avg_pool2d(img, 1)": "adaptive_average_pooling2d",
    "mean(img, axis=(2, 3))": "global_average_pooling2d global_avg_pool",
    "max(img, axis=(2, 3))": "global_max_pooling2d",
    "interpolate(img, scale=2)": "upsample upsample_nearest upsampling2d resize_images",
    "interpolate(img, 4, mode='bilinear')": "upsample_bilinear resize_bilinear",
    "interpolate(img, 4, mode='bicubic')": "upsample_bicubic resize_bicubic",
    "0.9 * u + 0.1 * mean(x, axis=0)": "running_mean moving_average_batch_norm update_running_stats",
    "im2col(img, 2)": "unfold extract_patches extract_image_patches",
}
"""What to write, with names of one's own in the place of these, and the words for it elsewhere."""

ABSENT = (
    "inv inverse det solve svd eig eigh qr cholesky lstsq pinv unique nonzero "
    "ceil trunc fft rfft arctan atan arcsin asin arccos acos median quantile "
    "lstm gru rnn arctanh atanh arcsinh asinh arccosh acosh fmod floor_divide mode kron "
    "cross rot90 scatter put linspace isinf isfinite nanmean logcumsumexp gumbel_softmax dropout1d dropout2d dropout3d "
    "alpha_dropout sequential index_fill embedding_bag"
)
"""What has no op and no expression of a line, and would be taken for a slip in the name of another op."""


def _plain(name: str) -> str:
    """A name without case and underscores: CrossEntropyLoss is cross_entropy_loss."""
    return name.lower().replace("_", "")


INSTEAD = {_plain(word): written for written, words in WRITTEN.items() for word in words.split()}
INSTEAD |= dict.fromkeys(map(_plain, ABSENT.split()), "")


def op_hint(name: str, known: Iterable[str]) -> str:
    """What to do about a call of `name`, which is no op: what it is called here, or the nearest of `known`."""
    plain = _plain(name[:60])
    known = list(known)
    if name == GRAD:
        return "a program has it: G = grad(y, x); here dX is the gradient of X"
    if same := next((k for k in known if _plain(k) == plain), ""):
        return f"did you mean {same}?"
    written = INSTEAD.get(plain)
    if written is None:
        return suggest(name, known, "bpdebug ops lists the ops")
    return f"write {written}" if written else "there is nothing like it; bpdebug ops lists the ops"
