"""What every layer calls an array, its shape, its dtype, and the index of a cell."""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]
DType = np.dtype[Any]
Cell = tuple[int, ...]
