"""Which leaves an expression uses, as they stand or transposed."""

from __future__ import annotations

import numpy as np

from bpdebug.symbolic import PRIMS, Expr, Trace
from bpdebug.symbolic.leaves import uses

DOUBLE = np.dtype(float)


def test_uses_tell_what_stands_transposed() -> None:
    xp = Trace(PRIMS)
    g, w, s = (xp.leaf(name, (3, 3), DOUBLE) for name in ("g", "w", "s"))
    turned = xp.matrix_transpose(w)

    def used(e: Expr) -> set[tuple[str, bool]]:
        return {(use.of.name, use.transposed) for use in uses(e)}

    assert used(g @ turned) == {("g", False), ("w", True)}
    assert used(g @ turned + w * s) == {("g", False), ("w", True), ("w", False), ("s", False)}
    assert used(g @ xp.matrix_transpose(xp.astype(w, np.dtype(np.float32)))) == {("g", False), ("w", True)}
    assert used(xp.matrix_transpose(turned)) == {("w", False)}
    assert used(xp.matrix_transpose(g @ w)) == {("g", False), ("w", False)}
    assert used(turned) == {("w", True)}
