#!/usr/bin/env bash
# PyTorch 2.13.0: a query that may look at nothing has gradient 0 in attention, and NaN once the export is decomposed.
#
# Guess: ExportedProgram.run_decompositions() writes the same function in fewer kinds of ops; where its values are equal
#        and finite, so is what is differentiated through it.
# Fact: scaled_dot_product_attention gives a row of zeros where a mask leaves a query nothing, and that row's gradient is
#       0. Decomposed, it is a softmax whose NaN is replaced by torch.where: the values are the same but for rounding, and
#       the gradient of every weight before it is NaN, as 0 times NaN goes back into the softmax. Of the exported program
#       before that it is finite, and equal to eager's.
# Met by: whoever trains, or attributes to inputs, with an exported model on padded batches: one padded row is enough.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'torch==2.13.0' 'numpy==2.4.6'
"$folder/venv/bin/python" -W ignore - <<'PY'
import torch
from torch.nn.functional import scaled_dot_product_attention

assert torch.__version__.startswith("2.13.0")


class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.w = torch.nn.Parameter(torch.eye(4) + 0.1)
        self.seen = torch.tensor([[True, True, False], [True, True, False], [False, False, False]])  # the last is padding

    def forward(self, x):
        return scaled_dot_product_attention(x @ self.w, x, x, attn_mask=self.seen)[:, :, :2]  # padding is not read


x = torch.arange(12.0).reshape(1, 1, 3, 4).sin()
net = Net()
exported = torch.export.export(net, (x,))
found = {}
for name, function in (("eager", net), ("exported", exported.module()),
                       ("decomposed", exported.run_decompositions().module())):
    value = function(x)
    (gradient,) = torch.autograd.grad(value.square().sum(), list(function.parameters()))
    found[name] = value, gradient
    print(f"{name:10} value {value.sum().item():.6f}, gradient {gradient[0].tolist()}")
assert torch.equal(found["eager"][0], found["exported"][0])
assert torch.allclose(found["eager"][0], found["decomposed"][0])
assert torch.isfinite(found["eager"][1]).all()
assert found["eager"][1].any()
assert torch.allclose(found["eager"][1], found["exported"][1])
assert torch.isnan(found["decomposed"][1]).all()
PY
