#!/usr/bin/env bash
# jax 0.10.2 (jaxlib 0.10.2, CPU), NumPy 2.4.6: the largest number of an array with NaN is NaN below 4,096 cells only.
# Guess: jnp.max and jnp.min of an array that has a NaN are NaN, as numpy.max and numpy.min are, whose documentation
#   they repeat ("NaN values are propagated" there; for other wishes there are jnp.nanmax and jnp.fmax).
# Seen: of 4,095 cells they are NaN, of 4,096 and more they are the largest and smallest of the other numbers, in
#   float32 and float64, over all axes or one, jitted or not; where the NaN is the last of 4,096 cells the largest is -inf,
#   which is none of them, and the smallest inf. jnp.linalg.norm(x, ord=jnp.inf), which takes the largest
#   size, is finite too. jnp.sum, jnp.argmax, jnp.maximum of two arrays and lax.cummax have the NaN.
#   Met by: a check whether weights or gradients are finite by their largest size (clipping by the largest gradient,
#   a loss scale, a guard in a training loop): it holds in a test on a small layer, and lets NaN pass in a real one.
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

jax.config.update("jax_enable_x64", True)
print("jax", jax.__version__, "numpy", np.__version__)


def seen(cells, dtype):
    x = np.ones(cells, dtype)
    x[7] = np.nan
    assert np.isnan(x.max()) and np.isnan(x.min())
    x = jnp.asarray(x)
    both = jnp.max(x), jnp.min(x), jax.jit(jnp.max)(x), jnp.linalg.norm(x, ord=jnp.inf)
    others = jnp.sum(x), jnp.maximum(x, 0)[7], jax.lax.cummax(x)[-1]
    assert all(bool(jnp.isnan(found)) for found in others) and int(jnp.argmax(x)) == 7
    return {bool(jnp.isnan(found)) for found in both}


for dtype in (np.float32, np.float64):
    for cells in (64, 4095, 4096, 100_000):
        found = seen(cells, dtype)
        print(np.dtype(dtype), f"{cells:,} cells: NaN" if found == {True} else f"{cells:,} cells: NaN is lost")
        assert found == {cells < 4096}
last = np.ones(4096)
last[-1] = np.nan
print("the NaN last of 4,096 ones: largest", jnp.max(jnp.asarray(last)), "smallest", jnp.min(jnp.asarray(last)))
assert jnp.max(jnp.asarray(last)) == -np.inf and jnp.min(jnp.asarray(last)) == np.inf
x = np.ones((64, 64))
x[3, 4] = np.nan
assert not bool(jnp.isnan(jnp.max(jnp.asarray(x), axis=1)).any()) and np.isnan(x.max(axis=1)).any()
PYTHON
