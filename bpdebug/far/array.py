"""An array that lies elsewhere: parts of it come over, and what is asked of all of it is worked out where it lies."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from math import prod
from typing import Any
from weakref import ref

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from bpdebug.arrays import PIECE, Array, Cell, Key, Shape, read_only
from bpdebug.far.device import Device, Summary

SMALL = 4096
"""Cells up to which an array comes over whole: less than a question about it would cost."""
PARTS = 32
"""Small parts of an array that are kept, for a screen that is drawn again."""
RECENT, LARGE = 4, 2**26
"""Arrays that came over whole last, and are kept for who asks at once again; not those of more bytes."""
REDUCES = {np.add: "sum", np.multiply: "prod", np.maximum: "max", np.minimum: "min"}
"""What NumPy's functions of two are along axes."""


class Far(NDArrayOperatorsMixin):
    """An array of another library's that lies where NumPy cannot see it: on a device, or in chunks on a cluster.

    Of it comes over what is asked for: `far[key]`, and answers about all of it. What has no name here is right, too, by
    `__array__`, at the price of the whole. Words and operators are worked out where it lies, with results that lie
    there where they are not small. Nothing can be written into it. It is `like` another that has the same cells in
    another order.
    """

    __slots__ = ("__weakref__", "_known", "_parts", "_whole", "dtype", "like", "place", "shape", "there")

    def __init__(self, there: Any, dtype: Any, place: Device, like: Far | None = None) -> None:
        self.there, self.place, self.like = there, place, like
        self.shape: Shape = tuple(map(int, there.shape))
        self.dtype = np.dtype(dtype)
        self._known: dict[Key, Any] = {}
        self._parts: dict[Key, Array] = {}
        self._whole: ref[Array] | None = None

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        return prod(self.shape)

    @property
    def nbytes(self) -> int:
        return self.size * int(self.dtype.itemsize)

    def __len__(self) -> int:
        return self.shape[0]

    def __contains__(self, cell: Any) -> bool:
        return bool((self == cell).any())

    def __iter__(self) -> Iterator[Any]:
        """What lies along the first axis, of which a piece at a time comes over."""
        step = max(PIECE * len(self) // max(self.size, 1), 1)
        for start in range(0, len(self), step):
            yield from np.asarray(self[start : start + step])

    def __repr__(self) -> str:
        return f"Far(shape={self.shape}, dtype={self.dtype})"

    def remember(self, make: Callable[..., Any], more: Key = ()) -> Any:
        """What is made of it (and of what more is given), once while it lives."""
        if (make, *more) not in self._known:
            self._known[make, *more] = make(self, *more)
        return self._known[make, *more]

    # --- what comes over ------------------------------------------------------------------------------------------

    def __getitem__(self, key: Any) -> Any:
        items = key if isinstance(key, tuple) else (key,)
        if any(isinstance(k, Far | bool | np.bool_ | float | tuple) for k in items):  # True is as 1 among the parts
            return np.asarray(self)[tuple(map(near, items))]
        told = _told(items)
        found = self._parts.get(told)
        if found is None:
            found = self.place.part(self, key)
            if isinstance(found, np.ndarray) and found.size <= SMALL:
                if len(self._parts) >= PARTS:
                    del self._parts[next(iter(self._parts))]
                self._parts[told] = found
        return found

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        """The whole of it as NumPy's, of its shape."""
        found = None if self._whole is None else self._whole()
        if found is None:
            found = read_only(self.place.near(self.there))
            self._whole = ref(found)
            if found.nbytes <= LARGE:  # no budget of memory counts what is kept here
                _recent.append(found)
        return np.array(found, dtype, copy=copy)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)  # a protocol of NumPy's that this has not
        return getattr(np.asarray(self), name)

    # --- what is worked out there: as NumPy's arrays are asked ----------------------------------------------------

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *operands: Any, **how: Any) -> Any:
        found: Any = NotImplemented
        if method == "__call__" and not how:
            found = self.place.called(ufunc, operands)
        elif method == "reduce" and ufunc in REDUCES and how.keys() <= {"axis", "keepdims"}:
            found = self.word(REDUCES[ufunc], **{"axis": 0, **how})
        return getattr(ufunc, method)(*map(near, operands), **how) if found is NotImplemented else found

    def word(self, word: str, *more: Any, **attrs: Any) -> Any:
        """A word of the array namespace on it, and on more."""
        return self.place.applied(word, (self, *more), attrs)

    def __array_function__(self, function: Callable[..., Any], types: Any, args: Any, how: Any) -> Any:
        found = FUNCTIONS.get((function, len(args)))
        if found is not None and how.keys() <= NAMES:
            return found(*args, **how)
        return function(*_near_all(args), **{name: near(value) for name, value in how.items()})

    def _reduced(self, word: str, axis: Any, keepdims: bool, how: dict[str, Any]) -> Any:
        """Along axes; of the extremes, with a number to begin with, and over some cells alone."""
        start, over = how.pop("initial", None), how.pop("where", None)
        if over is not None and word == "sum":
            start = start or 0
        cells = self if over is None else np.where(over, self, start)
        if how.get("out") is not None or how.get("dtype") is not None or not isinstance(cells, Far):
            return getattr(np.asarray(cells), word)(axis=axis, keepdims=keepdims, **how)
        found = cells.word(word, axis=axis, keepdims=keepdims)
        return found if start is None else {"max": np.maximum, "min": np.minimum, "sum": np.add}[word](found, start)

    def max(self, axis: Any = None, keepdims: bool = False, **how: Any) -> Any:
        return self._reduced("max", axis, keepdims, how)

    def min(self, axis: Any = None, keepdims: bool = False, **how: Any) -> Any:
        return self._reduced("min", axis, keepdims, how)

    def sum(self, axis: Any = None, keepdims: bool = False, **how: Any) -> Any:
        return self._reduced("sum", axis, keepdims, how)

    def argmax(self, axis: Any = None, keepdims: bool = False) -> Any:
        cells = self.astype(np.int8) if self.dtype == np.bool_ else self
        return cells.word("argmax", axis=axis, keepdims=keepdims)

    def any(self, axis: Any = None, keepdims: bool = False, **how: Any) -> Any:
        return (self != 0)._reduced("sum", axis, keepdims, how) > 0

    def all(self, axis: Any = None, keepdims: bool = False, **how: Any) -> Any:
        return (self == 0)._reduced("sum", axis, keepdims, how) == 0

    def astype(self, dtype: Any, copy: bool = True) -> Any:
        return self if np.dtype(dtype) == self.dtype else self.word("astype", dtype=np.dtype(dtype))

    def reshape(self, *shape: Any) -> Any:
        sizes = [*(shape[0] if isinstance(shape[0], tuple | list) else shape)]
        if -1 in sizes:
            at = sizes.index(-1)
            sizes[at] = self.size // max(prod(n for n in sizes if n >= 0), 1)
        return self if tuple(sizes) == self.shape else self.word("reshape", shape=tuple(sizes))

    def transpose(self, *axes: Any) -> Any:
        given = (axes if axes and isinstance(axes[0], int) else axes and axes[0]) or range(self.ndim)[::-1]
        order = tuple(axis % self.ndim for axis in given)
        return self if order == tuple(range(self.ndim)) else self.word("permute_dims", axes=order)

    @property
    def T(self) -> Any:
        return self.transpose()

    @property
    def mT(self) -> Any:
        return self.word("matrix_transpose")

    def view(self) -> Far:
        return self

    def setflags(self, write: bool = False) -> None:
        """Nothing: it cannot be written into anyway."""

    base = None

    # --- what is worked out there: what is asked of all of it -----------------------------------------------------

    @property
    def summary(self) -> Summary:
        """What is asked of all cells, in one answer."""
        if self.like is not None:
            return self.like.summary
        found: Summary = self.remember(_summary)
        return found

    @property
    def finite(self) -> bool:
        """Whether it has neither NaN nor infinity."""
        if self.like is not None:
            return self.like.finite
        known = self._known.get((_summary,))
        return bool(self.remember(_finite)) if known is None else known.finite

    def largest(self) -> Cell:
        """The index of the first cell of the largest size; NaN is larger than any number."""
        return self._at(self.remember(_first, ("largest",)))

    def first(self, kind: str) -> Cell:
        """The index of the first cell that is 'nan' or 'inf'."""
        return self._at(self.remember(_first, (kind,)))

    def _at(self, flat: int) -> Cell:
        return tuple(int(i) for i in np.unravel_index(flat, self.shape))

    def reached(self, edges: Sequence[float]) -> list[int]:
        """How many cells are at least as large as each of these numbers."""
        return self.place.reached(self.there, edges)

    def peaks(self, high: int, wide: int) -> Array:
        """The largest size in each block of `high` rows and `wide` columns, as a matrix of doubles; leading axes are
        rows, and NaN is larger than any number."""
        return self.place.peaks(self.there, high, wide)


FUNCTIONS: dict[tuple[Callable[..., Any], int], Callable[..., Any]] = {
    (np.where, 3): lambda *args: next(a for a in args if isinstance(a, Far)).place.applied("where", args, {}),
    (np.ones_like, 1): lambda x: x.word("ones"),
    (np.zeros_like, 1): lambda x: (x.word("ones") * 0).astype(x.dtype),
    (np.count_nonzero, 1): lambda x, **how: (x != 0).sum(**how),
    (np.reshape, 2): lambda x, shape: x.reshape(shape),
    (np.size, 1): lambda x, axis=None: x.size if axis is None else x.shape[axis],
    (np.shape, 1): lambda x: x.shape,
    (np.ndim, 1): lambda x: x.ndim,
    **{
        (function, count): lambda x, *args, _name=function.__name__, **how: getattr(x, _name)(*args, **how)
        for function in (np.any, np.all, np.sum, np.max, np.min, np.argmax, np.transpose)
        for count in (1, 2)
    },
}
"""Those of NumPy's functions that are worked out where an array lies, by how many arguments are not named."""
NAMES = {"axis", "keepdims", "initial", "where"}
"""Those that are named."""


def _near_all(args: Any) -> Any:
    """Arguments of a call, arrays in lists among them, that came over."""
    return [type(a)(map(near, a)) if isinstance(a, list | tuple) else near(a) for a in args]


def near(array: Any) -> Any:
    """What is far, whole; anything else as it is."""
    return np.asarray(array) if isinstance(array, Far) else array


def is_array(x: Any) -> bool:
    """Whether it is an array, near or far."""
    return isinstance(x, np.ndarray | Far)


def as_array(x: Any) -> Any:
    """A scalar of NumPy's, or a number, as an array; a far one stays where it is."""
    return x if isinstance(x, Far) else np.asarray(x)


def _told(items: tuple[Any, ...]) -> Key:
    """An index of NumPy's as hashable plain data."""
    arrays = (np.asarray(k) if isinstance(k, list) else k for k in items)
    return tuple(
        (k.start, k.stop, k.step) if isinstance(k, slice) else (k.shape, k.dtype.char, k.tobytes())
        if isinstance(k, np.ndarray) else k
        for k in arrays
    )  # fmt: skip


def equal(a: Array, b: Array) -> bool:
    """Whether arrays of any shapes are the same, cell by cell; NaN is the same as NaN."""
    if not (isinstance(a, Far) or isinstance(b, Far)):
        return np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    return a.shape == b.shape and bool(((a == b) | ((a != a) & (b != b))).all())


def _summary(far: Far) -> Summary:
    return far.place.summary(far.there)


def _finite(far: Far) -> bool:
    return far.place.is_finite(far.there)


def _first(far: Far, kind: str) -> int:
    return far.place.first(far.there, kind)


_recent: deque[Array] = deque(maxlen=RECENT)
