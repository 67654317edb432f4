"""Opening a file of any format: its suffix says who reads it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from importlib import import_module

from msgspec import Struct, field, structs

from bpdebug.errors import UsageError
from bpdebug.limits import Limits
from bpdebug.scenario import Scenario, load

READERS = {
    ".bptrace": "trace:open_recording", ".onnx": "onnx_graph:open_model", ".pt2": "aten.package:open_package",
}  # fmt: skip
"""Suffix -> MODULE:FUNCTION of this package, called with the path, `limits` and `replace` as `load` is.

A module is imported when a file of its format is opened; what no reader claims is a scenario's text. A reader of
models is called with `options`, too, where one of them is given.
"""


class ModelOptions(Struct, frozen=True):
    """What is said of a model beside its file, by the options of the command line of these names.

    `inputs` is a tensor file with the arrays of its inputs, by name; `loss` the name of a tensor, `incoming` those at
    which ones come in; `dim` the sizes of axes that the file leaves open; `freeze` globs of parameters that are inputs;
    with `double` all is in float64.
    """

    inputs: str | None = None
    loss: str | None = None
    dim: Mapping[str, int] = field(default_factory=dict)
    freeze: tuple[str, ...] = ()
    incoming: tuple[str, ...] = ()
    double: bool = False

    def given(self) -> list[str]:
        """The names of those that say something."""
        return [name for name, value in structs.asdict(self).items() if value]

    def only(self, *names: str) -> None:
        """UsageError where another option is given than the reader of a format takes."""
        for name in self.given():
            if name not in names:
                raise UsageError(f"--{name} says nothing of such a file", hint=f"it takes --{', --'.join(names)}")


def open_any(
    path: str | os.PathLike[str], *, limits: Limits | None = None,
    replace: Mapping[str, str | os.PathLike[str]] | None = None, options: ModelOptions | None = None,
) -> Scenario:  # fmt: skip
    """A scenario from a file of any format that can be read, from "-", or from the name of a shipped one.

    `replace` gives tensors other arrays, by name, from files. The graph is checked and nothing is computed. Raises
    BpdebugError with one of the stable codes, and nothing else; UsageError for `options` of what is no model.
    """
    reader: Callable[..., Scenario] = reader_of(path) or load
    if options is None or not options.given():
        return reader(path, limits=limits, replace=replace)
    if "options" not in (getattr(reader, "__kwdefaults__", None) or {}):
        raise UsageError(f"--{options.given()[0]} is for models", hint=f"'{os.fspath(path)}' says itself what it holds")
    return reader(path, limits=limits, replace=replace, options=options)


def reader_of(path: str | os.PathLike[str]) -> Callable[..., Scenario] | None:
    """Who reads files of this suffix; None where it is no importer."""
    module, _, function = READERS.get(os.path.splitext(os.fspath(path))[1], "").partition(":")
    return getattr(import_module(f"{__name__}.{module}"), function) if module else None
