#!/usr/bin/env bash
# JAX 0.10.2, float16: a divisor above 255 has gradient 0, and one below 1/256 an infinite one.
#
# Guess: the slope of x / y for y is -x / y², which is -1 / y where x = y: float16 holds it from y = 2e-5 to 6e4, and the
#        gradient is that number, as the quotient itself is right.
# Fact: JAX takes y to the power -2 before anything else, which float16 holds from 1/256 to 255 only: for x = y = 300 the
#       slope is 0 and not -0.00333, for x = y = 0.003 it is -inf and not -333, jitted or not. PyTorch divides twice and is
#       right in both. The gradient of v / |v| is NaN for v = (0.003, 0.001). In float32 and bfloat16 the same begins at
#       1e19 and 1e-19; there jnp.hypot(1e20, 1e20), which divides, has the slope 1.06 (0.7071).
# Met by: who trains in float16 and divides by what is computed: by the number of cells under a mask, by a norm. The loss
#         is right, and above 255 tokens what counts them learns nothing.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'torch==2.13.0' 'jax==0.10.2' 'jaxlib==0.10.2' 'numpy==2.4.6'
"$folder/venv/bin/python" -W ignore - <<'PY'
import math

import jax
import jax.numpy as jnp
import torch

assert torch.__version__.startswith("2.13.0")
assert jax.__version__ == "0.10.2"


def of_jax(s):
    slope = jax.grad(lambda y: jnp.float16(s) / y)
    assert slope(jnp.float16(s)) == jax.jit(slope)(jnp.float16(s))
    return float(slope(jnp.float16(s)))


def of_torch(s):
    y = torch.tensor(s, dtype=torch.float16, requires_grad=True)
    (torch.tensor(s, dtype=torch.float16) / y).backward()
    return y.grad.item()


for s, theirs in ((0.003, -math.inf), (0.1, None), (10.0, None), (300.0, 0.0), (5000.0, 0.0)):
    print(f"x = y = {s}: slope {-1 / s:.5g}, PyTorch {of_torch(s):.5g}, JAX {of_jax(s):.5g}")
    assert abs(of_torch(s) * s + 1) < 2e-3
    assert abs(of_jax(s) * s + 1) < 2e-3 if theirs is None else of_jax(s) == theirs

unit = jax.grad(lambda v: (v / jnp.sqrt((v * v).sum()))[0])(jnp.array([0.003, 0.001], jnp.float16))
v = torch.tensor([0.003, 0.001], dtype=torch.float16, requires_grad=True)
(v / (v * v).sum().sqrt())[0].backward()
print("v / |v|: JAX", unit, "PyTorch", v.grad.tolist())
assert jnp.isnan(unit).all()
assert torch.isfinite(v.grad).all()
assert 1.05 < jax.grad(jnp.hypot)(jnp.float32(1e20), jnp.float32(1e20)) < 1.07
PY
