"""Of a large linear rule only that is computed which a moved cell reaches; the differences are the same."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bpdebug.arrays import Shape
from bpdebug.checks import one_rule
from bpdebug.checks.one_rule import check_node
from bpdebug.checks.rule import NodeRule
from bpdebug.engine import Timeline
from tests.graphs import make, step

CASES: tuple[tuple[str, tuple[Shape | float, ...]], ...] = (
    ("matmul", ((5, 3), (3, 4))), ("matmul", ((2, 5, 3), (3, 4))), ("matmul", ((5, 3), (2, 3, 4))),
    ("matmul", ((2, 1, 5, 3), (2, 3, 4))), ("add", ((5, 3), (3,))), ("add", ((5, 1), (1, 3))), ("sub", ((), (2, 3))),
    ("mul", ((2, 5, 3), (5, 1))), ("mul", ((4, 3), 2.5)), ("div", ((4, 3), (3,))), ("where", ((4, 3), (4, 3), (3,))),
)  # fmt: skip


@pytest.mark.parametrize(("op", "operands"), CASES)
def test_what_a_cell_does_not_reach_is_left_out(op: str, operands: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    arrays: dict[str, Any] = {
        f"x{i}": rng.uniform(0.5, 2, shape) for i, shape in enumerate(operands) if isinstance(shape, tuple)
    }
    if op == "where":
        arrays["x0"] = arrays["x0"] > 1
    names = [f"x{i}" if isinstance(shape, tuple) else shape for i, shape in enumerate(operands)]
    run = Timeline(make(arrays, step("y", op, *names), step("L", "sum", "y"), loss="L")).iteration(0)
    run.run_backward()
    whole = check_node(run, 0)
    moved = NodeRule.moved
    cells: list[int] = []

    def counted(rule: NodeRule, position: int, array: Any) -> Any:
        found = moved(rule, position, array)
        cells.append(found.size)
        return found

    monkeypatch.setattr(one_rule, "LONG", 0)
    monkeypatch.setattr(NodeRule, "moved", counted)
    narrow = check_node(run, 0)
    assert narrow.keys() == whole.keys()
    for position, row in narrow.items():
        assert (row.verdict, row.checked) == ("pass", whole[position].checked)
        assert row.error <= 1e-9
    assert not cells or min(cells) < run.value(run.graph.tensor(0)).size
