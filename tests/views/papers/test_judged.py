"""What is shown at every stop of every lesson, judged by KaTeX in its strictest mode and by Typst: none is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from bpdebug.errors import CommandError
from bpdebug.frontends.python import Session, load
from bpdebug.symbolic.notation import cell_of, gradient_of, line, words
from bpdebug.symbolic.text import write
from bpdebug.views import here
from bpdebug.views.blocks import Formula, Matrix, Row, Table, flat
from bpdebug.views.papers import Paper
from bpdebug.views.papers.latex import tex_paper
from bpdebug.views.papers.typst import typst_paper
from bpdebug.views.report import Report
from tests.lessons import NAMES
from tests.node import answer, needs_node
from tests.symbolic.test_text import Trees

HOSTILE = [
    "x_1%", "a#b$c&d", "{", "}\\", "^~", "\\end{bmatrix}", '"', "'", "$", "//", "/*", "#eval", "损失", "π", "Δ1",
    "naïve", "a b", "a:b/c", "", "nan", "1", "<b>", "@x", "`", "*", "_", "[", "…", "−ε", "\x1b[31m", "\u202e", "x̄",
    "W²",
]  # fmt: skip
"""Names and words as they may come from files."""


def stops(name: str) -> Iterator[Report]:
    """Every event of a lesson, the parts of each, the end; and of one iteration, each event's lens."""
    session = Session(load(name))
    state = session.state
    for index in range(len(state.timeline) + 1):
        at = replace(state, cursor=index)
        count = 0 if at.event is None else len(at.event.parts)
        yield from (here(replace(at, part=part)) for part in range(count + 1))
    for index in range(state.timeline.schedule.per_iteration):
        session.state = replace(state, cursor=index)
        try:
            yield session.do("lens")
        except CommandError:  # the seed has none
            continue


@pytest.fixture(scope="module")
def shown() -> list[Report]:
    return [report for name in NAMES for report in stops(name)]


def formulas(shown: list[Report], paper: Paper, bars: Paper) -> list[str]:
    """The mathematics as a paper writes it, and formulas with bars for gradients, too; equal ones once."""
    blocks = [block for report in shown for block in flat(report.blocks)]
    found = {paper.block(block) for block in blocks if isinstance(block, Formula | Row)}
    found |= {bars.block(block) for block in blocks if isinstance(block, Formula)}
    assert len(found) > 6000
    return sorted(found | set(made_up(paper)))


def made_up(paper: Paper) -> Iterator[str]:
    """Hostile names wherever a name may stand, and random expressions."""
    for name in HOSTILE:
        matrix = Matrix(name, np.array([[np.nan, -np.inf], [1e-7, 1e9]]), (2, 2), marked=frozenset({(0, 1)}))
        yield paper.block(Row((matrix, name, Matrix("", None, (2,)), "→", gradient_of(name))))
        yield paper.block(Formula(line(cell_of(gradient_of(name), (0, 1)), "+=", words(name)), name))
    for seed in range(200):
        trees = Trees(seed, casts=True)
        names = {e: trees.random.choice(HOSTILE) for e in trees.names}
        expr = trees.any(5)
        yield paper.displayed([write(expr, lambda e, names=names: names.get(id(e)), paper.dialect)])  # type: ignore[misc]


@needs_node
def test_katex_refuses_none(shown: list[Report]) -> None:
    found = formulas(shown, tex_paper(), tex_paper(bar=True))
    bare = [text.removeprefix(r"\[ ").removesuffix(r" \]") for text in found]
    assert answer("formulas.js", stdin=json.dumps(bare)) == []
    planted = [r"\frac{1}", "x^2^3", r"\text{ᵀ}", r"\nothing"]
    assert [tex for tex, _ in answer("formulas.js", stdin=json.dumps(planted))] == planted


def test_typst_refuses_none(shown: list[Report], tmp_path: Path) -> None:
    typst = pytest.importorskip("typst", reason="the extra `oracle` brings Typst")

    def compiled(text: str) -> None:
        (tmp_path / "all.typ").write_text(text, encoding="utf-8")
        typst.compile(str(tmp_path / "all.typ"), output=str(tmp_path / "all.pdf"))

    paper = typst_paper()
    words = {piece for report in shown for piece in paper.pieces(report)}
    tables = [paper.table(Table((name, ""), ((name, name),))) + "\n\n" + paper.verbatim([name]) for name in HOSTILE]
    written = [
        paper.paragraph(name, style) for name in HOSTILE for style in ("", "note", "dim", "bad", "title") if name
    ]
    compiled("\n\n".join({*formulas(shown, paper, typst_paper(bar=True)), *words, *tables, *written}))
    with pytest.raises(typst.TypstError):
        compiled("$ nan $")
