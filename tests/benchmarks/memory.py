"""What a budget costs: peaks of memory and processor time of child processes, kept whole beside parts of it.

`python -m tests.benchmarks.memory` prints, for the net of the trial (120 layers tanh(h @ W + b), 2048 x 128, float32),
a convolutional one and a Transformer's blocks, and for the first on PyTorch's arrays: how much the most resident memory
grew over a session whose leaves were read, the processor time of both passes to those that keep everything
(interleaved, medians), how many forwards, and what a seek takes. The digest says that all gradients have the same bits.
"""

from __future__ import annotations

import hashlib
import os
import random
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import bpdebug
from bpdebug.engine import Timeline
from bpdebug.engine.bounded import BoundedPass
from bpdebug.engine.sizes import of_arrays, of_leaves
from bpdebug.limits import GIB

PARTS = (2, 4, 8)
ROUNDS = 3
SEEKS = 40
MB = 10**6

LAYERS = 120
DEEP = f"""format = 1
dtype = "float32"
seed = 1
[inputs]
X = {{ shape = [2048, 128], init = "normal" }}
[parameters]
{"".join(f'W{i} = {{ shape = [128, 128], init = "normal", scale = 0.1 }}{chr(10)}' for i in range(LAYERS))}
{"".join(f'b{i} = {{ shape = [128], init = "zeros" }}{chr(10)}' for i in range(LAYERS))}
[graph]
loss = "L"
program = '''
h = X
{"".join(f"h = tanh(h @ W{i} + b{i}){chr(10)}" for i in range(LAYERS))}L = mean(h ** 2)
'''
"""
CONVOLUTIONS = 48
CONV = f"""format = 1
dtype = "float32"
seed = 1
[inputs]
X = {{ shape = [8, 3, 32, 32], init = "normal" }}
[parameters]
K0 = {{ shape = [16, 3, 3, 3], init = "normal", scale = 0.2 }}
{"".join(f'K{i} = {{ shape = [16, 16, 3, 3], init = "normal", scale = 0.1 }}{chr(10)}' for i in range(1, CONVOLUTIONS))}
[graph]
loss = "L"
program = '''
h = relu(conv2d(X, K0, padding=1))
{"".join(f"h = h + relu(conv2d(h, K{i}, padding=1)){chr(10)}" for i in range(1, CONVOLUTIONS))}L = mean(h ** 2)
'''
"""
BLOCKS = 6
SHAPES = {**{name: [128, 128] for name in "QKVO"}, "U": [128, 512], "D": [512, 128]}
BLOCK = f"""format = 1
dtype = "float32"
seed = 1
[inputs]
X = {{ shape = [8, 128, 128], init = "normal" }}
[parameters]
{"".join(f'{n}{i} = {{ shape = {s}, init = "xavier" }}{chr(10)}' for i in range(BLOCKS) for n, s in SHAPES.items())}
[graph]
loss = "L"
program = '''
def layer(x, Q, K, V, O, U, D):
    n = layer_norm(x)
    q = permute(reshape(n @ Q, shape=(8, 128, 4, 32)), axes=(0, 2, 1, 3))
    k = permute(reshape(n @ K, shape=(8, 128, 4, 32)), axes=(0, 2, 3, 1))
    v = permute(reshape(n @ V, shape=(8, 128, 4, 32)), axes=(0, 2, 1, 3))
    a = softmax(q @ k * 0.177, axis=-1) @ v
    x = x + reshape(permute(a, axes=(0, 2, 1, 3)), shape=(8, 128, 128)) @ O
    return x + gelu(layer_norm(x) @ U) @ D

h = X
{"".join(f"h = layer(h, Q{i}, K{i}, V{i}, O{i}, U{i}, D{i}){chr(10)}" for i in range(BLOCKS))}L = mean(h ** 2)
'''
"""
NETS = {"deep": DEEP, "conv": CONV, "transformer": BLOCK}


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def opened(path: str, part: int, spill: str, backend: str) -> tuple[Timeline, int]:
    """A timeline with its leaves read, and the bytes it is given beside them: a part of all that a pass computes."""
    scenario = bpdebug.load(path)
    graph = scenario.graph
    assert all(leaf.array is not None for leaf in graph.leaves)
    room = of_arrays(graph) // part
    memory = 64 * GIB if part == 1 else room + of_leaves(graph)
    return bpdebug.run(scenario, memory=memory, spill=spill or None, backend=backend or None), room


def child(path: str, part: int, spill: str, backend: str) -> None:
    timeline, room = opened(path, part, spill, backend)
    base, start = peak(), time.process_time()
    assert timeline.loss is not None
    names = [leaf.name for leaf in timeline.graph.leaves]
    found = [g for name in names if (g := timeline.grad(name)) is not None]
    cpu, grown = time.process_time() - start, peak() - base
    digest = hashlib.sha256(b"".join(np.ascontiguousarray(g).tobytes() for g in found)).hexdigest()[:12]
    run = timeline.iteration(0)
    forwards = run.computed[0] / len(timeline.graph) if isinstance(run, BoundedPass) else 1.0
    seeks, rng = [], random.Random(0)
    for _ in range(SEEKS if part > 1 else 0):
        start = time.perf_counter()
        assert timeline[rng.randrange(len(timeline))].value is not None
        seeks.append(time.perf_counter() - start)
    middle, worst = (statistics.median(seeks), max(seeks)) if seeks else (0, 0)
    print(room, grown, peak() - base, cpu, forwards, 1e3 * middle, 1e3 * worst, digest)


def ask(path: Path, part: int, spill: str, backend: str) -> list[str]:
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    words = [sys.executable, "-m", "tests.benchmarks.memory", str(path), str(part), spill, backend]
    found = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
    if found.returncode and "this takes at least" not in found.stderr:
        raise RuntimeError(found.stderr)
    return found.stdout.split()


def table(name: str, folder: Path, spills: Sequence[str], backend: str = "") -> None:
    path = folder / f"{name}.toml"
    path.write_text(NETS[name])
    asked = [(1, ""), *((part, spill) for spill in spills for part in PARTS)]
    rounds = [{key: ask(path, *key, backend) for key in asked} for _ in range(ROUNDS)]
    whole = [float(r[1, ""][3]) for r in rounds]
    where, most = f"{name} on {backend or 'numpy'}", float(rounds[0][1, ""][1])
    print(f"{where}: kept whole {most / MB:.0f} MB, {statistics.median(whole):.2f} s")
    for key in asked[1:]:
        rows = [r[key] for r in rounds]
        if not rows[0]:
            print(f"  1/{key[0]}: less than the least that can be kept")
            continue
        same = all(r[key][7] == r[1, ""][7] for r in rounds)
        room, most = float(rows[0][0]), max(float(row[2]) for row in rows)
        ratio = statistics.median(float(row[3]) / w for row, w in zip(rows, whole, strict=True))
        middle, worst = (statistics.median(float(row[at]) for row in rows) for at in (5, 6))
        print(
            f"  1/{key[0]}{' with a disk' if key[1] else ''}: {room / MB:.0f} MB given, peak {most / MB:.0f} MB "
            f"({most / room:.2f}), {ratio:.2f} of the time, {float(rows[0][4]):.2f} forwards, seek {middle:.0f} ms, at "
            f"most {worst:.0f} ms, bits {'the same' if same else 'DIFFER'}",
            flush=True,
        )


def main() -> None:
    with TemporaryDirectory() as folder:
        for name in NETS:
            table(name, Path(folder), ["", folder] if name == "deep" else [""])
        table("deep", Path(folder), [""], "torch")


if __name__ == "__main__":
    child(sys.argv[1], int(sys.argv[2]), *sys.argv[3:]) if sys.argv[1:] else main()
