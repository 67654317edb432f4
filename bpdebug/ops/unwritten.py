"""Ops that nobody writes: what stands in a graph for what another program did, where we have no rule."""

from __future__ import annotations

from bpdebug.ops.op import OPS, Op

OPAQUE, HOOK = "opaque", "hook"
UNWRITTEN: dict[str, Op] = {
    op.name: op
    for op in (
        Op(
            OPAQUE,
            "What another program computed by an op without a rule: its value, and the gradients that it handed on.",
            back="no rule: each operand gets what it was handed",
            operands=("value", "*xs"),
            forward=lambda xp, value, *xs: value,
            vjp=lambda xp, g, y, value, *xs: (None, *((None,) * (len(xs) // 2)), *xs[: len(xs) // 2]),
            kinds=("fib",),
        ),
        Op(
            HOOK,
            "A tensor with a hook, which another program called on the way back.",
            back="what the hook made of the gradient",
            operands=("x", "handed"),
            forward=lambda xp, x, handed: x,
            vjp=lambda xp, g, y, x, handed: (handed, None),
        ),
    )
}
"""`opaque` takes its value, what each operand was handed, and then the operands; `hook` what the hook gave."""


def op_named(name: str) -> Op | None:
    """The op of a name, written or not; None where there is none."""
    return OPS.get(name) or UNWRITTEN.get(name)
