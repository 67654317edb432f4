"""Opening a file of any format: its suffix says who reads it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from importlib import import_module

from bpdebug.limits import Limits
from bpdebug.scenario import Scenario, load

READERS = {".bptrace": "trace:open_recording"}
"""Suffix -> MODULE:FUNCTION of this package, called with the path, `limits` and `replace` as `load` is.

A module is imported when a file of its format is opened; what no reader claims is a scenario's text.
"""


def open_any(
    path: str | os.PathLike[str], *, limits: Limits | None = None,
    replace: Mapping[str, str | os.PathLike[str]] | None = None,
) -> Scenario:  # fmt: skip
    """A scenario from a file of any format that can be read, from "-", or from the name of a shipped one.

    `replace` gives tensors other arrays, by name, from files. The graph is checked and nothing is computed. Raises
    BpdebugError with one of the stable codes, and nothing else.
    """
    return (reader_of(path) or load)(path, limits=limits, replace=replace)


def reader_of(path: str | os.PathLike[str]) -> Callable[..., Scenario] | None:
    """Who reads files of this suffix; None where it is no importer."""
    module, _, function = READERS.get(os.path.splitext(os.fspath(path))[1], "").partition(":")
    return getattr(import_module(f"{__name__}.{module}"), function) if module else None
