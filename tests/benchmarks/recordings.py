"""Walking a recording of three times the memory: peaks of child processes, and what it costs that files are not mapped.

`python -m tests.benchmarks.recordings` records the net of `memory.py` (766 MB of values and gradients) and walks all
its events, forward and back, in a third of that: once as the program reads, once with the bytes mapped in place of
read. Each array's hash is compared in both, which touches every byte of it.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

import bpdebug
from bpdebug.engine.sizes import of_arrays, of_leaves
from bpdebug.frontends.recorder import record
from bpdebug.importers.trace import open_recording
from bpdebug.importers.trace_file import OpenFile
from tests.benchmarks.memory import MB, NETS, peak

PART = 3
ROUNDS = 3


def mapped(self: OpenFile, offset: int, count: int) -> Any:
    """The same bytes, mapped."""
    return np.memmap(self.file, np.uint8, "r", offset, (count,)) if count else b""


def child(path: str, how: str) -> None:
    if how == "record":  # not in the parent: what that held once counts as its children's peak, too
        scenario = bpdebug.load(path)
        record(Path(path).with_suffix(".bptrace"), scenario, bpdebug.run(scenario, memory="300M"))
        return
    if how == "mapped":
        OpenFile.read = mapped  # type: ignore[method-assign]
    scenario = open_recording(path)
    graph = scenario.graph
    assert all(leaf.array is not None for leaf in graph.leaves)
    room = of_arrays(graph) // PART
    timeline = bpdebug.run(scenario, memory=room + of_leaves(graph))
    base, start = peak(), time.process_time()
    for events in (timeline, reversed(timeline)):
        for event in events:
            assert event.value is not None
            assert all(c.value.shape == c.total.shape for c in event.contributions)
    print(room, peak() - base, time.process_time() - start, len(timeline))


def ask(path: Path, how: str) -> list[str]:
    words = [sys.executable, "-m", "tests.benchmarks.recordings", str(path), how]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.split()


def main() -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "deep.toml"
        path.write_text(NETS["deep"])
        ask(path, "record")
        size = path.with_suffix(".bptrace.data").stat().st_size
        for how in ("read", "mapped") * ROUNDS:
            room, grown, cpu, events = map(float, ask(path.with_suffix(".bptrace"), how))
            print(
                f"{how}: {events:.0f} events of {size / MB:.0f} MB there and back in {room / MB:.0f} MB: "
                f"peak {grown / MB:.0f} MB ({grown / room:.2f}), {cpu:.2f} s",
                flush=True,
            )


if __name__ == "__main__":
    child(*sys.argv[1:]) if sys.argv[1:] else main()
