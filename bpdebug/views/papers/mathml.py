"""Reports as HTML with MathML in it: what stands in the body of a page."""

from __future__ import annotations

from collections.abc import Sequence

from bpdebug.symbolic.mathml import MathML, escape
from bpdebug.translation import N_
from bpdebug.views.blocks import Table
from bpdebug.views.papers import Paper


class MathPaper(Paper):
    """Well-formed XML, too."""

    preamble = N_("MathML Core: stands in the body of an HTML page")
    space = '<mspace width="2em"/>'

    def comment(self, text: str) -> str:
        return f"<!-- {text} -->"

    def heading(self, text: str) -> str:
        return f"<p><strong>{escape(text)}</strong></p>"

    def paragraph(self, text: str, style: str) -> str:
        tag = {"title": "strong", "bad": "strong", "dim": "small"}.get(style)
        return f"<p><{tag}>{escape(text)}</{tag}></p>" if tag else f"<p>{escape(text)}</p>"

    def grid(self, rows: Sequence[Sequence[str]]) -> str:
        lines = "".join(f"<mtr>{''.join(f'<mtd>{cell}</mtd>' for cell in row)}</mtr>" for row in rows)
        return f"<mrow><mo>[</mo><mtable>{lines}</mtable><mo>]</mo></mrow>"

    def stacked(self, lines: Sequence[str]) -> str:
        return f"<mtable>{''.join(f'<mtr><mtd>{line}</mtd></mtr>' for line in lines)}</mtable>"

    def below(self, x: str, name: str) -> str:
        return f"<munder>{x}{name}</munder>"

    def underlined(self, x: str) -> str:
        return f"<munder>{x}<mo>_</mo></munder>"

    def table(self, table: Table) -> str:
        head = f"<tr>{''.join(f'<th>{escape(cell)}</th>' for cell in table.headers)}</tr>" if any(table.headers) else ""
        body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in table.rows)
        return f"<table>{head}{body}</table>"

    def verbatim(self, lines: Sequence[str]) -> str:
        return f"<pre>{escape(chr(10).join(lines))}</pre>"


def mathml_paper(*, bar: bool = False) -> Paper:
    """MathML; with `bar` the gradient of X is X̄."""
    return MathPaper(MathML(bar=bar))
