#!/usr/bin/env bash
# PyTorch 2.13.0: the largest difference has one gradient by norms, and another, which is none, by cdist.
#
# Guess: torch.cdist(a, b, p=inf) is the norm of a - b, and so is its gradient. Where two coordinates are equally far
#        apart there are several subgradients, and any of them is as good: a share for each (as in torch.linalg), or all for
#        one of them.
# Fact: cdist and pdist give each tied coordinate the whole: (-1, -1) for (0, 0) and (1, 1), where vector_norm, torch.dist
#       and pairwise_distance give (-1/2, -1/2). The distance shrinks by 1 when both coordinates move by 1, and the
#       gradient of cdist says 2: it lies in no subdifferential, and with k coordinates tied it is k times too large.
# Met by: who trains with Chebyshev distances on a grid, on pixels or on counts, where ties are the rule.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'torch==2.13.0' 'numpy==2.4.6'
"$folder/venv/bin/python" -W ignore - <<'PY'
import torch
from torch.nn import functional as F

assert torch.__version__.startswith("2.13.0")
inf = float("inf")


def gradient(size, distance):
    a = torch.zeros(1, size, dtype=torch.float64, requires_grad=True)
    distance(a, torch.ones(1, size, dtype=torch.float64)).sum().backward()
    return a.grad[0].tolist()


ways = {
    "cdist": lambda a, b: torch.cdist(a, b, p=inf),
    "pdist": lambda a, b: F.pdist(torch.cat([a, b]), p=inf),
    "vector_norm": lambda a, b: torch.linalg.vector_norm(a - b, ord=inf),
    "dist": lambda a, b: torch.dist(a, b, inf),
    "pairwise_distance": lambda a, b: F.pairwise_distance(a, b, p=inf, eps=0),
}
for name, distance in ways.items():
    found = gradient(2, distance), gradient(5, distance)
    print(f"{name:18}", *found)
    whole = name in ("cdist", "pdist")
    assert found[0] == [-1.0, -1.0] if whole else found[0] == [-0.5, -0.5]
    # along (1, 1, 1, 1, 1) every distance falls by 1 for a step of 1
    assert abs(sum(found[1]) + (5 if whole else 1)) < 1e-12
PY
