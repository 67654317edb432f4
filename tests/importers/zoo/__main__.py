"""The zoo of 28: `python -m tests.importers.zoo [NAME...]`; it ends with 1 unless every one agrees."""

from __future__ import annotations

import sys

import torch

from bpdebug import BpdebugError
from tests.importers.zoo.judge import judged
from tests.importers.zoo.published import PUBLISHED
from tests.importers.zoo.small import SMALL


def main(names: list[str]) -> int:
    """A line a model; the exit code."""
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    zoo = {**SMALL, **PUBLISHED}
    agreed = 0
    print(f"{'model':20} nodes tensors leaves     loss    value gradient")
    for name in names or zoo:
        torch.manual_seed(0)
        try:
            found = judged(zoo[name]())
        except BpdebugError as error:
            print(f"{name:20} refused: {error}")
            continue
        agreed += not found.wrong
        counts = f"{found.nodes:5} {found.tensors:7} {found.leaves:6}"
        errors = f"{found.loss:8.1e} {found.value:8.1e} {found.gradient:8.1e}"
        print(f"{name:20} {counts} {errors}", flush=True)
        for place, by in found.wrong[:8]:
            print(f"    {by:8.1e} {place}")
    print(f"{agreed} of {len(names or zoo)} agree")
    return int(agreed < len(names or zoo))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
