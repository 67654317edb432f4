"""What requests carry, as far as it is read: a field that is not here is ignored, one of a wrong type refused."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, field


class NothingAsked(Struct, frozen=True, rename="camel"):
    """A request that says nothing more."""


class ClientAsked(Struct, frozen=True, rename="camel"):
    """`initialize`: what the client can do, and the language of its user: `zh-cn`."""

    lines_start_at1: bool = True
    columns_start_at1: bool = True
    supports_variable_paging: bool = False
    supports_progress_reporting: bool = False
    supports_invalidated_event: bool = False
    locale: str = ""


class LaunchAsked(Struct, frozen=True, rename="camel"):
    """`launch` and `attach`: what to open, how, and which lines to run before the first stop."""

    program: str
    stop_on_entry: bool = True
    set: dict[str, str] = field(default_factory=dict)
    memory: str | None = None
    spill: str | None = None
    backend: str | None = None
    device: str | None = None
    scheduler: str | None = None
    commands: list[str] = field(default_factory=list)
    no_debug: bool = False


class RestartAsked(Struct, frozen=True, rename="camel"):
    """`restart`: the newest arguments of the launch, where the client knows them."""

    arguments: LaunchAsked | None = None


class MoveAsked(Struct, frozen=True, rename="camel"):
    """A step: an instruction is a part of a rule."""

    granularity: Literal["statement", "line", "instruction"] = "statement"


class GotoAsked(Struct, frozen=True, rename="camel"):
    target_id: int


class SourceAsked(Struct, frozen=True, rename="camel"):
    """A file, by its path, or by the number under which its text was offered."""

    path: str | None = None
    source_reference: int | None = None


class TextAsked(Struct, frozen=True, rename="camel"):
    """`source`: whose text is wanted."""

    source: SourceAsked = field(default_factory=SourceAsked)
    source_reference: int | None = None


class LinesAsked(Struct, frozen=True, rename="camel"):
    """Lines of a file: `gotoTargets`, `breakpointLocations`."""

    line: int
    source: SourceAsked = field(default_factory=SourceAsked)
    end_line: int | None = None


class StopAsked(Struct, frozen=True, rename="camel"):
    """What the client wants of one stop; which of the fields say where depends on the request."""

    line: int = 0
    name: str = ""
    data_id: str = ""
    condition: str | None = None
    hit_condition: str | None = None
    log_message: str | None = None


class StopsAsked(Struct, frozen=True, rename="camel"):
    """`setBreakpoints`, `setFunctionBreakpoints`, `setDataBreakpoints`: all that there should be."""

    source: SourceAsked = field(default_factory=SourceAsked)
    breakpoints: list[StopAsked] = field(default_factory=list)


class FilterAsked(Struct, frozen=True, rename="camel"):
    filter_id: str
    condition: str | None = None


class FiltersAsked(Struct, frozen=True, rename="camel"):
    """`setExceptionBreakpoints`."""

    filters: list[str] = field(default_factory=list)
    filter_options: list[FilterAsked] = field(default_factory=list)


class LevelsAsked(Struct, frozen=True, rename="camel"):
    """`stackTrace`: which frames; all of them where `levels` is 0."""

    start_frame: int = 0
    levels: int = 0


class FormatAsked(Struct, frozen=True, rename="camel"):
    """How whole numbers are written."""

    hex: bool = False


class VariablesAsked(Struct, frozen=True, rename="camel"):
    """`variables`: whose, and which page of them."""

    variables_reference: int
    filter: Literal["indexed", "named"] | None = None
    start: int = 0
    count: int = 0
    format: FormatAsked = field(default_factory=FormatAsked)


class ChildAsked(Struct, frozen=True, rename="camel"):
    """A variable by where it stands, or an expression: `dataBreakpointInfo`, `setVariable`."""

    name: str
    variables_reference: int = 0
    value: str = ""
    format: FormatAsked = field(default_factory=FormatAsked)


class EvaluateAsked(Struct, frozen=True, rename="camel"):
    expression: str
    context: str = ""
    format: FormatAsked = field(default_factory=FormatAsked)


class CompletionsAsked(Struct, frozen=True, rename="camel"):
    text: str
    column: int


class CancelAsked(Struct, frozen=True, rename="camel"):
    request_id: int | None = None
    progress_id: str | None = None
