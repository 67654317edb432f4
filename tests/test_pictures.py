"""The README's pictures show the program as it is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .pictures import FOLDER, PICTURES, drawn, seen

README = Path(__file__).parents[1] / "README.md"


def test_the_readme_shows_every_picture() -> None:
    assert set(re.findall(r"\]\(\.github/(\w+)\.svg\)", README.read_text(encoding="utf-8"))) == set(PICTURES)


@pytest.mark.parametrize("name", PICTURES)
async def test_a_picture_is_not_stale(name: str) -> None:
    stored, now = seen((FOLDER / f"{name}.svg").read_text(encoding="utf-8")), seen(await drawn(name))
    assert len(now) > 100
    assert stored == now, "the screen has changed: python -m tests.pictures draws it again; look at it"
