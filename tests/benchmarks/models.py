"""Real models beside PyTorch, by hand: `python -m tests.benchmarks.models` (extras `torch` and `zoo`).

GPT-2 small (1 x 128 tokens, float32, random weights) forward and backward, once opened, against torch eager; what a
step costs once all is computed; a Transformer's block with GELU, in seconds, to be run on two trees (`... block`, with
the other's PYTHONPATH); peaks of memory in child processes. CPU time, interleaved, one thread, medians.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import gc
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import bpdebug

ROUNDS = 9
BLOCK = """format = 1
dtype = "float32"
[inputs]
X = { shape = [128, 256], init = "normal" }
[parameters]
Q = { shape = [256, 256], init = "normal", scale = 0.06 }
K = { shape = [256, 256], init = "normal", scale = 0.06 }
V = { shape = [256, 256], init = "normal", scale = 0.06 }
O = { shape = [256, 256], init = "normal", scale = 0.06 }
U = { shape = [256, 1024], init = "normal", scale = 0.06 }
D = { shape = [1024, 256], init = "normal", scale = 0.03 }
g = { shape = [256], init = "ones" }
b = { shape = [256], init = "zeros" }
[graph]
loss = "L"
program = '''
h = layer_norm(X, g, b)
a = softmax((h @ Q) @ (h @ K).T * 0.0625) @ (h @ V)
r = X + a @ O
y = r + gelu(layer_norm(r, g, b) @ U) @ D
L = mean(y ** 2)
'''
"""


def cpu(run: Callable[[], object]) -> float:
    """Seconds of the processor that a run takes."""
    start = time.process_time()
    run()
    return time.process_time() - start


def gpt2() -> tuple[Any, Any]:
    """The model, and the arguments of a training step."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = GPT2LMHeadModel(GPT2Config(attn_implementation="eager", use_cache=False)).eval()
    ids = torch.randint(0, 50257, (1, 128), generator=torch.Generator().manual_seed(1))
    return model, {"input_ids": ids, "labels": ids}


def step_of(model: Any, args: Any) -> None:
    model.zero_grad(set_to_none=True)
    model(**args).loss.backward()


def small() -> None:
    model, args = gpt2()
    scenario = bpdebug.from_torch(model, args, loss="loss")
    ours, theirs = [], []
    for n in range(ROUNDS + 3):
        taken = cpu(lambda: bpdebug.run(scenario).run()), cpu(lambda: step_of(model, args))
        if n >= 3:  # code is generated for a graph that is run for the third time
            ours.append(taken[0])
            theirs.append(taken[1])
    ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
    print(f"GPT-2 small to torch eager: {ratio:.2f} ({statistics.median(ours):.2f} s)")
    session = bpdebug.Session(scenario)
    session.do("continue")
    for what in ("first", "again"):
        session.do("restart")
        steps = [cpu(lambda: session.do("step")) for _ in range(len(session.state.timeline) - 1)]
        print(f"a step, {what}: 95 of 100 within {1e3 * np.percentile(steps, 95):.2f} ms")
    for line in ("flow", "info gradients", "seek matmul@bwd ;; candidates"):
        print(f"{line}: {cpu(lambda line=line: session.do(line)):.2f} s")  # type: ignore[misc]


def peak(which: str) -> None:
    """The peak of memory of a step, or of an opened model's pass, the model itself being kept or not."""
    model, args = gpt2()
    if which == "torch":
        step_of(model, args)
    else:
        scenario = bpdebug.from_torch(model, args, loss="loss")
        if which == "alone":
            del model
            gc.collect()
        bpdebug.run(scenario).run()
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)


def block() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "block.toml"
        path.write_text(BLOCK, encoding="utf-8")
        scenario = bpdebug.load(path)
    times = [cpu(lambda: bpdebug.run(scenario).run()) for _ in range(ROUNDS + 3)][3:]
    print(f"{statistics.median(times):.4f}")


def main() -> None:
    what, *rest = sys.argv[1:] or ["all"]
    if what == "block":
        block()
    elif what == "peak":
        peak(*rest)
    else:
        small()
        children = [[sys.executable, "-m", "tests.benchmarks.models", "peak", w] for w in ("torch", "kept", "alone")]
        peaks = [
            float(subprocess.run(c, check=True, capture_output=True, text=True).stdout.split()[-1]) for c in children
        ]
        print(f"peak of memory to torch's: {peaks[1] / peaks[0]:.2f}, without torch's model {peaks[2] / peaks[0]:.2f}")


if __name__ == "__main__":
    main()
