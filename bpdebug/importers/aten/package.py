"""A .pt2 file as a scenario: a process of its own reads it with PyTorch, within bounds of time and memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib.util import find_spec

import msgspec
from msgspec import Struct

from bpdebug.errors import InputError, UsageError
from bpdebug.importers import ModelOptions
from bpdebug.importers.aten.archive import bad
from bpdebug.importers.aten.missing import not_installed
from bpdebug.importers.packed import unpack
from bpdebug.limits import Limits
from bpdebug.scenario import Scenario

_READER = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); import bpdebug.importers.aten.reader as r; r.main()"
"""The other process finds modules where this one does, and none in the folder that it happens to be in."""
MOST_SECONDS = 900
"""Of processor time: beyond, a file is not worth opening."""


class FileAsked(Struct):
    """What the other process is asked: the file, what is said of it, and the limits that were moved."""

    path: str
    options: ModelOptions
    limits: dict[str, int]
    result: str


def open_package(
    path: str | os.PathLike[str], *, limits: Limits | None = None,
    replace: Mapping[str, str | os.PathLike[str]] | None = None, options: ModelOptions | None = None,
) -> Scenario:  # fmt: skip
    """The scenario of a file of `torch.export.save`, `.pt2`.

    Its gradient begins at `options.loss`, an output's name; or ones come in at those of `incoming`, or at every output.
    Raises E_FILE without PyTorch, for what is damaged, needs pickle or has open sizes; what `from_torch` raises; and
    UsageError for options that are none of it.
    """
    if replace:
        raise UsageError("--set replaces nothing in a model", hint="give its inputs: --inputs x.npz")
    options, limits = options or ModelOptions(), limits or Limits()
    options.only("inputs", "loss", "incoming", "double")
    name = os.path.basename(os.fspath(path))
    if find_spec("torch") is None:
        raise not_installed()
    try:
        with open(path, "rb") as file:
            file.read(1)
    except OSError as error:
        raise InputError(error.strerror or "it cannot be read", code="E_FILE", where=name) from None
    with tempfile.TemporaryDirectory(prefix="bpdebug-") as folder:
        request = FileAsked(os.path.abspath(path), options, dict(limits.moved), os.path.join(folder, "read"))
        _ask(request, name)
        with open(request.result, "rb") as read:
            return unpack(read.read(), limits)


def _ask(request: FileAsked, name: str) -> None:
    """Has another process read a file; E_FILE where that ends without an answer, of whatever kind."""
    words = [sys.executable, "-P", "-c", _READER, json.dumps([place for place in sys.path if place])]
    try:
        ended = subprocess.run(  # noqa: S603  # this very program
            words, input=msgspec.json.encode(request), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            timeout=2 * MOST_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise bad("PyTorch did not read it in time").at(name) from None
    if ended.returncode or not os.path.exists(request.result):
        last = ended.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["it ended without a word"]
        raise bad(f"PyTorch could not read it: {last[0]}").at(name)
