"""A library of arrays as a place where passes run: its words, what goes in, and what comes out as NumPy's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from bpdebug.arrays import Array, DType, Parts, Shape
from bpdebug.backends.calls import call, one_dtype
from bpdebug.backends.device import DeviceLibrary
from bpdebug.backends.halves import in_half
from bpdebug.backends.reused import INTO, reused
from bpdebug.backends.words import complete
from bpdebug.progress import may_stop
from bpdebug.symbolic import Expr

DTYPES = ("bool", "bfloat16", "float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8")


class Backend(DeviceLibrary, frozen=True, eq=False, kw_only=True):
    """A library of arrays other than NumPy, made of a table of its words.

    `lying` makes an array of the parts of one in a file; None where files are read whole. Where a `cluster` computes
    it has dask.distributed's `client`, and says how many `times` it was reached: what was kept before is gone.
    """

    lying: Callable[[Shape, DType, Parts], Any] | None = None
    cluster: Any = None

    @classmethod
    def of(
        cls, name: str, own: dict[str, Any], *, dtype: Callable[[str], Any], near: Callable[[Any], Array],
        within: Callable[[], AbstractContextManager[Any]] = nullcontext,
        settle: Callable[[list[Any]], Sequence[Any]] | None = None, shares: bool = True,
        cells: Callable[[Any, tuple[Any, ...]], Any] | None = None,
        lying: Callable[[Shape, DType, Parts], Any] | None = None,
        fused: Callable[[Sequence[Expr]], list[Expr]] = list, release: Callable[[], Any] | None = None,
        halves: bool = False, fresh: frozenset[str] = frozenset(),
    ) -> Backend:  # fmt: skip
        """A backend of a library's own words, `asarray` among them; `dtype` gives its dtype of NumPy's name.

        `fused` puts words of its own in place of expressions; `halves` says whether it has half precision. Where words
        are `fresh`, it has those of `reused.py`, too.
        """
        dtypes = {d: found for d in DTYPES if (found := _named(dtype, d)) is not None}
        words = complete({**own, **{d: found for d, found in dtypes.items() if d not in own}})
        scope = {"xp": words, "may_stop": may_stop, "inf": np.inf, "nan": np.nan, **dtypes}
        return cls(
            name=name,
            scope=scope,
            write=call,
            instead=lambda targets: reused(one_dtype(fused(targets)), fresh),
            halved=(lambda targets, *of: reused(in_half(one_dtype(fused(targets)), *of), fresh)) if halves else None,
            into=words.asarray,
            near=near,
            within=within,
            settle=settle,
            shares=shares,
            cells=cells,
            lying=lying,
            release=release,
            fresh=fresh | {word.name for word in INTO.values() if fresh},
        )


def _named(dtype: Callable[[str], Any], name: str) -> Any:
    try:
        return dtype(name)
    except (AttributeError, TypeError, RuntimeError):  # PyTorch's of what a device has not
        return None


def standing(reduce: Callable[..., Any]) -> Callable[..., Any]:
    """A reduction that leaves an array as it is where it goes along no axis."""
    return lambda x, axis=None, keepdims=False: x if axis == () else reduce(x, axis=axis, keepdims=keepdims)
