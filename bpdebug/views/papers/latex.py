"""Reports as LaTeX, and as Markdown with LaTeX in it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bpdebug.errors import printable
from bpdebug.symbolic.tex import Markdown, Tex, in_text
from bpdebug.translation import N_
from bpdebug.views.blocks import Table
from bpdebug.views.papers import Paper

_STYLES = {"title": r"\textbf", "bad": r"\textbf", "dim": r"\textit"}
_MARKS = {"title": "**", "bad": "**", "dim": "*"}


class LatexPaper(Paper):
    """What stands in a document with amsmath."""

    preamble = N_(r"needs \usepackage{amsmath}, and for names in other scripts LuaLaTeX or XeLaTeX with a font")
    space = r"\qquad"

    def comment(self, text: str) -> str:
        return f"% {text}"

    def heading(self, text: str) -> str:
        return rf"\paragraph{{{in_text(text)}}}"

    def paragraph(self, text: str, style: str) -> str:
        command = _STYLES.get(style)
        return f"{command}{{{in_text(text)}}}" if command else in_text(text)

    def grid(self, rows: Sequence[Sequence[str]]) -> str:
        return " ".join([r"\begin{bmatrix}", r" \\ ".join(" & ".join(row) for row in rows), r"\end{bmatrix}"])

    def stacked(self, lines: Sequence[str]) -> str:
        return " ".join([r"\begin{gathered}", r" \\ ".join(lines), r"\end{gathered}"])

    def below(self, x: str, name: str) -> str:
        return rf"\underset{{{name}}}{{{x}}}"

    def underlined(self, x: str) -> str:
        return rf"\underline{{{x}}}"

    def table(self, table: Table) -> str:
        rows = ([table.headers] if any(table.headers) else []) + [*table.rows]
        lines = (" & ".join(map(in_text, row)) + r" \\" for row in rows)
        return "\n".join([rf"\begin{{tabular}}{{{'l' * len(table.headers)}}}", *lines, r"\end{tabular}"])

    def verbatim(self, lines: Sequence[str]) -> str:
        return "\\\\\n".join(rf"\texttt{{{in_text(line)}}}" for line in lines)


class MarkdownPaper(LatexPaper):
    """Markdown as Jupyter and Pandoc read it; elsewhere a backslash before a sign may be taken for Markdown's own."""

    preamble = N_("formulas between double dollars, as Jupyter and Pandoc read them")

    def comment(self, text: str) -> str:
        return f"<!-- {text} -->"

    def heading(self, text: str) -> str:
        return f"**{in_markdown(text)}**"

    def paragraph(self, text: str, style: str) -> str:
        mark = _MARKS.get(style, "")
        return f"{mark}{in_markdown(text)}{mark}"

    def table(self, table: Table) -> str:
        head, *rows = ([*map(in_markdown, row)] for row in (table.headers, *table.rows))
        return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))

    def verbatim(self, lines: Sequence[str]) -> str:
        return "\n".join(f"    {printable(line)}" for line in lines)


_PUNCTUATION = re.compile(r"[\\`*_{}\[\]<>#|$~&]|^(?:[-+=]|\d+(?=[.)]))", re.MULTILINE)


def in_markdown(words: str) -> str:
    """Words from anywhere as Markdown's text: nothing in them is markup; of line feeds the paragraph's own stay."""
    lines = (line.strip() for line in printable(words).split("\n"))
    return _PUNCTUATION.sub(_escaped, "\n".join(filter(None, lines)))


def _escaped(found: re.Match[str]) -> str:
    return f"{found[0]}\\" if found[0].isdigit() else f"\\{found[0]}"


def tex_paper(*, bar: bool = False) -> Paper:
    """LaTeX; with `bar` the gradient of X is X̄."""
    return LatexPaper(Tex(bar=bar))


def markdown_paper(*, bar: bool = False) -> Paper:
    """Markdown, as `tex_paper`."""
    return MarkdownPaper(Markdown(bar=bar))
