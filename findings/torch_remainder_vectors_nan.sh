#!/usr/bin/env bash
# PyTorch 2.13.0 (CPU wheel), torch.remainder: whether the answer is 0 or NaN depends on how many cells the tensor has.
#
# Guess: torch.remainder(a, b) of a finite a and a finite b other than 0 is a number from 0 to b, whatever stands beside
#        it: 0 for a = 1e308 and b = 0.5, as NumPy and Python's % have it.
# Fact: a tensor of one cell gives 0. In one of 64 cells every cell is NaN on processors with AVX2 or AVX-512: the
#       vector code divides, and where the quotient overflows it multiplies an infinity. The last cells of a length that
#       is no multiple of the vector's go the other way, so one tensor can hold both answers. With
#       ATEN_CPU_CAPABILITY=default all are 0.
# Met by: whoever looks for where a NaN began, takes the one cell out to try it, and finds nothing.
set -euo pipefail
grep -q avx2 /proc/cpuinfo || { echo "this processor has no AVX2: nothing to see"; exit 0; }
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'torch==2.13.0' 'numpy==2.4.6'
cat > "$folder/look.py" <<'PY'
import sys, numpy, torch

assert torch.__version__.startswith("2.13.0"), torch.__version__
big = torch.full((65,), 1e308, dtype=torch.float64)
found = torch.remainder(big, 0.5)
alone = torch.remainder(big[:1], 0.5)
print(f"1 cell: {alone.tolist()}; 65 cells: {int(found.isnan().sum())} are NaN, the last is {found[-1].item()}; "
      f"NumPy: {numpy.remainder(1e308, 0.5)}")
assert alone.item() == 0 and found[-1].item() == 0 and numpy.remainder(1e308, 0.5) == 0
assert int(found.isnan().sum()) == (64 if sys.argv[1] == "vectors" else 0)
PY
"$folder/venv/bin/python" -W ignore "$folder/look.py" vectors
ATEN_CPU_CAPABILITY=default "$folder/venv/bin/python" -W ignore "$folder/look.py" "no vectors"
