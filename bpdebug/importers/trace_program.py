"""The program of a recording that no scenario's text says: another program's steps, and what it handed on, as data.

Nothing of it is believed: names, ops, attributes, shapes and bytes are checked as a graph is built.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any

import msgspec
import numpy as np

from bpdebug.arrays import Array, DType, Shape
from bpdebug.engine.recorded import Application
from bpdebug.errors import InputError, printable, shown
from bpdebug.graph import DRAWN, INPUT, PARAMETER, Graph, Imported, Incoming, Leaf, Lit, Node, Step, build
from bpdebug.graph.halves import HALVES, of_half
from bpdebug.importers.finish import with_known
from bpdebug.importers.trace_file import HINT
from bpdebug.limits import Limits
from bpdebug.scenario import Scenario

_NAME = re.compile(r"[\w.@]+")
"""What a tensor or a block may be called here: modules' paths, calls counted behind @."""
_PLACE = re.compile(r".+:[0-9]{1,9}")
"""A line of the user's source."""
Line = Annotated[int, msgspec.Meta(ge=0, le=2**31)]
Text = Annotated[str, msgspec.Meta(max_length=1000)]


class StoredStep(msgspec.Struct, frozen=True):
    """One step: operands are names, or numbers as texts in a list of one."""

    id: Text
    op: Text
    inputs: tuple[str | list[str], ...]
    attrs: dict[Text, Any]
    block: Text
    line: Line


class StoredProgram(msgspec.Struct, frozen=True):
    """A graph as data, and the applications that its steps are of.

    The first leaves of a recording are the program's, `parameters` among them; behind them stand the gradients that
    came in at the tensors of `incoming`, where there is no `loss`.
    """

    steps: tuple[StoredStep, ...]
    applications: tuple[Application, ...]
    parameters: tuple[Text, ...]
    loss: Text | None
    incoming: tuple[Text, ...]
    conventions: Text
    remarks: tuple[Text, ...]
    imported: Imported = Imported()


def stored(scenario: Scenario) -> tuple[StoredProgram, list[Array]]:
    """The program of a scenario that was seen or imported, and the gradients that come in, of their tensors' shapes."""
    graph, recording = scenario.graph, scenario.recording
    loss = None if graph.loss is None else graph.names[graph.loss]
    incoming = {} if loss else {graph.names[t]: read() for t, read in graph.incoming.items()}
    program = StoredProgram(
        tuple(StoredStep(n.id, n.op.name, _operands(graph, n), _plain(n.attrs), n.block, n.line) for n in graph.nodes),
        () if recording is None else recording.applications,
        tuple(leaf.name for leaf in graph.leaves if leaf.kind == PARAMETER), loss, tuple(incoming),
        scenario.conventions, scenario.remarks, graph.imported,
    )  # fmt: skip
    return program, list(incoming.values())


def _operands(graph: Graph, node: Node) -> tuple[str | list[str], ...]:
    """What a step takes: a mask that is drawn is drawn again."""
    return tuple(
        [repr(i.value)] if isinstance(i, Lit) else graph.names[i]
        for i in node.inputs if isinstance(i, Lit) or graph.kind(i) != DRAWN
    )  # fmt: skip


def _plain(value: Any) -> Any:
    """An attribute as JSON has it: infinities, which it has not, as texts in an object."""
    if isinstance(value, Mapping):
        return {name: _plain(v) for name, v in value.items()}
    if isinstance(value, tuple):
        return [_plain(v) for v in value]
    return {"float": repr(value)} if isinstance(value, float) and not np.isfinite(value) else value


def _attribute(value: Any) -> Any:
    """An attribute from JSON; E_TRACE for what is none."""
    if isinstance(value, list):
        return tuple(_attribute(v) for v in value)
    if isinstance(value, dict):
        if list(value) != ["float"] or value["float"] not in ("inf", "-inf", "nan"):
            raise _bad("an attribute that is none")
        return float(value["float"])
    return value


def _number(text: str = "", *more: str) -> bool | int | float:
    """A number that was written out; E_TRACE for what is none."""
    if text in ("True", "False"):
        return text == "True"
    try:
        return int(text) if re.fullmatch(r"-?\d{1,19}", text) else float(text)
    except ValueError:
        raise _bad(f"'{shown(text, 40)}' is no number") from None


def _bad(message: str) -> InputError:
    return InputError(f"the recorded program is damaged: {message}", code="E_TRACE", hint=HINT)


def rebuilt(
    name: str, text: str, program: StoredProgram, leaves: list[tuple[str, Shape, DType, Callable[[], Array]]],
    limits: Limits, dtype: str = "",
) -> Scenario:  # fmt: skip
    """The scenario of a recorded program: `leaves` by name, shape, dtype and what reads them; `dtype` of its floats.

    Raises E_TRACE where it is damaged, and what building a graph raises.
    """
    count = len(leaves) - len(program.incoming)
    blocks = {step.block for step in program.steps if step.block}
    for word in {*(leaf[0] for leaf in leaves), *(step.id for step in program.steps), *blocks}:
        if len(word) > limits["name"] or not _NAME.fullmatch(word):
            raise _bad(f"'{shown(word, 60)}' is no name")
    if count < 0 or [leaf[0] for leaf in leaves[count:]] != list(program.incoming):
        raise _bad("gradients that come in are missing")
    given = {leaf[0]: Incoming(leaf[1], partial(_read, leaf[3])) for leaf in leaves[count:]}
    graph = build(
        [Leaf(leaf[0], PARAMETER if leaf[0] in program.parameters else INPUT, *leaf[1:]) for leaf in leaves[:count]],
        [_step(step) for step in program.steps], loss=program.loss, incoming=given, limits=limits, where=name,
        conventions=program.conventions,
    )  # fmt: skip
    for told in program.applications:
        if not (0 <= told.first < told.stop <= len(graph) and {*told.outputs, *told.operands} <= graph.index.keys()):
            raise _bad("an application of steps that are not there")
    graph = of_half(with_known(graph, _checked(program.imported, graph)), dtype if dtype in HALVES else "")
    dtypes = [leaf[2] for leaf in leaves if leaf[2].kind == "f"]
    return Scenario(
        name=name, title=name, about="", dtype=dtypes[-1] if dtypes else np.dtype(np.float64), seed=0, graph=graph,
        program=text, program_line=1, lines=tuple(text.split("\n")), raw=text.encode("utf-8", "surrogatepass"),
        remarks=tuple(map(printable, program.remarks)), conventions=program.conventions,
    )  # fmt: skip


def _checked(known: Imported, graph: Graph) -> Imported:
    """What is known of the program, in texts that can be printed; E_TRACE where it is of what is not there."""
    if not {*known.aliases.values()} <= graph.index.keys():
        raise _bad("another name of a tensor that is not there")
    for place, _ in known.sources.values():
        if not _PLACE.fullmatch(place):
            raise _bad(f"'{shown(place, 60)}' is no line of a file")
    return Imported(
        {block: printable(name) for block, name in known.classes.items()},
        {at: (printable(place), printable(text)) for at, (place, text) in known.sources.items()},
        {printable(also): name for also, name in known.aliases.items()},
    )


def _read(read: Callable[[], Array], shape: Shape) -> Array:
    return read()


def _step(step: StoredStep) -> Step:
    inputs = tuple(i if isinstance(i, str) else Lit(_number(*i)) for i in step.inputs)
    attrs = {name: _attribute(value) for name, value in step.attrs.items()}
    return Step(step.id, step.op, inputs, attrs, step.block, step.line)
