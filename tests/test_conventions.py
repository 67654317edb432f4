"""The manual's tables of conventions: one is the data that is shipped, of the other two columns are measured."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import pytest

import bpdebug
from bpdebug.manual import text
from bpdebug.ops import OPS
from bpdebug.ops.conventions import DEFAULT, LIBRARIES, table
from bpdebug.scenario.schema import Conventions

ROW = re.compile(r"\| (.+?) \| (.+?) \| (.+?) \| (.+?) \|")


@dataclass(frozen=True)
class Row:
    """A line of the table: a program, whose gradient for `x` or whose loss is asked for, and PyTorch's word for it."""

    label: str
    x: list[Any]
    program: str
    torch: Callable[[Any, Any], Any]
    loss: bool = False


ROWS = [
    Row("the norm written out, `sqrt(sum(x ** 2))`, of 0, 0", [0.0, 0.0], "sqrt(sum(x ** 2))",
        lambda t, x: t.linalg.norm(x)),
    Row("hardtanh written as `clip(x, -1, 1)`, at -1, 1", [-1.0, 1.0], "clip(x, -1, 1)",
        lambda t, x: t.nn.functional.hardtanh(x)),
    Row("`x ** 0.0` at 0", [0.0], "x ** 0.0", lambda t, x: x**0.0),
    Row("`batch_norm(x)` of one row", [[1.0, 2.0]], "batch_norm(x)",
        lambda t, x: t.nn.functional.batch_norm(x, None, None, training=True)),
    Row("the loss `bce(x, 0)` at 1", [1.0], "bce(x, 0.0 * x)",
        lambda t, x: t.nn.functional.binary_cross_entropy(x, t.zeros_like(x)), loss=True),
    Row("the value of `gelu(x)` at 1", [1.0], "gelu(x)", lambda t, x: t.nn.functional.gelu(x), loss=True),
]  # fmt: skip
NAMES = {0.5: "½", 1.5: "1½", 1.25: "1¼", 0.25: "¼", np.inf: "∞"}


def said(numbers: Any) -> str:
    """Numbers as the table has them: `½, ½, 0`."""

    def one(n: float) -> str:
        return "NaN" if np.isnan(n) else NAMES.get(n) or (f"{n:.4g}" if abs(n) < 1 else f"{n:.5g}")

    return ", ".join(one(float(n)) for n in np.ravel(numbers))


def ours(row: Row) -> str:
    text = f"""format = 1
[inputs]
z = {row.x}
[graph]
loss = "L"
program = '''
x = z * 1.0
L = sum({row.program})
'''
"""
    timeline = bpdebug.run(bpdebug.load(text))
    return said(timeline.value("L") if row.loss else timeline.grad("x"))


def theirs(torch: Any, row: Row) -> str:
    x = torch.tensor(row.x, dtype=torch.float64, requires_grad=True)
    try:
        y = row.torch(torch, x)
    except ValueError:
        return "an error"
    return said(y.detach()) if row.loss else said(torch.autograd.grad(y.sum(), x)[0])


PAGE = text("conventions")


def shipped() -> str:
    """The data as the first table: the points at which a library does not answer as we do."""
    lines = ["| where | bpdebug | " + " | ".join(LIBRARIES) + " |", "|---" * (len(LIBRARIES) + 2) + "|"]
    for point in table().points:
        answers = [point.answer(name) for name in LIBRARIES]
        cells = ["" if a is None else said(numbers(a.value)) for a in answers]
        ours = said(numbers(point.ours))
        if not point.smooth and set(cells) - {"", ours}:
            lines.append(f"| `{point.op}` at {point.at} | {ours} | {' | '.join(cells)} |")
    return "\n".join(lines)


def numbers(value: tuple[float | None, ...]) -> list[float]:
    return [np.nan if n is None else n for n in value]


def test_the_first_table_is_the_data() -> None:
    assert shipped() in PAGE


def test_the_page_names_every_library_and_attribute_that_chooses() -> None:
    part = " ".join(PAGE.split())
    for name, version in table().versions.items():
        assert f"{name} {version}" in part
    for op in OPS.values():
        for name, attr in op.conventions.items():
            assert attr.hidden or f"`{name}=" in part
            assert attr.hidden or f"`{op.name}`" in part


def test_a_scenario_says_whose_conventions_hold() -> None:
    program = "[inputs]\nx = [2, 2, 1]\n[graph]\nloss = 'L'\nprogram = 'L = max(x, axis=0)'\n"
    made = [bpdebug.load(f"format = 1\nconventions = '{name}'\n{program}") for name in ("torch", "jax", "default")]
    assert [scenario.conventions for scenario in made] == ["torch", "jax", "default"]
    assert [said(bpdebug.run(scenario).grad("x")) for scenario in made] == ["1, 0, 0", "½, ½, 0", "½, ½, 0"]
    with pytest.raises(bpdebug.BpdebugError) as caught:
        bpdebug.load(f"format = 1\nconventions = 'pytorch'\n{program}")
    assert caught.value.code == "E_SCHEMA"
    assert "torch, jax, tensorflow" in caught.value.hint
    assert set(get_args(Conventions)) == {DEFAULT, *LIBRARIES}


def test_the_data_is_read_only_where_it_is_asked_for() -> None:
    program = "import bpdebug\nfrom bpdebug.ops.conventions import table\n"
    program += "bpdebug.run(bpdebug.load('transpose')).loss\nprint(table.cache_info().currsize)"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout == "0\n"


@pytest.fixture(scope="module")
def rows() -> dict[str, tuple[str, str, str]]:
    part = PAGE.split("| where | bpdebug | PyTorch | JAX |")[1].split("\n\n")[0]
    return {label: (a, b, c) for label, a, b, c in ROW.findall(part) if set(label) != {"-"}}


def test_the_table_has_these_rows_and_each_is_a_difference(rows: dict[str, tuple[str, str, str]]) -> None:
    assert list(rows) == [row.label for row in ROWS]
    assert [label for label, cells in rows.items() if len(set(cells)) == 1] == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.label)
def test_our_column_is_what_we_answer(rows: dict[str, tuple[str, str, str]], row: Row) -> None:
    assert rows[row.label][0] == ours(row)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.label)
def test_pytorchs_column_is_what_pytorch_answers(rows: dict[str, tuple[str, str, str]], row: Row) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is an optional oracle")
    assert rows[row.label][1] == theirs(torch, row)
