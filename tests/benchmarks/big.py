"""200,000 nodes, by hand: `python -m tests.benchmarks.big [--nodes N] [--beside TREE] [KIND ...]`.

Of each kind of graph: the CPU time in which it opens (`bpdebug.load`), is on the screen (`bpdebug FILE` in a terminal,
until its first event is), and answers `seek end` (a session's), and the most memory of each process; as a user has it:
a process each, its bytecode cached, one BLAS thread. Beside another checkout the two are measured in turn, and the
table has medians and ratios. `million` opens a million nodes, raised by the option.
"""

from __future__ import annotations

import argparse
import compileall
import os
import pty
import re
import select
import statistics
import subprocess
import sys
import tempfile
import termios
from collections.abc import Callable
from fcntl import ioctl
from pathlib import Path
from struct import pack

from tests.large import HEAD

ROOT = Path(__file__).parents[2]
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
MEASURED = """
import resource, sys, time
import bpdebug
from bpdebug.limits import Limits
from bpdebug.scenario import load
if sys.argv[1].endswith(".onnx"):
    from bpdebug.importers import open_any as load
start = time.process_time()
scenario = load(sys.argv[1], limits=Limits({"nodes": 10**7, "calls": 10**7, "file": 2**27}))
opened = time.process_time()
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
session = bpdebug.Session(scenario)
session.do("seek end")
print(opened - start, time.process_time() - opened, peak, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3)
"""
ROUNDS = 5
Figures = tuple[float, ...]
NAMES = ("open, s", "seek end, s", "MB", "MB at the end", "first paint, s", "MB")


def _loop(nodes: int) -> str:
    return f"h = X\nfor i in range({nodes // 3}):\n    h = tanh(h @ W + b)\nL = sum(h)\n"


def _blocks(nodes: int) -> str:
    block = "def layer(x):\n    a = tanh(x @ W + b)\n    return x + 0.1 * (a @ W)\n"
    return f"{block}h = X\nfor i in range({nodes // 7}):\n    h = layer(h)\nL = sum(h)\n"


def _wide(nodes: int) -> str:
    return f"s = sum(X)\nfor i in range({nodes // 4}):\n    s = s + sum(tanh(X @ W))\nL = s * 1\n"


def _lines(nodes: int) -> str:
    lines = "".join(f"h{i + 1} = tanh(h{i} @ W + b)\n" for i in range((nodes - 1) // 3))
    return f"h0 = X + 0\n{lines}L = sum(h{(nodes - 1) // 3})\n"


KINDS: dict[str, Callable[[int], str]] = {"loop": _loop, "blocks": _blocks, "wide": _wide, "lines": _lines}


def model(path: Path, nodes: int) -> None:
    """The chain as an ONNX model."""
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    def shaped(name: str, shape: list[int]) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)

    made, x = [], "X"
    for i in range(nodes // 3):
        made += [helper.make_node("MatMul", [x, "W"], [f"m{i}"]), helper.make_node("Add", [f"m{i}", "b"], [f"a{i}"])]
        made.append(helper.make_node("Tanh", [f"a{i}"], [x := f"h{i}"]))
    made.append(helper.make_node("ReduceSum", [x], ["L"], keepdims=0))
    weights = [numpy_helper.from_array(np.full((2, 2), 0.3, np.float32), name) for name in ("W", "b")]
    graph = helper.make_graph(made, "chain", [shaped("X", [2, 2])], [shaped("L", [])], weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)


def in_process(tree: Path, path: Path) -> Figures:
    """The seconds of opening and of `seek end`, and the megabytes after each."""
    environ = {**os.environ, **ONE_THREAD, "PYTHONPATH": str(tree)}
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, str(path)], env=environ, cwd=path.parent, capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return tuple(map(float, done.stdout.split()))


def painted(tree: Path, path: Path, *options: str) -> Figures:
    """The CPU seconds of the program in a terminal until its first event is on the screen, and its megabytes."""
    pid, fd = pty.fork()
    if pid == 0:
        os.chdir(path.parent)  # or this checkout would come before the one that is meant
        home = tempfile.mkdtemp(dir=path.parent)
        os.environ.update(ONE_THREAD, PYTHONPATH=str(tree), TERM="xterm-256color", XDG_STATE_HOME=home)
        os.execv(sys.executable, [sys.executable, "-m", "bpdebug.cli", str(path), *options])
    ioctl(fd, termios.TIOCSWINSZ, pack("HHHH", 40, 120, 0, 0))
    seen = b""
    while not re.search(rb"event 0\b", re.sub(rb"\x1b\[[0-9;?]*[a-zA-Z]", b"", seen)):
        if select.select([fd], [], [], 120)[0]:
            seen += os.read(fd, 1 << 16)
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    most = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    os.kill(pid, 9)
    os.waitpid(pid, 0)
    os.close(fd)
    assert most is not None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"), int(most[1]) / 1e3


def row(trees: list[Path], path: Path) -> list[Figures]:
    """The medians of each tree, measured in turn."""
    rounds = [[(*in_process(tree, path), *painted(tree, path)) for tree in trees] for _ in range(ROUNDS)]
    return [tuple(map(statistics.median, zip(*(each[n] for each in rounds), strict=True))) for n in range(len(trees))]


def main() -> None:
    told = argparse.ArgumentParser()
    told.add_argument("kinds", nargs="*", default=[*KINDS])
    told.add_argument("--nodes", type=int, default=199_990)
    told.add_argument("--beside", type=Path)
    args = told.parse_args()
    trees = [ROOT, *([args.beside] if args.beside else [])]
    for tree in trees:
        compileall.compile_dir(tree / "bpdebug", quiet=1)
    print(f"load {os.getloadavg()[0]:.1f}\n| {args.nodes:,} nodes | {' | '.join(NAMES)} |\n|---|{'---|' * len(NAMES)}")
    with tempfile.TemporaryDirectory() as folder:
        for kind in args.kinds:
            path = Path(folder) / f"{kind}.{'onnx' if kind == 'model' else 'toml'}"
            if kind == "model":
                model(path, args.nodes)
                print(f"| model | {' | '.join(f'{n:.2f}' for n in in_process(ROOT, path))} |", flush=True)
                continue
            if kind == "million":
                path.write_text(f"{HEAD}{_loop(999_990)}'''\n", encoding="utf-8")
                found = [(*in_process(ROOT, path), *painted(ROOT, path, "--limit", "nodes=1000000"))]
            else:
                path.write_text(f"{HEAD}{KINDS[kind](args.nodes)}'''\n", encoding="utf-8")
                found = row(trees, path)
            for tree, figures in zip(trees, found, strict=False):
                print(f"| {kind}, {tree.name} | {' | '.join(f'{n:.2f}' for n in figures)} |", flush=True)
            if len(found) > 1:
                ratios = (a / b for a, b in zip(*found, strict=True))
                print(f"| ratio | {' | '.join(f'{n:.2f}' for n in ratios)} |", flush=True)


if __name__ == "__main__":
    main()
