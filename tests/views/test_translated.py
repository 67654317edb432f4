"""What views and explanations say in Chinese: all of it, and to machines the same bytes as in English."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from bpdebug.debugger import COMMANDS
from bpdebug.errors import BpdebugError
from bpdebug.frontends.python import Session
from bpdebug.ops import OPS
from bpdebug.ops.conventions import LIBRARIES
from bpdebug.scenario import find, load
from bpdebug.translation import speaking
from bpdebug.views import Report, inspector, status_line
from bpdebug.views.blocks import Table, flat
from bpdebug.views.inspector import TABS
from bpdebug.wrapping import display_width

LESSONS = ("two_layer", "fan_out", "nan_where", "tied_maximum", "broken_fan_out", "exploding_rnn_clipped", "attention")
ONCE = (
    "when",
    "where",
    "info tensors",
    "info gradients",
    "info optimizer",
    "info forks",
    "flow",
    "check",
    "differences",
)
AT = (
    "seek {n}@fwd", "lens", "seek {n}@bwd", "lens", "stepi", "stepi", "candidates", "adjoint", "why d{n}", "why {n}",
    "whatis {n}", "print d{n}", "print/s {n}", "contributions d{n}", "origin {n}{c}", "origin d{n}{c}",
    "origin -p d{n}{c}", "find {n} max", "inputs -r {n}", "derivation d{n} = 2 * d{n}",
)  # fmt: skip
LAST = (
    "watch d{n}", "display d{n}", "info breakpoints", "set {n}{c} = 0", "compare 0", "practice", "seek {n}@bwd",
    "answer 99x99", "answer", "answer", "practice off", "why d{n}", "seek end",
)  # fmt: skip
KEPT = ("float64", "int64", "bool", "bpdebug")
"""Words of programs."""
NOT_SAID = re.compile(r"`[^`]*`|(?<=\d )(?:nan|inf)|\b(?:nan|inf)\b|\bseek #\d+|\bwhy \S+|\bset \S+")
"""Commands in sentences, and numbers."""


def commands(session: Session) -> Iterator[str]:
    """Every explanation and list, at a few nodes of a lesson."""
    yield from ONCE
    graph = session.state.timeline.graph
    names = [node.id for node in graph.nodes]
    for name in dict.fromkeys([names[0], names[len(names) // 2], names[-1]]):
        shape = graph.shapes[graph.index[name]]
        cell = f"[{','.join('0' * len(shape))}]" if shape else ""
        for line in AT if name != names[-1] else AT + LAST:
            yield line.format(n=name, c=cell)


def reports(name: str, lang: str) -> tuple[Session, list[tuple[str, Report]]]:
    """What is answered to them; a command that is refused answers nothing."""
    session, found = Session(load(find(name))), list[tuple[str, Report]]()
    with speaking(lang):
        for line in list(commands(session)):
            try:
                found.append((line, session.do(line)))
            except BpdebugError:
                continue
            found += [(f"{line}, {tab}", inspector(session.state, tab)) for tab in TABS]
            found.append((f"{line}, status", Report("status", status_line(session.state))))
    return session, found


@pytest.mark.parametrize("name", LESSONS)
def test_nothing_is_said_in_english_and_machines_are_told_the_same_bytes(name: str) -> None:
    (session, chinese), (_, english) = reports(name, "zh"), reports(name, "en")
    names = {*re.findall(r"\w+", "\n".join(session.state.scenario.lines))}
    operands = (name for op in OPS.values() for name in (*op.operands, *op.attrs))
    words = {*names, *(f"d{name}" for name in names), *OPS, *operands, *COMMANDS, *LIBRARIES, *KEPT}
    with speaking("zh"):
        for line, report in chinese:
            for text in report.lines(100):
                left = re.findall(r"(?<![\w.∂@#=(])[a-z]{3,}(?![\w.(=@])", NOT_SAID.sub("", text))
                assert [word for word in left if word not in words] == [], (line, text)
            for block in flat(report.blocks):
                assert not isinstance(block, Table) or {*block.sheds} <= {*block.headers}, line
    assert [(line, report.to_json()) for line, report in chinese] == [(x, report.to_json()) for x, report in english]


@pytest.mark.parametrize("line", ["help", "apropos tensor", "apropos 张量"])
def test_commands_are_listed_on_lines_that_fit_and_found_by_words_of_either_language(line: str) -> None:
    with speaking("zh"):
        said = Session(load("two_layer")).do(line).to_text()
    assert "catch WHAT" in said or "stats EXPR" in said
    assert [row for row in said.split("\n") if display_width(row) > 100] == []


@pytest.mark.parametrize("word", ["tensor", "张量"])
def test_a_machine_is_told_the_same_commands_in_every_language(word: str) -> None:
    told = Session(load("two_layer")).do(f"apropos {word}").to_json()
    with speaking("zh"):
        assert Session(load("two_layer")).do(f"apropos {word}").to_json() == told
