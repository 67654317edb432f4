"""Judges that run in Node and in a browser: where they are absent, a test that needs them says so and is skipped.

`apt-get install chromium fonts-noto-cjk` and `npm ci --ignore-scripts` in this folder bring them. The scripts beside
this file are run by the tests that name them; each prints one JSON document.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).parent
NODE, CHROMIUM = shutil.which("node"), shutil.which("chromium")

needs_node = pytest.mark.skipif(
    NODE is None or not (FOLDER / "node_modules").is_dir(), reason="node and `npm ci` in tests/node are needed"
)
needs_chromium = pytest.mark.skipif(
    NODE is None or not (FOLDER / "node_modules").is_dir() or CHROMIUM is None,
    reason="chromium, node and `npm ci` in tests/node are needed",
)


def answer(script: str, *arguments: str | Path, stdin: str = "", seconds: float = 120) -> Any:
    """What a script of this folder printed, as JSON; what it said to stderr where it failed."""
    command = [str(NODE), str(FOLDER / script), *map(str, arguments)]
    ran = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=seconds, check=False)
    assert ran.returncode == 0, ran.stderr[-4000:]
    return json.loads(ran.stdout)
