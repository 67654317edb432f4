"""Commands that explain: what a gradient is made of, which rule is wrong, and why a gradient is what it is.

A command shows a record of explain/NAME.py, which the view of the same name in views/NAME.py draws.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bpdebug.arrays import cell_text
from bpdebug.debugger.commands.table import COMMANDS, command
from bpdebug.debugger.commands.watching import emptied
from bpdebug.debugger.commands.within import time_alone, within
from bpdebug.debugger.state import State
from bpdebug.engine import BACKWARD, SEED, UPDATE
from bpdebug.engine.closeness import largest_cell
from bpdebug.engine.faults import finite
from bpdebug.errors import CommandError
from bpdebug.expression import Target, parse, parse_location, resolve, target
from bpdebug.expression.operations import placed
from bpdebug.graph import PARAMETER, Subject
from bpdebug.scenario import read_derivation


def _first_wrong(found: Any) -> list[str]:
    return [found.first_wrong or "none"]


def _checked(found: Any) -> list[str]:
    """The first wrong node, else 'none'; 'unknown' where the time was over before all were checked."""
    return _first_wrong(found) if found.first_wrong or found.checked == found.nodes else ["unknown"]


def _fitting(found: Any) -> list[str]:
    """'∂X 8 fit 1 right' for each operand; 'unknown' where the time was over before all were judged."""
    if found.looked_at < found.of:
        return ["unknown"]
    words = []
    for of in dict.fromkeys(r.target for r in found.rows):
        rows = [r for r in found.rows if r.target == of]
        words.append(f"{of} {sum(r.fits for r in rows)} fit {sum(r.verdict == 'right' for r in rows)} right")
    return words


def _holds(found: Any) -> list[str]:
    return ["unknown" if found.holds is None else "holds" if found.holds else "fails"]


@command(
    "lens", "this event explained: operands, axes, transposes, and the matrix a rule is the transpose of",
    "seek matmul@bwd ;; lens", key="x", family="explain",
)  # fmt: skip
def lens_(state: State) -> State:
    """This event explained: axes, transposes, cells."""
    from bpdebug.explain.lens import lens  # start-up: an explanation is worked out when asked for
    from bpdebug.explain.update import update_lens  # start-up: the same

    event = state.event
    return state.show("lens", update_lens(event) if event is not None and event.phase == UPDATE else lens(event))


def lens_at(state: State, cells: Mapping[Subject, tuple[int, ...]]) -> State | None:
    """The lens that is shown, about these cells of what its event made; None where it shows none of them."""
    from bpdebug.explain.lens import Lens, lens  # start-up: an explanation is worked out when asked for

    found = state.view.args[0] if state.view.name == "lens" else None
    if not isinstance(found, Lens):
        return None
    at = {Subject(o.contribution.tensor, True): o.cell for o in found.operands}
    at = at or {Subject(found.event.tensor): found.cell}
    chosen = {of: cells.get(of, cell) for of, cell in at.items()}
    return state.show("lens", lens(found.event, chosen)) if at.keys() & cells.keys() else None


@command(
    "candidates", "every product whose shape could fit, with the numbers' verdict", "seek matmul@bwd ;; candidates",
    key="k", args="[for 30s]", family="explain", verdicts=_fitting,
)  # fmt: skip
def candidates_(state: State, argument: str) -> State:
    """Every product of an operand and the cotangent, or their transposes, with the numbers' verdict; within a time."""
    from bpdebug.explain.candidates import candidates  # start-up: an explanation is worked out when asked for

    seconds, over = time_alone("candidates", argument)
    return state.show("candidates", candidates(state.event, over), seconds)


@command(
    "adjoint", "⟨g, A x⟩ = ⟨Aᵀ g, x⟩ on the numbers, for a linear op", "seek matmul@bwd ;; adjoint", key="a",
    args="[OPERAND]", family="explain", verdicts=_holds,
)  # fmt: skip
def adjoint_(state: State, argument: str) -> State:
    """Both sides of ⟨g, A x⟩ = ⟨Aᵀ g, x⟩ at this event."""
    from bpdebug.explain.adjoint import adjoint  # start-up: an explanation is worked out when asked for

    return state.show("adjoint", adjoint(state.event, argument))


def _goal(state: State, argument: str, name: str) -> tuple[Target, str]:
    """The cells that are asked about; without an expression, the gradient of the current event's tensor."""
    event = state.event
    if not argument and event is None:
        raise CommandError(f"{name} takes a gradient", hint=f"{name} dW")
    text = argument or f"∂{event.name if event else ''}"
    return target(parse(text), state.timeline.graph), text


def _gradient(state: State, argument: str, name: str) -> tuple[Target, str]:
    """The gradient that is asked about."""
    goal, text = _goal(state, argument, name)
    if not goal.reference.gradient:
        hint = f"write {name} ∂{text}"
        raise CommandError(f"{name} is about gradients, and '{text[:40]}' is a value", code="E_EXPR", hint=hint)
    return goal, text


@command(
    "contributions", "who gave what to this gradient, before the sum", "seek matmul@bwd ;; contributions",
    args="[EXPR]", family="explain",
)  # fmt: skip
def contributions_(state: State, argument: str) -> State:
    """The terms of a gradient before the sum, as far as they are there."""
    from bpdebug.explain.contributions import contributions  # start-up: an explanation is worked out when asked for

    goal, text = _gradient(state, argument, "contributions")
    return state.show("contributions", contributions(state.timeline, goal, state.cursor, text))


def _in_question(state: State) -> str:
    """What one asks about who says nothing: what is not finite here, else what is zero; '' where that is nothing."""
    timeline, graph, event = state.timeline, state.timeline.graph, state.event
    if event is not None:
        if event.phase == UPDATE or event.fault is not None:
            return event.fault.tensor if event.phase != UPDATE and event.fault is not None else ""
        given = emptied(event)
        return f"∂{given.to}" if given is not None and not np.any(timeline.grad(given.to)) else ""
    leaves = [(t, timeline.grad_at(t, state.cursor)) for t in range(graph.first) if graph.has_gradient(t)]
    known = [(t, gradient) for t, gradient in leaves if gradient is not None]
    odd = next((t for t, gradient in known if not finite(gradient)), None)
    if odd is None:
        odd = next((t for t, gradient in known if graph.kind(t) == PARAMETER and not np.any(gradient)), None)
    if odd is not None:
        return f"∂{graph.names[odd]}"
    return "" if graph.loss is None else graph.names[graph.loss]


@command(
    "why", "why is this gradient, or this value, zero, NaN or absent", "seek matmul@bwd ;; why", key="y",
    args="[EXPR]", family="explain", verdicts=lambda found: [found.answer],
)  # fmt: skip
def why_(state: State, argument: str) -> State:
    """Why a value or a gradient is what it is after both passes of this iteration.

    At the end that is a gradient that is not finite, else a parameter's that is zero, where there is one, else the
    loss; at an event what is not finite there, or what it gives nothing but zeros. E_EXPR where it has no cells.
    """
    from bpdebug.explain.why import why  # start-up: an explanation is worked out when asked for

    goal, text = _goal(state, argument or _in_question(state), "why")
    if 0 in goal.shape:
        raise CommandError(f"{text[:40]} has no cells", code="E_EXPR", hint="why dW, why dW[0, 1]")
    return state.show("why", why(state.timeline, goal, _iteration(state), state.cursor), text)


@command(
    "check", "finite differences: this rule wrong, or wrong already upstream", "check", key="g",
    args="[LOC] [for 30s]", family="explain", slow=True, verdicts=_checked,
)  # fmt: skip
def check_(state: State, argument: str) -> State:
    """The rules of this iteration, or of a location, within a time; E_EXPR where it has none, E_COMMAND for no time."""
    from bpdebug.checks.first_wrong import check  # start-up: an explanation is worked out when asked for

    timeline, iteration = state.timeline, _iteration(state)
    argument, seconds, over = within("check", argument)
    if not argument:
        return state.show("check", check(timeline, iteration, None, over), seconds)
    location = parse_location(argument)
    at = list(resolve(location, timeline))
    tensors = {timeline.schedule.tensor_at(index) for index in at}
    graph = timeline.graph
    if not any(not graph.is_leaf(t) and graph.has_gradient(t) for t in tensors):
        hint = "it is not between a float leaf and an output"
        raise CommandError(f"'{argument[:40]}' has no backward rule", code="E_EXPR", hint=hint)
    if location.iteration is not None:
        iteration = location.iteration
    elif len(at) == 1:
        iteration = timeline.schedule.iteration_at(at[0])
    return state.show("check", check(timeline, iteration, tensors, over), seconds)


@command(
    "origin", "which cells made this cell, and where it goes next; -p: the heaviest ways to the loss",
    "seek matmul@bwd ;; origin", aliases=("o",), key="o", args="[-p] [EXPR[i,j]]", family="explain",
)  # fmt: skip
def origin_(state: State, argument: str) -> State:
    """The terms of one cell; with -p, the heaviest ways from it to the outputs; E_EXPR for what is no cell."""
    from bpdebug.explain.origin import origin  # start-up: an explanation is worked out when asked for
    from bpdebug.explain.paths import heaviest  # start-up: the same

    ways = argument.startswith("-p")
    text = argument.removeprefix("-p").strip() or _largest(state)
    goal = target(parse(text), state.timeline.graph)
    if goal.cell is None:
        shape = state.timeline.graph.shapes[goal.reference.tensor]
        example = f"{goal.reference}[{', '.join('0' * len(shape))}]"
        raise CommandError(f"'{text[:40]}' is not one cell", code="E_EXPR", hint=f"origin {example}")
    if goal.reference.gradient and state.timeline.schedule.completed_by(goal.reference.tensor) is None:
        hint = f"why {goal.reference} says where it is cut"
        raise CommandError(f"{goal.reference} has no path to an output, and no gradient", code="E_EXPR", hint=hint)
    if not ways:
        return state.show("origin", origin(state.timeline, goal, _iteration(state)))
    if not goal.reference.gradient:
        raise CommandError("the ways to an output are those of a gradient", code="E_EXPR", hint=f"origin -p ∂{text}")
    return state.show("paths", heaviest(state.timeline, goal, _iteration(state)), goal.cell)


def _largest(state: State) -> str:
    """The cell that `origin` means without one: the largest of what this event made."""
    event = state.event
    if event is None:
        raise CommandError("origin takes a cell", hint="origin dW[0, 1]")
    name, array = event.name, event.value
    if event.phase == BACKWARD and event.contributions:
        name, array = f"∂{event.contributions[0].to}", event.contributions[0].total
    elif event.phase == SEED:
        name = f"∂{name}"
    elif event.phase == UPDATE:
        name, array = f"∂{name}", np.asarray(state.timeline.iteration(event.iteration).gradient(event.tensor))
    if not array.size:
        raise CommandError(f"{name} has no cells", code="E_EXPR", hint="name another cell: origin dW[0, 1]")
    return cell_text(name, largest_cell(array))


@command(
    "derivation", "your own backward pass, judged line by line", "derivation dX = dY @ W.T",
    args="[dNAME = EXPR; ...]", family="explain", verdicts=_first_wrong,
)  # fmt: skip
def derivation_(state: State, argument: str) -> State:
    """The scenario's own backward pass, or the lines that are typed; E_COMMAND where there are none."""
    from bpdebug.explain.derivation import derivation  # start-up: an explanation is worked out when asked for

    found = state.scenario.derivation
    if argument:
        text = "\n".join(piece.strip() for piece in argument.split(";"))
        with placed():
            found = read_derivation(text, state.timeline.graph, dtype=state.scenario.dtype.name)
    if found is None:
        hint = "derivation dW = X.T @ dY; dX = dY @ W.T"
        raise CommandError("the scenario has no table [derivation]", hint=hint)
    return state.show("derivation", derivation(state.timeline, found.steps, _iteration(state)))


@command(
    "flow", "gradient norm at each event, and the gain there", "flow", key="G", args="[for 30s]", family="explain",
    verdicts=lambda found: [found.verdict],
)  # fmt: skip
def flow_(state: State, argument: str) -> State:
    """The gradient's norm at each backward event of this iteration, and the gain there; within a time."""
    from bpdebug.explain.flow import flow  # start-up: an explanation is worked out when asked for

    seconds, over = time_alone("flow", argument)
    return state.show("flow", flow(state.timeline, _iteration(state), over), seconds)


def _iteration(state: State) -> int:
    """The iteration at the cursor; CommandError where a recording ends before it does."""
    timeline = state.timeline
    iteration = timeline.schedule.iteration_at(state.cursor)
    if len(timeline) < (iteration + 1) * timeline.schedule.per_iteration:
        message = f"the recording ends at event {len(timeline)}, before both passes are done"
        raise CommandError(message, hint="record the whole run; print shows what there is")
    return iteration


EXPLANATIONS = tuple(row for row in COMMANDS.values() if row.family == "explain")
"""The rows of this file; those of practice come later, and show no record."""
