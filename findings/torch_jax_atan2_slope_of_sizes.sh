#!/usr/bin/env bash
# PyTorch 2.13.0 and JAX 0.10.2: an angle's gradient is 0 or infinite for small vectors, and 0 for large ones.
#
# Guess: atan2(y, x) depends on the direction alone, so that its slope for y is x / (x² + y²) = 1 / (2 s) at x = y = s,
#        which float32 holds for every s from 1e-37 to 1e37; the values are right there, and the gradient is as well.
# Fact: both square first. In float32 PyTorch's slope is infinite at s = 1e-22 and 0 at 1e-25 (it is 5e24), and 0 at 1e20;
#       JAX's is infinite at both small ones, and 0 at the large one. In float64 it is the same from 1e-162 down and from
#       1e154 up. torch.hypot(x, y), which needs the same care, has the right slope in all of these.
# Met by: who takes phases of Fourier coefficients, or directions of gradients that have nearly vanished, and finds either
#         no gradient at all or an infinite one, where x / s and y / s would have given it.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'torch==2.13.0' 'jax==0.10.2' 'jaxlib==0.10.2' 'numpy==2.4.6'
"$folder/venv/bin/python" -W ignore - <<'PY'
import jax
import jax.numpy as jnp
import torch

assert torch.__version__.startswith("2.13.0")
assert jax.__version__ == "0.10.2"
inf = float("inf")


def of_torch(function, s):
    y, x = (torch.tensor(s, requires_grad=True) for _ in "yx")
    value = function(y, x)
    value.backward()
    return value.item(), y.grad.item() * s


def of_jax(function, s):
    value, slope = jax.value_and_grad(function)(jnp.float32(s), jnp.float32(s))
    return float(value), float(slope) * s


for s, torchs, jaxs in ((1e-25, 0, inf), (1e-22, inf, inf), (1.0, 0.5, 0.5), (1e20, 0, 0)):
    found = of_torch(torch.atan2, s), of_jax(jnp.arctan2, s)
    print(f"s = {s}: value, and slope times s, which is 1/2: PyTorch {found[0]}, JAX {found[1]}")
    assert all(abs(value - 0.7853982) < 1e-6 for value, _ in found)
    assert [slope for _, slope in found] == [torchs, jaxs]
    assert abs(of_torch(torch.hypot, s)[1] / s - 0.5**0.5) < 1e-5
PY
