"""An ONNX model as a scenario: the file read and checked, and what its ops are in steps.

Nothing here imports onnx before a model is given.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from bpdebug.errors import InputError, UsageError
from bpdebug.importers import ModelOptions
from bpdebug.limits import Limits
from bpdebug.scenario import Scenario
from bpdebug.scenario.sources import read_arrays


def from_onnx(
    path_or_proto: Any, feeds: Mapping[str, Any] | None = None, *, loss: str | None = None,
    dim: Mapping[str, int] | None = None, freeze: Sequence[str] = (), limits: Limits | None = None,
) -> Scenario:  # fmt: skip
    """The scenario of an ONNX model (opset 13 to 23): a path, or a `ModelProto`.

    `feeds` are arrays of its inputs, by name; those that are missing are drawn, and have size 2 along axes that the
    file leaves open unless `dim` says another. `loss` names a tensor without axes; without it a gradient of ones comes
    in at every output, or the only output is the loss, where it has no axes. Float initialisers on the way of a
    gradient are parameters, those that a glob of `freeze` matches inputs. What no gradient passes through is computed
    once. float16 and bfloat16 are held in float32, rounded where the file casts.

    Raises InputError: E_FILE without onnx, for what is no model, or one that lies in several files of which one is
    elsewhere than in its folder; E_OP with all nodes that have no rule; E_NAME, E_DTYPE, E_SHAPE, E_LOSS, E_LIMIT.
    """
    try:
        import_module("onnx")
    except ImportError:
        hint = 'pip install "bpdebug[onnx]"'
        raise InputError("onnx is not installed, and a model of it is given", code="E_FILE", hint=hint) from None
    opened = import_module(f"{__name__}.opening").opened
    options = ModelOptions(None, loss, dict(dim or {}), (freeze,) if isinstance(freeze, str) else tuple(freeze))
    found: Scenario = opened(path_or_proto, dict(feeds or {}), options, limits or Limits())
    return found


def open_model(
    path: str | os.PathLike[str], *, limits: Limits | None = None,
    replace: Mapping[str, str | os.PathLike[str]] | None = None, options: ModelOptions | None = None,
) -> Scenario:  # fmt: skip
    """The scenario of a file, `.onnx`; raises as `from_onnx` does, and UsageError for options that are none of it."""
    if replace:
        raise UsageError("--set replaces nothing in a model", hint="give its inputs: --inputs x.npz")
    options = options or ModelOptions()
    options.only("inputs", "loss", "dim", "freeze")
    limits = limits or Limits()
    feeds: dict[str, Any] = {}
    if options.inputs is not None:
        feeds = read_arrays(options.inputs, limits)
    return from_onnx(path, feeds, loss=options.loss, dim=options.dim, freeze=options.freeze, limits=limits)
