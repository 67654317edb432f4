"""Which dtypes an op takes together, and what to do about those it does not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bpdebug.errors import InputError
from bpdebug.ops import Op

_KINDS = {"f": "float", "i": "integer", "b": "boolean"}


def check_dtypes(op: Op, typed: Sequence[Any], declared: Sequence[bool] = ()) -> None:
    """E_DTYPE where an operand's dtype is not one the op takes, or integers meet floats in arithmetic.

    `declared` says of each operand whether the file gives it, so that its dtype can be another.
    """
    seen: dict[str, set[str]] = {}
    for position, operand in enumerate(typed):
        allowed = op.kinds[min(position, len(op.kinds) - 1)]
        if not isinstance(operand, tuple):
            kind = {bool: "b", int: "", float: "f"}[type(operand)]
            if not op.broadcasts:
                raise InputError(
                    f"{op.name} takes a tensor as operand {position + 1}, not the number {operand}", code="E_OP",
                    hint="declare it under [inputs], or leave it out",
                )  # fmt: skip
            if allowed == "b" and kind != "b":
                raise InputError(
                    f"{op.name} takes a boolean here, not the number {operand}", code="E_DTYPE",
                    hint="write a comparison: x > 0",
                )  # fmt: skip
        else:
            kind = operand[1].kind
            if kind not in allowed:
                words = " or ".join(_KINDS[k] for k in allowed)
                raise InputError(
                    f"{op.name} takes {words} tensors, and operand {position + 1} is {operand[1]}",
                    code="E_DTYPE",
                    hint=_dtype_hint(allowed, kind, position < len(declared) and declared[position]),
                )
        seen.setdefault(allowed, set()).add(kind)
    if op.name in _COMPARISONS or len(typed) < 2:
        return
    for kinds in seen.values():
        if {"f", "i"} <= kinds:
            whole = (isinstance(t, tuple) and t[1].kind == "i" for t in typed)
            given = any(w and d for w, d in zip(whole, declared, strict=False))
            hint = (
                'leave out dtype = "int64", so that the tensor is a float one like the others' if given else _COMPUTED
            )
            raise InputError(f"{op.name} mixes integers and floats", code="E_DTYPE", hint=hint)
        if {"f", "b"} <= kinds and _float_literal(typed):
            number = next(t for t in typed if type(t) is float)
            raise InputError(f"{op.name} mixes a boolean tensor with the number {number}", code="E_DTYPE", hint=_MASK)


_COMPUTED = (
    "integers that are computed have no dtype to leave out: multiply a float tensor with the condition, then sum"
)
_MASK = "multiply a float tensor with the mask first: 0.01 * (x * (x > 0)), or choose: where(x > 0, x, 0.01 * x)"
_COMPARISONS = ("less", "less_equal", "greater", "greater_equal", "equal", "not_equal")


def _float_literal(typed: Sequence[Any]) -> bool:
    """A float literal beside nothing but booleans, which would make float64 whatever the scenario's dtype is."""
    floats = any(isinstance(t, tuple) and t[1].kind == "f" for t in typed)
    return not floats and any(type(t) is float for t in typed)


def _dtype_hint(allowed: str, kind: str, declared: bool) -> str:
    if "f" not in allowed and kind == "f":
        if "i" not in allowed:
            return "write a comparison: x > 0"
        return (
            'declare it with dtype = "int64"'
            if declared
            else 'give integers: ids = { value = [0, 2], dtype = "int64" }'
        )
    if kind == "b":
        return "turn a mask into numbers by multiplying a float tensor with it"
    return 'leave out dtype = "int64", so that it is a float tensor' if declared else _COMPUTED
