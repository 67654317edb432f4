#!/usr/bin/env bash
# dask 2026.8.0 and NumPy 2.4.6: of equal largest cells, da.argmax over all axes takes the one in the first chunk.
#
# Guess: da.argmax(x) without an axis is NumPy's: the flat index of the first largest cell in C order, whatever the
#        chunks are, as along one axis it is.
# Fact: it is the first in the order of the chunks. Of a 2 x 4 array whose largest cells are (0, 3) and (1, 0), NumPy and
#       Dask in chunks of whole rows say 3; in chunks of two columns Dask says 4. argmin, nanargmax and nanargmin alike;
#       of a mask, whose largest cells are all True, this is most of the time.
# Met by: who asks for the first cell that is NaN, or wrong, by argmax of a mask, and gets another one when the array is
#        rechunked; who takes the class with the highest score where scores are tied.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'dask[array]==2026.8.0' 'numpy==2.4.6'
"$folder/venv/bin/python" - <<'PY'
import dask, dask.array as da
import numpy as np

print("dask", dask.__version__, "numpy", np.__version__)
x = np.array([[0, 1, 2, 9], [9, 3, 4, 5]])
mask = np.isnan(np.where(x == 9, np.nan, x))
rows, columns = ((1, 4), (2, 2))
for name, array in (("argmax", x), ("argmin", -x), ("argmax", mask)):
    said = [int(getattr(da, name)(da.from_array(array, chunks=chunks)).compute()) for chunks in (rows, columns)]
    print(f"{name} of {array.dtype}: NumPy {getattr(np, name)(array)}, Dask in rows {said[0]}, in columns {said[1]}")
    assert int(getattr(np, name)(array)) == 3 and said == [3, 4], said
ties = np.array([[7, 0, 7, 0], [0, 7, 0, 7]])
along = [da.argmax(da.from_array(ties, chunks=(1, 2)), axis=n).compute().tolist() for n in (0, 1)]
assert along == [np.argmax(ties, axis=n).tolist() for n in (0, 1)], along
print("along one axis both take the first")
PY
