"""What reports are made of: blocks of plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Text:
    """A paragraph. `style` is one of: '', 'title', 'note', 'dim', 'good', 'bad'."""

    text: str
    style: str = ""


@dataclass(frozen=True)
class Formula:
    """One line of mathematics, and what it says: `∂X = ∂Y @ Wᵀ`."""

    text: str
    note: str = ""


@dataclass(frozen=True, eq=False)
class Matrix:
    """A tensor with its name, shown with row and column indices; `array` None is not computed yet.

    `note` stands below ('transposed'); `mark` names what it is in the row: '', 'operand', 'transpose', 'result',
    'gradient'. `shape` is given where the array is not there.
    """

    name: str
    array: Array | None
    shape: tuple[int, ...]
    note: str = ""
    mark: str = ""


@dataclass(frozen=True, eq=False)
class Row:
    """Matrices side by side with signs (`@`, `=`, `→`) between them."""

    items: tuple[Matrix | str, ...]


@dataclass(frozen=True)
class Table:
    """Rows of texts under headers."""

    headers: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Source:
    """Lines of a file with their numbers; `current` and `marked` (breakpoints) are line numbers."""

    lines: tuple[tuple[int, str], ...]
    current: int | None = None
    marked: frozenset[int] = frozenset()


Block = Text | Formula | Row | Table | Source
