"""Arrays from what a file says: literals, initialisers, and the dtypes and sizes they may have.

The numbers of an initialiser come from `Generator(PCG64(SeedSequence([seed, *name in UTF-8])))`, always drawn as
doubles: they depend on the seed, the tensor's name and its shape, and on nothing else in the file. normal is standard
normal, uniform is from 0 to 1; xavier and he are normal with standard deviation sqrt(2 / (fan_in + fan_out)) and
sqrt(2 / fan_in), where a matrix is (in, out) and a kernel of a convolution (out, in, k ...). All are multiplied by
`scale`.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from math import prod, sqrt
from typing import Any

import numpy as np

from bpdebug.arrays import Array, DType, Shape
from bpdebug.errors import InputError, ShapeError, shown
from bpdebug.graph.halves import rounded
from bpdebug.limits import Limits

INT, BOOL = np.dtype(np.int64), np.dtype(np.bool_)
_RANDOM = ("normal", "uniform", "xavier", "he")
MOST_LOOKED_AT = 1000
"""Numbers of more than six digits that are looked at for digits lost: one remark is enough."""
LARGEST_DRAWN = 64.0
"""No normal number drawn from doubles is larger: its probability would be 1e-890."""


def stream(seed: int, name: str) -> np.random.Generator:
    """The random numbers of one tensor."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *name.encode()])))


def frozen(array: Array) -> Array:
    """The array itself, of any shape and dtype, from now on read-only."""
    array.flags.writeable = False
    return array


def wanted_dtype(said: str | None, dtype: DType, name: str, half: str = "") -> DType | None:
    """The dtype that a tensor says it has, None where it does not; E_DTYPE for floats that are not the scenario's.

    `half` is the half precision that the scenario's are of, and `dtype` holds.
    """
    if said is None:
        return None
    found = np.dtype(said)
    if found.kind == "f" and (half or found != dtype):
        hint = f'floats have the dtype of the scenario: leave it out, or write dtype = "{said}" at the top'
        raise InputError(f"'{name}' is declared {said}, and the scenario is {half or dtype}", code="E_DTYPE", hint=hint)
    return found


# --- literals


def literal(
    value: Any, dtype: DType, name: str, remark: Callable[[str], None] = lambda said: None, half: str = ""
) -> Array:
    """The array of a number or of nested lists; E_SHAPE where rows differ, E_DTYPE where numbers do not fit.

    `remark` is told of a number that loses digits which were written; `half` is the half precision that `dtype` holds.
    """
    array = _array(value, name)
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            made = array.astype(dtype)
        _check_finite(rounded(made, half), array, name, half or dtype.name)
        if lost := digits_lost(array, made):
            remark(f"'{name}' holds {lost[0]}, and as {dtype} that is {lost[1]}")
        return frozen(made)
    with np.errstate(invalid="ignore"):
        made = array.astype(dtype)
        odd = made.astype(array.dtype) != array
    if odd.any():
        found = array[odd].flat[0]
        needed = "integers" if dtype == INT else "true, false, 0 and 1"
        message = f"'{name}' is declared {dtype.name} and holds {found}"
        raise InputError(message, code="E_DTYPE", hint=f"write {needed}, or leave out the dtype")
    return frozen(made)


def _check_finite(made: Array, array: Array, name: str, dtype: str) -> None:
    """E_SCHEMA where a number is beyond the range of its dtype."""
    if not np.isfinite(made).all():
        odd = shown(array[~np.isfinite(made)].flat[0])
        message = f"'{shown(name)}' holds {odd}, which is not finite as {dtype}"
        raise InputError(message, code="E_SCHEMA", hint='such cells may come from a file: { file = "x.npy" }')


def digits_lost(array: Array, made: Array) -> tuple[str, str] | None:
    """The first number that its dtype spells otherwise by more than the last digit rounded away; both spellings.

    Six digits always survive (float32, and above its smallest normal number): those are not looked at one by one.
    """
    cells = array[made != array]
    with np.errstate(all="ignore"):
        digits = cells * 10.0 ** (5 - np.floor(np.log10(np.abs(cells))))
        many = ~(np.abs(digits - np.rint(digits)) < 1e-6) | (np.abs(cells) < np.finfo(made.dtype).tiny)
    for cell in cells[many][:MOST_LOOKED_AT]:
        written, spelt = Decimal(str(cell)).normalize(), Decimal(str(made.dtype.type(cell))).normalize()
        last, kept = (int(number.as_tuple().exponent) for number in (written, spelt))
        if abs(spelt - written) * 2 > Decimal(1).scaleb(kept if kept == last + 1 else last):
            return str(cell), str(made.dtype.type(cell))
    return None


def _array(value: Any, name: str) -> Array:
    """Nested lists as an array of floats, integers or booleans."""
    try:
        array = np.array(value)
    except (ValueError, TypeError, OverflowError):
        array = None
    if array is not None and array.dtype.kind in "fib":
        return array
    odd, ragged = _blame(value)
    if odd is not None:
        message = f"'{name}' holds {odd}, and a tensor is made of numbers"
        raise InputError(message, code="E_SCHEMA", hint="write numbers, true or false: [[1.0, 2.0]]")
    raise ShapeError(f"the rows of '{name}' are of different lengths: {ragged}", hint="give every row as many cells")


def _blame(value: Any) -> tuple[str | None, str]:
    """What in nested lists is no number, or else where rows differ."""
    stack, kinds, ragged = [(value, "")], (bool, int, float), ""
    while stack:
        item, at = stack.pop()
        if isinstance(item, list):
            sizes = [len(i) if isinstance(i, list) else -1 for i in item]
            odd = next((k for k, n in enumerate(sizes) if n != sizes[0]), None)
            if odd is not None:
                spelt = [f"{n} cells" if n >= 0 else "a number" for n in (sizes[0], sizes[odd])]
                ragged = ragged or f"[{at}0] has {spelt[0]} and [{at}{odd}] has {spelt[1]}"
            stack.extend((child, f"{at}{k}, ") for k, child in enumerate(item))
        elif not isinstance(item, kinds):
            text = f'the text "{shown(item)}"'
            return text if isinstance(item, str) else "a table" if isinstance(item, dict) else "a date", ""
        elif isinstance(item, int) and not -(2**63) <= item < 2**63:
            return f"an integer of more than 64 bits ({shown(item, 30)})", ""
    return None, ragged or "they do not make a rectangle"


# --- initialisers


def check_init(
    init: str, shape: Shape, dtype: DType, scale: float, seed: int, name: str, *, half: str = ""
) -> None:  # fmt: skip
    """E_SHAPE or E_DTYPE where an initialiser cannot make such a tensor, E_SCHEMA where its numbers are too large.

    They are drawn for it only where the scale leaves that open.
    """
    if init == "eye" and len(shape) != 2:
        message = f"'{shown(name)}': eye makes matrices, and its shape is {shape}"
        raise ShapeError(message, hint="give two sizes: shape = [3, 3]")
    if dtype.kind == "f":
        most = np.finfo(np.float16 if half == "float16" else dtype).max
        if abs(scale) * max(LARGEST_DRAWN, prod(shape) * (init == "arange")) > most:
            with np.errstate(over="ignore"):
                wide = np.asarray(_MAKERS[init](shape, stream(seed, name)) * scale)
                _check_finite(rounded(wide.astype(dtype), half), wide, name, half or dtype.name)
        return
    if init in _RANDOM or (dtype == BOOL and init == "arange"):
        ways = "zeros, ones, eye" + (", arange" if dtype == INT else "")
        message = f"'{shown(name)}' is {dtype.name}, and {init} makes floats"
        raise InputError(message, code="E_DTYPE", hint=f"write the values out, or use one of: {ways}")
    if not float(scale).is_integer() or (dtype == BOOL and scale not in (0, 1)) or abs(scale) > 2**31:
        message = f"'{shown(name)}' is {dtype.name}, and its scale is {scale}"
        raise InputError(message, code="E_DTYPE", hint="leave out the scale")


def drawn(init: str, shape: Shape, dtype: DType, scale: float, seed: int, name: str) -> Array:
    """The array of an initialiser, of this shape and dtype."""
    with np.errstate(over="ignore"):
        return frozen(np.asarray(_MAKERS[init](shape, stream(seed, name)) * scale).astype(dtype).reshape(shape))


def _fans(shape: Shape) -> tuple[float, float]:
    """How many cells feed one output cell, and how many a cell feeds; a matrix is (in, out)."""
    if len(shape) < 2:
        n = float(prod(shape)) or 1.0
        return n, n
    if len(shape) == 2:
        return float(max(shape[0], 1)), float(max(shape[1], 1))
    kernel = prod(shape[2:])
    return float(max(shape[1] * kernel, 1)), float(max(shape[0] * kernel, 1))


_MAKERS: dict[str, Callable[[Shape, np.random.Generator], Any]] = {
    "normal": lambda shape, rng: rng.standard_normal(shape),
    "uniform": lambda shape, rng: rng.random(shape),
    "xavier": lambda shape, rng: rng.standard_normal(shape) * sqrt(2 / sum(_fans(shape))),
    "he": lambda shape, rng: rng.standard_normal(shape) * sqrt(2 / _fans(shape)[0]),
    "zeros": lambda shape, rng: np.zeros(shape),
    "ones": lambda shape, rng: np.ones(shape),
    "eye": lambda shape, rng: np.eye(shape[0], shape[1]),
    "arange": lambda shape, rng: np.arange(prod(shape), dtype=np.float64).reshape(shape),
}


# --- sizes


class Footprint:
    """Adds up the bytes of leaves with their gradients, in Python's integers, before anything is allocated."""

    def __init__(self, limits: Limits) -> None:
        self.limits, self.bytes = limits, 0

    def add(self, shape: Shape, dtype: DType, name: str, *, lies: bool = False) -> None:
        """E_LIMIT where a tensor of this shape has too many axes or does not fit the memory any more.

        Where one `lies` in a file and is read in parts, it need not fit.
        """
        what = f"'{name}' of shape {shown(shape, 80)}"
        self.limits.check("rank", len(shape), f"the axes of {what}")
        size = prod(max(n, 1) for n in shape) * dtype.itemsize  # 0 times a huge size is huge to NumPy, too
        if lies and self.limits.planned:
            return
        self.bytes += size * (2 if dtype.kind == "f" else 1)
        self.limits.check("memory", self.bytes, f"{what}, with its gradient and the tensors before it")
