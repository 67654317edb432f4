"""What a process takes with `--memory 64M`: at most that and 64 MB more than a session that was just opened."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from bpdebug.limits import MIB

BUDGET, BESIDE = 64 * MIB, 64 * MIB
PEAK = """
import sys
from bpdebug.cli import main
code = main(sys.argv[1:])
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM"))
sys.stderr.write(f"{code} {int(peak.split()[1]) * 1024}")
"""
TRAINED = """format = 1
[inputs]
X = { shape = [256, 512], init = "normal" }
T = { shape = [256, 512], init = "normal" }
[parameters]
W1 = { shape = [512, 512], init = "xavier" }
W2 = { shape = [512, 512], init = "xavier" }
[graph]
loss = "L"
program = '''
H = tanh(X @ W1)
Y = H @ W2
L = mse(Y, T)
'''
[train]
optimizer = "adam"
lr = 0.001
steps = 14
"""
LARGE = """format = 1
[inputs]
X = { shape = [930, 930], init = "normal" }
[graph]
loss = "L"
program = "L = sum(X * 2)"
"""
SHARED = """format = 1
[inputs]
x = { shape = [8, 512], init = "normal" }
[parameters]
W = { shape = [512, 512], init = "xavier" }
[graph]
loss = "L"
program = '''
h = x
for t in range(60):
    h = tanh(h @ W)
L = sum(h)
'''
"""
pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peaks are read from Linux's /proc")


def peak(folder: Path, text: str, *lines: str, words: tuple[str, ...] = ("debug",)) -> int:
    """The most bytes that a process had in memory which ran these lines."""
    path = folder / "a.toml"
    path.write_text(text)
    found = subprocess.run(
        [sys.executable, "-c", PEAK, *words, str(path), "--memory", "64M", "--fresh"],
        input="\n".join(lines) + "\n", text=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True,
    )  # fmt: skip
    code, nbytes = found.stderr.split()
    assert code == "0"
    return int(nbytes)


@cache
def opened(folder: Path, text: str) -> int:
    return peak(folder, text, "when")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("memory")


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (TRAINED, ["catch nan ;; continue 60", "catch inf ;; reverse-continue"]),
        (TRAINED, ["seek W1@upd%9", "set W1 = 0 ;; seek end", "switch 0", "set rule W2@upd = W2 ;; seek end"]),
        (LARGE, ["print/f X", "print/f X * 2"]),
        (SHARED, ["seek end", "contributions dW", "seek begin ;; continue 200", "why dW", "flow"]),
    ],
    ids=["catch", "forks", "print", "contributions"],
)
def test_a_session_keeps_to_its_budget(folder: Path, text: str, lines: list[str]) -> None:
    assert peak(folder, text, *lines) - opened(folder, text) <= BUDGET + BESIDE


def test_run_keeps_to_its_budget(folder: Path) -> None:
    assert peak(folder, LARGE, words=("run", "--json", "--values", "full")) - opened(folder, LARGE) <= BUDGET + BESIDE
