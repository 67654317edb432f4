"""One step as it is pasted elsewhere."""

from __future__ import annotations

from types import SimpleNamespace

from msgspec.structs import replace

from bpdebug.debugger import COMMANDS, State, open_session
from bpdebug.errors import CommandError, InputError
from bpdebug.frontends.export import Opened
from bpdebug.views import here
from bpdebug.views.papers.latex import markdown_paper, tex_paper
from bpdebug.views.papers.mathml import mathml_paper
from bpdebug.views.papers.svg import svg
from bpdebug.views.papers.typst import typst_paper
from bpdebug.views.report import Report


def step_of(args: SimpleNamespace, opened: Opened) -> Report:
    """The report of the step that is meant: the event at `--at`, or the part of it that `--part` counts from 1.

    Raises InputError for a place that is not there, or a part that the event has not.
    """
    scenario, budget = opened(args.file)
    state = _at(args.at, open_session(scenario, budget=budget))
    if args.part is None:
        return here(state)
    count = 0 if state.event is None else len(state.event.parts)
    if not 1 <= args.part <= count:
        hint = f"they count from 1 to {count}" if count else "steps of the backward pass and updates have some"
        raise InputError(f"this step has no part {args.part}", code="E_EXPR", where="--part", hint=hint)
    return here(replace(state, part=args.part))


def _at(place: str | None, state: State) -> State:
    if place is None:
        return state
    try:
        found: State = COMMANDS["seek"].run(state, place.strip())
    except CommandError as error:
        raise InputError(error.message, code=error.code, where="--at", hint=error.hint) from None
    return found


def picture(args: SimpleNamespace, opened: Opened) -> str:
    """The step as SVG."""
    return svg(step_of(args, opened))


def tex(args: SimpleNamespace, opened: Opened) -> str:
    """The step as LaTeX."""
    return tex_paper(bar=args.bar).written(step_of(args, opened))


def typst(args: SimpleNamespace, opened: Opened) -> str:
    """The step as Typst."""
    return typst_paper(bar=args.bar).written(step_of(args, opened))


def mathml(args: SimpleNamespace, opened: Opened) -> str:
    """The step as MathML."""
    return mathml_paper(bar=args.bar).written(step_of(args, opened))


def markdown(args: SimpleNamespace, opened: Opened) -> str:
    """The step as Markdown."""
    return markdown_paper(bar=args.bar).written(step_of(args, opened))
