"""What recording costs beside its bytes: `python -m tests.benchmarks.recording`."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from bpdebug.frontends.recorder import Recorder
from bpdebug.scenario import open_timeline
from tests.benchmarks import bench


def _seconds(run: Callable[[], object]) -> float:
    start = time.process_time()
    run()
    return time.process_time() - start


def per_event(text: str, runs: int = 7) -> tuple[float, float]:
    """Microseconds an event beyond writing the same bytes plainly, and those of the plain writing; the best of runs.

    Everything is computed beforehand, but what single edges add to a sum, which nobody else asks for.
    """
    scenario = bench.load(text)
    timeline = open_timeline(scenario).run()
    events, found = len(timeline), []
    with tempfile.TemporaryDirectory() as folder:
        for n in range(runs):
            path = Path(folder) / f"{n}.bptrace"
            with closing(Recorder(path, scenario, timeline)) as recorder:
                ours = _seconds(lambda: [*map(recorder.write, range(events))])
            pieces = [path.read_bytes(), Path(f"{path}.data").read_bytes()]
            plain = _seconds(lambda: [(Path(folder) / "plain").write_bytes(piece) for piece in pieces])  # noqa: B023
            found.append((ours - plain, plain))
    ours, plain = min(found)
    return ours * 1e6 / events, plain * 1e6 / events


def recording() -> list[tuple[str, str, str]]:
    """Rows for the table of benchmarks."""
    beyond, plain = per_event(bench.CHAIN)
    return [("recording 20,000 events of 2x2, µs an event beyond its bytes", f"{beyond:.1f} (bytes {plain:.1f})", "15")]


if __name__ == "__main__":
    for row in recording():
        print("| " + " | ".join(row) + " |")
