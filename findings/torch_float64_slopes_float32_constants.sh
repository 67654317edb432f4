#!/usr/bin/env bash
# PyTorch 2.13.0 (CPU wheel), hardsigmoid and celu in float64: the values have sixteen digits, the gradients seven.
#
# Guess: in float64 the slope of hardsigmoid between -3 and 3 is 1/6 to the last digit, and that of celu(x, 0.3) left of
#        0 is exp(x / 0.3) to some 1e-15, as their values are.
# Fact: the slope of hardsigmoid is 0.1666666716337204, which is 1/6 rounded to float32; that of celu at -2 is off by
#       2e-7 of itself, and right to the last digits for an alpha that float32 holds (0.25). The same functions written
#       out with relu6 and expm1 have the right slopes.
# Met by: whoever compares gradients in double precision to 1e-9, and takes the eighth digit for a fault of a rule.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'torch==2.13.0' 'numpy==2.4.6'
"$folder/venv/bin/python" -W ignore - <<'PY'
import math, numpy, torch
from torch.nn.functional import celu, hardsigmoid, relu6

def slope(f):
    x = torch.tensor(-2.0, dtype=torch.float64, requires_grad=True)
    y = f(x)
    return y.item(), torch.autograd.grad(y, x)[0].item()

assert torch.__version__.startswith("2.13.0"), torch.__version__
value, of_hard = slope(hardsigmoid)
_, written = slope(lambda x: relu6(x + 3) / 6)
print(f"hardsigmoid: slope {of_hard!r}, written out {written!r}")
assert value == 1 / 6 and of_hard == float(numpy.float32(1 / 6)) and abs(written - 1 / 6) < 1e-16
for alpha, least, most in ((0.3, 1e-7, 1e-6), (0.25, 0.0, 1e-15)):
    value, found = slope(lambda x: celu(x, alpha))
    off, of_value = found / math.exp(-2 / alpha) - 1, value / (alpha * math.expm1(-2 / alpha)) - 1
    print(f"celu with alpha {alpha}: the value is off by {of_value:.0e}, the slope by {off:.1e} of itself")
    assert least <= abs(off) <= most and abs(of_value) < 1e-15
PY
