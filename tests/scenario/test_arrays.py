"""Literals and initialisers: values, dtypes, shapes, and random numbers that never change."""

from __future__ import annotations

import numpy as np
import pytest

from bpdebug.errors import BpdebugError
from bpdebug.scenario import load
from bpdebug.scenario.arrays import drawn, literal
from tests.scenario.writing import text

F64, F32, INT, BOOL = (np.dtype(t) for t in ("float64", "float32", "int64", "bool"))


@pytest.mark.parametrize(
    ("value", "dtype", "shape"),
    [
        (0.5, F64, ()),
        (3, F64, ()),
        ([1, 2.5], F64, (2,)),
        ([[1, 2, 3], [4, 5, 6]], F32, (2, 3)),
        ([True, False], F64, (2,)),
        ([True, False], BOOL, (2,)),
        ([0, 1], BOOL, (2,)),
        ([0, 2, -3], INT, (3,)),
        ([0, 2.0], INT, (2,)),
        (2**63 - 1, INT, ()),
        ([], F64, (0,)),
        ([[], []], F64, (2, 0)),
        ([[[1]]], F64, (1, 1, 1)),
    ],
)
def test_literals(value: object, dtype: np.dtype[np.generic], shape: tuple[int, ...]) -> None:
    made = literal(value, dtype, "X")
    assert (made.shape, made.dtype) == (shape, dtype)
    assert not made.flags.writeable
    assert np.array_equal(made, np.array(value, dtype))


@pytest.mark.parametrize(
    ("value", "dtype", "code", "says"),
    [
        ([[1, 2], [3]], F64, "E_SHAPE", "[0] has 2 cells and [1] has 1 cells"),
        ([[1, 2], 3], F64, "E_SHAPE", "[1] has a number"),
        ([[[1], [2]], [[3], 4]], F64, "E_SHAPE", "different lengths"),
        ([[], [1]], F64, "E_SHAPE", "different lengths"),
        (["1"], F64, "E_SCHEMA", 'the text "1"'),
        ([1, {}], F64, "E_SCHEMA", "a table"),
        ([[1, 2], [3, "4"]], F64, "E_SCHEMA", 'the text "4"'),
        ([1.0, float("nan")], F64, "E_SCHEMA", "nan"),
        ([1.0, 1e300], F32, "E_SCHEMA", "1e+300"),
        ([0, 1.5], INT, "E_DTYPE", "1.5"),
        ([0, 2], BOOL, "E_DTYPE", "2"),
        ([2**64], F64, "E_SCHEMA", "64 bits"),
    ],
)
def test_literals_that_are_none(value: object, dtype: np.dtype[np.generic], code: str, says: str) -> None:
    with pytest.raises(BpdebugError) as caught:
        literal(value, dtype, "X")
    assert caught.value.code == code
    assert says in caught.value.message
    assert caught.value.hint


def test_the_numbers_of_initialisers_never_change() -> None:
    """They are in people's files and recordings: these come from the seed 0, the name W and nothing else."""
    assert drawn("normal", (2, 2), F64, 1.0, 0, "W").tolist() == NORMAL
    assert drawn("uniform", (3,), F64, 1.0, 7, "größe").tolist() == UNIFORM


NORMAL = [[-0.9121558535435708, -0.09224140184382112], [-1.0409016628684287, 0.49098389308043056]]
UNIFORM = [0.6231464107379542, 0.21892251220997339, 0.5308713700292174]


def test_initialisers() -> None:
    normal = drawn("normal", (4, 6), F64, 1.0, 0, "W")
    assert np.array_equal(drawn("normal", (4, 6), F64, 0.5, 0, "W"), normal * 0.5)
    assert np.allclose(drawn("xavier", (4, 6), F64, 2.0, 0, "W"), normal * 2 * np.sqrt(2 / 10))
    assert np.allclose(drawn("he", (4, 6), F64, 1.0, 0, "W"), normal * np.sqrt(2 / 4))
    kernel = drawn("normal", (8, 3, 2, 2), F64, 1.0, 0, "W")
    assert np.allclose(drawn("he", (8, 3, 2, 2), F64, 1.0, 0, "W"), kernel * np.sqrt(2 / 12))
    assert np.allclose(drawn("xavier", (8, 3, 2, 2), F64, 1.0, 0, "W"), kernel * np.sqrt(2 / (12 + 32)))
    uniform = drawn("uniform", (1000,), F64, 3.0, 0, "W")
    assert uniform.min() >= 0
    assert 2.9 < uniform.max() < 3
    assert drawn("eye", (2, 3), F64, 2.0, 0, "W").tolist() == [[2, 0, 0], [0, 2, 0]]
    assert drawn("arange", (2, 2), INT, 3, 0, "W").tolist() == [[0, 3], [6, 9]]
    assert drawn("ones", (), F32, 0.5, 0, "W") == 0.5
    assert drawn("normal", (), F64, 1.0, 0, "W").shape == ()


def test_a_stream_belongs_to_a_seed_and_a_name() -> None:
    def first(seed: int, name: str, dtype: np.dtype[np.generic] = F64) -> float:
        return float(drawn("normal", (1,), dtype, 1.0, seed, name)[0])

    assert len({first(0, "W"), first(1, "W"), first(0, "V"), first(0, "W1"), first(256, "W")}) == 5
    assert first(0, "W", F32) == np.float32(first(0, "W"))


def test_tensors_do_not_move_each_others_numbers() -> None:
    alone = load(text(parameters='W = { shape = [3, 2], init = "normal" }'))
    more = load(text(parameters='V = { shape = [9], init = "normal" }\nW = { shape = [3, 2], init = "normal" }'))

    def read(scenario: object, name: str) -> list[float]:
        (leaf,) = (leaf for leaf in scenario.graph.leaves if leaf.name == name)  # type: ignore[attr-defined]
        return leaf.read().tolist()  # type: ignore[no-any-return]

    assert read(alone, "W") == read(more, "W")


@pytest.mark.parametrize(
    ("tensor", "code", "says"),
    [
        ('{ shape = [2, 2, 2], init = "eye" }', "E_SHAPE", "eye"),
        ('{ shape = [2], init = "normal", dtype = "int64" }', "E_DTYPE", "int64"),
        ('{ shape = [2], init = "arange", dtype = "bool" }', "E_DTYPE", "bool"),
        ('{ shape = [2], init = "ones", dtype = "int64", scale = 0.5 }', "E_DTYPE", "scale"),
        ('{ shape = [2], init = "ones", dtype = "float32" }', "E_DTYPE", "float32"),
        ("{ value = [1], shape = [2] }", "E_SHAPE", "(2,)"),
        ('{ shape = [100000, 100000], init = "zeros" }', "E_LIMIT", "(100000, 100000)"),
        ('{ shape = [4294967296, 4294967296], init = "zeros" }', "E_LIMIT", "memory"),
        ('{ shape = [0, 1000000000000], init = "zeros" }', "E_LIMIT", "memory"),
        ("{ shape = [" + "1," * 40 + '], init = "zeros" }', "E_LIMIT", "axes"),
    ],
)
def test_tensors_that_cannot_be(tensor: str, code: str, says: str) -> None:
    with pytest.raises(BpdebugError) as caught:
        load(text(parameters=f'W = {{ shape = [3, 2], init = "normal" }}\nV = {tensor}'))
    error = caught.value
    assert error.code == code, str(error)
    assert "'V'" in error.message
    assert says in error.message
    assert error.where == "<text>:9"
