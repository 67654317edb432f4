#!/usr/bin/env bash
# JAX 0.10.2: jnp.ldexp(x, n) is x times 2 to the power n, and its slope at x = 0 is 1.
#
# Guess: ldexp is linear in x: its slope is 2 ** n for every x, 0 among them, as that of x * 2.0 ** n is, and as PyTorch's.
# Fact: it is 2 ** n but at 0 and at infinity, where it is 1: such cells are passed by the computation, and so is their
#       gradient. The values are right. Forward mode says the same.
# Met by: who scales by powers of 2, exactly (block floating point, quantisation, undoing a loss scale), what comes out of
#         a ReLU or a mask: half of the cells are 0, and their gradient is off by the factor.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'jax==0.10.2' 'jaxlib==0.10.2' 'numpy==2.4.6'
"$folder/venv/bin/python" -W ignore - <<'PY'
import jax
import jax.numpy as jnp

assert jax.__version__ == "0.10.2"
x = jnp.array([0.0, 2.0, -0.5, jnp.inf])
shifted = jax.grad(lambda x: jnp.ldexp(x, 3).sum())(x)
times = jax.grad(lambda x: (x * 2.0**3).sum())(x)
forward = jax.jvp(lambda x: jnp.ldexp(x, 3), (x,), (jnp.ones_like(x),))[1]
print("x        ", x)
print("ldexp    ", jnp.ldexp(x, 3), "slopes", shifted, "forward", forward)
print("x * 8    ", x * 8, "slopes", times)
assert (jnp.ldexp(x, 3) == x * 8).all()
assert times.tolist() == [8.0] * 4
assert shifted.tolist() == forward.tolist() == [1.0, 8.0, 8.0, 1.0]
PY
