#!/usr/bin/env bash
# NumPy 2.4.6: arrays have up to 64 axes and are added with 40, but np.broadcast_shapes stops at 32.
#
# Guess: since NumPy 2 raised the most axes of an array to 64, whatever asks about shapes takes 64 as well.
# Fact: two arrays of 40 axes add up; np.broadcast_shapes of their shapes raises RuntimeError ("only supports up to 32
#       dimensions"), which is no ValueError, so that a caller who guards against shapes that do not fit lets it through.
# Met by: a library that checks shapes before it allocates anything: it must refuse above 32 axes, or check by itself.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'numpy==2.4.6'
"$folder/venv/bin/python" - <<'PY'
import numpy as np

assert np.__version__ == "2.4.6"
x = np.ones((1,) * 40)
print("sum of two arrays:", (x + x).ndim, "axes")
assert (x + x).ndim == 40 and np.ones((1,) * 64).ndim == 64
assert np.broadcast_shapes((1,) * 32, (1,) * 32) == (1,) * 32
try:
    np.broadcast_shapes((1,) * 33, (1,) * 33)
except Exception as error:
    print("broadcast_shapes:", type(error).__name__, error)
    assert type(error) is RuntimeError and not isinstance(error, ValueError)
else:
    raise SystemExit("broadcast_shapes takes 33 axes now")
PY
