"""What a scenario file says, once it is read and checked; no behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from msgspec import Struct, field

from bpdebug.arrays import DType
from bpdebug.engine.edits import Edit
from bpdebug.engine.recorded import Recording
from bpdebug.graph import Graph, Step
from bpdebug.limits import Limits
from bpdebug.scenario.schema import Expect, Rules, Train

if TYPE_CHECKING:
    from pathlib import Path


class Derivation(Struct, frozen=True, eq=False):
    """The reader's own backward pass: its text, the file line it begins on, and its lines as steps.

    A step's `line` is that of the file. Its inputs are tensors of the graph, names assigned further up, or
    gradients (dX) as the engine has them; shapes are not checked yet, because a wrong one is what is looked for.
    """

    program: str
    line: int
    steps: tuple[Step, ...]


class Scenario(Struct, frozen=True, eq=False):
    """A scenario: its graph is built and checked, and none of its values is computed.

    `name` stands in messages (the file's name); `program_line` is the file line of the program's first line, and
    `lines` are the lines of the whole file; `notes` are said at the locations that are their keys; `file` is where the
    file lies, and `raw` what it holds. `rules` are those the graph's plans have in place of their ops' own.
    `conventions` says whose answer holds where there is no derivative. `recording`
    is where values come from in place of a computation, and `edits` what was set by hand there. `remarks` are what its
    reader should know and need not mend. `limits` are those to run it in, where its reader was given some.
    """

    name: str
    title: str
    about: str
    dtype: DType
    seed: int
    graph: Graph
    program: str
    program_line: int
    file: str | None = None
    lines: tuple[str, ...] = ()
    notes: Mapping[str, str] = field(default_factory=dict)
    rules: Rules = field(default_factory=dict)
    derivation: Derivation | None = None
    train: Train | None = None
    expect: Expect | None = None
    raw: bytes = b""
    recording: Recording | None = None
    edits: tuple[Edit, ...] = ()
    remarks: tuple[str, ...] = ()
    conventions: str = "default"
    limits: Limits | None = None

    @property
    def precision(self) -> str:
        """What floats are computed in: the dtype's name, or that of the half precision that it holds."""
        return self.graph.half or self.dtype.name

    @property
    def path(self) -> Path | None:
        """Where the file lies; None where there is none."""
        from pathlib import Path  # `run` asks for neither, and importing is slow

        return None if self.file is None else Path(self.file)

    @property
    def imported(self) -> bool:
        """Whether no scenario's text says it: what it holds is the program alone, written out by an importer."""
        return self.raw == self.program.encode("utf-8", "surrogatepass")

    @property
    def digest(self) -> str:
        """The SHA-256 of the file."""
        import hashlib  # as above

        return hashlib.sha256(self.raw).hexdigest()

    def __repr__(self) -> str:
        return f"<Scenario {self.name} {self.title[:60]!r}: {len(self.graph)} nodes>"
