"""From a file to a checked scenario."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
from msgspec import UNSET

from bpdebug.engine.update import state_names
from bpdebug.errors import BpdebugError, InputError
from bpdebug.graph import Graph, Leaf, build
from bpdebug.graph.halves import HALVES, of_half
from bpdebug.language.names import Place
from bpdebug.language.parse import quiet
from bpdebug.language.program import elaborate
from bpdebug.language.written import nameable, spelling, with_rules
from bpdebug.limits import MIB, Limits
from bpdebug.scenario.arrays import Footprint
from bpdebug.scenario.languages import told
from bpdebug.scenario.lessons import shipped_file
from bpdebug.scenario.scenario import Derivation, Scenario
from bpdebug.scenario.schema import Code, File, Unfit, convert
from bpdebug.scenario.tensors import Context, read_incoming, read_leaves
from bpdebug.scenario.text import FileText, Outline, parse_toml, place_of, read_source
from bpdebug.scenario.training import training_of

if TYPE_CHECKING:
    from pathlib import Path

LITTLE = 256 * MIB
"""Of a budget below this, what does not fit at all is told as a whole: integers are read for it, no more than this."""
_PLAIN = re.compile(r"\w[\w-]*")


def load(
    path_or_text: str | os.PathLike[str], *, limits: Limits | None = None,
    replace: Mapping[str, str | os.PathLike[str]] | None = None,
) -> Scenario:  # fmt: skip
    """A scenario from a path, from "-" (standard input), from a shipped one's name, or from a text of several lines.

    `replace` gives tensors other arrays, from files that may lie anywhere. The graph is built and checked; of the
    tensors only integers are read. Raises BpdebugError with one of the stable codes, and nothing else.
    """
    limits = limits or Limits()
    source = _source(path_or_text, limits)

    def leaves(file: File, context: Context) -> list[Leaf]:
        return read_leaves(file, context, replace or {})

    with quiet():
        try:
            return _scenario(source, limits, leaves)
        except InputError as error:
            if error.code == "E_LIMIT" and limits["memory"] < LITTLE:
                _check_whole(source, limits, leaves)
            raise


def _check_whole(source: FileText, limits: Limits, make: Callable[[File, Context], list[Leaf]]) -> None:
    """E_LIMIT with the bytes that all of a file takes, where the first tensor that did not fit is not all there is."""
    footprint = Footprint(ample := Limits({**limits.moved, "memory": LITTLE}, limits.spill, limits.arrays))
    try:
        found = _scenario(source, ample, make, footprint)
    except InputError:
        return
    from bpdebug.engine.room import check_least  # start-up: a file that is opened does not need it
    from bpdebug.engine.sizes import of_rules

    opening = max(footprint.bytes, of_rules(found.graph))
    check_least(found.graph, limits["memory"], found.name, trained=found.train is not None, opening=opening)


def rebuild(
    name: str, text: str, leaves: Callable[[File, Context], list[Leaf]], *, limits: Limits | None = None
) -> Scenario:  # fmt: skip
    """A scenario from its text and from leaves that come from elsewhere (a recording); raises as `load` does."""
    limits = limits or Limits()
    raw = text.encode("utf-8", "surrogatepass")
    limits.check("file", len(raw), "the size of the scenario", where=name)
    with quiet():
        return _scenario(FileText(name, text, raw), limits, leaves)


def _scenario(
    source: FileText, limits: Limits, make: Callable[[File, Context], list[Leaf]], footprint: Footprint | None = None
) -> Scenario:  # fmt: skip
    tables, where = parse_toml(source, limits)
    try:
        file = convert(tables, File)
        training = None if file.train is UNSET else training_of(file.train)
    except Unfit as error:
        raise error.at(where.place(source.name, error.path)) from None
    half = file.dtype if file.dtype in HALVES else ""
    dtype = np.dtype("float32" if half else file.dtype)
    context = Context(source.name, dtype, file.seed, source.folder, limits, where, footprint or Footprint(limits), half)
    title, about, notes = told(file, source, where, limits)
    _check_outputs(file, source.name, where)
    if training is not None:
        at = where.place(source.name, ("train", "steps"))
        limits.check("iterations", training.steps, "the steps of the training", where=at)
    place = place_of(source, where, ("graph", "program"))
    graph = of_half(_graph(file, make(file, context), place, context), half)
    if training is not None:
        graph = graph.with_states(state_names(training))
    graph = with_rules(
        graph, file.rules, dtype.name, limits,
        lambda node: Place(source.name, where.line(("rules", node)) or where.line(("rules",)), 0),
    )  # fmt: skip
    derivation = None
    if file.derivation is not UNSET:
        line = place_of(source, where, ("derivation", "program"))
        derivation = read_derivation(file.derivation.program, graph, dtype=dtype.name, limits=limits, place=line)
    return Scenario(
        name=source.name, title=title, about=about, dtype=dtype, seed=file.seed, graph=graph,
        program=file.graph.program, program_line=place.first, file=source.path,
        lines=tuple(source.text.replace("\r\n", "\n").split("\n")), notes=notes,
        derivation=derivation, train=file.train or None, expect=file.expect or None, raw=source.raw,
        rules=file.rules, remarks=tuple(context.remarks), conventions=file.conventions,
    )  # fmt: skip


def _graph(file: File, leaves: list[Leaf], place: Place, context: Context) -> Graph:
    """The graph of a file's program; where the backward pass cannot begin, the line of the key that says so."""
    name, limits, said = context.name, context.limits, file.graph
    incoming = read_incoming(said.incoming or {}, context)
    written = context.written if context.dtype.itemsize < 8 else None
    names = [leaf.name for leaf in leaves]
    steps = elaborate(said.program, names, limits=limits, place=place, dtype=context.dtype.name, written=written)
    try:
        return build(
            leaves, steps, loss=said.loss or None, incoming=incoming, limits=limits, where=name,
            conventions=file.conventions,
        )  # fmt: skip
    except BpdebugError as error:
        if error.where == name and error.code in ("E_LOSS", "E_SHAPE"):
            error.where = context.where.place(name, ("graph", "loss" if said.loss else "incoming"))
        raise


def _check_outputs(file: File, name: str, where: Outline) -> None:
    """E_LOSS unless there is one way to begin the backward pass."""
    loss, incoming = file.graph.loss, file.graph.incoming
    both, neither = loss is not UNSET and incoming is not UNSET, not loss and not incoming
    if both or neither:
        found = "a loss and incoming gradients" if both else "no loss and no incoming gradients"
        hint = 'write loss = "L" for a loss, or incoming = { Y = "ones" } for the gradient from the layer above'
        raise InputError(f"[graph] has {found}", code="E_LOSS", where=where.place(name, ("graph",)), hint=hint)


def read_derivation(
    text: str, graph: Graph, *, dtype: str = "float64", limits: Limits | None = None, place: Place | None = None
) -> Derivation:
    """The reader's backward pass as steps: it may read every tensor and every gradient, and assign gradients.

    Raises as `elaborate` does.
    """
    names = nameable(graph)
    words = spelling(names)
    tensors, known = [words[n] for n in names], [words[f"∂{n}"] for n in names]
    place = place or Place("<derivation>")
    steps = elaborate(text, tensors, known=known, limits=limits, place=place, dtype=dtype, words=words)
    return Derivation(text, place.first, tuple(steps))


def expected_error(path_or_text: str | os.PathLike[str], *, limits: Limits | None = None) -> str | None:
    """The code with which a file says it must be refused; None where it says nothing, or cannot be read so far."""
    try:
        tables, _ = parse_toml(_source(path_or_text, limits or Limits()), limits or Limits())
    except BpdebugError:
        return None
    expect = tables.get("expect")
    code = expect.get("error") if isinstance(expect, dict) else None
    return code if isinstance(code, str) and code in Code.__args__ else None  # type: ignore[attr-defined]  # a Literal's own


def find(name: str) -> Path:
    """The file of a shipped scenario; E_FILE with a suggestion for a name that is none."""
    from pathlib import Path  # opening needs none, and importing it is slow

    return Path(shipped_file(name))


def meant(name: str) -> Path | None:
    """The file of the shipped scenario that a plain name means, which raises as `find` does; None for other names."""
    return find(name) if _PLAIN.fullmatch(name) else None


def _source(path_or_text: str | os.PathLike[str], limits: Limits) -> FileText:
    """What is in the file, or in the shipped scenario where a plain name names no file."""
    if isinstance(path_or_text, str) and _PLAIN.fullmatch(path_or_text) and not os.path.lexists(path_or_text):
        path_or_text = shipped_file(path_or_text)
    return read_source(path_or_text, limits)
