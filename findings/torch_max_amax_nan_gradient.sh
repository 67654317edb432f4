#!/usr/bin/env bash
# PyTorch 2.13.0: max() and amax() give the same value, share ties alike, and part where a cell is NaN.
#
# Guess: amax is max without indices, so that their gradients agree; at a NaN, which both return, the NaN's own cell
#        gets the gradient.
# Fact: for [nan, 1, 3] max() gives [1, 0, 0] and amax() gives NaN to every cell, also to those that were not taken.
#       amax compares with ==, which a NaN does not meet, and divides by the count of equal cells, 0.
# Met by: whoever looks for the cell at which a NaN began, and finds all of them marked after a pooling by amax.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'torch==2.13.0' 'numpy==2.4.6'
"$folder/venv/bin/python" -W ignore - <<'PY'
import torch

assert torch.__version__.startswith("2.13.0")

def gradient(cells, take):
    x = torch.tensor(cells, dtype=torch.float64, requires_grad=True)
    take(x).backward()
    return x.grad.tolist()

tie, hole = [3.0, 1.0, 3.0], [float("nan"), 1.0, 3.0]
print("tie ", gradient(tie, torch.max), gradient(tie, torch.amax))
print("nan ", gradient(hole, torch.max), gradient(hole, torch.amax))
assert gradient(tie, torch.max) == gradient(tie, torch.amax) == [0.5, 0.0, 0.5]
assert gradient(hole, torch.max) == [1.0, 0.0, 0.0]
assert all(g != g for g in gradient(hole, torch.amax))
PY
