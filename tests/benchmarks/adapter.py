"""What an editor waits for, by hand: `python -m tests.benchmarks.adapter`.

A stop is stepIn, stackTrace, scopes, and the variables of every scope that is not expensive, over standard input and
output. The larger graph is walked a second time: what a matmul of 4096 x 4096 takes is no cost of the adapter.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

LARGE = """
format = 1
[inputs]
X = { file = "X.npy" }
[parameters]
W = { file = "W.npy" }
b = { file = "b.npy" }
[graph]
loss = "L"
program = '''
Y = X @ W
Z = Y + b
H = relu(Z)
L = mean(H)
'''
"""


class Editor:
    """Speaks to an adapter that it started."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "bpdebug.cli", "dap"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.seq = 0

    def send(self, command: str, **arguments: Any) -> int:
        self.seq += 1
        message = {"seq": self.seq, "type": "request", "command": command, "arguments": arguments}
        body = json.dumps(message).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.process.stdin.flush()
        return self.seq

    def read(self) -> Any:
        assert self.process.stdout is not None
        length = int(self.process.stdout.readline().split(b":")[1])
        self.process.stdout.readline()
        return json.loads(self.process.stdout.read(length))

    def ask(self, command: str, **arguments: Any) -> Any:
        number = self.send(command, **arguments)
        while (message := self.read()).get("request_seq") != number:
            pass
        assert message["success"], message
        return message.get("body")

    def stop(self) -> Any:
        while (message := self.read()).get("event") != "stopped":
            pass
        return message.get("body")

    def open(self, program: str, *, paging: bool) -> None:
        self.ask("initialize", adapterID="bench", supportsVariablePaging=paging)
        self.send("launch", program=program, memory="8G")
        self.ask("configurationDone")
        self.stop()

    def go(self, command: str) -> bool:
        """A motion, and what an editor asks behind it; whether it came to an end of the timeline."""
        self.ask(command, threadId=1)
        ended = "description" in self.stop()
        self.ask("stackTrace", threadId=1)
        for scope in self.ask("scopes", frameId=1)["scopes"]:
            if not scope["expensive"]:
                self.ask("variables", variablesReference=scope["variablesReference"])
        return ended

    def worked(self) -> float:
        """Milliseconds of processor time of all its threads: what other processes do is not in it."""
        threads = Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(one.read_text().split()[0]) for one in threads) / 1e6

    def peak(self) -> float:
        """MiB that the process had at most."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def stops(editor: Editor, count: int) -> list[tuple[float, float]]:
    """Milliseconds of so many stops, to the end and back: that passed, and of the adapter's processor time."""
    found: list[tuple[float, float]] = []
    command = "stepIn"
    while len(found) < count:
        begun, worked = time.perf_counter(), editor.worked()
        ended = editor.go(command)
        found.append((1e3 * (time.perf_counter() - begun), editor.worked() - worked))
        if ended:
            command = "stepBack" if command == "stepIn" else "stepIn"
    return found


def told(name: str, found: list[tuple[float, float]]) -> None:
    passed, worked = zip(*found, strict=True)
    high = f"{np.percentile(passed, 95):6.2f} ms, {np.percentile(worked, 95):6.2f} ms of processor time"
    print(f"{name:20} median {statistics.median(passed):6.2f} ms, 95 % below {high}")


def large(folder: Path) -> str:
    rng = np.random.default_rng(0)
    for name, shape in (("X", (4096, 4096)), ("W", (4096, 4096)), ("b", (4096,))):
        np.save(folder / f"{name}.npy", rng.standard_normal(shape))
    (folder / "large.toml").write_text(LARGE)
    return str(folder / "large.toml")


def main() -> None:
    """Prints the table."""
    editor = Editor()
    editor.open("transformer_block", paging=True)
    told("transformer_block", stops(editor, 400))
    editor.process.kill()
    with tempfile.TemporaryDirectory() as folder:
        path = large(Path(folder))
        for paging in (True, False):
            editor = Editor()
            editor.open(path, paging=paging)
            editor.ask("evaluate", expression="seek end", context="repl")
            editor.stop()
            before = editor.peak()
            stops(editor, 40)
            told(f"4096 x 4096{'' if paging else ', unpaged'}", stops(editor, 200))
            for scope in editor.ask("scopes", frameId=1)["scopes"]:
                for one in editor.ask("variables", variablesReference=scope["variablesReference"])["variables"]:
                    if one["variablesReference"]:
                        more = {"start": 0, "count": 100} if paging else {}
                        editor.ask("variables", variablesReference=one["variablesReference"], **more)
            print(f"{'':20} peak {before:.0f} MiB before a stop was looked at, {editor.peak():.0f} MiB behind it")
            editor.process.kill()


if __name__ == "__main__":
    main()
