"""Why a value or a gradient is zero, not finite or absent."""

from __future__ import annotations

from bpdebug.debugger import State
from bpdebug.explain.why.tracer import Why
from bpdebug.translation import N_, _
from bpdebug.views.blocks import Text
from bpdebug.views.report import Report

SAYS = {
    "no-path": N_("there is no path from it to an output"),
    "cut": N_("the path to the output is cut: nothing is differentiated there"),
    "masked": N_("it is zero: a factor on its way is zero, or nothing reads it"),
    "cancelled": N_("it is zero: terms that are not zero cancel"),
    "zero-times-inf": N_("it is not a number: zero times infinity"),
    "overflow": N_("it left the range of numbers"),
    "undefined": N_("it is not a number: undefined where it was made"),
    "nonzero": N_("it is finite, and not zero"),
}


def why(state: State, found: Why, of: str) -> Report:
    """The answer in a sentence, then the evidence, and where it was born."""
    data = {"of": of, "answer": found.answer, "born": found.born, "evidence": list(found.evidence)}
    lines = [Text(text) for text in found.evidence]
    if found.born is not None:
        event = state.timeline.event(found.born)
        lines.append(Text(f"seek #{found.born}: {_(event.phase)} {event.name}", "dim", link=f"seek #{found.born}"))
    return Report("why", _("{of}: {said}").format(of=of, said=_(SAYS[found.answer])), tuple(lines), data)
