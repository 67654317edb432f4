"""Which dtypes an op takes together, and what to do about those it does not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bpdebug.errors import InputError
from bpdebug.ops import UNWRITTEN, Op

_KINDS = {"f": "float", "i": "integer", "b": "boolean"}
_COMPARISONS = ("less", "less_equal", "greater", "greater_equal", "equal", "not_equal")
_CONDITION = "write a comparison: x > 0"
_COMPUTED = (
    "integers that are declared need no dtype; of those computed, multiply a float tensor with the condition, then sum"
)
MASKED = (
    "how many cells a mask takes depends on values, and no shape may: where(mask, x, 0) keeps the shape, "
    "and x[[0, 2]] takes cells that are known"
)
"""What to do about a mask in an index."""
_MASK = "multiply a float tensor with the mask first: 0.01 * (x * (x > 0)), or choose: where(x > 0, x, 0.01 * x)"


def check_dtypes(op: Op, typed: Sequence[Any], declared: Sequence[bool] = ()) -> None:
    """E_DTYPE where an operand's dtype is not one the op takes, or integers meet floats in arithmetic.

    E_OP for a number where only a tensor will do. `declared` says of each operand whether the file gives it, so that
    its dtype can be another.
    """
    seen: dict[str, set[str]] = {}
    for position, operand in enumerate(typed):
        allowed = op.kinds[min(position, len(op.kinds) - 1)]
        kind = _kind(op, position, operand, allowed, position < len(declared) and declared[position])
        seen.setdefault(allowed, set()).add(kind)
    if op.name in _COMPARISONS or op.name in UNWRITTEN or len(typed) < 2:
        return
    _check_precision(op, typed)
    tensors = [operand[1].kind if isinstance(operand, tuple) else "" for operand in typed]
    for kinds in seen.values():
        if {"f", "i"} <= kinds:
            given = any(d for kind, d in zip(tensors, declared, strict=False) if kind == "i")
            hint = 'leave out dtype = "int64", so that the tensor is a float one like the others'
            raise InputError(f"{op.name} mixes integers and floats", code="E_DTYPE", hint=hint if given else _COMPUTED)
        if {"f", "b"} <= kinds and "f" not in tensors:  # the number would make it float64, whatever the scenario is
            number = next(t for t in typed if type(t) is float)
            raise InputError(f"{op.name} mixes a boolean tensor with the number {number}", code="E_DTYPE", hint=_MASK)


def _check_precision(op: Op, typed: Sequence[Any]) -> None:
    """E_DTYPE where tensors of two precisions meet: a rule gives gradients in one."""
    found = sorted({str(t[1]) for t in typed if isinstance(t, tuple) and t[1].kind == "f"})
    if len(found) > 1:
        hint = f'write which is meant: cast(x, "{found[0]}")'
        raise InputError(f"{op.name} mixes {' and '.join(found)}", code="E_DTYPE", hint=hint)


def _kind(op: Op, position: int, operand: Any, allowed: str, declared: bool) -> str:
    """The kind of an operand's dtype, '' of an integer that is written; E_DTYPE or E_OP where the op takes no such."""
    if isinstance(operand, tuple):
        kind: str = operand[1].kind
        if kind not in allowed:
            words = " or ".join(_KINDS[k] for k in allowed)
            message = f"{op.name} takes {words} tensors, and operand {position + 1} is {operand[1]}"
            raise InputError(message, code="E_DTYPE", hint=_hint(allowed, kind, declared))
        return kind
    if not op.may_be_number(position):
        message = f"{op.name} takes a tensor as operand {position + 1}, not the number {operand}"
        raise InputError(message, code="E_OP", hint="declare it under [inputs], or leave it out")
    kind = {bool: "b", int: "", float: "f"}[type(operand)]
    if allowed == "b" and kind != "b":
        message = f"{op.name} takes a boolean here, not the number {operand}"
        raise InputError(message, code="E_DTYPE", hint=_CONDITION)
    return kind


def _hint(allowed: str, kind: str, declared: bool) -> str:
    """What to do about a tensor of this kind where others are allowed."""
    if "f" not in allowed and kind == "f":
        if "i" not in allowed:
            return _CONDITION
        return (
            'declare it with dtype = "int64"'
            if declared
            else 'give integers: ids = { value = [0, 2], dtype = "int64" }'
        )
    if kind == "b" and allowed == "i":
        return MASKED
    if kind == "b":
        return "turn a mask into numbers by multiplying a float tensor with it"
    return 'leave out dtype = "int64", so that it is a float tensor' if declared else _COMPUTED
