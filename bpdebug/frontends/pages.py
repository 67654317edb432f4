"""What `run`, `compare`, `list`, `ops`, `schema` and `help` print."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, nullcontext
from textwrap import indent
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec.structs import replace

from bpdebug.debugger import State, open_session
from bpdebug.engine.budget import Budget
from bpdebug.errors import EXIT_FAILED, EXIT_GOOD, CommandError, InputError, UsageError, printable, shown
from bpdebug.frontends.bar import watched
from bpdebug.frontends.output import print_json, print_lines
from bpdebug.graph.backward import GRAD, SAYS, SIGNATURE, TELLS
from bpdebug.language.elsewhere import op_hint
from bpdebug.limits import NUMPY
from bpdebug.ops import OPS, REQUIRED, Op, Sample
from bpdebug.scenario import Scenario, shipped
from bpdebug.symbolic import Plan, trace
from bpdebug.translation import _
from bpdebug.views import here, stream
from bpdebug.views.blocks import Table, Text
from bpdebug.views.report import Report
from bpdebug.views.text import lines

if TYPE_CHECKING:
    from bpdebug.frontends.recorder import Recorder


def run(scenario: Scenario, *, json: bool, full: bool, budget: int | Budget, record: str | None = None) -> None:
    """Both passes, every event printed as it comes; each is recorded before it is printed, where that is asked for."""
    state = open_session(scenario, budget=budget)
    timeline = state.timeline
    with closing(_recorder(record, state)) if record else nullcontext() as recorder:
        if json:
            for item in watched(stream(scenario, timeline, full=full)):
                if recorder and "event" in item:
                    recorder.write(item["event"])
                print_json(item)
            return
        print_lines(lines(scenario.title, [Text(scenario.about.strip(), "note")] if scenario.about else [], 100))
        for text in watched(_events(state, recorder)):
            sys.stdout.write(f"\n{text}\n")


def _events(state: State, recorder: Recorder | None) -> Iterator[str]:
    """Every event as text, and the end."""
    for index in range(len(state.timeline) + 1):
        if recorder and index < len(state.timeline):
            recorder.write(index)
        yield here(replace(state, cursor=index)).to_text()


def _recorder(path: str, state: State) -> Recorder:
    from bpdebug.frontends.recorder import Recorder  # a run that is not recorded does not wait for it

    return Recorder(path, state.scenario, state.timeline)


def compare(
    left: Scenario, right: Scenario, names: tuple[str, str], *, json: bool, budgets: tuple[int | Budget, int | Budget]
) -> int:
    """The first event where they differ, and by how much; 1 where they do. On two libraries' arrays rounding does not
    count. `budgets` are theirs, or one for both. Raises InputError (E_DTYPE) for a scenario and itself in half
    precision, which NumPy has not.
    """
    if left is right and left.graph.half:
        hint = 'of the file with dtype = "float32" both sides can be computed'
        message = f"one side is computed on NumPy, which does not compute in {left.graph.half}"
        raise InputError(message, code="E_DTYPE", hint=hint)
    from bpdebug.views.compare import compared  # as above

    shared = Budget(budgets[0]) if isinstance(budgets[0], int) else budgets[0]
    ours = open_session(left, budget=shared).timeline
    theirs = open_session(right, budget=shared if budgets[0] == budgets[1] else budgets[1]).timeline
    made = {t.library for t in (ours, theirs)}
    again = (ours.recording is None) != (theirs.recording is None)  # by another version, or on another machine
    said = (printable(names[0]), printable(names[1]))
    return _verdict(compared(ours, theirs, said, rounded=len(made) > 1 or (again and made != {NUMPY[0]})), json)


def differences(scenario: Scenario, *, json: bool, budget: int | Budget) -> int:
    """What another program handed on and our rules do not give; 1 where there is any."""
    from bpdebug.explain.handed import differences as found  # as above
    from bpdebug.views.differences import handed

    timeline = open_session(scenario, budget=budget).timeline
    return _verdict(handed(timeline, found(timeline)), json)


def _verdict(report: Report, json: bool) -> int:
    """Prints a comparison; 1 where the sides differ."""
    if json:
        print_json(report.to_parts())
    else:
        print_lines(report.lines())
    return EXIT_GOOD if report.to_data()["equal"] else EXIT_FAILED


def told(verb: str, words: Mapping[str, Any]) -> None:
    """What is there: `list` the scenarios, `ops`, the `schema`, the manual."""
    if verb == "list":
        scenarios(words["json"])
    elif verb == "ops":
        ops(words["op"], words["json"])
    elif verb == "help":
        manual(" ".join(words["topic"]))
    else:
        schema(translation=words["translation"], taplo=words["taplo"])


def scenarios(json: bool) -> None:
    """The scenarios that are shipped, in the order in which they teach."""
    found = shipped()
    if json:
        print_json([{"name": s.name, "title": s.title, "about": s.about} for s in found])
    else:
        print_lines(lines("", [Table((_("scenario"), _("title")), tuple((s.name, s.title) for s in found))], 100))


def schema(*, translation: bool, taplo: bool) -> None:
    """The JSON Schema of a scenario file or of a translation, or what binds files to both of them."""
    import json  # only here: indented output

    from bpdebug.scenario.json_schema import json_schema, taplo_settings  # only here, as `json`
    from bpdebug.scenario.schema import File, LanguageFile  # as above

    made = taplo_settings() if taplo else json.dumps(json_schema(LanguageFile if translation else File), indent=2)
    print(made.rstrip())


def manual(word: str) -> None:
    """The topics, a page of the manual, or a command of the debugger; UsageError for what is none of them."""
    from shutil import get_terminal_size  # only here, as `json`

    from bpdebug.debugger.commands.table import subject  # the commands: a run gives none
    from bpdebug.views.helping import help_, topics  # as above

    try:
        report = help_(None, subject(word)) if word else topics()
    except CommandError as error:
        raise UsageError(f"no topic and no command '{shown(word, 40)}'", hint=error.hint) from None
    print_lines(report.lines(min(get_terminal_size((100, 24)).columns, 100)))


def ops(name: str | None, json: bool) -> None:
    """Every op with its rule, or one in full with its NumPy source; UsageError for a name that is none."""
    if name is not None and name not in (*OPS, GRAD):
        raise UsageError(f"no op '{name}'", hint=op_hint(name, OPS))
    chosen = list(OPS.values()) if name is None else [OPS[name]] if name in OPS else []
    if json:
        print_json([*(_described(op) for op in chosen), *([_GRAD] if name in (None, GRAD) else [])])
    elif name == GRAD:
        print(f"{SIGNATURE}: {_(SAYS)}\n\n{indent(_(TELLS), '  ')}")
    elif name:
        print("\n".join(_page(chosen[0])))
    else:
        rows = (*((_signature(op), _(op.says)) for op in chosen), (SIGNATURE, _(SAYS)))
        print_lines(lines("", [Table((_("op"), _("what it does")), rows)], 100))


_GRAD: dict[str, Any] = {
    "name": GRAD, "says": SAYS, "operands": ["y", "x", "incoming?"], "attributes": {}, "gradients": {}, "kink": None,
    "conventions": None,
}  # fmt: skip
"""What is no op but the steps of a backward pass, said as an op is."""


def _signature(op: Op) -> str:
    attrs = [
        key if attr.positional or attr.default is REQUIRED else f"{key}={attr.default!r}"
        for key, attr in op.attrs.items()
    ]
    return f"{op.name}({', '.join([*op.operands, *attrs])})"


def plan_of(op: Op, sample: Sample) -> tuple[Plan, list[str]]:
    """The plan of a sample call, and what its operands are called."""
    arrays = [np.asarray(given) for given in sample.inputs]
    typed: list[Any] = [
        (array.shape, array.dtype) if array.ndim or array.dtype == bool else given
        for given, array in zip(sample.inputs, arrays, strict=True)
    ]
    if op.is_drawn(len(typed)):
        typed.append((typed[0][0], np.dtype(np.bool_)))
    plan = trace(op, typed, op.bind(sample.attrs))
    names = [f"x{i + 1}" for i in range(len(typed))] if op.variadic else [n.rstrip("?") for n in op.operands]
    names = names[: len(typed)]
    return plan, [str(t) if isinstance(t, int | float) else n for t, n in zip(typed, names, strict=True)]


def _gradients(op: Op) -> Iterator[tuple[str, str]]:
    plan, names = plan_of(op, op.samples[0])
    for i, gradient in enumerate(plan.gradients):
        if gradient is not None:
            yield names[i], plan.formula(i, names, "y")


def _described(op: Op) -> dict[str, Any]:
    from bpdebug.views import answers  # only here, as `json`: running needs nothing of it

    return {
        "name": op.name, "says": op.says, "operands": list(op.operands),
        "attributes": {key: None if attr.default is REQUIRED else attr.default for key, attr in op.attrs.items()},
        "gradients": dict(_gradients(op)), "kink": op.kink or None,
        "conventions": answers.data(op),
    }  # fmt: skip


def _page(op: Op) -> Iterator[str]:
    from bpdebug.views import answers  # only here, as above

    plan, names = plan_of(op, op.samples[0])
    yield f"{_signature(op)}: {_(op.says)}\n"
    for name, formula in _gradients(op):
        yield f"  ∂{name} = {formula}"
    if op.kink:
        yield "\n  " + _("where it has no derivative: {answer}").format(answer=_(op.kink))
    yield from ("    " + _("to choose: {choice}").format(choice=choice) for choice in answers.choices(op))
    if found := list(lines("", answers.measured(op), 96)):
        yield "\n  " + _("what comes back there for 1, as it was measured:")
        yield from (f"    {line.removeprefix('  ')}" for line in found)
    yield "\n  " + _("as NumPy, for the operands of its first sample:")
    yield from (f"    {line}" for line in plan.source(names))
