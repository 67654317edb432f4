#!/usr/bin/env bash
# PyTorch 2.13.0: of a bicubic interpolation by a scale that keeps the size, the gradient is not that of the values.
# Guess: a scale of 1.05 of seven cells gives seven cells; either they are the same (as in the nearest and linear modes)
#   and the gradient passes unchanged, or they are resampled and so is the gradient.
# Seen: F.interpolate(x, scale_factor=1.05, mode="bicubic") resamples: its cells differ from x's. Its backward pass hands
#   the gradient on as it is, cell for cell. Central differences disagree by as much as the values differ from x, and
#   torch.autograd.gradcheck says so. With a scale that changes the size both agree.
#   Met by: anything that resizes by a scale near 1, such as random scaling of images in training.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv v
v/bin/pip install -q "torch==2.13.0" "numpy==2.4.6"
v/bin/python - <<'PYTHON'
import torch
from torch.nn.functional import interpolate

print("torch", torch.__version__)
torch.manual_seed(0)
x = torch.randn(1, 1, 1, 7, dtype=torch.float64, requires_grad=True)


def checks(scale):
    return torch.autograd.gradcheck(
        lambda x: interpolate(x, scale_factor=scale, mode="bicubic"), x, raise_exception=False
    )


y = interpolate(x, scale_factor=1.05, mode="bicubic")
g = torch.randn_like(y)
(found,) = torch.autograd.grad(y, x, g)
print("largest difference of y and x:", (y - x).abs().max().item())
assert y.shape == x.shape and (y - x).abs().max() > 0.1
assert torch.equal(found, g), "the gradient is no longer passed on unchanged"
assert not checks(1.05)
assert checks(1.5)
assert torch.equal(interpolate(x, scale_factor=1.05, mode="bilinear"), x)
PYTHON
