#!/usr/bin/env bash
# ml_dtypes 0.6.0 and NumPy 2.4.6: the mean of a thousand ones in bfloat16 is 0.256.
#
# Guess: NumPy's mean of a 16-bit float is computed in float32 and rounded once at the end, as its page says of float16, so
#        that the mean of ones is 1 however many they are.
# Fact: for bfloat16 (and the 8-bit floats) the sum is made in the dtype itself, one cell after the other, and stands still
#       where a cell is less than half of its last digit: at 256. The mean of 1,000 ones is 0.256, of 100,000 it is 0.0026,
#       and the variance of as many zeros and ones is 0.128 (0.25). np.linalg.norm, np.mean(dtype=np.float32), float16 and
#       jnp.mean of the same cells are right.
# Met by: who reads bfloat16 weights as NumPy arrays (safetensors, JAX) and takes a mean or a sum of them: no warning, and
#         for fewer than 256 cells, as in a test, it is right.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'ml_dtypes==0.6.0' 'numpy==2.4.6'
"$folder/venv/bin/python" - <<'PY'
import ml_dtypes
import numpy as np

assert ml_dtypes.__version__ == "0.6.0"
assert np.__version__ == "2.4.6"
for count in (100, 256, 1000, 100000):
    ones = np.ones(count, ml_dtypes.bfloat16)
    halves = np.concatenate([0 * ones, ones])
    print(count, "ones: mean", ones.mean(), "sum", ones.sum(), "variance of as many zeros and ones", halves.var(),
          "in float16", np.ones(count, np.float16).mean())
    assert float(ones.sum()) == min(count, 256)
    assert abs(float(ones.mean()) - min(count, 256) / count) < 0.01 * min(count, 256) / count
    assert np.ones(count, np.float16).mean() == np.mean(ones, dtype=np.float32) == 1
    assert abs(float(np.linalg.norm(ones)) - count**0.5) < 1e-3
    assert float(halves.var()) < (0.26 if count == 100 else 0.13)
PY
