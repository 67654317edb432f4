"""What a scenario expects of its timeline, checked: the table [expect], without `error`, `derivation` and `check`.

Those are for the caller: `error` is about a file that has no timeline, the others are answers of commands.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import UNSET, Struct

from bpdebug.arrays import Array, at_cell
from bpdebug.engine import BACKWARD, Timeline
from bpdebug.engine.closeness import EXPECTED, worst
from bpdebug.errors import CommandError, shown, suggest
from bpdebug.expression import Stops, parse_location, resolve
from bpdebug.expression.location import SHORT
from bpdebug.scenario import Scenario
from bpdebug.scenario.schema import Expect

if TYPE_CHECKING:
    from bpdebug.checks.whole_graph import Again


class Mismatch(Struct, frozen=True):
    """An expectation that is not met: where in [expect], what was expected, what was found, and what to look at."""

    path: tuple[str, ...]
    expected: str
    found: str
    hint: str = ""

    def __str__(self) -> str:
        key = ".".join(part if re.fullmatch(r"[\w-]+", part) else f'"{shown(part)}"' for part in self.path)
        text = f"{key}: expected {self.expected}, found {self.found}"
        return f"{text} ({self.hint})" if self.hint else text


def check(scenario: Scenario, timeline: Timeline, again: Again | None = None) -> list[Mismatch]:
    """Every expectation of a scenario that its timeline does not meet, in the order of the contract.

    Without rtol and atol in the file, doubles must agree to 1e-9 and floats of 32 bits to 1e-5, relatively. `again` is
    how another process makes the timeline, for what takes long.
    """
    expect = scenario.expect
    if expect is None:
        return []
    rtol, atol = EXPECTED[scenario.precision]
    rtol = rtol if expect.rtol is UNSET else expect.rtol
    atol = atol if expect.atol is UNSET else expect.atol
    found = [*_loss(expect, timeline, rtol, atol)]
    found += _arrays("values", expect.values, timeline, timeline.value, rtol, atol)
    found += _arrays("grads", expect.grads, timeline, timeline.grad, rtol, atol)
    for key, formulas in expect.formulas.items():
        found += _formulas(key, formulas, timeline)
    found += _fault(expect, timeline)
    if expect.gradcheck:
        found += _gradcheck(timeline, again)
    return found


def _loss(expect: Expect, timeline: Timeline, rtol: float, atol: float) -> Iterator[Mismatch]:
    if expect.loss is UNSET:
        return
    if timeline.loss is None:
        yield Mismatch(("loss",), repr(expect.loss), "no loss", "the gradients of this scenario come in from above")
    else:
        yield from _compare(("loss",), expect.loss, np.asarray(timeline.loss), rtol, atol)


def _arrays(
    table: str, expected: Mapping[str, Any], timeline: Timeline, read: Callable[[str], Array | None],
    rtol: float, atol: float,
) -> Iterator[Mismatch]:  # fmt: skip
    known = timeline.graph.index
    for name, value in expected.items():
        path = (table, name)
        if name not in known:
            yield Mismatch(path, "a tensor", "none of that name", suggest(name, known, "names are exact: h.1"))
            continue
        found = read(name)
        if found is None:
            yield Mismatch(path, "a gradient", "none", "no path leads from it to an output")
        else:
            yield from _compare(path, value, found, rtol, atol)


def _compare(path: tuple[str, ...], expected: Any, found: Array, rtol: float, atol: float) -> Iterator[Mismatch]:
    """Nothing where all cells agree, else the cell that is worst."""
    try:
        wanted = np.asarray(expected, dtype=np.float64)
    except (ValueError, TypeError, OverflowError):
        yield Mismatch(path, "an array of numbers", "something else in the file")
        return
    if wanted.shape != found.shape:
        yield Mismatch(path, f"shape {wanted.shape}", f"shape {found.shape}")
        return
    off = worst(found, wanted, rtol, atol)
    if off is not None:
        yield Mismatch(
            path, f"{off.expected!r}{at_cell(off.cell)}", repr(off.found), f"{off.off} of {found.size} cells are off"
        )


def _formulas(key: str, expected: Mapping[str, str] | list[str], timeline: Timeline) -> Iterator[Mismatch]:
    """The formulas of a backward event: by operand, or all of them in the order of the operands."""
    path = ("formulas", key)
    event = next((e for e in map(timeline.event, _stops(key, timeline) or ()) if e.phase == BACKWARD), None)
    if event is None:
        yield Mismatch(path, "a backward event", "none", "write the key as a node's name and @bwd: Y@bwd")
        return
    made = event.contributions
    if isinstance(expected, list):
        found = [c.formula for c in made]
        if found != expected:
            yield Mismatch(path, shown(", ".join(expected), 200), ", ".join(found) or "nothing")
        return
    for operand, formula in expected.items():
        to = [c.formula for c in made if c.to == operand]
        if formula not in to:
            hint = "" if to else "operands with a gradient: " + (", ".join(c.to for c in made) or "none")
            yield Mismatch((*path, operand), shown(formula, 200), " and ".join(to) or "nothing", hint)


def _stops(location: str, timeline: Timeline) -> Stops | None:
    """The events that a location means; None where it means none."""
    try:
        return resolve(parse_location(location, regex=False), timeline)
    except CommandError:
        return None


def _fault(expect: Expect, timeline: Timeline) -> Iterator[Mismatch]:
    """The first fault must be the one that is expected."""
    if expect.fault is UNSET:
        return
    kind = "a fault" if expect.fault.kind is UNSET else expect.fault.kind
    wanted = f"{kind} at {shown(expect.fault.at)}"
    event = timeline.first_fault()
    if event is None or event.fault is None:
        yield Mismatch(("fault",), wanted, "no fault at all")
        return
    here = _stops(expect.fault.at, timeline)
    if here is None or not here.contains(event.index) or expect.fault.kind not in (UNSET, event.fault.kind):
        yield Mismatch(("fault",), wanted, f"{event.fault.kind} at {event.name}@{SHORT[event.phase]} first")


def _gradcheck(timeline: Timeline, again: Again | None) -> Iterator[Mismatch]:
    from bpdebug.checks.whole_graph import gradcheck  # start-up: a graph is checked when asked for

    for row in gradcheck(timeline, again=again):
        if row.verdict == "fail":
            numeric = f"{row.numeric:.10g} for ∂{row.name}{at_cell(row.cell)}, from differences"
            yield Mismatch(("gradcheck",), numeric, f"{row.analytic:.10g}", f"relative error {row.error:.2g}")
