"""A library of arrays asked from outside: parts, words on arrays that stay there, and answers about all of one."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from bpdebug.arrays import Array, decode_key, encode_key, read_only
from bpdebug.backends import asked
from bpdebug.backends.calls import PROMOTE
from bpdebug.far import SMALL, Far, Summary
from bpdebug.symbolic import PRIMS
from bpdebug.symbolic.library import Library

SIGNS: dict[str, Callable[..., Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "@": operator.matmul,
    "**": operator.pow, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq,
    "!=": operator.ne,
}  # fmt: skip
WORDS: dict[np.ufunc, str] = {row.run: row.name for row in PRIMS.values() if isinstance(row.run, np.ufunc)}
WORDS |= {np.matmul: "matmul", np.power: "pow"}


TRUTHS: dict[np.ufunc, str] = {
    np.bitwise_or: "logical_or", np.bitwise_and: "logical_and", np.bitwise_xor: "not_equal", np.invert: "logical_not",
    **{ufunc: word for ufunc, word in WORDS.items() if word in ("equal", "not_equal") or word.startswith("logical_")},
}  # fmt: skip
"""What all libraries make of truth values alone."""
SAME_CELLS = {"reshape", "permute_dims", "matrix_transpose", "expand_dims", "squeeze", "flip", "roll"}
"""Words that give the cells of their operand in another order."""


class DeviceLibrary(Library, frozen=True, eq=False, kw_only=True):
    """A library of arrays other than NumPy.

    `into` makes an array of its own of one of NumPy's, on its device; `near` makes one of NumPy's of its own, without a
    copy where both can see the same memory (`shares`). `within` is entered while it computes. `settle` works out arrays
    that were only planned, all at once; None where there are none such. `cells` takes the cells at an index of
    NumPy's that holds arrays of integers. `release` gives memory that is free back to the system.
    """

    into: Callable[[Array], Any]
    near: Callable[[Any], Array]
    shares: bool = True
    within: Callable[[], AbstractContextManager[Any]] = nullcontext
    settle: Callable[[list[Any]], Sequence[Any]] | None = None
    cells: Callable[[Any, tuple[Any, ...]], Any] | None = None
    release: Callable[[], Any] | None = None

    @property
    def words(self) -> Any:
        """The words as a namespace."""
        return self.scope["xp"]

    @property
    def wide(self) -> Any:
        """The dtype that sums are taken in: double, where the device has it."""
        return self.scope.get("float64", self.scope["float32"])

    def out(self, there: Any, like: Any = None) -> Any:
        """One of its arrays for those outside: NumPy's, read-only, where memory is shared or it is small; else Far.

        `like` is one that has the same cells in another order.
        """
        if self.shares or self.is_small(there):
            return read_only(self.near(there))
        return Far(there, self.words.numpy_dtype(there), self, like)

    def is_small(self, there: Any) -> bool:
        """Whether it comes over whole."""
        return asked.size(there) <= SMALL

    def brought(self, there: Any, beside: Callable[[], Sequence[Any]]) -> list[tuple[Any, Any]]:
        """One of its arrays with what is given `out` of it; and where that is as quick, of the others `beside` it."""
        return [(there, self.out(there))]

    def in_half(self, there: Any, half: str) -> Any:
        """One of its arrays, rounded to half precision; as it is where that is empty."""
        return self.words.astype(there, dtype=self.scope[half]) if half else there

    def inside(self, array: Any) -> Any:
        """An array from outside as one of its own; a far one of its own as it is. Numbers stay numbers."""
        if isinstance(array, Far):
            return array.there if array.place is self else self.into(np.asarray(array))
        return self.into(np.asarray(array)) if isinstance(array, np.ndarray | np.generic) else array

    # --- parts, and words -----------------------------------------------------------------------------------------

    def part(self, far: Far, key: Any) -> Any:
        """`far[key]`, of NumPy's shape; what has a mask or new axes in its key is taken of the whole."""
        items = key if isinstance(key, tuple) else (key,)
        if not any(k is None or getattr(k, "dtype", None) == np.bool_ for k in items):
            np.broadcast_to(np.empty((), np.bool_), far.shape)[items]  # IndexError where there is no such place
        with self.within():
            if all(isinstance(k, int | np.integer | slice) or k is ... for k in items):
                plain = tuple(int(k) if isinstance(k, np.integer) else k for k in items)
                if all(k is ... or k == slice(None) for k in plain):
                    return far
                return self.out(self.words.index(far.there, key=encode_key(plain)))
            items = tuple(np.asarray(k) if isinstance(k, list) else k for k in items)
            if all(isinstance(k, int | slice) or (isinstance(k, np.ndarray) and k.dtype.kind in "iu") for k in items):
                return self.out(self._cells(far.there, items))
        return np.asarray(far)[key]

    def _cells(self, there: Any, key: tuple[Any, ...]) -> Any:
        arrays = [np.array(a, np.int64) for a in np.broadcast_arrays(*(k for k in key if not isinstance(k, slice)))]
        plain = encode_key(tuple(k if isinstance(k, slice) else None for k in key))
        if self.cells is not None:
            return self.cells(there, decode_key(plain, arrays))
        return self.words.take_at(there, *map(self.into, arrays), key=plain)

    def called(self, ufunc: np.ufunc, operands: Sequence[Any]) -> Any:
        """What one of NumPy's functions gives cell by cell; NotImplemented where there is no word for it.

        Nor is there one for lists; and of integers by 0, or to a power below it, NumPy makes what others do not.
        """
        operands = [np.bool_(a) if isinstance(a, bool) else a for a in operands]
        kinds = [_kind(a) for a in operands]
        if not all(isinstance(kind, np.dtype) or kind in (int, float) for kind in kinds):
            return NotImplemented
        if (test := asked.TESTS.get(ufunc)) is not None:
            with self.within():
                return self.out(test(self._floats(self.inside(operands[0]))))
        word = (TRUTHS if all(kind == np.bool_ for kind in kinds) else WORDS).get(ufunc)
        if ufunc in (np.remainder, np.power) and all(np.dtype(kind).kind in "biu" for kind in kinds):
            word = None
        return NotImplemented if word is None else self.applied(word, operands, {})

    def applied(self, word: str, operands: Sequence[Any], attrs: Mapping[str, Any]) -> Any:
        """A word on arrays, far ones among them, and numbers; promotions are NumPy's."""
        prim, kinds = PRIMS[word], [_kind(a) for a in operands]
        dtypes: Sequence[Any] = kinds
        if isinstance(prim.run, np.ufunc):
            dtypes = prim.run.resolve_dtypes((*kinds, None))
        elif word in PROMOTE:
            chosen = kinds[1:] if word == "where" else kinds
            dtype = np.result_type(*(k() if isinstance(k, type) else k for k in chosen))
            dtypes = [*kinds[: len(kinds) - len(chosen)], *[dtype] * len(chosen)]
        with self.within():
            if word == "where" and isinstance(kinds[1], type) and isinstance(kinds[2], type):
                operands = (operands[0], np.asarray(operands[1], dtypes[1]), operands[2])
            there = [self._as(a, k, d) for a, k, d in zip(operands, kinds, dtypes, strict=False)]
            sign = SIGNS.get(prim.infix)
            if sign is not None:
                return self.out(sign(*there) if len(there) == 2 else -there[0])
            made = getattr(self.words, word)(*there, **self._named({**prim.defaults, **attrs}))
            return self.out(made, operands[0] if word in SAME_CELLS and operands[0].size == asked.size(made) else None)

    def _named(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Keywords, with its own dtypes for NumPy's."""
        return {name: self.scope[v.name] if isinstance(v, np.dtype) else v for name, v in attrs.items()}

    def _as(self, array: Any, kind: Any, dtype: Any) -> Any:
        found = self.inside(array)
        if isinstance(kind, type):
            return found
        if kind == dtype:
            return self._floats(found) if kind.kind == "f" else found
        return self.words.astype(found, dtype=self.scope[dtype.name])

    def changed(self, there: Any, key: tuple[Any, ...], value: Array) -> Any:
        """A copy with the cells at NumPy's index as they are in `value`, which broadcasts to them."""
        xp, shape = self.words, tuple(map(int, there.shape))
        dtype = xp.numpy_dtype(there)
        if dtype == np.bool_ or not all(isinstance(k, int | slice) or k is ... for k in key):
            whole = np.array(self.near(there))
            whole[key] = value
            return self._like(self.into(whole), there)
        if key in ((), (...,)) and not np.ndim(value):
            return xp.full(shape=shape, value=np.asarray(value, dtype).item(), dtype=there.dtype)
        part, plain = np.broadcast_to(np.zeros((), np.int8), shape)[key].shape, encode_key(key)
        cells = self._like(self.into(np.array(np.broadcast_to(np.asarray(value, dtype), part))), there)
        here = xp.place(xp.full(shape=part, value=1, dtype=there.dtype), shape=shape, key=plain) == 1
        return xp.where(here, xp.place(cells, shape=shape, key=plain), there)

    def _like(self, cells: Any, there: Any) -> Any:
        """Cells that NumPy made, in the dtype of an array there: it may be in half precision."""
        return cells if cells.dtype == there.dtype else self.words.astype(cells, dtype=there.dtype)

    # --- what is asked of all of one ------------------------------------------------------------------------------

    def together(self, arrays: Sequence[Any]) -> list[Array]:
        """Several small arrays at once."""
        arrays = arrays if self.settle is None else self.settle([*arrays])
        return [self.near(a) for a in arrays]

    def _floats(self, there: Any) -> Any:
        """Integers and truth values as floats; half precision as what it is told to be, single."""
        dtype = self.words.numpy_dtype(there)
        found = self.scope[dtype.name] if dtype.kind == "f" else self.wide
        return there if there.dtype == found else self.words.astype(there, dtype=found)

    def summary(self, there: Any) -> Summary:
        with self.within():
            found = asked.summary(self.words, there, self.wide, self.scope["int64"])
            return asked.told(self.together(found))

    def is_finite(self, there: Any) -> bool:
        with self.within():
            return bool(self.near(asked.is_finite(self.words, self._floats(there))))

    def first(self, there: Any, kind: str) -> int:
        with self.within():
            return int(self.near(asked.first(self.words, self._floats(there), kind)))

    def reached(self, there: Any, edges: Sequence[float]) -> list[int]:
        with self.within():
            found: list[int] = self.near(asked.reached(self.words, self._floats(there), edges)).tolist()
            return found

    def peaks(self, there: Any, high: int, wide: int) -> Array:
        with self.within():
            return self.near(asked.peaks(self.words, self._floats(there), high, wide)).astype(np.float64)


def _kind(operand: Any) -> Any:
    """Its dtype, or the type of a number, which is weak."""
    return operand.dtype if hasattr(operand, "dtype") else type(operand)
