"""README's table of conventions: our column and PyTorch's are measured here, JAX's is from measurements of 0.10.2."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bpdebug

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
    Row("`abs(x)` at 0", [0.0], "abs(x)", lambda t, x: t.abs(x)),
    Row("`leaky_relu(x)` at 0", [0.0], "leaky_relu(x)", lambda t, x: t.nn.functional.leaky_relu(x)),
    Row("`relu(x)` at NaN", [0.0], "relu(x)", lambda t, x: t.relu(x)),
    Row("`clip(x, 0, 1)` at NaN", [0.0], "clip(x, 0, 1)", lambda t, x: t.clip(x, 0, 1)),
    Row("`clip(x, 0, 1)` at 0, 1", [0.0, 1.0], "clip(x, 0, 1)", lambda t, x: t.clip(x, 0, 1)),
    Row("hardtanh, `clip(x, -1, 1)`, at -1, 1", [-1.0, 1.0], "clip(x, -1, 1)",
        lambda t, x: t.nn.functional.hardtanh(x)),
    Row("relu6, `clip(x, 0, 6)`, at 0, 6", [0.0, 6.0], "clip(x, 0, 6)", lambda t, x: t.nn.functional.relu6(x)),
    Row("hardsigmoid, `clip(x / 6 + 0.5, 0, 1)`, at -3, 3", [-3.0, 3.0], "clip(x / 6 + 0.5, 0, 1)",
        lambda t, x: t.nn.functional.hardsigmoid(x)),
    Row("hardswish, `x * clip(x / 6 + 0.5, 0, 1)`, at -3, 3", [-3.0, 3.0], "x * clip(x / 6 + 0.5, 0, 1)",
        lambda t, x: t.nn.functional.hardswish(x)),
    Row("`max(x, axis=0)` of 2, 2, 1", [2.0, 2.0, 1.0], "max(x, axis=0)", lambda t, x: x.max(dim=0).values),
    Row("`max_pool2d` of a window of 2, 2, 1", [2.0, 2.0, 1.0], "max_pool2d(reshape(x, (1, 1, 1, 3)), (1, 3))",
        lambda t, x: t.nn.functional.max_pool2d(x.reshape(1, 1, 1, 3), (1, 3))),
    Row("the norm, `sqrt(sum(x ** 2))`, of 0, 0", [0.0, 0.0], "sqrt(sum(x ** 2))", lambda t, x: t.linalg.norm(x)),
    Row("`x ** 0.0` at 0", [0.0], "x ** 0.0", lambda t, x: x**0.0),
    Row("`batch_norm(x)` of one row", [[1.0, 2.0]], "batch_norm(x)",
        lambda t, x: t.nn.functional.batch_norm(x, None, None, training=True)),
    Row("the loss `bce(x, 0)` at 1", [1.0], "bce(x, 0.0 * x)",
        lambda t, x: t.nn.functional.binary_cross_entropy(x, t.zeros_like(x)), loss=True),
    Row("the value of `gelu(x)` at 1", [1.0], "gelu(x)", lambda t, x: t.nn.functional.gelu(x), loss=True),
]  # fmt: skip
NAMES = {0.5: "½", -0.5: "-½", 1.5: "1½", np.inf: "∞", -np.inf: "-∞"}


def said(numbers: Any) -> str:
    """Numbers as the table has them: `½, ½, 0`."""

    def one(n: float) -> str:
        return "NaN" if np.isnan(n) else "1/6" if abs(n - 1 / 6) < 1e-12 else NAMES.get(n) or f"{n:.4g}"

    return ", ".join(one(float(n)) for n in np.ravel(numbers))


def ours(row: Row) -> str:
    start = "x = z / z" if "NaN" in row.label else "x = z * 1.0"
    text = f"""format = 1
[inputs]
z = {row.x}
[graph]
loss = "L"
program = '''
{start}
L = sum({row.program})
'''
"""
    timeline = bpdebug.run(bpdebug.load(text))
    return said(timeline.value("L") if row.loss else timeline.grad("x"))


def theirs(torch: Any, row: Row) -> str:
    z = torch.tensor(row.x, dtype=torch.float64, requires_grad=True)
    x = torch.full_like(z, torch.nan).requires_grad_() if "NaN" in row.label else z
    try:
        y = row.torch(torch, x)
    except ValueError:
        return "an error"
    return said(y.detach()) if row.loss else said(torch.autograd.grad(y.sum(), x)[0])


@pytest.fixture(scope="module")
def table() -> dict[str, tuple[str, str, str]]:
    text = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    part = text.split("| where | bpdebug | PyTorch | JAX |")[1].split("\n\n")[0]
    return {label: (a, b, c) for label, a, b, c in ROW.findall(part) if set(label) != {"-"}}


def test_the_table_has_these_rows_and_each_is_a_difference(table: dict[str, tuple[str, str, str]]) -> None:
    assert list(table) == [row.label for row in ROWS]
    assert [label for label, cells in table.items() if len(set(cells)) == 1] == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.label)
def test_our_column_is_what_we_answer(table: dict[str, tuple[str, str, str]], row: Row) -> None:
    assert table[row.label][0] == ours(row)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.label)
def test_pytorchs_column_is_what_pytorch_answers(table: dict[str, tuple[str, str, str]], row: Row) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is an optional oracle")
    assert table[row.label][1] == theirs(torch, row)
