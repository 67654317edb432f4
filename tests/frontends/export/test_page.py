"""`bpdebug export html`: what a page holds, how large it is, what it escapes and what it refuses."""

from __future__ import annotations

import base64
import json
import re
import zlib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from bpdebug.cli import main
from bpdebug.debugger import open_session
from bpdebug.frontends.export.page import FEW, of_state, page
from bpdebug.scenario import Scenario, find, load
from bpdebug.translation import languages, speaking
from bpdebug.views.blocks import Matrix
from bpdebug.views.html import figure_html
from tests.lessons import HOSTILE, NAMES, scenario

MOST_BYTES = 30_000
"""Of a page, on average over the lessons."""

CRUEL = "</script><script>alert(1)</script><!--<script>"


def written(of: Scenario, **wanted: Any) -> str:
    return page(of_state(open_session(of), **wanted))


def data(text: str) -> Any:
    """What a page's script unpacks."""
    (packed,) = re.findall(r'<script type="text/plain" id="data">([A-Za-z0-9+/=]*)</script>', text)
    return json.loads(zlib.decompress(base64.b64decode(packed), -zlib.MAX_WBITS))


class Read(HTMLParser):
    """The tags of a document with their attributes, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.mark.parametrize("lang", languages())
def test_pages_are_small(lang: str) -> None:
    with speaking(lang):
        sizes = [len(written(load(find(name))).encode()) for name in NAMES]
    assert sum(sizes) / len(sizes) < MOST_BYTES


@pytest.mark.parametrize("name", ["transpose", "half_precision"])
def test_the_same_walk_gives_the_same_bytes(name: str) -> None:
    assert written(load(name)) == written(load(name))


def test_it_asks_for_nothing() -> None:
    """No address in it, nor in what its script draws; what may run is named by its hash."""
    text = written(scenario("two_layer"))
    found = Read(text + "".join(data(text)["figures"]))
    assert [tag for tag, attrs in found.tags if {"src", "href", "action", "style"} & attrs.keys()] == []
    policy = next(str(attrs["content"]) for tag, attrs in found.tags if "http-equiv" in attrs)
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe" not in policy
    assert "://" not in text


def test_what_a_file_says_is_never_markup() -> None:
    """Names, notes and titles are text: what would end a script, begin a tag or steer a screen is escaped."""
    cruel = HOSTILE.replace(
        "[bold]", "</script><script>alert(1)</script><!--<script> \u2028 &lt; <img src=x onerror=y>"
    )
    plain, text = written(load(HOSTILE)), written(load(cruel))
    shown, tables = Read(text), data(text)
    assert [tag for tag, _attrs in shown.tags] == [tag for tag, _attrs in Read(plain).tags]
    markup = "".join([*tables["figures"], *(b for b in tables["blocks"] if isinstance(b, str))])
    assert {tag for tag, _attrs in Read(markup).tags} <= {
        "p", "code", "small", "figure", "figcaption", "b", "i", "table", "tr", "td", "th", "math", "mrow", "mi", "mo",
    }  # fmt: skip
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]", text + markup)
    assert "</script><script>alert(1)" in shown.words


def test_every_event_and_part_is_a_stop() -> None:
    tables = data(written(scenario("two_layer")))
    timeline = open_session(scenario("two_layer")).timeline
    assert [event[0] for event in tables["events"]] == [*range(len(timeline) + 1)]
    parts = [len(timeline.event(k).parts) for k in range(len(timeline))]
    assert [stop[:2] for stop in tables["stops"]] == [
        [k, part] for k, count in enumerate([*parts, 0]) for part in range(count + 1)
    ]


def test_what_is_seen_at_several_stops_is_drawn_once(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []

    def counted(matrix: Matrix) -> str:
        drawn.append(figure_html(matrix))
        return drawn[-1]

    monkeypatch.setattr("bpdebug.frontends.export.page.data.figure_html", counted)
    figures = data(written(scenario("transformer_block")))["figures"]
    assert len(drawn) == len(figures)


def test_a_cell_is_marked_first_where_it_was_made_of_others() -> None:
    """At the seed, and at the end, nothing is: each matrix there stands alone."""
    stops = data(written(scenario("transpose")))["stops"]
    assert [(event, part) for event, part, _blocks, *first in stops if not first] == [(1, 0), (3, 0)]


def test_from_one_place_to_another() -> None:
    tables = data(written(scenario("two_layer"), first="Y@bwd", last="H@bwd"))
    assert [event[0] for event in tables["events"]] == [10, 11]


def test_few_stops_are_there_without_a_script() -> None:
    few, many = written(scenario("transpose")), written(scenario("lstm"))
    assert few.count("<details><summary>event") == 3 < FEW
    assert many.count("<details><summary>event") == 0


def test_explanations_are_put_in_as_text() -> None:
    text = written(scenario("transpose"), explained=["lens", "check", "flow"])
    blocks = [b for b in data(text)["blocks"] if isinstance(b, str) and b.startswith("<details>")]
    assert [Read(b).words.split()[0] for b in blocks] == ["lens", "lens", "check:", "gradient"]
    assert "Y[i,j] = Σ" in "".join(blocks)


def test_a_large_tensor_is_there_by_its_corners(tmp_path: Path) -> None:
    (tmp_path / "large.toml").write_text(
        'format = 1\ntitle = "Large"\n[inputs]\nX = { shape = [120, 100], init = "ones" }\n'
        "[graph]\nloss = \"L\"\nprogram = 'L = sum(X)'\n"
    )
    found = data(written(load(tmp_path / "large.toml")))["figures"][0]
    assert "<th>⋯" in found
    assert "<th>⋮" in found
    assert "min 1, max 1, mean 1, norm 109.5; 0 zeros, 0 nan, 0 inf" in found
    assert len(found) < 2000


def test_a_recording_and_a_script_are_pages_too(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    recorded, script, out = (tmp_path / name for name in ("run.bptrace", "walk.bpd", "page.html"))
    assert main(["run", "transpose", "--record", str(recorded)]) == 0
    assert main(["export", "html", str(recorded), "-o", str(out)]) == 0
    assert [event[1] for event in data(out.read_text(encoding="utf-8"))["events"]][-1] == "the end: everything is done"
    script.write_text("load transpose\nbreak Y@bwd\ncontinue\nprint dW\n")
    capsys.readouterr()
    assert main(["export", "html", str(script)]) == 0
    tables = data(capsys.readouterr().out)
    assert [event[1] for event in tables["events"]] == [
        "(bpdebug) load transpose", "(bpdebug) break Y@bwd", "(bpdebug) continue", "(bpdebug) print dW",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["two_layer", "--from", "Q@bwd"], "E_EXPR"),
        (["two_layer", "--to", "#99"], "E_COMMAND"),
        (["two_layer", "--from", "Y@bwd", "--to", "Y"], "E_EXPR"),
        (["two_layer", "--limit", "bytes=1000"], "E_LIMIT"),
    ],
    ids=str,
)
def test_what_cannot_be_a_page_is_refused(capsys: pytest.CaptureFixture[str], words: list[str], code: str) -> None:
    assert main(["export", "html", *words]) == 3
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"error[{code}]")


def test_unknown_explanations_and_wrong_options_are_wrong_usage(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["export", "html", "two_layer", "--with", "lens,len"]) == 2
    assert "did you mean lens?" in capsys.readouterr().err
    (tmp_path / "walk.bpd").write_text("load transpose\n")
    assert main(["export", "html", str(tmp_path / "walk.bpd"), "--from", "Y"]) == 2


def test_a_script_that_fails_is_no_page(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "walk.bpd").write_text("load transpose\nprint nothing\n")
    assert main(["export", "html", str(tmp_path / "walk.bpd")]) == 1
    assert "walk.bpd:2" in capsys.readouterr().err
