"""Small scenarios for the tests of this folder: a program in a file that is otherwise good."""

from __future__ import annotations

import pytest

from bpdebug.errors import BpdebugError
from bpdebug.graph import Step
from bpdebug.language import elaborate

LEAVES = ("X", "W", "b", "T", "k", "h0", "x", "ids")


def steps(program: str, leaves: tuple[str, ...] = LEAVES, **options: object) -> list[Step]:
    return [*elaborate(program, leaves, **options)]  # type: ignore[arg-type]


def ids(program: str, leaves: tuple[str, ...] = LEAVES) -> list[str]:
    """The names of a program's nodes, in order."""
    return [step.id for step in steps(program, leaves)]


def one(program: str, leaves: tuple[str, ...] = LEAVES) -> Step:
    """The last node of a program."""
    return steps(program, leaves)[-1]


def refused(program: str, leaves: tuple[str, ...] = LEAVES, **options: object) -> BpdebugError:
    """The error with which a program is refused; it always says what to do."""
    with pytest.raises(BpdebugError) as caught:
        steps(program, leaves, **options)
    assert caught.value.hint, str(caught.value)
    assert "\n" not in caught.value.message + caught.value.where
    return caught.value


def text(
    program: str = "Y = X @ W\nL = mean(Y ** 2)",
    *,
    top: str = "",
    inputs: str = "X = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]",
    parameters: str = 'W = { shape = [3, 2], init = "normal" }',
    graph: str = 'loss = "L"',
    more: str = "",
) -> str:
    """A scenario file; its program begins on line 15, where the parts have one line each."""
    return (
        f"format = 1\n{top}\n\n[inputs]\n{inputs}\n\n[parameters]\n{parameters}\n\n"
        f"[graph]\n{graph}\n\nprogram = '''\n\n{program}\n'''\n{more}\n"
    )
