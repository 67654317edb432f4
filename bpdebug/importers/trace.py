"""Opening a recording (.bptrace): everything before the first cut or damage, nothing computed, nothing believed.

Each line of the index is held against the scenario's graph: an array has the name, shape and dtype that the event
makes there, and its bytes follow those of the one before. Bytes are read, and their hash compared, when somebody
looks at them; they are read, not mapped, because a file that shrinks under a map kills the process.
"""

from __future__ import annotations

import os
from array import array as packed_numbers
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np
from msgspec import structs

from bpdebug.arrays import Array, DType, Shape
from bpdebug.engine import Timeline
from bpdebug.engine.edits import Edit
from bpdebug.engine.layout import VALUE, Layout, Slot
from bpdebug.errors import BpdebugError, InputError, UsageError, printable, shown
from bpdebug.expression.edits import read_edit
from bpdebug.graph import INPUT, PARAMETER, Leaf
from bpdebug.importers.trace_file import HINT, OpenFile
from bpdebug.importers.trace_format import (
    DATA,
    FORMAT,
    EventLine,
    Head,
    Stored,
    StoredEdit,
    description,
    hashed,
    size,
    unpacked,
)
from bpdebug.importers.trace_program import rebuilt
from bpdebug.language.names import check_name
from bpdebug.limits import Limits
from bpdebug.scenario import Scenario, open_timeline, rebuild
from bpdebug.scenario.arrays import Footprint
from bpdebug.scenario.schema import File
from bpdebug.scenario.tensors import Context

T = TypeVar("T")
LEAF, EDIT = "leaf", "edit"
MOST_LINE = 16 * 2**20
"""Bytes of an event's line; the header may have eight times the size of a scenario."""


def bad(message: str, hint: str = HINT) -> InputError:
    """E_TRACE: a recording is damaged, or none."""
    return InputError(message, code="E_TRACE", hint=hint)


class TraceFile:
    """The recording behind a scenario: which events there are, and their arrays. `notice` says where it was cut."""

    def __init__(self, path: str | os.PathLike[str], limits: Limits) -> None:
        path = Path(path)
        self.name, self.limits = shown(path.name or path, 200), limits
        self.index = OpenFile(path, follow=True)
        self.data = OpenFile(path.with_name(path.name + DATA), follow=False)
        self.head, self.start = self._header(limits)
        self.apart, self.states, self.library = bool(self.head.forks), self.head.states, self.head.library
        self.positions = packed_numbers("q", [self.start])
        self.events = 0
        self.notice = ""
        self.applications = () if self.head.program is None else self.head.program.applications
        self.line = lru_cache(maxsize=64)(self._line)

    def _header(self, limits: Limits) -> tuple[Head, int]:
        for _, raw in self.index.lines(0, 8 * limits["file"]):
            head = _decoded(raw, Head)
            if head is None or head.bptrace != FORMAT:
                break
            if hashed("", head.text.encode("utf-8", "surrogatepass")) != head.check:
                raise bad("the scenario's text in the recording is damaged").at(self.name)
            return head, len(raw) + 1
        hint = "it may have been made by another version, or cut before the first event"
        raise bad("this is no recording: it does not begin with a header that can be read", hint).at(self.name)

    # --- the leaves -----------------------------------------------------------------------------------------------

    def leaves(self, file: File, context: Context) -> list[Leaf]:
        """The scenario's leaves, from the recording in place of literals, random numbers and files.

        Raises E_TRACE where the recording does not have them, E_NAME and E_LIMIT as a scenario's reader does.
        """
        made = []
        names = [(n, INPUT) for n in file.inputs] + [(n, PARAMETER) for n in file.parameters]
        if [s.name for s in self.head.leaves] != [n for n, _ in names]:
            raise bad("the recorded tensors are not those of the scenario").at(self.name)
        end = 0
        for stored, (name, kind) in zip(self.head.leaves, names, strict=True):
            check_name(name, context.limits, "name of a tensor")
            dtype = self._dtype(stored, context.dtype)
            context.footprint.add(stored.shape, dtype, name)
            if not _fits(stored, LEAF, name, stored.shape, dtype, end) or end + stored.nbytes > self.data.size:
                message = f"'{name}' is not there as a whole: the recording was cut before the first event"
                raise bad(message).at(self.name)
            end += stored.nbytes
            made.append(Leaf(name, kind, stored.shape, dtype, partial(self._array, stored)))
        return made

    def arrays(self) -> list[tuple[str, Shape, DType, Callable[[], Array]]]:
        """The leaves of a program that no scenario's text says: name, shape, dtype, and what reads each.

        Raises E_TRACE where they are not there, E_LIMIT where they are too large.
        """
        made: list[tuple[str, Shape, DType, Callable[[], Array]]] = []
        end, footprint = 0, Footprint(self.limits)
        for stored in self.head.leaves:
            dtype = self._dtype(stored, np.dtype(np.float64 if stored.dtype.endswith("8") else np.float32))
            footprint.add(stored.shape, dtype, stored.name)
            if not _fits(stored, LEAF, stored.name, stored.shape, dtype, end) or end + stored.nbytes > self.data.size:
                raise bad(f"'{shown(stored.name)}' is not there as a whole").at(self.name)
            end += stored.nbytes
            made.append((stored.name, stored.shape, dtype, partial(self._array, stored)))
        return made

    def _dtype(self, stored: Stored, floats: DType) -> DType:
        known = (d for d in (floats, np.dtype(np.int64), np.dtype(np.bool_)) if d.str[1:] == stored.dtype[1:])
        dtype = next(known, None)
        if dtype is None:
            raise bad(f"'{shown(stored.name)}' is recorded as {shown(stored.dtype)}").at(self.name)
        return dtype

    # --- what was set by hand -------------------------------------------------------------------------------------

    def edits(self, timeline: Timeline, floats: DType) -> tuple[Edit, ...]:
        """What the timeline that was recorded is another by; none in older recordings. E_TRACE where it is damaged."""
        footprint, end = Footprint(self.limits), sum(stored.nbytes for stored in self.head.leaves)
        for line, stored in zip(self.head.forks, self.head.edits, strict=False):
            if stored.value is not None:
                name, shape = stored.value.name, stored.value.shape
                footprint.add(shape, dtype := self._dtype(stored.value, floats), name)
                if not _fits(stored.value, EDIT, name, shape, dtype, end):
                    raise bad("what was set is not there as a whole").at(self.name)
                end += stored.value.nbytes
            try:
                read = partial(self._set, stored)
                edit = read_edit(line.removeprefix("set "), timeline, stored.iteration, read, floats.name)
                timeline = timeline.fork(edit)
            except (BpdebugError, TypeError) as error:
                raise bad(f"'{shown(line, 100)}' cannot be read: {error}").at(self.name) from None
        return tuple(timeline.edits)

    def _set(self, stored: StoredEdit, text: str) -> Array:
        """What cells are set to, whatever the text says."""
        if stored.value is None:
            raise bad("the numbers are missing")
        return self._array(stored.value)

    # --- the events -----------------------------------------------------------------------------------------------

    def scan(self, timeline: Timeline) -> None:
        """Finds the events, up to the first that is cut off or does not fit the graph."""
        values = (e.value for e in self.head.edits if e.value is not None)
        end = sum(stored.nbytes for stored in (*self.head.leaves, *values))
        planned, damaged = len(timeline), False
        self.layout = Layout(timeline.schedule, self.apart, self.states)
        for position, raw in self.index.lines(self.start, MOST_LINE):
            line = _decoded(raw, EventLine) if self.events < planned else None
            after = None if line is None or line.event != self.events else self._follows(timeline, line, end)
            damaged = after is None
            if after is None or after > self.data.size:
                break
            end = after
            self.positions.append(position + len(raw) + 1)
            self.events += 1
        said = []
        if self.head.forks:
            older = "" if self.head.edits else ": rules are shown as the scenario has them"
            said.append(f"recorded after {'; '.join(self.head.forks)}{older}")
        if damaged:
            said.append(f"line {self.events + 2} of the recording is damaged")
        if self.events < planned:
            said.append(f"the recording ends after {self.events} of {planned} events")
        self.notice = printable("; ".join(said))

    def _follows(self, timeline: Timeline, line: EventLine, end: int) -> int | None:
        """Where an event's arrays end in the data; None unless they are what the event makes, and follow at `end`."""
        graph, expected = timeline.graph, self.layout.slots(line.event)
        if len(line.arrays) != len(expected):
            return None
        for stored, slot in zip(line.arrays, expected, strict=True):
            tensor = slot.tensor
            if not _fits(stored, slot.role, graph.names[tensor], graph.shapes[tensor], graph.dtypes[tensor], end):
                return None
            end += stored.nbytes
        return end

    def _line(self, index: int) -> EventLine:
        start, end = self.positions[index : index + 2]
        line = _decoded(self.index.read(start, end - start), EventLine)
        if line is None or line.event != index or len(line.arrays) != len(self.layout.slots(index)):
            raise bad(f"the line of event {index} changed while it was read").at(self.name)
        return line

    def read(self, index: int, slot: Slot) -> Array:
        """The array of a slot of a recorded event, of its tensor's shape and dtype; E_TRACE where it is damaged."""
        at = self.layout.slots(index).index(slot)
        return self._array(self.line(index).arrays[at], f"event {index}: ")

    def digests(self, index: int) -> tuple[str, ...]:
        """The hashes of an event's arrays."""
        return tuple(stored.hash for stored in self.line(index).arrays)

    def _array(self, stored: Stored, where: str = "") -> Array:
        dtype = np.dtype(stored.dtype)
        raw = self.data.read(stored.offset, stored.nbytes)
        described = description(stored.dtype, stored.shape, stored.strides)
        if len(raw) != stored.nbytes or hashed(described, raw) != stored.hash:
            what = f"{stored.role} of '{stored.name}'" if stored.role != VALUE else f"'{stored.name}'"
            raise bad(f"{where}the bytes of the {what} are not those that were recorded").at(self.name)
        found = unpacked(raw, dtype, stored.shape, stored.strides)
        if not dtype.isnative:
            found = found.astype(dtype.newbyteorder("="), order="K")
            found.flags.writeable = False
        return found


def _fits(stored: Stored, role: str, name: str, shape: Sequence[int], dtype: DType, end: int) -> bool:
    """Whether what is stored is what is expected here, in the bytes that come next."""
    return (
        stored.role == role
        and stored.name == name
        and stored.shape == shape
        and stored.dtype in (dtype.str, dtype.newbyteorder("S").str)
        and stored.offset == end
        and stored.nbytes == size(dtype, stored.shape, stored.strides)
    )


def _decoded(raw: bytes, kind: type[T]) -> T | None:
    """A line of the index as a record; None where it is none."""
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError):
        return None


def open_recording(
    path: str | os.PathLike[str], *, limits: Limits | None = None, replace: Mapping[str, Any] | None = None
) -> Scenario:
    """The scenario of a recording, whose timeline is what was recorded; where it was cut is among the remarks.

    Raises InputError: E_FILE where the files cannot be read, E_TRACE where they are no recording, and what `load`
    raises for the scenario in it; UsageError where tensors are to be replaced, since they were recorded.
    """
    if replace:
        raise UsageError("--set replaces nothing in a recording", hint="record again, with --set")
    limits = limits or Limits()
    trace, scenario = _opened(path, limits)
    trace.scan(_planned(scenario))
    remarks = (*scenario.remarks, *([trace.notice] if trace.notice else []))
    return structs.replace(scenario, recording=trace, remarks=remarks)


def replayed(path: str | os.PathLike[str], *, limits: Limits | None = None) -> Scenario:
    """The scenario of a recording, from its text and its leaves, to be computed again."""
    return _opened(path, limits or Limits())[1]


def _planned(scenario: Scenario) -> Timeline:
    """The events that there are to be, of which none is computed: half precision needs no library that has it."""
    return open_timeline(structs.replace(scenario, graph=structs.replace(scenario.graph, half="")))


def _opened(path: str | os.PathLike[str], limits: Limits) -> tuple[TraceFile, Scenario]:
    trace = TraceFile(path, limits)
    name = printable(shown(trace.head.name, 200))
    if trace.head.program is not None:
        return trace, rebuilt(name, trace.head.text, trace.head.program, trace.arrays(), limits, trace.head.dtype)
    scenario = rebuild(name, trace.head.text, trace.leaves, limits=limits)
    if trace.head.edits:
        scenario = structs.replace(scenario, edits=trace.edits(_planned(scenario), scenario.dtype))
    return trace, scenario
