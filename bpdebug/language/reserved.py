"""Names that a def may not have."""

RESERVED = frozenset((
    "relu", "leaky_relu", "elu", "gelu", "silu", "softplus", "sigmoid", "tanh", "conv1d", "conv2d", "max_pool2d",
    "avg_pool2d", "im2col", "add", "sub", "mul", "div", "pow", "neg", "exp", "log", "sqrt", "square", "abs", "sin",
    "cos", "maximum", "minimum", "clip", "gather", "embedding", "take_along_axis", "one_hot", "concat", "stack",
    "split", "matmul", "transpose", "permute", "cross_entropy", "nll", "bce", "bce_with_logits", "mse", "less",
    "less_equal", "greater", "greater_equal", "equal", "not_equal", "where", "dropout", "stop_gradient",
    "causal_mask", "layer_norm", "rms_norm", "batch_norm", "sum", "mean", "max", "min", "var", "logsumexp",
    "softmax", "log_softmax", "reshape", "flatten", "squeeze", "expand_dims", "broadcast_to", "slice", "pad",
))  # fmt: skip
"""The ops that there were from the beginning. Those that came later take no name from a file that is older: a def that
has it hides them."""
