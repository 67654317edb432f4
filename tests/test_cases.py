"""Cases that were once answered wrongly, with their right values: what was handed over stays right."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

import bpdebug
from bpdebug.cli import main
from bpdebug.frontends.scripts.checks import check_file, collect
from bpdebug.frontends.scripts.replay import Settings

FOLDER = Path(__file__).parent / "cases"
FILES = [path for path in collect(FOLDER, 2**20) if path.parent == FOLDER]


@dataclass(frozen=True)
class Asked:
    """A file, what is typed, and which words the last answer says or must not say."""

    file: str
    lines: tuple[str, ...]
    says: tuple[str, ...]
    never: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.file}-{self.lines[-1]}"


ASKED = [
    Asked("adam_float32", ("seek end", "print w"), ("0.5",), ("0.49",)),
    Asked("pool_overlapping_ties", ("seek end", "check"), ("kink",), ("wrong",)),
    Asked("why_slices", ("seek end", "why dx[1]"), ("'b'", "z is 0"), ("slice2", "'a'")),
    Asked("why_unread", ("seek end", "why dx[0,0,0,2]"), ("window",), ("w is 0",)),
    Asked("why_unread", ("seek end", "why dE[1,0]"), ("row 1",), ("the operand is",)),
    Asked("why_undefined", ("seek end", "why dv[0,0]"), ("undefined", "'r'"), ("overflow",)),
    Asked("why_undefined", ("seek end", "why r"), ("undefined",), ("overflow",)),
    Asked("why_infinity_before", ("seek end", "why dw[0,0]"), ("exp", "s", "inf"), ("log 'L'",)),
    Asked("momentum_four_steps", ("seek w@upd", "print w.velocity"), ("w.velocity",), ("no tensor",)),
    Asked("momentum_four_steps", ("seek w@upd",), ("velocity = momentum * velocity + ∂w",)),
]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_case_has_its_right_values(path: Path) -> None:
    assert check_file(path, Settings()).failures == ()


@pytest.mark.parametrize("asked", ASKED, ids=str)
def test_a_question_is_answered_truly(asked: Asked) -> None:
    session = bpdebug.Session(bpdebug.load(FOLDER / f"{asked.file}.toml"))
    for line in asked.lines:
        report = session.do(line)
    text = report.to_text()
    assert [word for word in asked.says if word not in text] == []
    assert [word for word in asked.never if word in text] == []


def test_what_must_fail_fails_with_nothing_raw_on_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["test", str(FOLDER / "fail")]) == 1
    said = "".join(capsys.readouterr())
    assert "\\x1b[1mbold" in said
    assert not [c for c in said if c != "\n" and not c.isprintable()]
