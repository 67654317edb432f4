"""What is copied: NumPy makes the same bits of it."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from bpdebug.debugger import update
from bpdebug.views import stop, view
from bpdebug.views.as_numpy import ascii_numbers, numpy_report, numpy_text
from bpdebug.views.blocks import Matrix, Row, flat
from tests.frontends.tui.screen import state_of

RNG = np.random.default_rng(7)


def read(text: str) -> Any:
    assert "−" not in text
    return eval(text, {"np": np})


def bits(dtype: Any, n: int) -> Any:
    """Every pattern of bits is as likely as any other: denormals, infinities and NaN among them."""
    return RNG.integers(0, 256, n * np.dtype(dtype).itemsize, np.uint8).view(dtype)


ARRAYS = [
    *(bits(dtype, 60).reshape(shape) for dtype in ("f2", "f4", "f8") for shape in ((60,), (3, 20), (2, 5, 6))),
    np.array(-0.0), np.array([[-0.0, 5e-324, np.inf, -np.inf, np.nan, 0.1 + 0.2]]), np.float32(0.1) * np.ones(()),
    np.arange(6).reshape(2, 3), np.array([[True, False]]), np.array(False), np.array(2**63 - 1), np.array([-(2**63)]),
    np.zeros((0, 3)), np.zeros((2, 0), np.float32), np.arange(12.0).reshape(3, 4).T, np.arange(2, dtype=np.uint8),
]  # fmt: skip


@pytest.mark.parametrize("array", ARRAYS, ids=lambda a: f"{a.dtype}{a.shape}")
def test_an_array_is_read_back_to_the_bit(array: Any) -> None:
    found = np.asarray(read(numpy_text(array)))
    assert (found.dtype, found.shape) == (array.dtype, array.shape)
    if array.dtype.kind == "f":
        assert (np.isnan(found) == np.isnan(array)).all()
        found, array = (np.where(np.isnan(array), 0, a) for a in (found, array))
    assert found.tobytes() == np.ascontiguousarray(array).tobytes()


@pytest.mark.parametrize("line", ["", "lens", "origin dW[0,0]", "contributions dX", "info tensors", "flow", "print W"])
def test_a_report_is_a_program_that_has_its_arrays(line: str) -> None:
    state = update(state_of("transpose"), "seek Y@bwd")
    report = view(update(state, line)) if line else stop(state)
    names: dict[str, Any] = {}
    text = numpy_report(report)
    exec(text, names)
    made = [a for name, a in names.items() if isinstance(a, np.ndarray)]
    for matrix in (m for b in flat(report.blocks) if isinstance(b, Row) for m in b.items if isinstance(m, Matrix)):
        assert any(matrix.array is not None and np.array_equal(a, matrix.array) for a in made), matrix.name
    assert re.search("^# ", text, re.MULTILINE)
    assert len({a.tobytes() + str(a.shape).encode() for a in made}) <= len(made)
    if line == "lens":
        assert names["dX"].shape == (2, 3)
        assert names["W_T"].shape == (4, 3)


def test_a_minus_is_that_of_programs_where_it_is_a_number() -> None:
    assert ascii_numbers("−1.5e−05 a − b −W −inf −.5 3−2") == "-1.5e-05 a − b −W -inf -.5 3-2"
