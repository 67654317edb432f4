"""A net that no machine of these holds, by hand: `python -m tests.benchmarks.cluster [CELLS] [FOLDER]`.

Three layers of CELLS x CELLS weights (20,000; float32, batch 64) in .npy files in a FOLDER (4.8 GB; made where they
are not there) on two workers of 512 MiB, of one thread each: loss, gradients of biases and of X, norms of those of the
weights, a step on the screen there; wall time, peaks of resident memory, bytes of arrays that came over. Workers
reserve what they map: it is their resident memory that is bounded.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from distributed import LocalCluster

import bpdebug
from bpdebug.backends.planned.cluster import Cluster
from bpdebug.engine.stats import two_norm
from bpdebug.frontends.tui.app import BpdebugApp

LAYERS, BATCH, ROWS = 3, 64, 1000


def net(folder: Path, n: int) -> Path:
    """The scenario, with its weights beside it, He's."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    for i in range(LAYERS):
        path = folder / f"W{i}.npy"
        if path.exists() and np.load(path, mmap_mode="r").shape == (n, n):
            continue
        there: Any = np.lib.format.open_memmap(path, "w+", dtype=np.float32, shape=(n, n))
        for at in range(0, n, ROWS):
            rows = rng.standard_normal((min(ROWS, n - at), n), dtype=np.float32)
            there[at : at + ROWS] = rows * np.float32((2 / n) ** 0.5)
    weights = "".join(
        f'W{i} = {{ file = "W{i}.npy" }}\nb{i} = {{ shape = [{n}], init = "zeros" }}\n' for i in range(LAYERS)
    )
    (folder / "net.toml").write_text(
        f'format = 1\ndtype = "float32"\n[inputs]\nX = {{ shape = [{BATCH}, {n}], init = "normal" }}\n[parameters]\n'
        f'{weights}[graph]\nloss = "L"\nprogram = """\nh0 = relu(X @ W0 + b0)\nh1 = relu(h0 @ W1 + b1)\n'
        'h2 = h1 @ W2 + b2\nL = mean(h2 ** 2)\n"""\n',
        encoding="utf-8",
    )
    return folder / "net.toml"


@contextmanager
def watched(peaks: list[int]) -> Iterator[None]:
    """The most resident bytes of the workers together, and of this process, while it goes on."""
    me, over = psutil.Process(), threading.Event()

    def watch() -> None:
        while not over.wait(0.1):
            try:
                there = sum(child.memory_info().rss for child in me.children(recursive=True))
            except psutil.NoSuchProcess:
                continue
            peaks[:] = max(peaks[0], there), max(peaks[1], me.memory_info().rss)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def lap(what: str, ask: Callable[[], Any], peaks: list[int], came: list[int]) -> None:
    start, before = time.perf_counter(), came[0]
    found = ask()
    seconds, mib = time.perf_counter() - start, [n / 2**20 for n in peaks]
    print(
        f"{what:24} {found!s:24.24} {seconds:7.1f} s, {(came[0] - before) / 1e6:8.3f} MB came over; "
        f"peaks: workers {mib[0]:.0f} MiB, here {mib[1]:.0f} MiB",
        flush=True,
    )


async def screen(scenario: Any) -> str:
    """Until the first event is there, a step, and the next."""
    app = BpdebugApp(bpdebug.Session(scenario).state)
    async with app.run_test(size=(120, 40)) as pilot:
        for keys in ([], ["s"], ["s"]):
            start = time.perf_counter()
            await pilot.press(*keys)
            await pilot.pause()
            while app.work is not None:
                await pilot.pause(0.02)
            print(f"  {' '.join(keys) or 'opened'}: {time.perf_counter() - start:.1f} s", flush=True)
    return ""


def main() -> None:
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    folder = Path(sys.argv[2] if len(sys.argv) > 2 else tempfile.mkdtemp(prefix="bpdebug-cluster-"))
    path, peaks, came = net(folder, n), [0, 0], [0]
    compute = Cluster.compute

    def counted(self: Cluster, arrays: Any) -> Any:
        found = compute(self, arrays)
        came[0] += sum(np.asarray(array).nbytes for array in found)
        return found

    Cluster.compute = counted  # type: ignore[method-assign]  # counts what comes over
    print(f"{n:,} cells an axis, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    how: dict[str, Any] = {"threads_per_worker": 1, "memory_limit": "512MiB", "dashboard_address": ":0"}
    with LocalCluster(n_workers=2, **how) as made, watched(peaks):
        start = time.perf_counter()
        scenario = bpdebug.load(path, backend="dask", scheduler=made.scheduler_address)
        timeline = bpdebug.run(scenario)
        lap("opened", lambda: scenario, peaks, came)
        lap("loss", lambda: timeline.loss, peaks, came)
        lap("all that is kept", lambda: timeline.run() and "", peaks, came)
        for name in (*(f"b{i}" for i in range(LAYERS)), "X"):
            lap(f"∂{name}", lambda: two_norm(np.asarray(timeline.grad(name))), peaks, came)  # noqa: B023 - called at once
        for name in (f"W{i}" for i in range(LAYERS)):
            found: Any = timeline.grad(name)
            lap(f"norm of ∂{name}", lambda: two_norm(found), peaks, came)  # noqa: B023 - as above
            lap(f"a corner of ∂{name}", lambda: found[:4, :4].sum(), peaks, came)  # noqa: B023 - as above
        print(f"all: {time.perf_counter() - start:.1f} s")
        lap("on the screen", lambda: asyncio.run(screen(scenario)), peaks, came)


if __name__ == "__main__":
    main()
