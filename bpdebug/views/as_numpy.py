"""Arrays and reports as NumPy reads them: Python text that gives the same numbers back, to the bit."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bpdebug.arrays import Array
from bpdebug.views.blocks import Block, Matrix, Row, flat
from bpdebug.views.numbers import shape_text
from bpdebug.views.report import Report
from bpdebug.views.text import lines

MINUS = re.compile(r"−(?=\.?\d|inf|ε)")
"""The sign before a number: elsewhere it is an operator, or stands before a name."""


def ascii_numbers(text: str) -> str:
    """A text whose numbers are those of programs: with an ASCII minus."""
    return MINUS.sub("-", text)


def numpy_text(array: Array) -> str:
    """An array of any shape and dtype: evaluated, with `np` for NumPy, it has the same dtype and the same bits.

    (Of a NaN, which has many, only that it is one.)
    """
    name = f"{array.dtype.name}{'_' * (array.dtype.kind == 'b')}"
    if not array.size:
        return f"np.empty({array.shape}, np.{name})"
    cells = re.sub(r"\b(nan|inf)\b", r"np.\1", repr(array.tolist())).replace("], [", "],\n[")
    return f"np.array({cells}, np.{name})" if array.ndim else f"np.{name}({cells})"


def numpy_report(report: Report) -> str:
    """A report's words as comments, and each of its matrices as an array of its name: `dW = np.array(...)`."""
    return "\n".join(["import numpy as np", *_commented(report.title, ()), *_blocks(report)]) + "\n"


def _blocks(report: Report) -> Iterator[str]:
    made: dict[str, list[str]] = {}
    for block in flat(report.blocks):
        if not isinstance(block, Row):
            yield from _commented("", (block,))
            continue
        yield f"# {_words(block)}"
        for matrix in block.items:
            if isinstance(matrix, Matrix) and matrix.array is not None:
                text = numpy_text(matrix.array)
                name = re.sub(r"\W", "_", matrix.name.replace("∂", "d").replace("ᵀ", "_T")).strip("_")
                name = name if name.isidentifier() and len(name) <= LONGEST else "array"
                texts = made.setdefault(name, [])
                if text not in texts:
                    texts.append(text)
                    yield f"{name}{f'_{len(texts)}' * (len(texts) > 1)} = {text}"


LONGEST = 40
"""Characters of a name; what is longer is a formula."""


def _words(row: Row) -> str:
    return " ".join(f"{i.name} {shape_text(i.shape)}" if isinstance(i, Matrix) else i for i in row.items)


def _commented(title: str, blocks: tuple[Block, ...]) -> Iterator[str]:
    for text in lines(title, blocks, 100):
        yield from (f"# {line}".rstrip() for line in ascii_numbers(text).split("\n"))
