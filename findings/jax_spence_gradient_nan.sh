#!/usr/bin/env bash
# JAX 0.10.2: the dilogarithm's gradient is NaN from 1 to 2, and 0 at 1 itself, where its values are right.
#
# Guess: jax.grad of jax.scipy.special.spence is log(x) / (1 - x), as the values' slope is, wherever the values are
#        finite; at x = 1 it is the limit, -1.
# Fact: above 1, up to 2 itself, the gradient is NaN, though the values there agree with SciPy's to the last digits; at 1
#       it is 0. Below 1 and above 2 it is right. The values are put together from branches, and the gradient passes
#       through those that were not taken as well.
# Met by: who trains through it (Fermi integrals, polylogarithms): with one number between 1 and 2 every parameter is NaN
#       after a step, and the loss before it was finite.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'jax==0.10.2' 'numpy==2.4.6' 'scipy==1.17.1'
"$folder/venv/bin/python" - <<'PY'
import jax, numpy as np, scipy
from jax.scipy.special import spence
from scipy.special import spence as reference

jax.config.update("jax_enable_x64", True)
print("jax", jax.__version__, "numpy", np.__version__, "scipy", scipy.__version__)
slope = jax.grad(spence)
for x in (0.3, 0.9, 1.4, 1.5, 1.6, 1.9, 2.0, 2.1, 3.0):
    found, right = float(slope(x)), np.log(x) / (1 - x)
    assert np.isclose(float(spence(x)), reference(x), rtol=1e-13), x
    print(f"spence({x}) is SciPy's; its slope {right:.6f}, jax.grad {found:.6f}")
    assert np.isnan(found) if 1 < x <= 2 else np.isclose(found, right, rtol=1e-12), (x, found, right)
print("at 1 the slope is -1, jax.grad", float(slope(1.0)))
assert float(slope(1.0)) == 0.0
PY
