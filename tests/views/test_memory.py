"""`info memory`: what is kept of a pass, what is computed again, and what lies on a disk."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest

import bpdebug
from bpdebug.errors import InputError
from bpdebug.limits import spell_bytes
from tests.frontends.test_spill import DEEP, TRAINED, Full


def rows(session: bpdebug.Session) -> dict[str, tuple[str, str]]:
    data: dict[str, Any] = session.do("info memory").to_data()
    assert data["what"] == "memory"
    return {row["what"]: (row["bytes"], row["why"]) for row in data["rows"]}


def test_what_fits_is_kept_whole() -> None:
    session = bpdebug.Session(bpdebug.load("two_layer"))
    session.do("seek end")
    found = rows(session)
    assert found["budget"][0] == "4 GiB"
    assert found["kept"] == (found["all"][0], "at most: all of it fits, and nothing is computed again")


def test_what_does_not_fit_is_told_with_its_reasons(tmp_path: Path) -> None:
    path = tmp_path / "deep.toml"
    path.write_text(DEEP.format(layers=40))
    session = bpdebug.Session(bpdebug.load(path, memory="2M", spill=tmp_path))
    assert rows(session)["kept"] == ("0 bytes", "nothing was computed here so far; not all of it fits")
    session.do("seek end ;; print dW")
    found = rows(session)
    run = session.state.timeline.iteration(0)
    forward, backward = run.computed  # type: ignore[attr-defined]  # a pass that is cut
    assert found["computed"][1].startswith(f"{forward} nodes forward and {backward} back so far, of 82 in the graph")
    cuts = len(run.room.whole.parts) - 1
    assert found["kept"][1].startswith(f"gradients of leaves; at {cuts} cuts values")
    assert f"and at {len(run.room.whole.stays)} gradients so far" in found["kept"][1]
    assert f"of {cuts + 1}: all that is in" in found["open"][1]
    assert found["spilled"] == (spell_bytes(run.spilled.nbytes), "read back when it is looked at")  # type: ignore[attr-defined]


def nbytes(text: str) -> float:
    number, unit = text.split()
    return float(number) * {"bytes": 1, "KiB": 2**10, "MiB": 2**20}[unit]


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_the_rows_add_up_to_the_least_budget_in_which_all_fits(tmp_path: Path, optimizer: str) -> None:
    """Small nets take more for what stands beside their values than for these."""
    path = tmp_path / "net.toml"
    path.write_text(TRAINED.replace("sgd", optimizer))
    found = rows(bpdebug.Session(bpdebug.load(path)))
    whole = sum(nbytes(found[name][0]) for name in ("all", "states", "work"))
    for memory, fits in ((int(whole * 1.001), True), (int(whole * 0.999), False)):
        session = bpdebug.Session(bpdebug.load(path, memory=memory))
        session.do("seek end")
        assert ("all of it fits" in rows(session)["kept"][1]) == fits


def test_with_a_fork_two_are_to_fit(tmp_path: Path) -> None:
    path = tmp_path / "net.toml"
    path.write_text(TRAINED)
    session = bpdebug.Session(bpdebug.load(path, memory="200K"))
    assert "room" not in rows(session)
    session.do("set W[0,0] = 2")
    found = rows(session)
    beside = sum(nbytes(found[name][0]) for name in ("states", "work")) + 2 * 16 * 16 * 8
    assert nbytes(found["room"][0]) == pytest.approx((200 * 2**10 - beside) / 2, rel=1e-3)


def test_a_disk_that_was_full_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "deep.toml"
    path.write_text(DEEP.format(layers=40))
    session = bpdebug.Session(bpdebug.load(path, memory="2M", spill=tmp_path))
    session.do("seek 1")
    assert rows(session)["spilled"] == ("0 bytes", "nothing was forgotten so far")
    made = tempfile.TemporaryFile
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **how: Full(made(**how)))
    with pytest.raises(InputError, match="No space left"):
        session.do("seek end ;; print dW")
    session.do("seek end ;; print dW")
    assert "the disk was full" in rows(session)["spilled"][1]
