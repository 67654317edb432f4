"""The leaves of a scenario: what its tables say of each tensor, checked, with a way to get the array when needed."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cache
from math import prod

import numpy as np
from msgspec import UNSET, Struct, field

from bpdebug.arrays import Array, DType, Shape
from bpdebug.errors import BpdebugError, InputError, ShapeError, shown, suggest
from bpdebug.graph import INPUT, PARAMETER, Incoming, Leaf
from bpdebug.language.names import check_name
from bpdebug.limits import Limits, spell_bytes
from bpdebug.scenario.arrays import BOOL, INT, Footprint, check_init, digits_lost, drawn, frozen, literal, wanted_dtype
from bpdebug.scenario.schema import Data, Drawn, File, Start, Tensor, Unfit
from bpdebug.scenario.sources import Lying, TensorSource, source_of
from bpdebug.scenario.text import Outline


class Context(Struct, frozen=True):
    """What the leaves of one scenario share; `remarks` takes the first thing that is worth a remark.

    `half` is the half precision of floats, which `dtype` holds; else empty.
    """

    name: str
    dtype: DType
    seed: int
    folder: str | None
    limits: Limits
    where: Outline
    footprint: Footprint
    half: str = ""
    remarks: list[str] = field(default_factory=list)

    def remark(self, said: str, path: tuple[str, ...]) -> None:
        """Says once where digits were lost; the further ones go without saying."""
        self.remark_at(said, self.where.place(self.name, path))

    def remark_at(self, said: str, place: str) -> None:
        if not self.remarks:
            self.remarks.append(f"{place}: {said}")

    def written(self, number: float, place: str) -> None:
        """A number of the program, which becomes one of the scenario's dtype."""
        with np.errstate(over="ignore"):
            made = np.array(number, np.float64).astype(self.dtype)
        if np.isfinite(made) and (lost := digits_lost(np.array(number, np.float64), made)):
            self.remark_at(f"{number} is written, and as {self.dtype} that is {lost[1]}", place)


def read_leaves(file: File, context: Context, replace: Mapping[str, str | os.PathLike[str]]) -> list[Leaf]:
    """The leaves in file order, inputs first; shapes and dtypes are known, and cells mostly not read yet.

    Raises E_NAME, E_SCHEMA, E_SHAPE, E_DTYPE, E_FILE or E_LIMIT with the line of the tensor.
    """
    leaves: dict[str, Leaf] = {}
    for table, kind, said in (("inputs", INPUT, file.inputs), ("parameters", PARAMETER, file.parameters)):
        for name, spec in said.items():
            try:
                check_name(name, context.limits, "name of a tensor")
                if name in leaves:
                    message = f"'{name}' is an input and a parameter"
                    raise InputError(message, code="E_NAME", hint="give one of them another name")
                if name in replace:
                    leaves[name] = _replaced(name, kind, spec, replace[name], context)
                else:
                    leaves[name] = _leaf(name, kind, spec, context, table)
            except BpdebugError as error:
                raise error.at(context.where.place(context.name, (table, name))) from None
    for name in replace:
        if name not in leaves:
            hint = suggest(name, leaves, "--set replaces an input or a parameter")
            raise InputError(f"no tensor '{shown(name)}' to replace", code="E_NAME", where=context.name, hint=hint)
    return list(leaves.values())


def _leaf(name: str, kind: str, spec: Data | Tensor, context: Context, table: str) -> Leaf:
    """A leaf from its value, its initialiser or its file."""
    tensor = spec if isinstance(spec, Tensor) else Tensor(value=spec)
    _check_keys(tensor, name)
    dtype = wanted_dtype(tensor.dtype or None, context.dtype, name, context.half)
    if tensor.file is not UNSET:
        return _from_file(name, kind, tensor, dtype, context)
    if tensor.init is not UNSET:
        assert tensor.shape is not UNSET
        shape, found = tuple(tensor.shape), dtype or context.dtype
        context.footprint.add(shape, found, name)
        _check_sent(shape, found, name, context.limits)
        scale = 1.0 if tensor.scale is UNSET else tensor.scale
        drawing = tensor.init, shape, found, scale, context.seed, name
        check_init(*drawing, half=context.half)
        return Leaf(name, kind, shape, found, _once(lambda: drawn(*drawing), found))
    array = literal(
        tensor.value, dtype or context.dtype, name, lambda said: context.remark(said, (table, name)), context.half
    )
    context.footprint.add(array.shape, array.dtype, name)
    _check_shape(array.shape, tensor, name)
    return Leaf(name, kind, array.shape, array.dtype, lambda: array)


def _check_keys(tensor: Tensor, name: str) -> None:
    """Keys that belong together, and those that exclude each other."""
    ways = [key for key in ("value", "init", "file") if getattr(tensor, key) is not UNSET]
    of_file = [key for key in ("name", "prefix", "stored") if getattr(tensor, key) is not UNSET]
    hint = 'write numbers, { shape = [3, 2], init = "normal" } or { file = "x.npy" }'
    missing = (
        "value, init or file is missing" if not ways and tensor.shape is UNSET
        else "shape needs init" if not ways
        else f"{ways[0]} and {ways[1]} exclude each other" if len(ways) > 1
        else "init needs shape" if ways == ["init"] and tensor.shape is UNSET
        else "scale belongs to init" if ways != ["init"] and tensor.scale is not UNSET
        else f"{of_file[0]} belongs to file" if ways != ["file"] and of_file
        else ""
    )  # fmt: skip
    if missing:
        raise Unfit((), f"the table of '{name}': {missing}", hint)


SENT = 2**26
"""Bytes of an array that is made here and sent to a scheduler, which keeps it."""


def _check_sent(shape: Shape, dtype: DType, name: str, limits: Limits) -> None:
    """E_LIMIT for numbers that a cluster is to have and that are drawn here: NumPy's generator draws them in order."""
    size = prod(shape) * dtype.itemsize
    if limits.arrays[2] is not None and size > SENT:
        message = f"'{name}' is drawn here, and its {spell_bytes(size)} would go through the scheduler"
        raise InputError(message, code="E_LIMIT", hint=f'write it once, with numpy.save: {name} = {{ file = "x.npy" }}')


def _check_shape(found: Shape, tensor: Tensor, name: str) -> None:
    if tensor.shape is not UNSET and tuple(tensor.shape) != found:
        message = f"'{name}' is declared {tuple(tensor.shape)}, and its value is {found}"
        raise ShapeError(message, hint="correct the shape, or leave it out")


def _once(read: Callable[[], Array], dtype: DType) -> Callable[[], Array]:
    """Integers are asked for when the graph is built and again when it runs: they are kept."""
    return read if dtype.kind == "f" else cache(read)


# --- from files


def _from_file(name: str, kind: str, tensor: Tensor, dtype: DType | None, context: Context) -> Leaf:
    assert tensor.file is not UNSET
    file, folder, member = tensor.file, context.folder, tensor.name or ""
    member = tensor.prefix + (member or name) if tensor.prefix else member
    if folder is None:
        hint = "save the scenario as a file beside it"
        raise InputError("a scenario that is no file can name no files", code="E_FILE", hint=hint)
    leaf = _opened(name, kind, source_of(folder, file, member, tensor.stored or ""), dtype, context)
    _check_shape(leaf.shape, tensor, name)
    return leaf


def _replaced(
    name: str, kind: str, spec: Data | Tensor, path: str | os.PathLike[str], context: Context
) -> Leaf:  # fmt: skip
    """A leaf whose array the user gave on the command line; it keeps the kind of number that the file says."""
    said = spec.dtype if isinstance(spec, Tensor) else UNSET
    dtype = wanted_dtype(said or None, context.dtype, name, context.half)
    if dtype is None and not (isinstance(spec, Tensor) and spec.file is not UNSET):
        dtype = context.dtype
    return _opened(name, kind, source_of(None, str(path)), dtype, context)


def _opened(name: str, kind: str, source: TensorSource, dtype: DType | None, context: Context) -> Leaf:
    """A leaf from a file: its header is read now, its cells when they are needed, if the header is still the same."""

    def take(shape: Shape, stored: DType) -> None:
        larger = stored if stored.itemsize > context.dtype.itemsize else context.dtype
        context.footprint.add(shape, larger, name, lies=source.in_parts)

    header = source.look(take)
    found = _dtype(header.kept, dtype, context.dtype, name)

    lying = Lying(source.anchored(), header, found, context.name)
    stored = "" if header.stored == found.name else header.stored
    parts = lying if source.in_parts else None
    return Leaf(name, kind, header.shape, found, _once(lying.whole, found), stored, parts)


def _dtype(found: DType, said: DType | None, dtype: DType, name: str) -> DType:
    """The dtype of a tensor from a file: floats become the scenario's, and what is said must fit."""
    made = dtype if found.kind == "f" else found
    if said is None or said == made:
        return made
    if said.kind == "f" or (said == INT and found == BOOL):
        return said
    hint = "convert the file, or declare the dtype that it has"
    raise InputError(f"'{name}' is to be {said}, and its file holds {found}", code="E_DTYPE", hint=hint)


# --- what comes in from above


def read_incoming(said: Mapping[str, Start], context: Context) -> dict[str, Incoming]:
    """The gradients that come in at outputs; those without a shape take the output's. Raises as `read_leaves` does."""
    made: dict[str, Incoming] = {}
    for name, spec in said.items():
        try:
            made[name] = _incoming(name, spec, context)
        except BpdebugError as error:
            raise error.at(context.where.place(context.name, ("graph", "incoming", name))) from None
    return made


def _incoming(name: str, spec: Start, context: Context) -> Incoming:
    dtype = context.dtype
    if spec == "ones":
        return Incoming(None, lambda shape: frozen(np.ones(shape, dtype)))
    if isinstance(spec, Drawn):
        scale = spec.scale, context.seed, f"∂{name}"
        return Incoming(
            None, lambda shape: drawn(spec.init, shape, dtype, *scale),
            lambda shape: check_init(spec.init, shape, dtype, *scale),
        )  # fmt: skip
    path = ("graph", "incoming", name)
    array = literal(spec, dtype, f"∂{shown(name)}", lambda said: context.remark(said, path))
    return Incoming(array.shape, lambda shape: array)
