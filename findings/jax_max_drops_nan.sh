#!/usr/bin/env bash
# JAX 0.10.2 (jaxlib 0.10.2, CPU): jnp.max of 4,096 numbers or more drops a NaN, and can be -inf; of fewer it is NaN.
#
# Guess: jnp.max hands a NaN on, as NumPy's does and as its own documentation of nanmax implies, for any size, compiled
#        or not.
# Fact: up to 4,095 cells it does. From 4,096 on the NaN is lost, wherever it stands: the answer is the largest of the
#       other cells, and where a NaN stands last among 4,096 ones it is -inf, which is no cell at all; jnp.min gives inf. The
#       same in float32 and float64, along an axis, and within jit. jnp.argmax finds the NaN in all of them, and jnp.sum
#       keeps it.
# Met by: who asks jnp.max(jnp.abs(gradient)) whether a training went wrong: large layers look sound; and who clips by the
#       largest cell.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'jax==0.10.2' 'jaxlib==0.10.2' 'numpy==2.4.6'
JAX_PLATFORMS=cpu "$folder/venv/bin/python" - <<'PY'
import jax, jax.numpy as jnp, numpy as np

jax.config.update("jax_enable_x64", True)
print("jax", jax.__version__, "numpy", np.__version__)
for dtype in ("float32", "float64"):
    for count in (100, 4095, 4096, 100_000):
        said = set()
        for place in (0, count // 2, count - 1):
            x = np.ones(count, dtype)
            x[place] = np.nan
            assert np.isnan(x.max()) and np.isnan(jnp.sum(x)) and int(jnp.argmax(x)) == place
            found = [float(f(x)) for f in (jnp.max, jax.jit(jnp.max), jnp.min)]
            found.append(float(jnp.max(x[:, None], axis=0)[0]))
            assert all(map(np.isnan, found)) if count < 4096 else not any(map(np.isnan, found)), (count, place, found)
            said |= {str(value) for value in found}
        print(f"{dtype}, {count} cells, one NaN among ones: jnp.max and jnp.min say {', '.join(sorted(said))}")
        assert count != 4096 or {"-inf", "inf"} < said
PY
