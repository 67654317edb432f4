"""The benchmarks, run by hand: `python -m tests.benchmarks.bench`. Ratios to hand-written NumPy in the same process.

Runs are interleaved, pair by pair, one BLAS thread; the table has the median of the pairs' ratios.
"""

from __future__ import annotations

import os

from bpdebug.arrays import Array

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import compileall
import gc
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import bpdebug
from bpdebug.engine import routes
from bpdebug.engine.run import Pass
from tests.benchmarks import screen
from tests.large import HEAD, chain_text

MANY = 10**9


def interleaved(ours: Callable[[], object], theirs: Callable[[], object], pairs: int) -> float:
    """The median over pairs of our time divided by theirs."""
    ratios = []
    for _ in range(2):
        ours(), theirs()
    for _ in range(pairs):
        a = time.perf_counter()
        ours()
        b = time.perf_counter()
        theirs()
        c = time.perf_counter()
        ratios.append((b - a) / (c - b))
    return statistics.median(ratios)


def load(text: str) -> Any:
    """A scenario from text."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.toml"
        path.write_text(text, encoding="utf-8")
        return bpdebug.load(path)


def runner(scenario: Any, loops: int) -> Callable[[], Pass]:
    """Both passes over fresh lists: what a pass costs when everything is asked for, after so many with plain loops."""
    graph = scenario.graph

    def run() -> Pass:
        routes.LOOPS = loops
        made = Pass(graph, lambda t: graph.leaves[t].array)
        made.run_backward()
        return made

    return run


MLP = """
format = 1
dtype = "float32"
[inputs]
X = { shape = [64, 784], init = "normal" }
t = { value = [CLASSES], dtype = "int64" }
[parameters]
W1 = { shape = [784, 256], init = "he" }
b1 = { shape = [256], init = "zeros" }
W2 = { shape = [256, 128], init = "he" }
b2 = { shape = [128], init = "zeros" }
W3 = { shape = [128, 10], init = "he" }
b3 = { shape = [10], init = "zeros" }
[graph]
loss = "L"
program = '''
H1 = relu(X @ W1 + b1)
H2 = relu(H1 @ W2 + b2)
L = cross_entropy(H2 @ W3 + b3, t)
'''
""".replace("CLASSES", ", ".join(str(i % 10) for i in range(64)))


def mlp_by_hand(p: dict[str, Array]) -> dict[str, Array]:
    """The same network as a person writes it: every value and every gradient is kept."""
    v = dict(p)
    v["m1"] = v["X"] @ v["W1"]
    v["a1"] = v["m1"] + v["b1"]
    v["H1"] = np.maximum(v["a1"], 0)
    v["m2"] = v["H1"] @ v["W2"]
    v["a2"] = v["m2"] + v["b2"]
    v["H2"] = np.maximum(v["a2"], 0)
    v["m3"] = v["H2"] @ v["W3"]
    v["Z"] = v["m3"] + v["b3"]
    rows = np.arange(64)
    shifted = v["Z"] - v["Z"].max(axis=-1, keepdims=True)
    logs = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    v["L"] = -logs[rows, v["t"]].mean()
    soft = np.exp(logs)
    soft[rows, v["t"]] -= 1
    v["dZ"] = soft / 64
    v["db3"] = v["dZ"].sum(axis=0)
    v["dH2"], v["dW3"] = v["dZ"] @ v["W3"].T, v["H2"].T @ v["dZ"]
    v["da2"] = np.where(v["a2"] > 0, v["dH2"], 0)
    v["db2"] = v["da2"].sum(axis=0)
    v["dH1"], v["dW2"] = v["da2"] @ v["W2"].T, v["H1"].T @ v["da2"]
    v["da1"] = np.where(v["a1"] > 0, v["dH1"], 0)
    v["db1"] = v["da1"].sum(axis=0)
    v["dX"], v["dW1"] = v["da1"] @ v["W1"].T, v["X"].T @ v["da1"]
    return v


def mlp() -> list[tuple[str, str, str]]:
    timeline = bpdebug.run(load(MLP))
    graph = timeline.graph
    plain, chunked = runner(load(MLP), MANY), runner(load(MLP), 0)
    values = {n: timeline.value(n) for n in ("X", "t", "W1", "b1", "W2", "b2", "W3", "b3")}
    ours, hand = plain(), mlp_by_hand(values)
    np.testing.assert_allclose(ours.G[graph.index["W1"]], hand["dW1"], rtol=1e-3, atol=1e-6)
    return [
        ("MLP 784-256-128-10, batch 64, float32", f"{interleaved(plain, lambda: mlp_by_hand(values), 301):.2f}", "1.2"),
        ("  the same, generated chunks", f"{interleaved(chunked, lambda: mlp_by_hand(values), 301):.2f}", "1.2"),
    ]


CHAIN = chain_text(3333)


def chain_by_hand(x: Array, W: Array, b: Array) -> tuple[list[Array], list[Array]]:
    """10,000 nodes as a person writes them, every value and gradient kept."""
    values, gradients = [x], []
    for _ in range(3333):
        m = x @ W
        a = m + b
        x = np.tanh(a)
        values += [m, a, x]
    values.append(x.sum())
    g: Array = np.broadcast_to(np.float64(1.0), x.shape)
    gW: Any = None
    gb: Any = None
    for i in range(3332, -1, -1):
        ga = g * (1 - values[3 * i + 3] ** 2)
        gb = ga if gb is None else gb + ga
        g = ga @ W.T
        c = values[3 * i].T @ ga
        gW = c if gW is None else gW + c
        gradients += [ga, g]
    return values, [*gradients, gW, gb]


def chain() -> list[tuple[str, str, str]]:
    timeline = bpdebug.run(load(CHAIN))
    graph = timeline.graph
    plain, chunked = runner(load(CHAIN), MANY), runner(load(CHAIN), 0)
    x, W, b = (timeline.value(n) for n in ("X", "W", "b"))
    np.testing.assert_allclose(plain().G[graph.index["W"]], chain_by_hand(x, W, b)[1][-2], rtol=1e-12)
    hand = lambda: chain_by_hand(x, W, b)  # noqa: E731
    return [
        ("chain of 10,000 2x2 nodes, per node", f"{interleaved(plain, hand, 31):.2f}", "1.4"),
        ("  the same, generated chunks", f"{interleaved(chunked, hand, 31):.2f}", "1.4"),
    ]


BIG = """
format = 1
[inputs]
X = { shape = [1024, 1024], init = "normal" }
[parameters]
W = { shape = [1024, 1024], init = "normal" }
[graph]
incoming = { Y = { init = "normal" } }
program = '''
Y = X @ W
'''
"""


def big() -> list[tuple[str, str, str]]:
    scenario = load(BIG)
    timeline = bpdebug.run(scenario)
    X, W = timeline.value("X"), timeline.value("W")
    g = timeline.iteration(0).seed(timeline.graph.index["Y"])

    def hand() -> tuple[Array, Array, Array]:
        return X @ W, g @ W.T, X.T @ g

    return [("1024x1024 matmul", f"{interleaved(runner(scenario, MANY), hand, 11):.3f}", "1.05")]


def memory() -> list[tuple[str, str, str]]:
    """Bytes of a timeline of 10,000 nodes: graph, lists, code; everything but the arrays, and with its chunks."""
    for _ in range(4):  # plans, modules and caches that every graph of the process shares
        road(load(chain_text(5)))
    return [
        ("timeline of 10,000 nodes beside its arrays, MB", f"{beside(1):.2f}", "3"),
        ("  the same, its chunks included", f"{beside(4):.2f}", "3"),
    ]


def road(scenario: Any) -> Any:
    """The loss and the gradients of all leaves, on a new timeline."""
    timeline = bpdebug.run(scenario)
    assert timeline.loss is not None
    for name in ("X", "W", "b"):
        assert timeline.grad(name) is not None
    return timeline


def beside(runs: int) -> float:
    """Megabytes of the last of so many timelines, without its arrays."""
    gc.collect()
    tracemalloc.start()
    scenario = load(CHAIN)
    for _ in range(runs):
        timeline = road(scenario)
    gc.collect()
    whole = tracemalloc.get_traced_memory()[0]
    run = timeline.iteration(0)
    # Each array once: its header, and its cells where it owns them.
    arrays = {id(a): sys.getsizeof(a) for a in (*run.V, *run.G) if a is not None}
    bases = {id(a.base): sys.getsizeof(a.base) for a in (*run.V, *run.G) if a is not None and a.base is not None}
    tracemalloc.stop()
    return (whole - sum((arrays | bases).values())) / 1e6


def opening() -> list[tuple[str, str, str]]:
    """Opening 10,000 written-out nodes, and the same unrolled; medians of five."""
    lines = ["h0 = X @ W"] + [f"h{i + 1} = tanh(h{i} @ W + b)" for i in range(3333)]
    written = HEAD + "\n".join(lines) + "\nL = sum(h3333)\n'''\n"
    rows = []
    for name, text in (("opening 10,000 nodes, s", CHAIN), ("  the same, every line written out", written)):
        times = []
        for _ in range(5):
            start = time.perf_counter()
            load(text)
            times.append(time.perf_counter() - start)
        rows.append((name, f"{statistics.median(times):.2f}", "0.5"))
    return rows


def processes() -> list[tuple[str, str, str]]:
    """The CPU time (user and system) of a whole `run transpose`, to that of a process that imports NumPy: 20 pairs."""
    compileall.compile_dir(Path(bpdebug.__file__).parent, quiet=1)  # an installed program has its bytecode
    ours = [sys.executable, "-c", "from bpdebug.cli import main; main(['run', 'transpose'])"]
    bare = [sys.executable, "-c", "import numpy"]
    ratios = [_cpu(ours) / _cpu(bare) for _ in range(20)]
    return [("`run transpose`, to `import numpy`", f"{statistics.median(ratios):.2f}", "1.5")]


def _cpu(command: list[str]) -> float:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    used = os.wait4(process.pid, 0)[2]
    process.returncode = 0  # it is waited for
    return used.ru_utime + used.ru_stime


def painted() -> list[tuple[str, str, str]]:
    """The CPU time of whole processes to the first full frame, against a bare Textual app that imports NumPy."""
    compileall.compile_dir(Path(bpdebug.__file__).parent, quiet=1)  # an installed program has its bytecode
    compileall.compile_dir(Path(screen.__file__).parent, quiet=1)
    ratios = [
        screen.seconds([*screen.RUN, "ours", "two_layer"]) / screen.seconds([*screen.RUN, "bare"]) for _ in range(20)
    ]
    return [("CPU time to the first painted screen", f"{statistics.median(ratios):.2f}", "1.2")]


def main() -> None:
    cpu = subprocess.run(["uname", "-m"], capture_output=True, text=True, check=True).stdout.strip()
    print(f"Python {sys.version.split()[0]}, NumPy {np.__version__}, {cpu}, one BLAS thread")
    rows = [row for part in (mlp, chain, big, memory, opening, processes, painted) for row in part()]
    print("| what | measured | at most |\n|---|---|---|")
    for row in rows:
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
