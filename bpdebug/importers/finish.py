"""What a reader of any format ends with: a scenario, or a refusal of all calls at once that no rule covers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from bpdebug.errors import InputError
from bpdebug.graph import Incoming, build
from bpdebug.importers.lowering import Draft, Operand
from bpdebug.limits import Limits
from bpdebug.scenario import Scenario


def scenario_of(
    program: Draft, loss: str | None, ends: Sequence[Operand], where: str, limits: Limits, *, conventions: str,
    remarks: Sequence[str] = (),
) -> Scenario:  # fmt: skip
    """The scenario of what was drafted: from its loss, or from a gradient of ones at each end.

    Raises what building a graph raises.
    """
    incoming = {} if loss else {o.name: Incoming(None, partial(np.ones, dtype=o.dtype)) for o in ends}
    graph = build(
        program.leaves, program.steps, loss=loss, incoming=incoming, limits=limits, where=where,
        conventions=conventions,
    )  # fmt: skip
    text = "\n".join(program.lines)
    dtypes = [leaf.dtype for leaf in program.leaves if leaf.dtype.kind == "f"]
    return Scenario(
        name=where, title=where, about="", dtype=dtypes[-1] if dtypes else np.dtype(np.float64), seed=0, graph=graph,
        program=text, program_line=1, lines=tuple(program.lines), raw=text.encode(), remarks=tuple(remarks),
        conventions=conventions,
    )  # fmt: skip


def no_rules(lacking: Counter[str], places: Mapping[str, str], where: str) -> InputError:
    """E_OP for all calls that no rule covers, with how many there are of each, and where the first stands."""
    count = sum(lacking.values())
    said = [f"{what} ({n}x{', ' + p if (p := places.get(what)) else ''})" for what, n in lacking.most_common()]
    message = f"{count} {'call has' if count == 1 else 'calls have'} no rule: {'; '.join(said)}"
    hint = "open a part of the model that does without, or write it with other ops"
    return InputError(message, code="E_OP", where=where, hint=hint)
