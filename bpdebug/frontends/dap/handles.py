"""What a client may unfold: scopes and tensors, under numbers that hold until the session moves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from msgspec import Struct, structs

from bpdebug.arrays import Array, cell_text
from bpdebug.engine.stats import stats
from bpdebug.errors import CommandError
from bpdebug.expression.evaluate import Value
from bpdebug.translation import N_, _, ngettext

FEW_CELLS = 12
"""Cells of a tensor that are written out on its own line."""
PAGE = 100
"""Rows for a client that does not ask for pages."""
COUNTED = 1_000_000
"""Cells of which statistics are worked out on the way: of more it would be felt."""
STATUS = {"not-computed": N_("not computed yet"), "no-path": N_("no path to the loss")}

Body = dict[str, Any]


class Unfolded(Struct, frozen=True, eq=False):
    """A tensor under a name; `expression` is what is typed for it ('': nothing), `array` None where it is not there.

    `status` is that of a value, `text` what stands in place of an array; `cell` is where in the expression's tensor.
    `later` makes the array of one that is worked out only where it is unfolded.
    """

    name: str
    expression: str = ""
    array: Array | None = None
    status: str = "value"
    text: str = ""
    cell: tuple[int, ...] = ()
    later: Callable[[], Array] | None = None

    @classmethod
    def of(cls, name: str, expression: str, value: Value) -> Unfolded:
        """A value under a name."""
        shown = _("{name} (so far)").format(name=name) if value.status == "partial" else name
        return cls(shown, expression, value.array, value.status, value.text)

    @property
    def typed(self) -> str:
        """What is typed for it: `W[0,1]`; '' where it has no name of its own."""
        return cell_text(self.expression, self.cell) if self.expression else ""


class Handles:
    """Scopes and tensors by number, from 1; `clear` before the session moves on."""

    def __init__(self) -> None:
        self._held: list[Unfolded | Callable[[], Sequence[Unfolded]]] = []

    def clear(self) -> None:
        """Numbers that were given mean nothing from here on."""
        self._held.clear()

    def put(self, what: Unfolded | Callable[[], Sequence[Unfolded]]) -> int:
        """A number for a tensor, or for what makes the variables of a scope."""
        self._held.append(what)
        return len(self._held)

    def _get(self, number: int) -> Unfolded | Callable[[], Sequence[Unfolded]]:
        if not 0 < number <= len(self._held):
            raise CommandError(f"nothing to unfold under {number}", hint="ask for the scopes again: the session moved")
        return self._held[number - 1]

    def expression(self, number: int, name: str) -> str:
        """What is typed for a variable below a number, or the name itself where there is none; '' where nothing is."""
        if not number:
            return name
        held = self._get(number)
        below = self._rows(held, name) if isinstance(held, Unfolded) else held()
        return next((one.typed for one in below if one.name == name), "")

    @staticmethod
    def _rows(whole: Unfolded, name: str) -> list[Unfolded]:
        """The row of a tensor that is called so."""
        digits = name.removeprefix("[").removesuffix("]")
        array = whole.array
        if array is None or not array.ndim or not (digits.isascii() and digits.isdigit()) or int(digits) >= len(array):
            return []
        return [_row(whole, int(digits))]

    def children(
        self, number: int, which: str | None = None, start: int = 0, count: int = 0, *, paged: bool = False,
        base: int = 10,
    ) -> list[Body]:  # fmt: skip
        """The variables below a number, a page of them; E_COMMAND for a number that means nothing."""
        held = self._get(number)
        if not isinstance(held, Unfolded):
            return [self.told(one, base) for one in held()]
        if held.later is not None:
            held = structs.replace(held, array=held.later(), later=None)
        found = [*_facts(held)] if which != "indexed" else []
        if which == "named" or held.array is None:
            return found
        rows, start = len(held.array), max(start, 0)
        end = min(start + (count if count > 0 else rows if paged else PAGE), rows)
        found += [self.told(_row(held, i), base, facts=False) for i in range(start, end)]
        if not paged and count <= 0 and end < rows:
            found.append({"name": "…", "value": _more(rows - end), "variablesReference": 0})
        return found

    def told(self, one: Unfolded, base: int = 10, *, facts: bool = True) -> Body:
        """A variable as the protocol says it."""
        body: Body = {"name": one.name, "value": one.text or summary(one.array, one.status, base), **_typed(one)}
        if one.later is not None:
            return body | {"variablesReference": self.put(one)}
        if one.array is None or not one.array.ndim:
            return body | {"variablesReference": 0}
        body |= {"variablesReference": self.put(one), "indexedVariables": len(one.array)}
        return body | {"namedVariables": len([*_facts(one)])} if facts else body


def _typed(one: Unfolded) -> Body:
    body: Body = {}
    if one.array is not None:
        body["type"] = (
            f"{one.array.dtype}[{','.join(map(str, one.array.shape))}]" if one.array.ndim else str(one.array.dtype)
        )
    if one.typed:
        body["evaluateName"] = one.typed
    return body


def _row(whole: Unfolded, i: int) -> Unfolded:
    assert whole.array is not None
    return Unfolded(
        f"[{i}]", whole.expression, whole.array[i : i + 1].reshape(whole.array.shape[1:]), cell=(*whole.cell, i)
    )


def _facts(whole: Unfolded) -> Iterator[Body]:
    """What is said of a tensor as a whole."""
    array = whole.array
    if array is None or whole.cell:
        return
    told = {"shape": " × ".join(map(str, array.shape)), "dtype": str(array.dtype)}
    if 0 < array.size <= COUNTED:
        found = stats(array)
        numbers = {"min": found.min, "max": found.max, "mean": found.mean, "norm": found.norm}
        told |= {name: str(value) for name, value in numbers.items() if value is not None}
        told |= {name: str(n) for name, n in (("zeros", found.zeros), ("nan", found.nans), ("inf", found.infs)) if n}
    for name, value in told.items():
        yield {"name": name, "value": value, "variablesReference": 0, "presentationHint": {"kind": "virtual"}}


def summary(array: Array | None, status: str = "value", base: int = 10) -> str:
    """A tensor on one line: a number, few cells, or its shape and norm; digits as NumPy writes them."""
    if array is None:
        said = STATUS.get(status, status)
        return _(said)
    if array.size <= FEW_CELLS:
        return _cells(array, base)
    size = f"{'×'.join(map(str, array.shape))} {array.dtype}"
    norm = stats(array).norm if array.size <= COUNTED else None
    return size if norm is None else _("{size}, norm {norm}").format(size=size, norm=f"{norm:.4g}")


def _more(rows: int) -> str:
    return ngettext("{n} more row", "{n} more rows", rows).format(n=rows)


def _cells(array: Array, base: int) -> str:
    if array.ndim:
        return f"[{', '.join(_cells(array[i : i + 1].reshape(array.shape[1:]), base) for i in range(len(array)))}]"
    value = array[()]
    return hex(value) if base == 16 and isinstance(value, np.integer) else str(value)
