"""`expect`: what must hold here; where it does not, the command fails with what was expected and what was found."""

from __future__ import annotations

import re
from collections.abc import Callable

from bpdebug.arrays import Array
from bpdebug.debugger.commands.explaining import EXPLANATIONS
from bpdebug.debugger.commands.table import Command, command, cut
from bpdebug.debugger.commands.table import parse as calls
from bpdebug.debugger.comparing import ExpectationError, as_array, compare, literal, tolerances
from bpdebug.debugger.ranges import typed_number
from bpdebug.debugger.state import State
from bpdebug.engine import FORWARD, Event, Fault, NodeEvent
from bpdebug.errors import BpdebugError, CommandError
from bpdebug.expression import Value, names_in, parse, parse_location, resolve, truth
from bpdebug.graph import Graph
from bpdebug.translation import _

LONGEST = 20_000
"""Characters of an expectation: two sides of the longest that an expression may be."""


# --- numbers

_OPTION = r"\s(rtol|atol)\s*=\s*(\S+)\s*$"


def _near(state: State, left: str, right: str) -> str:
    """Both sides agree in every cell, to the tolerances; a single number stands for all cells."""
    given: dict[str, float] = {}
    while (match := re.search(_OPTION, f" {right}")) is not None:
        given[match[1]] = _tolerance(match[1], match[2])
        right = right[: match.start() - 1 if match.start() else 0].rstrip()
    if not left or not right:
        raise CommandError("a side of ~ is missing", hint="expect dW ~ X.T @ dY")
    found, wanted = _side(state, left, right), _side(state, right, left)
    if isinstance(found, str) or isinstance(wanted, str):
        if not (isinstance(found, str) and isinstance(wanted, str) and found == wanted):
            raise ExpectationError(left, _words(wanted), _words(found))
        return f"{left} ~ {right}"
    rtol, atol = tolerances({found.dtype.name, wanted.dtype.name, *_precisions(state, left, right)})
    compare(left, found, wanted, given.get("rtol", rtol), given.get("atol", atol))
    return f"{left} ~ {right}"


def _precisions(state: State, *sides: str) -> set[str]:
    """What the tensors of both sides are computed in: half precision is told by no array."""
    graph, typed = state.timeline.graph, (parse(text) for text in sides if not text.startswith("["))
    return {graph.precision(name.tensor) for expression in typed for name in names_in(expression, graph)}


def _tolerance(name: str, text: str) -> float:
    found = typed_number(text)
    if found is None or not 0 <= found < float("inf"):
        raise CommandError(f"{name}={text[:40]} is no tolerance", hint=f"{name}=1e-6")
    return found


def _side(state: State, text: str, other: str) -> Array | str:
    """One side as an array, or a quoted text; what has no value here agrees with nothing."""
    if text.startswith("["):
        return literal(text)
    value = state.value(text)
    if isinstance(value.plain, str):
        return f'"{value.plain}"'
    if value.plain is not None:
        return as_array(list(value.plain), text)
    if value.array is None:
        raise ExpectationError(text, other, _missing(value))
    return value.array


def _missing(value: Value) -> str:
    return "no path to an output" if value.status == "no-path" else "not computed yet"


def _words(side: Array | str) -> str:
    if isinstance(side, str):
        return side
    return f"{side.item()!r}" if side.size == 1 else f"numbers of shape {side.shape}"


def _condition(state: State, text: str) -> str:
    """Any condition on the numbers: `expect norm(dW) < 1`."""
    value = state.value(text)
    if value.status in ("not-computed", "no-path"):
        raise ExpectationError(text, "true", _missing(value))
    if not truth(value):
        raise ExpectationError(text, "true", "false")
    return text


# --- shapes, places, faults, errors, formulas

_SHAPE = r"(?s)(.*?\S)\s*(?:==|=|is)?\s*(\([\d,\s]*\)|(?<=\s)\d+(?:\s*[x×]\s*\d+)*)"


def unquoted(text: str) -> str:
    """A text without the quotes around it, where there are some."""
    text = text.strip()
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" else text


def _shape(state: State, text: str) -> str:
    match = re.fullmatch(_SHAPE, " ".join(text.split()))
    if match is None or len(match[2]) > 400:
        raise CommandError(f"expect shape {text[:40]}", hint="expect shape dW (3, 4)")
    wanted = tuple(int(n) for n in re.findall(r"\d+", match[2]))
    value = state.value(match[1])
    if value.shape != wanted:
        found = str(value.shape) if value.shape is not None else "no tensor"
        raise ExpectationError(f"shape {match[1]}", str(wanted), found)
    return f"shape {match[1]} {wanted}"


def when_words(state: State) -> str:
    """Where the cursor stands: `event 17/42 backward Y matmul`; at the end, `event 42/42 end`."""
    event, total = state.event, len(state.timeline)
    if event is None:
        return f"event {total}/{total} end"
    words = [f"event {event.index}/{total}", event.phase, event.name, event.op or ""]
    words += [f"part {state.part}/{len(event.parts)}"] if state.part else []
    return " ".join(word for word in words if word)


def _where(state: State, text: str) -> str:
    """The cursor stands at a location; `begin` and `end` are places, too."""
    place = unquoted(text)
    if place in ("begin", "end"):
        holds = state.cursor == (0 if place == "begin" else len(state.timeline))
    else:
        holds = resolve(parse_location(place), state.timeline).contains(state.cursor)
    if not holds:
        raise ExpectationError("where", place, when_words(state))
    return f"where {place}"


def _when(state: State, text: str) -> str:
    """The words of `when`, or some of them in their order: `event 0`, `backward Y`."""
    wanted = unquoted(text)
    found = iter(when_words(state).split())
    if not all(any(_same_word(word, there) for there in found) for word in wanted.split()):
        raise ExpectationError("when", wanted, when_words(state))
    return f"when {wanted}"


def _same_word(wanted: str, found: str) -> bool:
    return wanted == found or ("/" in found and "/" not in wanted and wanted == found.partition("/")[0])


def _fault(state: State, text: str) -> str:
    """The first fault of the whole timeline: `nan`, `inf`, where, or both; `none`."""
    words = unquoted(text).split(maxsplit=1)
    kind = words.pop(0) if words[0] in ("nan", "inf", "none") else ""
    place = unquoted(" ".join(words).removeprefix("at ")) if words else ""
    stops = resolve(parse_location(place), state.timeline) if place and kind != "none" else None
    event = state.timeline.first_fault()
    fault = event.fault if event is not None else None
    wanted = "none" if kind == "none" else f"{kind or 'a fault'} at {place}" if place else kind
    if event is None or fault is None:
        if kind != "none":
            raise ExpectationError("fault", wanted, "no fault at all")
    elif kind not in ("", fault.kind) or (stops is not None and not stops.contains(event.index)):
        raise ExpectationError("fault", wanted, _fault_words(event, fault))
    return f"fault {wanted}"


def _fault_words(event: Event, fault: Fault) -> str:
    return f"{fault.kind} in {fault.where} at event {event.index}, {event.name}"


def _error(state: State, text: str) -> str:
    """A command fails with this code: `expect error E_EXPR print dZ`."""
    code, _, command = text.partition(" ")
    if not re.fullmatch(r"E_[A-Z]{2,20}", code) or not command.strip():
        raise CommandError(f"expect error {text[:40]}", hint="a code, and the command: expect error E_EXPR print dZ")
    try:
        for call in calls(command):
            state = call.command.run(state, call.argument)
    except BpdebugError as error:
        if error.code != code:
            raise ExpectationError(f"error of {command}", code, f"{error.code}: {error.message}") from None
        return f"error {code}: {error.message}"
    raise ExpectationError(f"error of {command}", code, "no error")


_FORMULA = r"""(?:([^\s"']+)\s+)?(?:"([^"]*)"|'([^']*)')"""


def _formula(state: State, text: str) -> str:
    """The rule of this event: for an operand's gradient, for the node itself, or for any of them."""
    match = re.fullmatch(_FORMULA, text)
    if match is None:
        raise CommandError(f"expect formula {text[:40]}", hint='expect formula X "∂Y @ Wᵀ"')
    graph, event = state.timeline.graph, state.event
    if event is None:
        raise ExpectationError("formula", match[0], "the end, where no rule is")
    target = as_written(match[1] or "", graph).removeprefix("∂")
    wanted = match[2] if match[2] is not None else match[3]
    rules = [(c.to, c.formula) for c in event.contributions] or _own(event)
    found = [formula for to, formula in rules if target in ("", to)]
    if as_written(wanted, graph) not in [as_written(f, graph) for f in found]:
        here = " and ".join(found) or "none: there are " + (", ".join(to for to, _ in rules) or "no rules here")
        raise ExpectationError(f"formula {target}".strip(), wanted, here)
    return f"formula {target} {wanted}".replace("  ", " ")


def _own(event: Event) -> list[tuple[str, str]]:
    """The call of a forward event, or the rule of an update."""
    if event.rule is not None:
        return [(event.name, event.rule)]
    if isinstance(event, NodeEvent) and event.phase == FORWARD:
        return [(event.name, event.graph.call_text(event.k))]
    return []


def as_written(formula: str, graph: Graph) -> str:
    """A formula as the screen writes it: `dY @ W.T` is `∂Y @ Wᵀ`; spaces do not count."""

    def gradient(match: re.Match[str]) -> str:
        name = match[0]
        return f"∂{name[1:]}" if name not in graph.index and name[1:] in graph.index else name

    formula = re.sub(r"\.T\b", "ᵀ", formula.replace("−", "-").replace("·", "*"))
    formula = re.sub(r"\bd\w[\w.]*", gradient, formula)
    return re.sub(r"\s+", "", formula)


def _status(state: State, text: str) -> str:
    """Whether a gradient is there yet: `expect status dW partial`."""
    name, _, wanted = text.rpartition(" ")
    known = ("value", "partial", "not-computed", "no-path")
    if wanted not in known or not name.strip():
        raise CommandError(f"expect status {text[:40]}", hint=f"one of: {', '.join(known)}")
    found = state.value(name).status
    if found != wanted:
        raise ExpectationError(f"status {name.strip()}", wanted, found)
    return f"status {name.strip()} {wanted}"


def _explanation(row: Command) -> Callable[[State, str], str]:
    """`expect why dW masked`: the command runs without the last word (or quoted text), which it must come to."""

    def run(state: State, text: str) -> str:
        if text.endswith('"') and text.count('"') >= 2:
            head, _, wanted = text[:-1].rpartition('"')
            wanted = f"∂{wanted[1:]}" if row.name == "candidates" and wanted.startswith("d") else wanted
        else:
            head, _, wanted = text.rpartition(" ")
        assert row.verdicts is not None
        found = row.verdicts(row.run(state, head.strip()).view.args[0])
        if wanted not in found:
            raise ExpectationError(f"{row.name} {head}".strip(), wanted, ", ".join(found))
        return f"{row.name} {text}"

    return run


KINDS: dict[str, Callable[[State, str], str]] = {
    "shape": _shape,
    "status": _status,
    "where": _where,
    "when": _when,
    "fault": _fault,
    "error": _error,
    "formula": _formula,
    **{row.name: _explanation(row) for row in EXPLANATIONS if row.verdicts is not None},
}


@command(
    "expect", "what must hold here; in a script, the script fails where it does not", "expect 1 + 1 ~ 2",
    args="EXPR ~ EXPR [rtol=] [atol=] | EXPR | " + " | ".join(f"{kind} ..." for kind in KINDS), family="scripts",
)  # fmt: skip
def expect(state: State, argument: str) -> State:
    """Numbers, a shape, a place, a fault, an error, a formula or any condition; E_SCRIPT where it does not hold."""
    if len(argument) > LONGEST:
        hint = f"at most {LONGEST:,} are read"
        raise CommandError(f"expect of {len(argument):,} characters", code="E_EXPR", hint=hint)
    word, _blank, rest = argument.partition(" ")
    sides = [side.strip() for side in cut(argument, "~")]
    if len(sides) == 2 and not (word == "error" and rest.startswith("E_")):
        said = _near(state, sides[0], sides[1])
    elif word in KINDS and unquoted(rest).strip():
        said = KINDS[word](state, rest.strip())
    elif argument and len(sides) == 1 and word not in KINDS:
        said = _condition(state, argument)
    else:
        kinds = ", ".join(KINDS)
        raise CommandError(
            f"expect '{argument[:40]}'" if argument else "expect takes what must hold",
            hint=f"expect dW ~ X.T @ dY, expect norm(dW) < 1, or one of: {kinds}",
        )  # fmt: skip
    return state.show("said", _("holds: {what}").format(what=said))
