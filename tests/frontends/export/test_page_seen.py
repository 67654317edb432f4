"""`bpdebug export html` in a browser: its keys, its texts, its cells, and whom it shuts out."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bpdebug
from bpdebug.cells.marks import Marks, lit_in
from bpdebug.cli import main
from bpdebug.frontends import notebook
from bpdebug.frontends.export.page import of_state, page
from bpdebug.scenario import load
from bpdebug.translation import speak, speaking
from bpdebug.views.blocks import Matrix, Row, flat
from bpdebug.views.report import Report
from tests.lessons import HOSTILE, NAMES
from tests.node import CHROMIUM, answer, needs_chromium

pytestmark = needs_chromium
BY_PARTS = ("transpose", "two_layer", "batch_norm", "attention")
LINKED = ("transpose_left", "conv_im2col", "embedding", "broken_batch_norm", "tied_maximum")
SEEN = (("transpose", "2.1"), ("transformer_block", "51"), ("batch_norm", "6"))
CHINESE = ("transpose", "two_layer", "batch_norm")
CRUEL = HOSTILE.replace("[bold]", "</script><script>alert(1)</script><img src=x onerror=alert(2)>\u2028")
LIVE = Path(notebook.__file__).parent / "walk.js"
GAPS = {"⋯", "⋮", "…"}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the page of every lesson."""
    folder = tmp_path_factory.mktemp("pages")
    for name in NAMES:
        (folder / f"{name}.html").write_text(page(of_state(session(name).state)), encoding="utf-8")
    for name in CHINESE:
        with speaking("zh"):
            (folder / f"{name}.zh.html").write_text(page(of_state(session(name).state)), encoding="utf-8")
    (folder / "hostile.html").write_text(page(of_state(bpdebug.Session(load(CRUEL)).state)), encoding="utf-8")
    framed = f"<!doctype html><title>notebook</title>{bpdebug.show('two_layer')._repr_html_()}"
    (folder / "notebook.html").write_text(framed, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def seen(pages: Path) -> dict[tuple[str, str], Any]:
    """What one browser found, by kind of case and page."""
    cases: list[dict[str, Any]] = [
        *({"kind": "walk", "page": name, "keys": "sS" if name not in BY_PARTS else "sSiI"} for name in NAMES),
        *({"kind": "cells", "page": name, "stops": stops_of(name)} for name in LINKED),
        {"kind": "typed", "page": "transformer_block", "keys": ["n", "n", "N", "End", "i", "Home", "i", "4", "2"]},
        *(
            {"kind": "axe", "page": name, "hash": at, "scheme": scheme}
            for name, at in SEEN
            for scheme in ("light", "dark")
        ),
        *({"kind": kind, "page": "transpose"} for kind in ("paper", "still")),
        *({"kind": "walk", "page": f"{name}.zh", "keys": "sS"} for name in CHINESE),
        {"kind": "walk", "page": "hostile", "keys": "sS"},
        {"kind": "early", "page": "transformer_block", "keys": "sss"},
        {"kind": "framed", "page": "notebook"},
        {"kind": "live", "page": "", "script": str(LIVE), "shown": session("transpose")._repr_html_()},  # type: ignore[attr-defined]
    ]
    asked = [{**case, "file": str(pages / f"{case['page']}.html")} for case in cases]
    found = answer("page.js", str(CHROMIUM), stdin=json.dumps(asked), seconds=600)
    keys = [(case["kind"], f"{case['page']}{case.get('scheme', '')}") for case in cases]
    return dict(zip(keys, found, strict=True))


def session(name: str) -> bpdebug.Session:
    return bpdebug.Session(bpdebug.load(name))


def reports(name: str) -> Iterator[Report]:
    """What a page shows: every event, followed by its parts."""
    walked = session(name)
    yield walked.do("seek begin")
    while walked.state.cursor < len(walked.state.timeline):
        yield walked.do("stepi")


@cache
def stops_of(name: str) -> int:
    return sum(1 for _report in reports(name))


@pytest.mark.parametrize("name", NAMES)
def test_it_says_what_is_printed(
    name: str, seen: dict[tuple[str, str], Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """Word by word, there and back, at 390 pixels; what a terminal has no room for is more, never less."""
    assert main(["run", name]) == 0
    says_what_is_printed(seen["walk", name], capsys.readouterr().out, r"^(?=event \d+/|the end: )")
    assert seen["walk", name]["lang"] == "en"


@pytest.mark.parametrize("name", CHINESE)
def test_it_says_in_chinese_what_is_printed_in_chinese(
    name: str, seen: dict[tuple[str, str], Any], capsys: pytest.CaptureFixture[str]
) -> None:
    try:
        assert main(["run", name, "--lang", "zh"]) == 0
        titles = [report.title for report in reports(name) if report.kind == "event"]
    finally:
        speak("en")
    printed, found = capsys.readouterr().out, seen["walk", f"{name}.zh"]
    says_what_is_printed(found, printed, "^(?=" + "|".join(map(re.escape, dict.fromkeys(titles))) + ")")
    assert found["lang"] == "zh"


def says_what_is_printed(found: dict[str, Any], printed: str, begins: str) -> None:
    _head, *stops = re.split(begins, printed, flags=re.MULTILINE)
    there, back = found["walks"][:2]
    assert [words for _place, words, _wide in there] == [words for _place, words, _wide in reversed(back)]
    assert len(there) == len(stops)
    for (_place, words, _wide), text in zip(there, stops, strict=True):
        left, right = Counter(words), Counter(text.split())
        if not right.keys() & GAPS:
            assert "".join(sorted("".join(left.elements()))) == "".join(sorted("".join(right.elements())))
        if found["lang"] == "en":  # lines of Chinese are broken between any two signs
            assert not right - left - Counter(dict.fromkeys(GAPS, 1000))
            assert left == right or right.keys() & GAPS
    assert max(wide for walk in found["walks"] for _place, _words, wide in walk) <= 390
    assert (found["requests"], found["said"]) == (1, [])


def test_names_from_a_file_do_nothing(seen: dict[tuple[str, str], Any]) -> None:
    """What would be a script, or a picture that fails, is text: nothing ran, and nothing was asked for."""
    found = seen["walk", "hostile"]
    assert (found["requests"], found["said"]) == (1, [])


@pytest.mark.parametrize("name", BY_PARTS)
def test_parts_are_stops_too(name: str, seen: dict[tuple[str, str], Any]) -> None:
    there, back = seen["walk", name]["walks"][2:]
    assert [words for _place, words, _wide in there] == [words for _place, words, _wide in reversed(back)]
    for (_place, words, _wide), report in zip(there, reports(name), strict=True):
        assert not Counter(report.to_text().split()) - Counter(words) - Counter(dict.fromkeys(GAPS, 1000))


@pytest.mark.parametrize("name", LINKED)
def test_cells_are_linked_as_on_the_screen(name: str, seen: dict[tuple[str, str], Any]) -> None:
    """Every cell of every matrix at every stop: what is lit with it, and the sums that are written out."""
    for report, shown in zip(reports(name), seen["cells", name], strict=True):
        matrices = [m for b in flat(report.blocks) if isinstance(b, Row) for m in b.items if isinstance(m, Matrix)]
        for matrix, cells in zip(matrices, shown, strict=True):
            for cell, (lit, sums) in zip(np.ndindex(matrix.shape), cells, strict=True):
                found = report.links(matrix.subject, [cell], matrix.shape) if report.links and matrix.subject else None
                marks = {} if found is None else next(found)
                wanted = [[cell] if other is matrix else lit_of(marks, other) for other in matrices]
                assert lit == [list(map(number, at, [m] * len(at))) for m, at in zip(matrices, wanted, strict=True)]
                lines = [line(m, at[0]) if len(at) == 1 else "" for m, at in zip(matrices, wanted, strict=True)]
                assert sums == lines


def number(cell: Any, matrix: Matrix) -> int:
    return int(np.ravel_multi_index(cell, matrix.shape)) if cell else 0


def lit_of(marks: Marks, matrix: Matrix) -> list[tuple[int, ...]]:
    """The cells of a matrix that a screen lights."""
    lit = lit_in(marks, matrix.subject, matrix.shape)
    return [] if lit is None else [tuple(map(int, np.unravel_index(n, matrix.shape))) for n in lit.cells]


def line(matrix: Matrix, cell: tuple[int, ...]) -> str:
    if matrix.product is None or matrix.array is None:
        return ""
    name = matrix.name if matrix.subject is not None and not isinstance(matrix.subject.tensor, str) else ""
    return matrix.product.line(name, cell, float(matrix.array[cell]), 400)


def test_keys_lead_where_the_debugger_leads(seen: dict[tuple[str, str], Any]) -> None:
    """Blocks at once, the ends, parts, and an event by its digits; the address and the voice follow."""
    walked, places = session("transformer_block"), []
    for command in ("next", "next", "reverse-next", "seek end", "stepi", "restart", "stepi", "seek 4", "seek 42"):
        walked.do(command)
        places.append((walked.state.cursor, walked.state.part))
    found = seen["typed", "transformer_block"]
    shown = [f"{cursor}.{part}" if part else str(cursor) for cursor, part in places]
    assert [place.split(" / ")[0] for place, _hash, _voice in found] == shown
    assert [address for _place, address, _voice in found] == [f"#{place}" for place in shown]
    for (_place, _hash, voice), (cursor, _part) in zip(found, places, strict=True):
        assert voice.startswith("the end" if cursor == len(walked.state.timeline) else f"event {cursor}/")


def test_keys_that_are_pressed_before_the_data_are_there_count(seen: dict[tuple[str, str], Any]) -> None:
    assert seen["early", "transformer_block"].startswith("3 / ")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", [name for name, _at in SEEN])
def test_nobody_is_shut_out(name: str, scheme: str, seen: dict[tuple[str, str], Any]) -> None:
    """axe-core finds nothing, and it did look at the contrast."""
    found = seen["axe", name + scheme]
    assert found["violations"] == []
    assert "color-contrast" in found["passes"]


def test_it_is_printed_without_its_buttons(seen: dict[tuple[str, str], Any]) -> None:
    assert seen["paper", "transpose"] == {"begins": "%PDF-", "nav": "none"}


def test_without_its_script_the_stops_are_there(seen: dict[tuple[str, str], Any]) -> None:
    found = seen["still", "transpose"]
    titles = [" ".join(title.split()) for title in found["titles"]]
    assert titles[:3] == [" ".join(r.title.split()) for r in [*reports("transpose")][:3]]
    assert (found["seen"], found["said"]) == (True, [])


def test_in_a_notebook_it_steps_in_its_frame(seen: dict[tuple[str, str], Any]) -> None:
    found = seen["framed", "notebook"]
    assert found["title"].startswith("event 2/13")
    assert found["said"] == []


def test_keys_buttons_and_lines_reach_a_live_session(seen: dict[tuple[str, str], Any]) -> None:
    found = seen["live", ""]
    assert found["sent"] == ["step", "reverse-step", "seek end", "reverse-stepi", "print dW"]
    assert found["before"].startswith("event 0/3")
    assert found["after"] == "another"
