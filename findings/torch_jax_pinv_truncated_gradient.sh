#!/usr/bin/env bash
# PyTorch 2.13.0, JAX 0.10.2: the gradient of a pseudo-inverse that leaves small singular values out is another one's.
#
# Guess: linalg.pinv(A, rtol=0.5) drops the singular values below half of the largest; as long as none of them crosses
#        that line it is a smooth function of A, and its gradient is that of the values it gives.
# Fact: the values are NumPy's in both. Both gradients agree with each other to the last digits, and not with finite
#       differences: they follow the rule for a pseudo-inverse of which nothing was dropped. Written out by the svd, with
#       the same singular values left out, the gradient is right; so is pinv's where rtol drops nothing.
# Met by: who regularises least squares by a cut of the singular values and trains through it: values and loss are right,
#       and only a check of the gradients shows it.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'torch==2.13.0' 'jax==0.10.2' 'numpy==2.4.6'
"$folder/venv/bin/python" - <<'PY'
import jax, jax.numpy as jnp, numpy as np, torch

jax.config.update("jax_enable_x64", True)
print("torch", torch.__version__.split("+")[0], "jax", jax.__version__, "numpy", np.__version__)
A = np.diag([2.0, 1.5, 0.4])[:, [1, 2, 0]] + 0.1 * np.arange(9.0).reshape(3, 3)
W = np.cos(np.arange(9.0)).reshape(3, 3)
s = np.linalg.svd(A)[1]
kept, near = s / s[0] > 0.5, np.abs(s / s[0] - 0.5).min()
print("singular values", s.round(3), "kept", kept)
assert 0 < kept.sum() < 3 and near > 0.01


def differences(rtol, h=1e-6):
    found = np.empty_like(A)
    for i in np.ndindex(A.shape):
        step = np.zeros_like(A)
        step[i] = h
        up, down = (np.linalg.pinv(A + sign * step, rcond=rtol) for sign in (1, -1))
        found[i] = ((up - down) * W).sum() / (2 * h)
    return found


def by_torch(rtol):
    x = torch.tensor(A, requires_grad=True)
    value = torch.linalg.pinv(x, rtol=rtol)
    (value * torch.tensor(W)).sum().backward()
    assert np.allclose(value.detach().numpy(), np.linalg.pinv(A, rcond=rtol), rtol=1e-12)
    return x.grad.numpy()


def by_jax(rtol):
    assert np.allclose(jnp.linalg.pinv(A, rtol=rtol), np.linalg.pinv(A, rcond=rtol), rtol=1e-12)
    return np.asarray(jax.grad(lambda x: (jnp.linalg.pinv(x, rtol=rtol) * W).sum())(jnp.asarray(A)))


def by_svd():
    x = torch.tensor(A, requires_grad=True)
    u, values, v = torch.linalg.svd(x)
    k = int(kept.sum())
    ((v[:k].mT / values[:k] @ u[:, :k].mT) * torch.tensor(W)).sum().backward()
    return x.grad.numpy()


def off(found, right):
    return np.abs(found - right).max() / np.abs(right).max()


whole, cut = differences(1e-12), differences(0.5)
print(f"nothing dropped: torch off by {off(by_torch(1e-12), whole):.0e}, jax by {off(by_jax(1e-12), whole):.0e}")
print(f"rtol 0.5: torch off by {off(by_torch(0.5), cut):.2f} of the largest cell, jax by {off(by_jax(0.5), cut):.2f},")
print(f"    from each other by {off(by_torch(0.5), by_jax(0.5)):.0e}; by the svd {off(by_svd(), cut):.0e}")
assert off(by_torch(1e-12), whole) < 1e-6 and off(by_jax(1e-12), whole) < 1e-6 and off(by_svd(), cut) < 1e-6
assert off(by_torch(0.5), cut) > 0.05 and off(by_jax(0.5), cut) > 0.05 and off(by_torch(0.5), by_jax(0.5)) < 1e-9
PY
