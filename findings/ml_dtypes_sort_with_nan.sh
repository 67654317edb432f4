#!/usr/bin/env bash
# ml_dtypes 0.6.0 and NumPy 2.4.6: np.sort leaves a bfloat16 array with a NaN unsorted, and its median is some cell.
#
# Guess: NaN is sorted to the end, as in float16, float32 and float64, so that the numbers are in order, and the median of
#        an array with a NaN is NaN.
# Fact: 2, NaN, 1, 3, 0.5 is sorted to 2, NaN, 0.5, 1, 3: a NaN is compared like a number that is equal to all, and stays
#       where it is; of 20 numbers downwards with one NaN in their midst the 2 comes in the middle. argsort and partition
#       are alike, and np.median is 0.5, a number, where float16's is NaN. So it is in float8_e4m3fn and float8_e5m2.
#       Without a NaN the order is right; np.max has the NaN; jnp.sort of the same array puts it at the end.
# Met by: who takes quantiles, a median or the k largest of bfloat16 weights or gradients as NumPy arrays: the one NaN that
#         is looked for does not show, and the other numbers are wrong as well.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'ml_dtypes==0.6.0' 'numpy==2.4.6'
"$folder/venv/bin/python" -W ignore - <<'PY'
import ml_dtypes
import numpy as np

assert ml_dtypes.__version__ == "0.6.0"
assert np.__version__ == "2.4.6"
few, many = [2, np.nan, 1, 3, 0.5], [float(n) for n in range(20, 0, -1)]
many[10] = np.nan


def is_sorted(array):
    numbers = array.astype(float)
    numbers = numbers[~np.isnan(numbers)]
    return bool((np.diff(numbers) >= 0).all())


for dtype in (np.float16, ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2):
    x, y = np.array(few, dtype), np.array(many, dtype)
    print(dtype.__name__, np.sort(x), np.sort(y), "median", np.median(x))
    plain = dtype is np.float16
    assert is_sorted(np.sort(x)) == is_sorted(x[np.argsort(x)]) == is_sorted(np.sort(y)) == plain
    assert bool(np.isnan(np.median(x))) == plain
    assert np.isnan(np.max(x).astype(float))
    assert is_sorted(np.sort(np.array([3, 1, 2], dtype)))
PY
