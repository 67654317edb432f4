#!/usr/bin/env bash
# jax 0.10.2 (jaxlib 0.10.2, CPU), NumPy 2.4.6: attention of float64 is computed in float32.
# Guess: with jax_enable_x64, jax.nn.dot_product_attention of float64 queries, keys and values gives a float64 result
#   that is right to about 1e-16, as every other function of jax.nn does.
# Seen: the result's dtype is float64, and its numbers are those of single precision: against the same three lines
#   written with einsum and jax.nn.softmax the output is off by 6e-8, and its gradient by 2e-7; the scores are cast to
#   float32 before the softmax. jax.nn.softmax itself is right to the last bits.
#   Met by: a gradient check in float64. jax.test_util.check_grads, whose finite differences are set for double
#   precision, calls a right gradient wrong by a percent; a reference in double precision is none.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv v
v/bin/pip install -q "jax==0.10.2" "jaxlib==0.10.2" "numpy==2.4.6"
JAX_PLATFORMS=cpu v/bin/python - <<'PYTHON'
import jax
import jax.numpy as jnp
import numpy as np
from jax.test_util import check_grads

jax.config.update("jax_enable_x64", True)
print("jax", jax.__version__, "numpy", np.__version__)
q, k, v = jnp.asarray(np.random.default_rng(0).normal(size=(3, 1, 5, 2, 4)))


def fused(q):
    return jax.nn.dot_product_attention(q, k, v)


def by_hand(q):
    scores = jnp.einsum("bqhd,bkhd->bhqk", q, k) / 2  # the square root of the 4 cells of a head
    return jnp.einsum("bhqk,bkhd->bqhd", jax.nn.softmax(scores), v)


def checked(function):
    try:
        check_grads(function, (q,), order=1)
    except AssertionError:
        return False
    return True


assert fused(q).dtype == by_hand(q).dtype == jnp.float64
value = float(jnp.abs(fused(q) - by_hand(q)).max())
ours, theirs = (jax.grad(lambda q, f=f: f(q).sum())(q) for f in (by_hand, fused))
gradient = float(jnp.abs(ours - theirs).max() / jnp.abs(ours).max())
print("difference of values", value, "of gradients", gradient)
assert value > 1e-9 and gradient > 1e-9
print("check_grads: by hand", checked(by_hand), "dot_product_attention", checked(fused))
assert checked(by_hand) and not checked(fused)
PYTHON
