"""The words of formulas: what does not fit is refused when it is typed, and programs do not have them."""

from __future__ import annotations

import numpy as np
import pytest

from bpdebug.errors import BpdebugError
from bpdebug.language import as_rule
from bpdebug.language.primitives import VOCABULARY, WORDS
from bpdebug.ops import OPS
from bpdebug.symbolic import PRIMS
from tests.graphs import make, step
from tests.language.writing import refused

GRAPH = make(
    {"X": np.ones((2, 3)), "ids": np.array([0, 2])}, step("Y", "mul", "X", "X", line=1), into={"Y": np.ones((2, 3))}
)


def test_every_word_of_a_formula_is_one_of_the_language() -> None:
    written = {p.says for p in PRIMS.values() if not p.infix} - {"astype", "index", "matrix_transpose"}
    assert written <= set(VOCABULARY)
    assert not set(WORDS) & set(OPS)


@pytest.mark.parametrize("word", WORDS)
def test_a_program_does_not_have_them(word: str) -> None:
    """It would need their derivatives."""
    error = refused(f"Y = {word}(X)")
    assert error.code == "E_OP"
    assert error.hint


@pytest.mark.parametrize(
    "text",
    [
        "place(∂Y, shape=(2, 2), key=((None, None, None),))", "place(∂Y, shape=3, key=(0,))", "place(∂Y, (2, 3), (7,))",
        "scatter_add(∂Y, ids, axis=5, size=3)", "scatter_add(∂Y, ids, axis=1, size=3)", "scatter_add(∂Y, X, 0, 2)",
        "scatter_along_axis(∂Y, ids, axis=0, size=2)", "tri(rows=-1, columns=3) * ∂Y", "tri(2, 3, 4) * ∂Y",
        "fold(∂Y, shape=(1, 1, 2, 3), size=(1, 1), stride=(0, 1), padding=(0, 0), dilation=(1, 1))", "log1p(3) * ∂Y",
        "unfold(∂Y, size=2, stride=1, padding=0, dilation=1)", "same(X) * ∂Y", "same(∂Y, tri(2, 2)) * ∂Y",
        "place(∂Y, shape=(99999, 99999), key=())", "permute(∂Y, axes=(0, 0))", "gather(∂Y, ids, axis=9)", "sign(∂Y, X)",
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_when_it_is_typed(text: str) -> None:
    def typed() -> None:
        GRAPH.plans[0].replacing({0: as_rule(text, ["X", "X"], "Y", graph=GRAPH)})

    with pytest.raises(BpdebugError) as caught:
        typed()
    assert caught.value.hint
