"""A hundred ways to NaN and infinity: each with its answer, its birth and its cause; and cells that nothing reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from bpdebug.explain.why import why
from bpdebug.explain.why.tracer import Why
from bpdebug.expression import parse, target
from tests.explain.why.hundred import BACKWARD, FORWARD, ZEROS, Case, session


def answered(case: Case, folder: Path) -> tuple[Why, str]:
    """The answer, and where it was born: 'backward y'."""
    state = session(case, folder).state
    found = why(state.timeline, target(parse(case.of), state.timeline.graph), 0)
    assert found.born is not None
    event = state.timeline.event(found.born)
    return found, f"{event.phase} {event.name}"


@pytest.mark.parametrize("case", [*FORWARD, *BACKWARD, *ZEROS], ids=str)
def test_the_answer_the_birth_and_the_cause(case: Case, tmp_path: Path) -> None:
    found, born = answered(case, tmp_path)
    text = " / ".join(found.evidence).replace("−", "-")  # as the cases are typed
    assert (found.answer, born) == (case.answer, case.born), text
    assert [word for word in case.says if word not in text] == [], text
    assert [word for word in case.never if word in text] == [], text


def test_overflow_is_said_only_where_a_number_left_the_range() -> None:
    assert not [c for c in (*FORWARD, *BACKWARD) if c.answer == "undefined" and "overflows" in " ".join(c.says)]
