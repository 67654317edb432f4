"""What belongs to each tensor, in two arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Numbers = np.ndarray[Any, np.dtype[np.int32]]


def rows(pairs: Sequence[tuple[int, int]], tensors: int) -> tuple[Numbers, Numbers]:
    """What belongs to each tensor, in compressed-row form: of tensor t the rows `start[t]:start[t + 1]`.

    `pairs` are a tensor and one of its rows, which keep their order; both arrays are int32.
    """
    table = np.array(pairs, dtype=np.int32).reshape(-1, 2)
    order = np.argsort(table[:, 0], kind="stable")
    start = np.searchsorted(table[order, 0], np.arange(tensors + 1)).astype(np.int32)
    return start, table[order, 1]
