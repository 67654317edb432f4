"""Writing a recording: the data of an event first, then its line; nothing is buffered, nothing is overwritten."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from bpdebug import __version__
from bpdebug.arrays import Array
from bpdebug.engine import Timeline
from bpdebug.engine.edits import Override
from bpdebug.engine.layout import Layout, Slot
from bpdebug.engine.schedule import Moment
from bpdebug.errors import CommandError, InputError, shown
from bpdebug.frontends.files import NEW
from bpdebug.importers.trace import EDIT, LEAF
from bpdebug.importers.trace_format import DATA, ENDING, FORMAT, description, hashed, packed
from bpdebug.importers.trace_program import stored
from bpdebug.limits import NUMPY
from bpdebug.scenario import Scenario
from bpdebug.scenario.paths import reason

SMALL = 2**16
"""Arrays of fewer bytes are copied into one write; larger ones are written from where they are."""


def _create(path: Path) -> int:
    """A new file; E_FILE where there is anything of this name already, be it a link that leads nowhere."""
    try:
        return os.open(path, NEW, 0o644)
    except FileExistsError:
        kind = "a link" if path.is_symlink() else "a folder" if path.is_dir() else "a file"
        message = f"'{shown(path, 200)}' is there already ({kind}); a recording overwrites nothing"
        raise InputError(message, code="E_FILE", hint="take another name, or remove it first") from None
    except (OSError, ValueError) as error:
        message = f"cannot write '{shown(path, 200)}': {reason(error)}"
        raise InputError(message, code="E_FILE", hint="record to a folder that exists: record run1.bptrace") from None


def _places(path: str | os.PathLike[str]) -> tuple[Path, Path]:
    """The two files of a recording; E_FILE for a name that is none of a recording."""
    path = Path(path)
    if path.suffix != ENDING:
        message = f"'{shown(path, 200)}' does not end in {ENDING}, and could not be opened as a recording"
        raise InputError(message, code="E_FILE", hint=f"record {shown(path.with_suffix('').name)}{ENDING}")
    return path, path.with_name(path.name + DATA)


def check_new(path: str | os.PathLike[str]) -> None:
    """E_FILE where no recording of this name can be made: for who computes long before it is begun."""
    for place in _places(path):
        os.close(_create(place))
        place.unlink()


def _spelt(name: str) -> str:
    return msgspec.json.encode(name).decode()


class Recorder:
    """A recording while it grows; after `write(k)`, event k survives whatever happens to this process."""

    def __init__(self, path: str | os.PathLike[str], scenario: Scenario, timeline: Timeline) -> None:
        path, data = _places(path)
        self.path, self.timeline, self.offset, self.events = path, timeline, 0, 0
        self._layout = Layout(timeline.schedule, apart=bool(timeline.edits))
        self._names = [_spelt(name) for name in timeline.graph.names]
        self._known: dict[int, tuple[str, list[tuple[Slot, str]]]] = {}
        made: list[Path] = []
        self._files: list[int] = []
        try:
            for place in (path, data):
                self._files.append(_create(place))
                made.append(place)
            self._index, self._data = self._files
            self._begin(scenario)
        except BaseException:
            self.close()
            for place in made:
                place.unlink()
            raise

    def _begin(self, scenario: Scenario) -> None:
        """The header, behind the bytes of the leaves and of what was set by hand."""
        text, timeline = "\n".join(scenario.lines), self.timeline
        leaves = [
            self._stored(leaf.name, LEAF, timeline.store.leaf(i, 0)) for i, leaf in enumerate(timeline.graph.leaves)
        ]
        seen = scenario.recording is not None and bool(scenario.recording.applications)
        if seen := seen or scenario.imported:
            program, incoming = stored(scenario)
            leaves += [self._stored(n, LEAF, g) for n, g in zip(program.incoming, incoming, strict=True)]
        edits = [
            (e.iteration, self._stored(timeline.graph.names[e.tensor], EDIT, e.value))
            if isinstance(e, Override) else (0, None)
            for e in timeline.edits
        ]  # fmt: skip
        for _, raw in (*leaves, *(kept for _, kept in edits if kept is not None)):
            self._put(self._data, raw)
        head = {
            "bptrace": FORMAT, "bpdebug": __version__, "numpy": np.__version__, "name": scenario.name,
            "digest": scenario.digest, "dtype": scenario.precision, "seed": scenario.seed,
            "events": len(self.timeline), "forks": [e.line for e in timeline.edits], "states": True,
            "check": hashed("", text.encode("utf-8", "surrogatepass")), "text": text,
            "leaves": [msgspec.Raw(line.encode()) for line, _ in leaves],
            "edits": [
                {"iteration": t, "value": None if kept is None else msgspec.Raw(kept[0].encode())}
                for t, kept in edits
            ],
            **({"program": program} if seen else {}),
            **({"library": timeline.library} if timeline.library != NUMPY[0] else {}),
        }  # fmt: skip
        self._put(self._index, msgspec.json.encode(head) + b"\n")

    def _stored(self, name: str, role: str, array: Array) -> tuple[str, Any]:
        """An array's entry in a line, and its bytes; its place is what comes next in the data."""
        return self._entry(f'{{"name":{_spelt(name)},"role":"{role}",', array)

    def _entry(self, head: str, array: Array) -> tuple[str, Any]:
        block, strides = packed(array)
        count = block.nbytes
        raw = block.tobytes() if count < SMALL else block.reshape(-1).view(np.uint8).data
        described = description(array.dtype.str, array.shape, strides)
        entry = f'{head}{described},"offset":{self.offset},"nbytes":{count},"hash":"{hashed(described, raw)}"}}'
        self.offset += count
        return entry, raw

    def write(self, index: int) -> None:
        """The next event; returns when it is on its way to the disk, where killing this process cannot reach it."""
        schedule = self.timeline.schedule
        moment, offset = schedule.place(index), index % schedule.per_iteration
        head, slots = self._known.get(offset) or self._shared(index, offset, moment)
        self.timeline.store.run_ahead(moment)
        entries, raws = [], []
        for slot, begun in slots:
            entry, raw = self._entry(begun, self.timeline.store.made(moment, slot))
            entries.append(entry)
            raws.append(raw)
        large = len(raws) == 1 or sum(map(len, raws)) > SMALL
        for raw in raws if large else [b"".join(raws)]:
            self._put(self._data, raw)
        line = f'{{"event":{index},"iteration":{moment.iteration},{head}"arrays":[{",".join(entries)}]}}\n'
        self._put(self._index, line.encode())
        self.events += 1

    def _shared(self, index: int, offset: int, moment: Moment) -> tuple[str, list[tuple[Slot, str]]]:
        """What the lines of an event share in every iteration: the text up to what differs, of each array, too."""
        schedule, names = self.timeline.schedule, self._names
        slots = [(s, f'{{"name":{names[s.tensor]},"role":"{s.role}",') for s in self._layout.slots(index)]
        found = f'"phase":"{moment.phase}","node":{names[schedule.tensor(moment)]},', slots
        if schedule.iterations > 1:
            self._known[offset] = found
        return found

    def _put(self, fd: int, raw: Any) -> None:
        """All the bytes; a disk that is full ends the recording where it is."""
        try:
            done = os.write(fd, raw)
            while done < len(raw):
                done += os.write(fd, memoryview(raw)[done:])
        except OSError as error:
            raise InputError(
                f"cannot write '{shown(self.path, 200)}': {reason(error)}; it ends after {self.events} events",
                code="E_FILE",
                hint="make room and record again; what is recorded so far can be opened",
            ) from None

    def close(self) -> None:
        """The end of the recording, which is on the disk when this returns."""
        for fd in reversed(self._files):
            with contextlib.suppress(OSError):
                os.fsync(fd)
            with contextlib.suppress(OSError):
                os.close(fd)


def record(path: str | os.PathLike[str], scenario: Scenario, timeline: Timeline) -> int:
    """The whole timeline, from event 0 to the end, as a new recording; returns how many events it has.

    Raises CommandError where it has no name, and InputError (E_FILE) where it cannot be written.
    """
    if not str(path):
        raise CommandError("record takes a file", hint="record run1.bptrace")
    with contextlib.closing(Recorder(path, scenario, timeline)) as recorder:
        for index in range(len(timeline)):
            recorder.write(index)
        return recorder.events
