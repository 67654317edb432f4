"""Requests that look: scopes, variables, what was set, expressions, completions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import islice
from math import prod

from bpdebug.debugger import COMMANDS, State
from bpdebug.debugger.commands.whatif import set_
from bpdebug.engine import BACKWARD, SEED, NodeEvent
from bpdebug.errors import CommandError
from bpdebug.expression import Scope, evaluate, parse
from bpdebug.expression.evaluate import Value
from bpdebug.expression.names import beginning, gradients_beginning
from bpdebug.frontends.dap.adapter import Adapter, Body, request
from bpdebug.frontends.dap.arguments import ChildAsked, CompletionsAsked, EvaluateAsked, NothingAsked, VariablesAsked
from bpdebug.frontends.dap.handles import COUNTED, Unfolded
from bpdebug.frontends.dap.motions import goes_on, stopped
from bpdebug.frontends.loop import gathered
from bpdebug.graph import DRAWN, PARAMETER
from bpdebug.translation import _
from bpdebug.views.numbers import shape_text

MOST_WORDS = 200
"""Completions that are offered at once."""
_COMMAND = re.compile(r"[\w-]*")
"""What may become a command: `reverse-c` is one word there, and a difference in an expression."""


@request("scopes")
def scopes(adapter: Adapter, asked: NothingAsked) -> Body:
    """What stands at the event; what goes over many tensors is marked as expensive."""
    state = adapter.session
    rows: list[tuple[str, str, Callable[[State], Sequence[Unfolded]], bool]] = []
    if isinstance(state.event, NodeEvent):
        rows.append((_("Operands"), "arguments", operands, False))
    if state.event is not None:
        rows.append((_("Result"), "returnValue", result, False))
    if isinstance(state.event, NodeEvent) and state.event.phase == BACKWARD:
        rows.append((_("Contributions"), "locals", contributions, False))
    rows += [(_("Parameters"), "globals", parameters, True), (_("Gradients"), "globals", gradients, True)]
    if state.displays:
        rows.append((_("Displays"), "locals", displays, False))
    return {
        "scopes": [
            {
                "name": name, "presentationHint": hint, "expensive": costly,
                "variablesReference": adapter.handles.put(partial(make, state)),
            }
            for name, hint, make, costly in rows
        ]
    }  # fmt: skip


def _value(state: State, tensor: int) -> Unfolded:
    name, array = state.timeline.graph.names[tensor], state.timeline.value_at(tensor, state.cursor)
    return Unfolded(name, name, array, "value" if array is not None else "not-computed")


def _gradient(state: State, tensor: int) -> Unfolded:
    name, schedule = state.timeline.graph.names[tensor], state.timeline.schedule
    status = "value" if schedule.is_over(state.cursor) else schedule.grad_status(tensor, state.cursor)
    if status == "value" and not state.timeline.graph.has_gradient(tensor):
        status = "no-path"
    array = state.timeline.grad_at(tensor, state.cursor)
    return Unfolded.of(f"∂{name}", f"d{name}", Value(status, array, None, None))


def operands(state: State) -> list[Unfolded]:
    """The tensors that the event's node reads."""
    event = state.event
    return [_value(state, t) for t in dict.fromkeys(event.node.tensors)] if isinstance(event, NodeEvent) else []


def result(state: State) -> list[Unfolded]:
    """What the event is about: the node's value, on the way back its gradient."""
    event = state.event
    if event is None:
        return []
    back = event.phase in (BACKWARD, SEED)
    return [_gradient(state, event.tensor) if back else _value(state, event.tensor)]


def contributions(state: State) -> list[Unfolded]:
    """What the node adds to its operands' gradients, each under its formula."""
    found = []
    for c in state.event.contributions if state.event is not None else ():
        name = f"∂{c.to} += {c.formula}"
        if prod(c.shape) <= COUNTED:
            found.append(Unfolded(name, "", c.value))
        else:  # nothing keeps it: it is worked out anew each time that it is asked for
            found.append(Unfolded(name, text=shape_text(c.shape), later=partial(getattr, c, "value")))
    return found


def parameters(state: State) -> list[Unfolded]:
    """The parameters as they are now."""
    leaves = enumerate(state.timeline.graph.leaves)
    return [_value(state, i) for i, leaf in leaves if leaf.kind == PARAMETER]


def gradients(state: State) -> list[Unfolded]:
    """The gradients of the leaves, as far as they are there."""
    graph = state.timeline.graph
    return [_gradient(state, i) for i in range(len(graph.leaves)) if graph.takes_gradient(i)]


def displays(state: State) -> list[Unfolded]:
    """The expressions that are shown at every stop."""
    scope = Scope(state.timeline, state.cursor)
    return [Unfolded.of(d.text, d.text, evaluate(d.expression, scope)) for d in state.displays]


@request("variables", VariablesAsked)
def variables(adapter: Adapter, asked: VariablesAsked) -> Body:
    found = adapter.handles.children(
        asked.variables_reference, asked.filter, asked.start, asked.count,
        paged=adapter.client.supports_variable_paging, base=16 if asked.format.hex else 10,
    )  # fmt: skip
    return {"variables": found}


@request("setVariable", ChildAsked)
def set_variable(adapter: Adapter, asked: ChildAsked) -> None:
    """What if: a fork in which it is so; CommandError for what has no name of its own."""
    text = adapter.handles.expression(asked.variables_reference, asked.name)
    if not text:
        raise CommandError(f"'{asked.name}' cannot be set", hint="tensors and their gradients can: set dW[0,1] = 0")
    adapter.state = set_(adapter.session, f"{text} = {asked.value}")
    found = Unfolded.of("", "", adapter.session.value(text))
    told = adapter.handles.told(found, 16 if asked.format.hex else 10)
    adapter.answer({key: told[key] for key in ("value", "variablesReference")})
    adapter.say(f"fork {adapter.session.fork}: {text} = {asked.value}\n")
    _invalidated(adapter)


def _invalidated(adapter: Adapter) -> None:
    if adapter.client.supports_invalidated_event:
        adapter.event("invalidated", areas=["variables"])


# --- expressions and lines


@request("evaluate", EvaluateAsked)
def evaluate_(adapter: Adapter, asked: EvaluateAsked) -> Body | None:
    """In the console a line of the debugger's language, elsewhere an expression."""
    if asked.context == "repl":
        _console(adapter, asked.expression)
        return None
    text = asked.expression.replace("∂", "d") if asked.expression.startswith("∂") else asked.expression
    state = adapter.session
    value = evaluate(parse(text), Scope(state.timeline, state.cursor))
    told = adapter.handles.told(Unfolded.of("", text, value), 16 if asked.format.hex else 10)
    return {"result": told.pop("value"), **{k: v for k, v in told.items() if k not in ("name", "evaluateName")}}


def _console(adapter: Adapter, typed: str) -> None:
    """What lines of the language answer; where they moved, the client is told where all stands."""
    before, said = adapter.session, []
    for _at, line in gathered(typed.split("\n")):
        if line and not line.startswith("#"):
            said += [answer.to_text() for answer in adapter.do(line)]
    after = adapter.session
    adapter.answer({"result": "\n".join(said), "variablesReference": 0})
    if after.done:
        adapter.event("terminated")
    elif (before.cursor, before.part) != (after.cursor, after.part):
        goes_on(adapter)
        stopped(adapter, "goto", after.stopped)
    elif before.fork != after.fork or before.displays != after.displays:
        _invalidated(adapter)


@request("completions", CompletionsAsked)
def completions(adapter: Adapter, asked: CompletionsAsked) -> Body:
    """What the word before the column may become: commands where a line begins, tensors and gradients.

    `start` counts from 0 for every client: the protocol says otherwise, and VS Code and nvim-dap take it so.
    """
    column = max(asked.column - adapter.client.columns_start_at1, 0)
    units = asked.text.encode("utf-16-le", "surrogatepass")[: 2 * column]
    before = units.decode("utf-16-le", "replace")
    line = before.rsplit(";;", 1)[-1].lstrip()
    alone = _COMMAND.fullmatch(line) is not None
    word = line if alone else re.split(r"[\s(\[,;=+*/@<>-]", before)[-1]
    length = len(word.encode("utf-16-le", "surrogatepass")) // 2
    found = [
        {"label": label, "type": kind, "start": column - length, "length": length}
        for label, kind in islice(_words(adapter.session, word, alone=alone), MOST_WORDS)
    ]
    return {"targets": found}


def _words(state: State, begun: str, *, alone: bool) -> Iterator[tuple[str, str]]:
    graph = state.timeline.graph
    if alone:
        yield from ((name, "method") for name in COMMANDS if name.startswith(begun))
    yield from ((graph.names[t], "variable") for t in beginning(graph, begun) if graph.kind(t) != DRAWN)
    yield from ((name, "variable") for name in gradients_beginning(graph, begun))
