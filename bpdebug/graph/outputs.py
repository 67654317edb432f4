"""Where the backward pass begins: the loss, or the outputs with a gradient that comes in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache, partial

import numpy as np
from msgspec import Struct

from bpdebug.arrays import Array, Shape
from bpdebug.errors import InputError, ShapeError, did_you_mean
from bpdebug.graph.backward import Built


class Incoming(Struct, frozen=True, eq=False):
    """A gradient that comes in from the layer above: its shape, or None where it takes the output's; its array.

    `fits(shape)` raises where no such array can be made of the output's shape.
    """

    shape: Shape | None
    read: Callable[[Shape], Array]
    fits: Callable[[Shape], None] | None = None


def outputs_of(built: Built, loss: str | None, incoming: Mapping[str, Incoming]) -> dict[int, Callable[[], Array]]:
    """Where gradients come in, and what: the loss, 1; or the outputs with an incoming gradient, in program order.

    Raises E_LOSS where the backward pass cannot begin there, E_SHAPE where what comes in does not fit.
    """
    if (loss is None) == (not incoming):
        both = "both 'loss' and 'incoming'" if loss else "neither 'loss' nor 'incoming'"
        raise _no_start(f"the graph has {both}", 'give one: loss = "L", or incoming = { Y = ... }')
    if loss is not None:
        number = _output(built, loss)
        shape = built.types[number][0]
        if shape != ():
            message = f"the loss '{loss}' has shape {shape}"
            raise _no_start(message, f"a loss is one number: mean({loss})")
        return {number: cache(partial(np.ones, (), built.types[number][1]))}
    outputs: dict[int, Callable[[], Array]] = {}
    for name, spec in incoming.items():
        number = _output(built, name)
        shape = built.types[number][0]
        if spec.shape is not None and tuple(spec.shape) != shape:
            message = f"the gradient coming in at '{name}' has shape {tuple(spec.shape)}, and {name} has {shape}"
            raise ShapeError(message, hint="a gradient has the shape of what it is the gradient of")
        if spec.fits is not None:
            spec.fits(shape)
        outputs[number] = cache(partial(spec.read, shape))
    return dict(sorted(outputs.items()))


def _output(built: Built, name: str) -> int:
    """The number of an output, which must be a float node."""
    number = built.index.get(name)
    if number is None:
        hint = did_you_mean(name, [n.id for n in built.nodes]) or "name a node of the program"
        raise _no_start(f"no tensor '{name}' to start from", hint)
    if number < built.first:
        raise _no_start(f"'{name}' is no node", "name a tensor that the program computes")
    dtype = built.types[number][1]
    if dtype.kind != "f":
        raise _no_start(f"'{name}' is {dtype}, and only floats have gradients", "start from a float tensor")
    return number


def _no_start(message: str, hint: str) -> InputError:
    """E_LOSS: the backward pass cannot begin there."""
    return InputError(message, code="E_LOSS", hint=hint)
