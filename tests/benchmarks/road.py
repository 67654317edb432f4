"""The road that users take beside hand-written NumPy: `python -m tests.benchmarks.road [mlp|chain|big]`.

`t = bpdebug.run(scenario); t.loss; [t.grad(name) for name in leaves]`, each run on a new timeline of an open scenario
whose leaves are files. CPU time of the process, since a peer may have threads of its own; interleaved, one BLAS thread,
medians of the ratios of a round's runs to the hand that keeps only what is asked; each table in a fresh process. Each
round has another order: whoever runs after a large free pays the page faults. PyTorch, JAX, autograd and MyGrad run
beside it where the extra `benchmark` is installed.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

import bpdebug
from bpdebug.arrays import Array
from tests.benchmarks import peers

Run = Callable[[], Any]
WARM = 6
"""Runs before the measured ones: code is generated for a graph that is run for the third time."""


def ratios(runs: dict[str, Run], times: int) -> dict[str, float]:
    """The median over rounds of each run's CPU time to the first one's of the same round."""
    for run in runs.values():
        for _ in range(WARM):
            run()
    taken: dict[str, list[float]] = {name: [] for name in runs}
    chance = random.Random(0)
    for _ in range(times):
        for name, run in chance.sample(list(runs.items()), len(runs)):
            start = time.process_time()
            run()
            taken[name].append(time.process_time() - start)
    first = next(iter(taken.values()))
    return {name: statistics.median(a / b for a, b in zip(own, first, strict=True)) for name, own in taken.items()}


def opened(folder: Path, program: str, leaves: dict[str, Array], dtype: str) -> Any:
    """The scenario of a program whose leaves are `.npy` files in the folder."""
    for name, array in leaves.items():
        np.save(folder / f"{name}.npy", array)
    declared = "\n".join(f'{name} = {{ file = "{name}.npy" }}' for name in leaves)
    head = f'format = 1\ndtype = "{dtype}"\n[parameters]\n{declared}\n[graph]\nloss = "L"\n'
    text = f"{head}program = '''\n{program}'''\n"
    (folder / "road.toml").write_text(text, encoding="utf-8")
    return bpdebug.load(folder / "road.toml")


def public(scenario: Any, names: Sequence[str]) -> tuple[Any, ...]:
    """What a user calls: the loss and the gradients of these tensors, on a new timeline."""
    timeline = bpdebug.run(scenario)
    return (timeline.loss, *(timeline.grad(name) for name in names))


def same(ours: Sequence[Any], theirs: Sequence[Any], rtol: float) -> None:
    """The two say the same, or the figures mean nothing."""
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, np.asarray(b), rtol=rtol, atol=1e-6)


# --- an MLP 784-256-128-10, batch 64, float32 -------------------------------------------------------------------------

MLP = """z1 = X @ W0 + b0
h1 = relu(z1)
z2 = h1 @ W1 + b1
h2 = relu(z2)
z = h2 @ W2 + b2
L = -mean(sum(T * log_softmax(z), axis=-1))
"""


def mlp_leaves() -> dict[str, Array]:
    chance = np.random.default_rng(0)
    sizes = (784, 256, 128, 10)
    found = {"X": chance.normal(size=(64, 784)), "T": np.eye(10)[np.arange(64) % 10]}
    for i, (rows, columns) in enumerate(pairwise(sizes)):
        found |= {f"W{i}": chance.normal(size=(rows, columns)) * (2 / rows) ** 0.5, f"b{i}": np.zeros(columns)}
    return {name: array.astype(np.float32) for name, array in found.items()}


def mlp_asked(X: Array, T: Array, W0: Array, b0: Array, W1: Array, b1: Array, W2: Array, b2: Array) -> Any:
    """The floor: values in locals, and nothing kept but the loss and the gradients of the leaves."""
    z1 = X @ W0 + b0
    h1 = np.maximum(z1, 0)
    z2 = h1 @ W1 + b1
    h2 = np.maximum(z2, 0)
    z = h2 @ W2 + b2
    shifted = z - z.max(axis=-1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    loss = -(T * logs).sum(axis=-1).mean()
    n = np.float32(-1 / len(X))
    gT, gl = logs * n, T * n
    gz = gl - np.exp(logs) * gl.sum(axis=-1, keepdims=True)
    gb2, gW2 = gz.sum(axis=0), h2.T @ gz
    g2 = (gz @ W2.T) * (z2 > 0)
    gb1, gW1 = g2.sum(axis=0), h1.T @ g2
    g1 = (g2 @ W1.T) * (z1 > 0)
    return loss, g1 @ W0.T, gT, X.T @ g1, g1.sum(axis=0), gW1, gb1, gW2, gb2


def mlp_kept(X: Array, T: Array, W0: Array, b0: Array, W1: Array, b1: Array, W2: Array, b2: Array) -> Any:
    """Every value and every gradient is kept, as a debugger must."""
    v: dict[str, Any] = {}
    v["m1"] = X @ W0
    v["z1"] = v["m1"] + b0
    v["h1"] = np.maximum(v["z1"], 0)
    v["m2"] = v["h1"] @ W1
    v["z2"] = v["m2"] + b1
    v["h2"] = np.maximum(v["z2"], 0)
    v["m3"] = v["h2"] @ W2
    v["z"] = v["m3"] + b2
    shifted = v["z"] - v["z"].max(axis=-1, keepdims=True)
    v["logs"] = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    v["p"] = T * v["logs"]
    v["s"] = v["p"].sum(axis=-1)
    v["m"] = v["s"].mean()
    v["L"] = -v["m"]
    v["gm"] = np.float32(-1)
    v["gs"] = np.broadcast_to(v["gm"] / np.float32(len(X)), len(X))
    v["gp"] = np.broadcast_to(v["gs"][:, None], T.shape)
    v["gT"], v["gl"] = v["gp"] * v["logs"], v["gp"] * T
    v["gz"] = v["gl"] - np.exp(v["logs"]) * v["gl"].sum(axis=-1, keepdims=True)
    v["gb2"] = v["gz"].sum(axis=0)
    v["gh2"], v["gW2"] = v["gz"] @ W2.T, v["h2"].T @ v["gz"]
    v["gz2"] = v["gh2"] * (v["z2"] > 0)
    v["gb1"] = v["gz2"].sum(axis=0)
    v["gh1"], v["gW1"] = v["gz2"] @ W1.T, v["h1"].T @ v["gz2"]
    v["gz1"] = v["gh1"] * (v["z1"] > 0)
    v["gb0"] = v["gz1"].sum(axis=0)
    v["gX"], v["gW0"] = v["gz1"] @ W0.T, X.T @ v["gz1"]
    return v


def mlp(folder: Path) -> dict[str, float]:
    leaves = mlp_leaves()
    scenario, given = opened(folder, MLP, leaves, "float32"), tuple(leaves.values())
    same(public(scenario, tuple(leaves)), mlp_asked(*given), 2e-3)
    runs: dict[str, Run] = {
        "by hand, only what is asked": lambda: mlp_asked(*given),
        "by hand, all kept": lambda: mlp_kept(*given),
        "bpdebug": lambda: public(scenario, tuple(leaves)),
        "bpdebug, the loss alone": lambda: bpdebug.run(scenario).loss,
        "bpdebug, W2's gradient alone": lambda: bpdebug.run(scenario).grad("W2"),
    }
    return ratios(runs | peers.mlp(leaves), 150)


# --- a chain of 10,000 2x2 nodes --------------------------------------------------------------------------------------

TURNS = 3333
CHAIN = f"""h = X
for t in range({TURNS}):
    h = tanh(h @ W + b)
L = sum(h)
"""


def chain_leaves() -> dict[str, Array]:
    return {
        "X": np.array([[0.3, -0.2], [0.5, 0.1]]),
        "W": np.array([[0.9, -0.4], [0.3, 0.8]]),
        "b": np.array([[0.1, 0.2], [-0.1, 0.3]]),
    }


def chain_asked(X: Array, W: Array, b: Array) -> Any:
    """The floor: only the values that the gradients need."""
    hs, h = [X], X
    for _ in range(TURNS):
        h = np.tanh(h @ W + b)
        hs.append(h)
    loss = h.sum()
    g: Any = np.ones_like(h)
    gW = gb = None
    for i in range(TURNS, 0, -1):
        h = hs[i]
        a = g * (1 - h * h)
        gb = a if gb is None else gb + a
        c = hs[i - 1].T @ a
        gW = c if gW is None else gW + c
        g = a @ W.T
    return loss, g, gW, gb


def chain_kept(X: Array, W: Array, b: Array) -> Any:
    """Every value and every gradient is kept."""
    values, gradients, h = [], [], X
    for _ in range(TURNS):
        m = h @ W
        a = m + b
        values += [h, m, a]
        h = np.tanh(a)
    values.append(h)
    g: Any = np.ones_like(h)
    gW = gb = None
    for i in range(TURNS, 0, -1):
        h = values[3 * i]
        a = g * (1 - h * h)
        gradients += [g, a]
        gb = a if gb is None else gb + a
        c = values[3 * i - 3].T @ a
        gW = c if gW is None else gW + c
        g = a @ W.T
    return h.sum(), g, gW, gb, values, gradients


def chain(folder: Path) -> dict[str, float]:
    leaves = chain_leaves()
    scenario, given = opened(folder, CHAIN, leaves, "float64"), tuple(leaves.values())
    same(public(scenario, tuple(leaves)), chain_asked(*given), 1e-9)
    runs: dict[str, Run] = {
        "by hand, only what is asked": lambda: chain_asked(*given),
        "by hand, all kept": lambda: chain_kept(*given),
        "bpdebug": lambda: public(scenario, tuple(leaves)),
    }
    return ratios(runs | peers.chain(leaves, TURNS), 15)


# --- one large product ------------------------------------------------------------------------------------------------


def big(folder: Path) -> dict[str, float]:
    chance = np.random.default_rng(0)
    leaves = {"X": chance.normal(size=(1024, 1024)), "W": chance.normal(size=(1024, 1024))}
    scenario = opened(folder, "L = sum(X @ W)\n", leaves, "float64")

    def hand() -> Any:
        X, W = leaves.values()
        Y = X @ W
        g = np.broadcast_to(np.ones(()), Y.shape)
        return Y.sum(), g @ W.T, X.T @ g

    same(public(scenario, ("X", "W")), hand(), 1e-9)
    return ratios({"by hand": hand, "bpdebug": lambda: public(scenario, ("X", "W"))}, 15)


TABLES: dict[str, tuple[str, Callable[[Path], dict[str, float]]]] = {
    "mlp": ("MLP 784-256-128-10, batch 64, float32, all eight gradients", mlp),
    "chain": ("chain of 10,000 2x2 nodes, all three gradients", chain),
    "big": ("1024 x 1024 matmul", big),
}


def main() -> None:
    if not sys.argv[1:]:
        print(f"Python {sys.version.split()[0]}, NumPy {np.__version__}, one BLAS thread, CPU time")
        for name in TABLES:  # a fresh process each
            subprocess.run([sys.executable, "-m", "tests.benchmarks.road", name], check=True)
        return
    title, table = TABLES[sys.argv[1]]
    with tempfile.TemporaryDirectory() as folder:
        found = table(Path(folder))
    print(f"\n| {title} | ratio |\n|---|---|")
    for name, ratio in found.items():
        print(f"| {name} | {ratio:.2f} |")


if __name__ == "__main__":
    main()
