"""Reports as Typst."""

from __future__ import annotations

from collections.abc import Sequence

from bpdebug.symbolic.typst import Typst, in_text
from bpdebug.translation import N_
from bpdebug.views.blocks import Table
from bpdebug.views.papers import Paper


class TypstPaper(Paper):
    """What stands in a document as it is."""

    preamble = N_("needs nothing but Typst")
    space = "quad"

    def comment(self, text: str) -> str:
        return f"// {text}"

    def heading(self, text: str) -> str:
        return f"*{in_text(text)}*"

    def paragraph(self, text: str, style: str) -> str:
        mark = {"title": "*", "bad": "*", "dim": "_"}.get(style, "")
        return f"{mark}{in_text(text)}{mark}"

    def grid(self, rows: Sequence[Sequence[str]]) -> str:
        return f'mat(delim: "[", {"; ".join(", ".join(row) for row in rows)})'

    def stacked(self, lines: Sequence[str]) -> str:
        return " \\ ".join(lines)

    def below(self, x: str, name: str) -> str:
        return f"limits({x})_({name})"

    def underlined(self, x: str) -> str:
        return f"underline({x})"

    def table(self, table: Table) -> str:
        rows = ([table.headers] if any(table.headers) else []) + [*table.rows]
        cells = ",\n".join("  " + ", ".join(f"[{in_text(cell)}]" for cell in row) for row in rows)
        return f"#table(\n  columns: {len(table.headers)},\n{cells},\n)"

    def verbatim(self, lines: Sequence[str]) -> str:
        return "\\\n".join(map(in_text, lines))


def typst_paper(*, bar: bool = False) -> Paper:
    """Typst; with `bar` the gradient of X is X̄."""
    return TypstPaper(Typst(bar=bar))
