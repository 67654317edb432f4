"""The words that formulas are written with and programs do not have: the namespace's, as ops that are checked.

What the screen says can be typed back with them, at the prompt and in rules, derivations and answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from msgspec.structs import replace

from bpdebug.arrays import Shape
from bpdebug.errors import ShapeError
from bpdebug.ops import OPS, Op
from bpdebug.symbolic import NUMPY, PRIMS, Trace, words

_TRIED = {"i": np.int64, "b": np.bool_}
_MOST_TRIED = 2**28
"""Bytes up to which a word is tried on zeros, to see whether its attributes fit."""


def _check(word: Op) -> Callable[..., None]:
    """Whether a word can be: it is typed, then carried out on zeros of these shapes."""
    dtypes = [np.dtype(_TRIED.get(kind, np.float64)) for kind in word.kinds]

    def check(*shapes: Shape, **attrs: Any) -> None:
        typed = [*zip(shapes, [*dtypes, *dtypes[-1:] * len(shapes)], strict=False)]
        hint = "write it as a formula on the screen does"
        try:
            made = word.forward(Trace(PRIMS), *(Trace(PRIMS).leaf("x", *t) for t in typed), **attrs)
            if made.nbytes > _MOST_TRIED:
                raise ShapeError(f"{word.name} would be of shape {made.shape}", hint=hint, code="E_LIMIT")
            found = word.forward(NUMPY, *(np.broadcast_to(np.zeros((), d), s) for s, d in typed), **attrs)
        except (TypeError, ValueError, IndexError, ArithmeticError) as error:
            raise ShapeError(f"{word.name} of {', '.join(map(str, shapes))}: {error}", hint=hint) from None
        if found.shape != made.shape:
            raise ShapeError(f"{word.name} of {', '.join(map(str, shapes))} does not fit its attributes", hint=hint)

    return check


WORDS: Mapping[str, Op] = MappingProxyType(
    {name: replace(word, check=_check(word)) for name, word in words.WORDS.items()}
)
VOCABULARY: Mapping[str, Op] = MappingProxyType({**OPS, **WORDS})
"""Everything that can be called where nothing needs a gradient of it."""
