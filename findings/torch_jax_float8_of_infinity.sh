#!/usr/bin/env bash
# PyTorch 2.13.0, JAX 0.10.2, ml_dtypes 0.6.0: infinity in float8_e4m3fn is 448 by one library, and NaN by the other.
#
# Guess: float8_e4m3fn has no infinity; what is too large for it becomes NaN, the one value it has that is no number, and
#        an infinity surely does. Both libraries name the same format, so that the same numbers give the same bits.
# Fact: PyTorch's cast gives the largest number, 448, for 465, for 1e9 and for infinity itself, and keeps NaN alone; JAX and
#       ml_dtypes give NaN for all three. 464 is 448 in both. Of float8_e5m2, which has infinities, both say infinity.
# Met by: who looks for an overflow behind a quantised layer: in PyTorch it has become an ordinary number, and in the same
#         model in JAX the loss is NaN; checksums of two quantised checkpoints differ where nothing else does.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'torch==2.13.0' 'jax==0.10.2' 'jaxlib==0.10.2' 'ml_dtypes==0.6.0' 'numpy==2.4.6'
"$folder/venv/bin/python" -W ignore - <<'PY'
import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import torch

assert torch.__version__.startswith("2.13.0")
assert (jax.__version__, ml_dtypes.__version__) == ("0.10.2", "0.6.0")
cells = np.array([300, 464, 465, 1e9, np.inf, -np.inf, np.nan], np.float32)
print("cells", cells)
for name in ("float8_e4m3fn", "float8_e5m2"):
    by_torch = torch.from_numpy(cells).to(getattr(torch, name)).float().numpy()
    by_jax = np.asarray(jnp.asarray(cells).astype(getattr(jnp, name)).astype(jnp.float32))
    by_numpy = cells.astype(getattr(ml_dtypes, name)).astype(np.float32)
    print(name, "PyTorch", by_torch, "JAX", by_jax, "ml_dtypes", by_numpy)
    assert np.array_equal(by_jax, by_numpy, equal_nan=True)
    if name == "float8_e4m3fn":
        assert np.array_equal(by_torch, [288, 448, 448, 448, 448, -448, np.nan], equal_nan=True)
        assert np.array_equal(by_jax, [288, 448, *[np.nan] * 5], equal_nan=True)
    else:
        assert np.array_equal(by_torch, by_jax, equal_nan=True)
        assert np.isinf(by_torch[3:6]).all()
PY
