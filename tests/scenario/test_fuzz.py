"""Whatever a file says, it is opened or refused: nothing but BpdebugError comes out."""

from __future__ import annotations

import re
import string
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from bpdebug.errors import BpdebugError
from bpdebug.language import elaborate
from bpdebug.limits import Limits
from bpdebug.ops import OPS
from bpdebug.scenario import find, load, shipped
from tests.language.writing import text

CODES = {
    "E_SYNTAX", "E_SCHEMA", "E_NAME", "E_OP", "E_ATTR", "E_SHAPE", "E_DTYPE", "E_CYCLE", "E_LOSS", "E_FILE", "E_LIMIT",
}  # fmt: skip
LIMITS = Limits({"memory": 64 << 20, "calls": 20_000, "nodes": 5_000})
RICH = text(
    'def f(x, w):\n    h = x @ w\n    return relu(h) + b\nH = f(X, W)\nfor t in range(2):\n    H = tanh(H * t)\n'
    'with block("head"):\n    a, c = split(H, 2, axis=1)\n    L = mean(where(a > 0, a, c) ** 2) / 3 - H.T[1, 0:1][0]',
    top='title = "t"\nseed = 1',
    inputs='X = [[1, 2, 3], [4, 5, 6]]\nids = { value = [0, 1], dtype = "int64" }\nb = 0.5',
    more='[notes]\n"L@bwd" = "n"\n[train]\noptimizer = "adam"\nlr = 0.1\nsteps = 2\n'
    '[derivation]\nprogram = "dH = 2 * ∂H"\n[expect]\nvalues."H.1" = [[1.0]]\n'
    'formulas."L@bwd" = { a = "∂L" }\nfault = { at = "L", kind = "nan" }',
)  # fmt: skip
FILES = [RICH, *(find(s.name).read_text(encoding="utf-8").split("[expect]")[0] for s in shipped())]
PIECES = re.compile(r"\w+|\s+|[^\w\s]")
_ODD = """
[ ] { } ( ) # . .. , = == : := * ** @ - nan inf 0x10 1e999 -0.0 true ∂ ᵀ ﬁ ² H X relu None ... .T [0] __class__ dtype
shape file 2024-01-01 [graph] [[inputs]] 10**10**10 split(X,3) range(10**9) return ' "
"""
ODD = [
    *_ODD.split(), "", "'''", '"""', "\n", "\n\n    ", "9" * 30, "\0", "\u202e", "\ud800", "\\", "\\u0000",
    "lambda x: x", "for t in range(3):", "def g(x):", "import os", '"../x.npy"',
]  # fmt: skip


def opened(content: str) -> None:
    """Open it; a refusal has a code, words, help and one line of place."""
    error = refusal(lambda: load(content + "\n", limits=LIMITS))
    if error:
        assert error.code in CODES
        assert error.message
        assert error.hint, str(error)
        assert len(str(error)) < 2000
        assert "\n" not in error.message + error.where + error.hint
        assert error.where.startswith("<text>")


def refusal(attempt: Callable[[], object]) -> BpdebugError | None:
    """The error of an attempt, if it is one of ours; any other goes through."""
    try:
        attempt()
    except BpdebugError as error:
        return error
    return None


@st.composite
def spoilt(draw: st.DrawFn) -> str:
    """A good file with a few of its words taken out, doubled, swapped or replaced."""
    pieces = PIECES.findall(draw(st.sampled_from(FILES)))
    for _ in range(draw(st.integers(1, 4))):
        i = draw(st.integers(0, len(pieces) - 1))
        j = draw(st.integers(0, len(pieces) - 1))
        way = draw(st.integers(0, 4))
        if way == 0:
            pieces[i] = ""
        elif way == 1:
            pieces[i] = draw(st.sampled_from(ODD)) + pieces[i]
        elif way == 2:
            pieces[i] = draw(st.sampled_from(ODD))
        elif way == 3:
            pieces[i], pieces[j] = pieces[j], pieces[i]
        else:
            pieces[i] = "".join(pieces[min(i, j) : max(i, j)][:40]) + pieces[i]
    return "".join(pieces)


def test_the_file_that_is_spoilt_is_good() -> None:
    load(RICH)


@given(spoilt())
@settings(max_examples=400)
def test_spoilt_files(content: str) -> None:
    opened(content)


@given(st.text(max_size=60) | st.text(alphabet=string.printable, max_size=60))
def test_any_text_as_a_program(program: str) -> None:
    error = refusal(lambda: elaborate(program, ["X", "W"], limits=LIMITS))
    assert error is None or (error.code in CODES and error.hint)


@given(st.text(max_size=60) | st.text(alphabet=string.printable, max_size=60))
def test_any_text_as_a_file(content: str) -> None:
    opened(content)


WORDS = st.sampled_from(
    [
        *OPS, "X", "W", "Y", "Z", "h", "f", "t", "0", "1", "2", "-1", "0.5", "True", "None", "axis=0", "axis=1",
        "shape=(2, 3)", "'mean'",
    ]
)  # fmt: skip
CALLED = st.sampled_from([*OPS, "f", "g"])
SIGNS = st.sampled_from(
    ["+", "-", "*", "/", "@", "**", "<", "==", ",", "//", "and", ".T", "[0]", "[:, 1]", "[t]", "(X)", "(X, W)"]
)
FRAMES = st.sampled_from(
    [
        "{}", "{}", "for t in range(2):\n    {}", 'with block("b"):\n    {}', "def f(x, w):\n    {}\n    return Y",
        "def g(x):\n    return x @ W",
    ]
)  # fmt: skip


@st.composite
def programs(draw: st.DrawFn) -> str:
    """Lines that look like programs: assignments, loops, blocks and defs over words of the language."""
    expression = st.recursive(
        WORDS,
        lambda inner: st.one_of(
            st.tuples(inner, SIGNS, inner).map(" ".join),
            st.tuples(CALLED, st.lists(inner, max_size=4)).map(lambda c: f"{c[0]}({', '.join(c[1])})"),
            st.tuples(inner, SIGNS).map("".join),
        ),
        max_leaves=6,
    )
    target = st.sampled_from(["Y", "Z", "h", "a, c", "f", "X", "t"])
    lines = []
    for _ in range(draw(st.integers(1, 5))):
        line = f"{draw(target)} = {draw(expression)}"
        lines.append(draw(FRAMES).format(line))
    return "\n".join(lines)


@given(programs())
@settings(max_examples=300)
def test_programs_of_words_of_the_language(program: str) -> None:
    opened(text(program))
    opened(text(more=f"[derivation]\nprogram = '''\n{program}\n'''"))


@given(programs())
@settings(max_examples=100)
def test_names_are_unique_and_inputs_come_first(program: str) -> None:
    try:
        steps = elaborate(program, ["X", "W"], limits=LIMITS)
    except BpdebugError:
        return
    seen = {"X", "W"}
    for step in steps:
        assert step.id not in seen
        assert {i for i in step.inputs if isinstance(i, str)} <= seen
        assert OPS[step.op]
        hash(tuple(step.attrs.items()))
        seen.add(step.id)
