"""Loss and all gradients on PyTorch's arrays beside PyTorch's own, by hand: `python -m tests.benchmarks.backends`.

An MLP, a net of convolutions and pools, a Transformer's block (float32, extra `torch`), once opened: the median, of
rounds in which all roads take turns, of the CPU time to PyTorch's own in the same round, and of the pages that the
system had to give (one thread). A page costs as much as computing its thousand numbers ten times, and whether what was
freed is still there hangs on what happens to lie above it in memory. So processes with three settings of glibc's are
measured: as it comes; where nothing goes back to the system; where every large array goes back, as in a first run.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import torch

import bpdebug

F = torch.nn.functional
ROUNDS = 21
PAGES = {
    "as it comes": {},
    "kept": {"MALLOC_TRIM_THRESHOLD_": str(2**30), "MALLOC_MMAP_THRESHOLD_": str(2**25)},
    "fresh": {"MALLOC_MMAP_THRESHOLD_": str(2**16)},
}
"""What glibc does with what is freed, as its variables say it."""


class Mlp(torch.nn.Module):  # type: ignore[misc]  # torch has no types here
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b, self.c = (torch.nn.Linear(n, m) for n, m in ((784, 256), (256, 256), (256, 10)))

    def forward(self, x: Any) -> Any:
        return self.c(F.relu(self.b(F.relu(self.a(x)))))


class Convolutions(torch.nn.Module):  # type: ignore[misc]  # as above
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = torch.nn.Conv2d(3, 16, 3, padding=1), torch.nn.Conv2d(16, 32, 3, padding=1)
        self.c = torch.nn.Linear(32 * 8 * 8, 10)

    def forward(self, x: Any) -> Any:
        x = F.max_pool2d(F.relu(self.b(F.max_pool2d(F.relu(self.a(x)), 2))), 2)
        return self.c(x.flatten(1))


class Block(torch.nn.Module):  # type: ignore[misc]  # as above
    def __init__(self, width: int = 256, heads: int = 8) -> None:
        super().__init__()
        self.before, self.between = torch.nn.LayerNorm(width), torch.nn.LayerNorm(width)
        self.qkv, self.out = torch.nn.Linear(width, 3 * width), torch.nn.Linear(width, width)
        self.up, self.down = torch.nn.Linear(width, 4 * width), torch.nn.Linear(4 * width, width)
        self.heads = heads

    def forward(self, x: Any) -> Any:
        batch, time, width = x.shape
        parts = self.qkv(self.before(x)).split(width, -1)
        q, k, v = (p.reshape(batch, time, self.heads, width // self.heads).transpose(1, 2) for p in parts)
        seen = torch.softmax(q @ k.transpose(-1, -2) / (width // self.heads) ** 0.5, -1) @ v
        x = x + self.out(seen.transpose(1, 2).reshape(batch, time, width))
        return x + self.down(F.gelu(self.up(self.between(x))))


def roads(model: Any, x: Any) -> dict[str, Callable[[], float]]:
    """The loss, with every gradient computed: by PyTorch, and by us on its arrays and on NumPy's."""

    def loss(out: Any) -> Any:
        return (out * out).mean()

    scenario = bpdebug.from_torch(model, (x,), loss=loss)
    x.requires_grad_(True)

    def eager() -> float:
        x.grad = None
        model.zero_grad(set_to_none=True)
        found = loss(model(x))
        found.backward()
        return float(found.detach())

    def ours(**how: str) -> float:
        return bpdebug.run(scenario, **how).run().loss or 0.0

    return {"eager": eager, "torch": lambda: ours(backend="torch"), "numpy": ours}


def measured() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    cases = {
        "MLP": (Mlp(), torch.randn(256, 784)),
        "convolutions": (Convolutions(), torch.randn(32, 3, 32, 32)),
        "block": (Block(), torch.randn(8, 64, 256)),
    }
    for name, (model, x) in cases.items():
        found: dict[str, list[tuple[float, int]]] = {}
        runs = roads(model, x)
        for n in range(ROUNDS + 3):
            for road, run in runs.items():
                begun, pages = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_minflt
                run()
                took = time.process_time() - begun, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - pages
                if n >= 3:
                    found.setdefault(road, []).append(took)
        for road, rounds in found.items():
            ratio = statistics.median(a / b for (a, _), (b, _) in zip(rounds, found["eager"], strict=True))
            print(f"  {name:12} {road:6} {ratio:5.2f} {statistics.median(pages for _, pages in rounds):7.0f} pages")


def main() -> None:
    if len(sys.argv) > 1:
        measured()
        return
    for name, variables in PAGES.items():
        print(name, f"(load {os.getloadavg()[0]:.1f})", flush=True)
        subprocess.run([sys.executable, "-m", __spec__.name, "-"], env=os.environ | variables, check=True)


if __name__ == "__main__":
    main()
