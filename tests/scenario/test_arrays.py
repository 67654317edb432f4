"""Literals and initialisers: values, dtypes, shapes, and random numbers that never change."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bpdebug.cli import main
from bpdebug.debugger import open_session
from bpdebug.errors import BpdebugError
from bpdebug.frontends.tui.app import BpdebugApp
from bpdebug.scenario import load, open_timeline
from bpdebug.scenario.arrays import drawn, literal
from tests.language.writing import text

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


# --- beyond the range, and digits lost


@pytest.mark.parametrize(
    ("init", "dtype", "scale", "refused"),
    [
        ("ones", "float32", "3.4e38", False),
        ("ones", "float32", "3.5e38", True),
        ("ones", "float32", "-1e39", True),
        ("ones", "float64", "1e308", False),
        ("eye", "float32", "1e300", True),
        ("zeros", "float32", "1e300", False),
        ("arange", "float32", "1e38", False),
        ("arange", "float32", "1.2e38", True),
        ("arange", "float64", "1e308", True),
        ("uniform", "float32", "3e38", False),
        ("uniform", "float32", "1e40", True),
        ("normal", "float32", "1e37", False),
        ("normal", "float32", "1e39", True),
        ("he", "float64", "1e300", False),
        ("xavier", "float32", "1e300", True),
    ],
)
@pytest.mark.parametrize("place", ["parameters", "incoming"])
def test_an_initialiser_beyond_the_range_is_refused_like_a_literal(
    init: str, dtype: str, scale: str, refused: bool, place: str
) -> None:
    spec = f'{{ init = "{init}", scale = {scale}, shape = [2, 2] }}'
    coming = spec.replace(", shape = [2, 2]", "") if place == "incoming" else '"ones"'
    leaf = spec if place == "parameters" else "[[1, 2], [3, 4]]"
    graph = f'[graph]\nincoming = {{ Y = {coming} }}\nprogram = "Y = W + 0"\n'
    program = f'dtype = "{dtype}"\n[parameters]\nW = {leaf}\n{graph}'
    if refused:
        with pytest.raises(BpdebugError, match=f"not finite as {dtype}") as caught:
            load("format = 1\n" + program)
        assert caught.value.code == "E_SCHEMA"
    else:
        timeline = open_timeline(load("format = 1\n" + program))
        assert np.isfinite(timeline.value("W")).all()
        assert np.isfinite(np.asarray(timeline.grad("W"))).all()


F32_TEXT = """format = 1
dtype = "float32"
[inputs]
{0}
[graph]
loss = "L"
program = "L = sum(X)"
"""


@pytest.mark.parametrize(
    ("written", "spelt"),
    [
        ("0.999999999", "1.0"), ("16777217", "1.6777216e+07"), ("1e-50", "0.0"),
        ("3.141592653589793", "3.1415927"), ("-0.30000001", "-0.3"),
        ("0.1", ""), ("0.3", ""), ("123456", ""), ("0.123456", ""), ("1e-12", ""), ("3.4e38", ""), ("16777216", ""),
        ("0.1234567", ""), ("0.12345679104328156", ""), ("1e-40", ""), ("0", ""), ("-2.5", ""), ("100000000.0", ""),
        ("0.1999999", ""), ("3.14159265", ""), ("0.123456789", ""), ("1.5e-45", ""),
    ],
)  # fmt: skip
def test_digits_that_are_lost_are_remarked_once(written: str, spelt: str) -> None:
    said = F32_TEXT.format(f"X = [0.5, {written}, {written}]\nY = {written}")
    remarks = load(said).remarks
    assert load(said.replace("float32", "float64")).remarks == ()
    if not spelt:
        assert remarks == ()
        return
    (remark,) = remarks
    assert remark.startswith("<text>:4: 'X' holds ")
    assert remark.endswith(f" and as float32 that is {np.float32(spelt)!s}")  # before 2.3 NumPy wrote 16777216.0


def test_every_six_digits_survive() -> None:
    """The numbers that are not looked at one by one: drawn at every magnitude, each as it is written."""
    rng = np.random.default_rng(0)
    numbers = [float(f"{rng.integers(1, 10**6)}e{e}") for e in range(-43, 33) for _ in range(50)]
    found: list[str] = []
    literal(numbers, F32, "X", found.append)
    assert found == []


def test_the_command_line_and_the_screen_say_it(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text(F32_TEXT.format("X = [0.999999999]"))
    assert main(["run", str(path)]) == 0
    assert capsys.readouterr().err == "note: s.toml:4: 'X' holds 0.999999999, and as float32 that is 1.0\n"
    assert BpdebugApp(open_session(load(path))).greeting().startswith("s.toml:4: 'X' holds 0.999999999")


@pytest.mark.parametrize(
    ("term", "said"),
    [
        ("X * 0.999999999", "0.999999999 is written, and as float32 that is 1.0"),
        ("X + 16777217", f"16777217 is written, and as float32 that is {np.float32(16777216)!s}"),
        ("X * (0.999999999 / 2)", "0.999999999 is written, and as float32 that is 1.0"),
        ("X * 0.1", ""),
        ("X * (1 / 3)", ""),  # what is calculated was not written
        ("X * 1e300", ""),  # an infinity is a fault of its event
    ],
)
def test_digits_lost_in_the_program_are_remarked_too(term: str, said: str) -> None:
    text = f"""format = 1
dtype = "float32"
[inputs]
X = [1.0]
[graph]
loss = "L"
program = '''
Z = {term}
L = sum(Z + 16777217)
'''
"""
    (remark,) = load(text).remarks
    assert remark == f"<text>:8: {said}" if said else remark.startswith("<text>:9: 16777217 ")
    assert load(text.replace("float32", "float64")).remarks == ()
