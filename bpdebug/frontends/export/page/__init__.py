"""A walk as one page without addresses: its data from the reports of every stop, its script and its style beside it."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from string import Template
from types import SimpleNamespace
from typing import Any

from msgspec import Struct

from bpdebug.debugger import State, open_session
from bpdebug.errors import InputError, UsageError, did_you_mean
from bpdebug.frontends.export import Opened
from bpdebug.frontends.export.page.data import PageData, as_json
from bpdebug.frontends.export.page.walk import EXPLAINED, PageEvent, played, walk
from bpdebug.frontends.options import limits_of, replaced_by
from bpdebug.frontends.scripts.replay import Run, Settings
from bpdebug.frontends.scripts.script import read_script
from bpdebug.limits import Limits
from bpdebug.scenario import Scenario
from bpdebug.translation import _, language
from bpdebug.views.html import report_html, safe
from bpdebug.views.sums import MORE

FEW = 12
"""Stops that a page without its script shows, too, each to be opened; of more there is a sentence."""
MOST_LINES = 2000
"""Lines of a program that stand beside its stops."""


class PageSource(Struct, frozen=True, eq=False):
    """What a page shows: a title and what it is about, the program's lines from `first` on, and the stops."""

    title: str
    about: str
    first: int
    program: tuple[str, ...]
    stops: Iterator[PageEvent]


def html(args: SimpleNamespace, opened: Opened) -> str:
    """The page of a scenario, a recording or a script; raises what refuses it, and UsageError for an explanation."""
    explained = [word.strip() for word in args.explained.split(",") if word]
    for word in explained:
        if word not in EXPLAINED:
            raise UsageError(f"no explanation '{word}'", hint=did_you_mean(word, EXPLAINED) or ", ".join(EXPLAINED))
    limits = limits_of(args)
    if args.file.endswith(".bpd"):
        if args.first or args.last or explained:
            raise UsageError("--from, --to and --with are for scenarios and recordings", hint="a script says it all")
        return page(_of_script(Run(read_script(args.file, limits), Settings(limits, replaced_by(args)))), limits)
    scenario, budget = opened(args.file)
    return page(of_state(open_session(scenario, budget=budget), args.first, args.last, explained), limits)


def of_state(
    state: State, first: str | None = None, last: str | None = None, explained: Sequence[str] = ()
) -> PageSource:
    """A session's events, and its scenario's words; InputError for a location that is not there."""
    return PageSource(*_told(state.scenario), walk(state, first, last, explained))


def _of_script(run: Run) -> PageSource:
    """What the lines of a script say; its first scenario's words. InputError for a script that says nothing."""
    stops = played(run)
    found = next(stops, None)
    if found is None or run.state is None:
        raise InputError(f"the script {run.script.name} says nothing", code="E_SCRIPT", hint="load two_layer.toml")

    def every() -> Iterator[PageEvent]:
        yield found
        yield from stops

    return PageSource(*_told(run.state.scenario), every())


def _told(scenario: Scenario) -> tuple[str, str, int, tuple[str, ...]]:
    lines = tuple(scenario.program.strip("\n").split("\n")[:MOST_LINES])
    skipped = len(scenario.program) - len(scenario.program.lstrip("\n"))
    return scenario.title, scenario.about.strip(), scenario.program_line + skipped, lines


def page(walk: PageSource, limits: Limits | None = None) -> str:
    """The page as one text; E_LIMIT where it becomes too large. The same walk gives the same bytes."""
    data, still = PageData(limits or Limits()), list[str]()
    for event in walk.stops:
        data.add(event)
        if len(still) <= FEW:
            still.append(_opens(event))
    script, style = _asset("page.js"), _asset("page.css")
    body = as_json({**data.tables(), "words": _words()})
    return Template(_asset("page.html")).substitute(
        _labels(), lang=language(), title=safe(walk.title), about=_about(walk.about), first=walk.first,
        program="".join(f"<li>{safe(line)}" for line in walk.program), style=style, script=script,
        style_hash=_hash(style), script_hash=_hash(script), still=_still(still),
        data=_packed(body),
    )  # fmt: skip


def _about(text: str) -> str:
    """What a walk is about, until its reader steps on."""
    said = f'<details id="about" open><summary>{safe(_("About"))}</summary><p class="note">{safe(text)}</p></details>'
    return said if text else ""


def _packed(raw: bytes) -> str:
    """JSON as a page's script unpacks it: deflated, in base64; what a file says cannot end a script there."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return base64.b64encode(deflate.compress(raw) + deflate.flush()).decode()


def _opens(event: PageEvent) -> str:
    report = event.reports[0]
    return f"<details><summary>{safe(report.title)}</summary>{report_html(report)}</details>"


def _still(stops: list[str]) -> str:
    """What is seen where no script runs."""
    return "".join(stops) if len(stops) <= FEW else f"<p>{safe(_('This page steps by its script.'))}</p>"


def _words() -> dict[str, Any]:
    """What the script says itself."""
    return {"more": _(MORE), "part": _("part {part} of {of}")}


def _labels() -> dict[str, str]:
    """The page's own words, as markup."""
    found = {
        "first_label": _("Begin"), "back_label": _("Back"), "step_label": _("Step"), "part_back_label": _("Part back"),
        "part_label": _("Part"), "last_label": _("End"), "time_label": _("Time"), "event_label": _("Event"),
        "stop_label": _("What happens here"), "program_label": _("Program"), "keys_label": _("Keys"),
        "step_says": _("an event forth"), "back_says": _("an event back"), "block_says": _("a block forth, or back"),
        "part_says": _("a part of a rule forth, or back"), "ends_says": _("the beginning, the end"),
        "number_says": _("to event 17"), "cell_says": _("from cell to cell of a matrix, once one is clicked"),
        "leave_says": _("leave the matrix"),
    }  # fmt: skip
    return {name: safe(text) for name, text in found.items()}


def _asset(name: str) -> str:
    """A file beside this one, without the indentation and the comments that are for its readers."""
    lines = (Path(__file__).parent / name).read_text(encoding="utf-8").splitlines()
    bare = (line.strip() for line in lines)
    return "\n".join(line for line in bare if line and not line.startswith(("// ", "/* ")))


def _hash(text: str) -> str:
    """What a page's policy names a script or a style by."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
