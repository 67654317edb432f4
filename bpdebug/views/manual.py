"""A page of the manual as a report: as much of Markdown as the pages are written with."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bpdebug import manual
from bpdebug.translation import ENGLISH
from bpdebug.views.blocks import Block, Listing, Table, Text
from bpdebug.views.report import Report

_CELL = re.compile(r"(?<!\\)\|")
_COLON = re.compile(": |：")
_MARK = re.compile(r"(`[^`]*`)|\*\*(.+?)\*\*|\[([^\]]+)\]\((https?:[^)]+)\)")
_SPACE = re.compile("(?<=[，。：；、！？）”]) | (?=[（“])")
"""What a line feed must not become beside a full-width sign."""
_ITEM = re.compile(r"\d+\. |- ")


def page(topic: str) -> Report:
    """A topic's page; its data are the English text as it is written, whatever language is spoken."""
    head, _, body = manual.text(topic).partition("\n")
    data = {"topic": topic, "title": manual.title(topic, ENGLISH), "text": manual.text(topic, ENGLISH)}
    return Report("manual", head.removeprefix("# "), tuple(_blocks(body.split("\n"))), data)


def contents(words: str = "") -> Table:
    """The topics whose pages have all the words, each with what its page is about, and leading there."""
    asked = words.lower().split()
    found = [topic for topic in manual.TOPICS if all(word in f"{topic} {manual.text(topic)}".lower() for word in asked)]
    rows = tuple((topic, _COLON.split(manual.title(topic), 1)[-1]) for topic in found)
    return Table((), rows, links=tuple(f"help {topic}" for topic in found), prose=True)


def _blocks(lines: list[str]) -> Iterator[Block]:
    """Paragraphs, headings, tables and examples, with an empty line before each."""
    at = 0
    while at < len(lines):
        first, end = lines[at], at + 1
        if first.startswith("```"):
            end = lines.index("```", end) + 1
            yield from (Text(""), Listing(tuple(enumerate(lines[at + 1 : end - 1], 1)), numbered=False))
        elif first.startswith("#"):
            yield from (Text(""), Text(_plain(first.lstrip("# ")), "title"))
        elif first and not first.startswith(("![", "<!--")):
            while end < len(lines) and _goes_on(first, lines[end]):
                end += 1
            yield from _piece(first, lines[at:end], before=lines[at - 1])
        at = end


def _goes_on(first: str, line: str) -> bool:
    """Whether a line belongs to what began with another: not an empty one, the next item, or what has a form."""
    return bool(line) and not line.startswith(("```", "#")) and (first[0] == "|" or not _ITEM.match(line))


def _piece(first: str, lines: list[str], before: str) -> Iterator[Block]:
    """A table, an item of a list, or a paragraph, its line feeds gone."""
    item = bool(_ITEM.match(first))
    if not (item and before):
        yield Text("")
    if first.startswith("|"):
        heads, _, *rows = (tuple(_plain(cell.strip()) for cell in _CELL.split(line)[1:-1]) for line in lines)
        yield Table(heads, tuple(rows), prose=True)
    else:
        yield Text(_plain(_SPACE.sub("", " ".join(line.strip() for line in lines))), "note")


def _plain(text: str) -> str:
    """A line without the marks of Markdown that say nothing to a reader: bold, links, escapes."""
    return _MARK.sub(lambda m: m[1] or m[2] or f"{m[3]} ({m[4]})", text).replace(r"\|", "|")
