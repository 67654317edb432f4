#!/usr/bin/env bash
# PyTorch 2.13.0, JAX 0.10.2: fmod's value says that the divisor fits 9 times, and its gradient that it fits 10 times.
#
# Guess: fmod(a, b) = a - n b with a whole n, and the slope for b is -n with the same n: value and slope belong together,
#        in torch.remainder as in torch.fmod, which differ in signs alone.
# Fact: in 1.0 and 0.1, as floats are, 0.1 fits 9 times and 0.09999999999999995 is left, which both libraries give. The
#       slope is -10 by torch.fmod and by jax.lax.rem, jnp.fmod, jnp.mod and jnp.remainder, since they divide anew, and
#       1.0 / 0.1 is rounded to 10; by torch.remainder it is -9. a - 10 b would be 0, not 0.1. Of the pairs of k m / 10
#       and m / 10 (k below 200, m below 60) more than a quarter is like this in float32.
# Met by: who learns a period (b) and wraps angles or times by it: steps of 0.1 in a period of 1 are such pairs.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'torch==2.13.0' 'jax==0.10.2' 'jaxlib==0.10.2' 'numpy==2.4.6'
"$folder/venv/bin/python" -W ignore - <<'PY'
import jax
import jax.numpy as jnp
import numpy as np
import torch

assert torch.__version__.startswith("2.13.0")
assert jax.__version__ == "0.10.2"
jax.config.update("jax_enable_x64", True)


def of_torch(function, a, b):
    b = torch.tensor(b, dtype=torch.float64, requires_grad=True)
    value = function(torch.tensor(a, dtype=torch.float64), b)
    value.backward()
    return value.item(), b.grad.item()


def of_jax(function, a, b):
    value, slope = jax.value_and_grad(function, 1)(a, b)
    return float(value), float(slope)


left = float(np.fmod(1.0, 0.1))
assert abs(left - 0.1) < 1e-15
found = {
    "torch.remainder": of_torch(torch.remainder, 1.0, 0.1), "torch.fmod": of_torch(torch.fmod, 1.0, 0.1),
    **{f"jax {f.__name__}": of_jax(f, 1.0, 0.1) for f in (jax.lax.rem, jnp.fmod, jnp.mod, jnp.remainder)},
}
for name, (value, slope) in found.items():
    print(f"{name:16} value {value}, slope {slope}")
    assert value == left
    assert slope == (-9.0 if name == "torch.remainder" else -10.0)

k, m = np.meshgrid(np.arange(1, 200), np.arange(1, 60))
a, b = (k * m / 10).astype(np.float32), (m / 10).astype(np.float32)
whole = np.round((a.astype(float) - np.fmod(a, b)) / b.astype(float))
divisors = torch.tensor(b, requires_grad=True)
torch.fmod(torch.tensor(a), divisors).sum().backward()
other = -divisors.grad.numpy() != whole
print(f"{other.mean():.1%} of the pairs")
assert 0.2 < other.mean() < 0.35
PY
