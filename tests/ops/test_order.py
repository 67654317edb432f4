"""What NaN is in an order: PyTorch, JAX, TensorFlow and ONNX Runtime have it as the largest cell."""

from __future__ import annotations

import numpy as np

from bpdebug.ops import OPS
from bpdebug.symbolic.prims import NUMPY

X = np.array([1.0, np.nan, 2.0, 1.0, np.nan])


def test_nan_is_the_largest_cell_in_either_direction() -> None:
    ids = OPS["argsort"].forward(NUMPY, X, axis=0, descending=True)
    assert np.array_equal(ids, [1, 4, 2, 0, 3])
    assert np.array_equal(OPS["sort"].forward(NUMPY, X, axis=0, descending=True), X[ids], equal_nan=True)
    assert np.array_equal(OPS["argsort"].forward(NUMPY, X, axis=0, descending=False), [0, 3, 2, 1, 4])


def test_the_largest_cells_are_nan_first_and_get_the_gradient() -> None:
    found = OPS["topk"].forward(NUMPY, X, k=3, axis=0, part=0)
    assert np.array_equal(found, [np.nan, np.nan, 2.0], equal_nan=True)
    (gradient,) = OPS["topk"].vjp(NUMPY, np.array([1.0, 2.0, 3.0]), found, X, k=3, axis=0, part=0)
    assert np.array_equal(gradient, [0, 1, 3, 0, 2])
