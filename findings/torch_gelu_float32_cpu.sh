#!/usr/bin/env bash
# PyTorch 2.13.0 (CPU wheel), exact GELU in float32: the answer depends on which kernel runs, and the usual one is wrong
# at infinity and short of digits in the left tail.
#
# Guess: F.gelu(x) in float32 is right to a few units in the last place, as in float64, and gelu(inf) is inf.
# Fact: on processors with AVX-512, oneDNN's kernel (the default) gives gelu(inf) = NaN, and gelu(-3) = -0.00405023,
#       where the value is -0.00404969: 1.3e-4 of itself off, a thousand units in the last place. Its erf is an
#       approximation with an error near 1e-7 of 1, and 1 + erf(-3 / sqrt 2) keeps all of it. With oneDNN switched off,
#       or held to AVX2 (ONEDNN_MAX_CPU_ISA=AVX2), gelu(inf) is inf and gelu(-3) is off by 4e-5; float64 is right.
# Met by: whoever compares float32 activations with another library's and takes the difference for a fault of a rule.
set -euo pipefail
grep -q avx512f /proc/cpuinfo || { echo "this processor has no AVX-512: nothing to see"; exit 0; }
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'torch==2.13.0' 'numpy==2.4.6'
"$folder/venv/bin/python" -W ignore - <<'PY'
import math, torch
from torch.nn.functional import gelu

assert torch.__version__.startswith("2.13.0") and torch.backends.mkldnn.is_available()
right = -3 * 0.5 * math.erfc(3 / math.sqrt(2))
ends, tail = torch.full((32,), math.inf), torch.full((32,), -3.0)
off = lambda y: abs(y[0].item() / right - 1)
with_onednn = gelu(ends)[0].item(), off(gelu(tail))
with torch.backends.mkldnn.flags(enabled=False):
    without = gelu(ends)[0].item(), off(gelu(tail))
double = gelu(ends.double())[0].item(), off(gelu(tail.double()))
for name, (end, error) in (("oneDNN", with_onednn), ("without", without), ("float64", double)):
    print(f"{name:8} gelu(inf) = {end}, gelu(-3) is off by {error:.1e} of itself")
assert math.isnan(with_onednn[0]) and 1e-4 < with_onednn[1] < 2e-4
assert without[0] == math.inf and without[1] < 5e-5
assert double[0] == math.inf and double[1] < 1e-14
PY
