"""The process that reads a .pt2 file with PyTorch; asked by `package.py`, it leaves a packed scenario."""

from __future__ import annotations

import logging
import os
import sys
import warnings

import msgspec

from bpdebug.errors import BpdebugError, InputError
from bpdebug.importers.aten.archive import bad, checked
from bpdebug.importers.aten.package import MOST_SECONDS, FileAsked
from bpdebug.importers.packed import pack
from bpdebug.limits import GIB, Limits
from bpdebug.scenario import Scenario

ROOM = 16 * GIB
"""Address space beyond the limit on memory: PyTorch's code, and its copies of the weights."""


def main() -> None:
    """Reads the request, and writes the answer where it says."""
    request = msgspec.json.decode(sys.stdin.buffer.read(), type=FileAsked)
    _bound(Limits(request.limits))
    logging.disable(logging.CRITICAL)
    with open(request.result, "wb") as file:
        file.write(pack(answer(request)))


def answer(request: FileAsked) -> Scenario | BpdebugError:
    """What the file of a request is, or why it cannot be read."""
    name = os.path.basename(request.path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of PyTorch about itself
            return _read(request, Limits(request.limits), name)
    except BpdebugError as error:
        return error.at(name)
    except MemoryError:
        return InputError("what it computes takes more memory than there is", code="E_LIMIT", where=name)
    except RecursionError:
        return bad("it is nested too deeply").at(name)
    except Exception as error:  # whatever PyTorch raises for a file that is no model
        said = next(iter(str(error).strip().splitlines()), "")
        return bad(f"PyTorch could not read it: {type(error).__name__}: {said}").at(name)


def _bound(limits: Limits) -> None:
    """As much time and memory as a file is worth, where the system can say so."""
    try:
        import resource  # not on every system
    except ImportError:
        return
    for kind, most in ((resource.RLIMIT_CPU, MOST_SECONDS), (resource.RLIMIT_AS, 4 * limits["memory"] + ROOM)):
        hard = resource.getrlimit(kind)[1]
        resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _read(request: FileAsked, limits: Limits, name: str) -> Scenario:
    archive = checked(request.path, limits)
    from bpdebug.importers.aten.exported import read_exported  # torch: only what is worth it

    return read_exported(archive, request.options, limits, name)
