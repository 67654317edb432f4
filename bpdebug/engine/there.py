"""Expressions as one function on another library's arrays, of which none comes over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bpdebug.arrays import Array
from bpdebug.backends import Backend
from bpdebug.backends.halves import widened
from bpdebug.symbolic import Expr, evaluate, walk
from bpdebug.symbolic import compile as code
from bpdebug.symbolic.text import named

MANY = 1000
"""Numbers that are kept where a library's arrays lie."""


class There:
    """The values of `targets` as a function of arrays in place of `leaves`, on a library.

    What depends on none of these is a number (a setting, a power of one), which NumPy works out: every library has the
    same, of the dtype that the rule gives it. `placed` keeps those that are there already: settings do not change. What
    the leaves have in `half` precision is computed wide, and so are the results, which are rounded to it.
    """

    def __init__(
        self, targets: Sequence[Expr], leaves: Sequence[Expr], library: Backend, placed: dict[Any, Any], half: str = ""
    ) -> None:  # fmt: skip
        self.library, self._placed = library, placed
        made: dict[int, Expr] = {id(leaf): leaf for leaf in leaves}
        numbers: dict[int, tuple[Expr, Expr]] = {}

        def read(e: Any) -> Any:
            """What stands in place of an operand: what was made of it, or the leaf of a number."""
            if not isinstance(e, Expr) or id(e) in made:
                return made[id(e)] if isinstance(e, Expr) else e
            if id(e) not in numbers:
                numbers[id(e)] = e, Expr(e.trace, None, (), {}, e.shape, e.dtype, f"n{len(numbers)}")
            return numbers[id(e)][1]

        for e in walk(*targets):
            if any(id(a) in made for a in e.operands()):
                made[id(e)] = Expr(e.trace, e.prim, tuple(map(read, e.args)), e.attrs, e.shape, e.dtype)
        roots = [read(e) for e in targets]
        if half:
            roots = widened(roots, half)
        called = named({id(e): e.name for e in walk(*(e for e, _ in numbers.values())) if e.prim is None})
        self._numbers = [(library.write(e, called), e) for e, _ in numbers.values()]
        names = {id(leaf): f"x[{i}]" for i, leaf in enumerate(leaves)}
        names |= {id(leaf): f"n[{i}]" for i, (_, leaf) in enumerate(numbers.values())}
        lines, sources = (
            [text.format(t="t") for text in texts] for texts in code.statements(roots, names, library)[:2]
        )
        self._run = code.function("there", ["x", "n"], [*lines, f"return [{', '.join(sources)}]"], library)

    def __call__(self, arrays: Sequence[Any], known: Mapping[int, Array], met: dict[str, Any]) -> Sequence[Any]:
        """The targets' arrays, the library's own; `known` are the values, by identity, of what numbers are made of.

        `met` are numbers by how they are written: of other parameters they are the same.
        """
        with self.library.within():
            for text, e in self._numbers:
                if text not in met:
                    with np.errstate(all="ignore"):
                        met[text] = self._number(np.asarray(evaluate(e, known)[id(e)]))
            made: Sequence[Any] = self._run(arrays, [met[text] for text, _ in self._numbers])
            return made if self.library.settle is None else self.library.settle([*made])

    def _number(self, number: Array) -> Any:
        """It, where the library's arrays lie."""
        key = self.library.name, number.dtype.char, number.shape, number.tobytes()
        if key not in self._placed:
            if len(self._placed) >= MANY:
                self._placed.clear()
            self._placed[key] = self.library.into(number)
        return self._placed[key]
