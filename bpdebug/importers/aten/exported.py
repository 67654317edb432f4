"""A program that torch.export saved, read by PyTorch as a scenario: in a process of its own, from a checked archive."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, BinaryIO

import torch
from torch.utils import _pytree as pytree

from bpdebug.arrays import Array
from bpdebug.errors import InputError, ShapeError, shown, suggest
from bpdebug.importers import ModelOptions
from bpdebug.importers.aten.archive import bad
from bpdebug.importers.aten.double import widen
from bpdebug.importers.aten.export import Exported, lowered
from bpdebug.importers.aten.opening import ended, read
from bpdebug.limits import Limits
from bpdebug.scenario import Scenario
from bpdebug.scenario.sources import read_arrays


def read_exported(archive: BinaryIO, options: ModelOptions, limits: Limits, where: str) -> Scenario:
    """The scenario of a checked archive; raises as `open_package` does, and what PyTorch raises."""
    torch.load = partial(torch.load, weights_only=True)  # this process is there for one file
    program = torch.export.load(archive)
    _tie(program.state_dict)
    inputs = _inputs(program)
    if options.inputs is not None:
        _give(inputs, read_arrays(options.inputs, limits))
    if (missing := [name for name, value in inputs.items() if value is None]) and options.inputs is None:
        raise bad(f"it has no sample of {', '.join(missing)}", "give its inputs: --inputs x.npz")
    if options.double:
        program, inputs = widen(program, inputs)
    program = lowered(program)
    wanted = _outputs(program, (options.loss,) if options.loss else options.incoming)
    return ended(read(Exported(program, inputs, ()), where), options.loss is not None, limits, wanted)


def _tie(held: dict[str, Any]) -> None:
    """Makes parameters one again that were one when they were saved: they lie in one place."""
    found: dict[Any, Any] = {}
    for name, value in held.items():
        if isinstance(value, torch.nn.Parameter) and value.numel():
            held[name] = found.setdefault((value.data_ptr(), value.shape, value.stride()), value)


def _inputs(program: Any) -> dict[str, Any]:
    """The user's inputs by name, with the samples that were saved with them; None where there are none."""
    given = program.example_inputs
    samples = pytree.tree_leaves(given) if given else []
    names = [str(name) for name in program.graph_signature.user_inputs]
    return {name: samples[i] if i < len(samples) else None for i, name in enumerate(names)}


def _give(inputs: dict[str, Any], arrays: Mapping[str, Array]) -> None:
    """Puts arrays in the place of samples; E_NAME, E_SHAPE or E_DTYPE for those that do not fit."""
    if list(arrays) == [""] and len(inputs) == 1:  # an .npy file
        arrays = dict.fromkeys(inputs, arrays[""])
    for name, array in arrays.items():
        if name not in inputs:
            hint = suggest(name, inputs, f"inputs: {', '.join(inputs)}")
            raise InputError(f"the model has no input '{shown(name)}'", code="E_NAME", hint=hint)
        sample, found = inputs[name], torch.from_numpy(array.copy())
        if sample is not None and found.shape != sample.shape:
            message = f"'{name}' has shape {tuple(found.shape)}, and was exported with {tuple(sample.shape)}"
            raise ShapeError(message, hint="export the model with such an input")
        inputs[name] = found if sample is None else found.to(sample.dtype)


def _outputs(program: Any, wanted: tuple[str, ...]) -> tuple[str, ...]:
    """The nodes of outputs by the names that people give: a key or a place of what is returned; E_LOSS for others."""
    names = dict(_named(program))
    for name in wanted:
        if name not in names:
            hint = f"it gives: {', '.join(names)}"
            raise InputError(f"the model has no output '{shown(name)}'", code="E_LOSS", hint=hint)
    return tuple(names[name] for name in wanted)


def _named(program: Any) -> Iterator[tuple[str, str]]:
    nodes = [str(name) for name in program.graph_signature.user_outputs]
    spec = program.call_spec.out_spec
    places = pytree.tree_flatten_with_path(pytree.tree_unflatten(nodes, spec))[0] if spec is not None else []
    for path, node in places:
        keys = [str(getattr(key, "key", getattr(key, "idx", getattr(key, "name", "")))) for key in path]
        yield ".".join(keys) or "0", node  # a single output has no key, and is the first
    yield from ((node, node) for node in nodes)
