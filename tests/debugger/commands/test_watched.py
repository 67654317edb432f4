"""Walking along what a watched program handed on and our rules do not give."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import bpdebug
from bpdebug.debugger.commands.table import find
from bpdebug.errors import BpdebugError
from bpdebug.views.blocks import Row
from bpdebug.views.seen import differing

torch = pytest.importorskip("torch", reason="PyTorch is an optional oracle")
Function: Any = torch.autograd.Function


class Doubled(Function):  # type: ignore[misc]  # torch may be missing
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return torch.sin(x)

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        return 2 * g


def seen(wrong: bool = True) -> Any:
    x = torch.linspace(0, 1, 3, requires_grad=True)
    apply = Doubled.apply if wrong else torch.sin
    with bpdebug.watch() as w:
        apply(apply(x) * x).sum().backward()
    return w.scenario


def test_from_difference_to_difference_and_back() -> None:
    session: Any = bpdebug.Session(seen())
    assert differing(session.state.timeline) == []  # nobody asked yet
    report = session.do("differences")
    assert [row["node"] for row in report.to_data()["rows"]] == ["sin2", "sin"]
    assert report.to_data()["first"]["node"] == "sin2"
    first, second = differing(session.state.timeline)
    walked = [session.do("next-difference"), session.do("next-difference")]
    assert [session.state.cursor, session.state.event.name] == [second, "sin"]
    assert "handed to x" in walked[1].to_text()
    session.do("previous-difference")
    assert session.state.cursor == first
    with pytest.raises(BpdebugError, match="no differences lie behind"):
        session.do("previous-difference")


def test_both_sides_stand_beside_each_other() -> None:
    session: Any = bpdebug.Session(seen())
    row: Any = next(b for b in session.do("next-difference 2").blocks if isinstance(b, Row))
    handed, sign, ours = row.items
    assert sign == "≠"
    incoming = session.state.timeline.grad("sin")
    np.testing.assert_array_equal(handed.array, 2 * incoming)
    np.testing.assert_allclose(ours.array, incoming * np.cos([0, 0.5, 1]), rtol=1e-6)


def test_where_nothing_is_handed_on_wrongly_it_is_said() -> None:
    session: Any = bpdebug.Session(seen(wrong=False))
    assert "no gradient here is another" in session.do("next-difference").to_text()
    assert "is what our rule gives" in session.do("differences").to_text()


def test_next_is_a_name_of_its_own() -> None:
    assert find("nex").name == "next"
    assert find("next-").name == "next-difference"


def test_a_number_that_is_used_twice_has_its_two_sides() -> None:
    x, a = torch.linspace(0, 1, 3, requires_grad=True), torch.tensor(2.0, requires_grad=True)

    class Clipped(Function):  # type: ignore[misc]  # torch may be missing
        @staticmethod
        def forward(ctx: Any, x: Any, a: Any) -> Any:
            return a * torch.tanh(x / a)

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g, g.sum()

    with bpdebug.watch() as w:
        Clipped.apply(x, a).sum().backward()
    rows: Any = [b for b in bpdebug.Session(w.scenario).do("next-difference").blocks if isinstance(b, Row)]
    assert [type(side.array) for row in rows for side in row.items[::2]] == [np.ndarray] * 4
