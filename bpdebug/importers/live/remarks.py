"""What the reader of a watched step should know: what has no rule, and what is misused often."""

from __future__ import annotations

from collections.abc import Iterator

from bpdebug.arrays import Array
from bpdebug.engine.closeness import factor
from bpdebug.importers.live.calls import ForwardCall
from bpdebug.importers.live.reading import StepReader
from bpdebug.importers.live.taken import named, source_of

MOST = 3
"""Names that a remark has, where there are many."""


def remarks(reader: StepReader) -> tuple[str, ...]:
    """The remarks on a step that was read."""
    return tuple(_remarks(reader))


def _remarks(reader: StepReader) -> Iterator[str]:
    tied = reader.step.modules.also
    yield from (f"{', '.join(also)}: the same tensor as {first}" for first, also in tied.items())
    calls = reader.calls
    if calls.lacking:
        said = [f"{what} ({n}x, {calls.places[what]})" for what, n in calls.lacking.most_common()]
        yield f"no rule, so torch's values and gradients are carried on: {'; '.join(said)}"
    for name, (before, after) in reader.hooks.items():
        yield _hook(name, before, after)
    for record in reader.backward.overwriters:
        yield f"{record.name} writes to the gradient that comes in, which others may have been handed too"
    if reader.backward.held:
        names = [reader.step.modules.tensors.get(id(t), ("", t))[0] or "a leaf" for t in reader.backward.held]
        yield f"{_some(names)} held a gradient before, and this one was added: zero_grad was not called, or on purpose"
    for call in cut(reader):
        yield f"{named(call)} ({source_of(call.place)[0]}) is computed under no_grad: no gradient passes through it"


def _hook(name: str, before: Array | None, after: Array) -> str:
    times = None if before is None else factor(after.astype(float), before.astype(float), 1e-6)
    if times is None:
        return f"a hook changes the gradient of {name}"
    return f"a hook leaves the gradient of {name} as it is" if times == 1 else f"a hook multiplies ∂{name} by {times:g}"


def _some(names: list[str]) -> str:
    return ", ".join(names[:MOST]) + (f" and {len(names) - MOST} more" if len(names) > MOST else "")


def cut(reader: StepReader) -> list[ForwardCall]:
    """Calls under no_grad of what has gradients, or comes from it, whose results are used where a gradient passes."""
    found: dict[int, ForwardCall] = {}
    for seen in (
        s for taken in reader.taken for call in taken.calls for s in call.seen if s.node not in reader.records
    ):
        call = reader.made_by.get(seen.key)
        told = call is not None and call.function is None and not call.grad and not seen.tensor.requires_grad
        if told and call is not None and _wanted(reader, call):
            found[id(call)] = call
    return list(found.values())


def _wanted(reader: StepReader, call: ForwardCall) -> bool:
    """Whether a call under no_grad has an operand that a gradient is wanted of, itself or behind other such calls."""
    waiting, done = [call], set[int]()
    while waiting:
        last = waiting.pop()
        if any(s.node is not None or s.tensor.requires_grad for s in last.seen):
            return any(h.tensor.is_floating_point() for h in call.outputs)
        done.add(id(last))
        behind = (reader.made_by.get(s.key) for s in last.seen)
        waiting += [c for c in behind if c is not None and not c.grad and id(c) not in done]
    return False
