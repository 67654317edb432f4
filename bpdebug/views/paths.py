"""The heaviest ways from a cell of a gradient to an output."""

from __future__ import annotations

from bpdebug.arrays import cell_text
from bpdebug.debugger import State
from bpdebug.explain.paths import Paths
from bpdebug.translation import _
from bpdebug.views.blocks import Block, Table, Text
from bpdebug.views.encode import record
from bpdebug.views.numbers import number, percent
from bpdebug.views.report import Report


def paths(state: State, found: Paths, cell: tuple[int, ...]) -> Report:
    """The heaviest ways, each with its share of the gradient."""
    name = cell_text(found.of, cell)
    data = {**record(found), "of": name}
    title = _("{cell} = {value}: the heaviest ways to an output").format(cell=name, value=number(found.gradient))
    if not found.rows:
        return Report("paths", title, (Text(_("no way brings anything back")),), data)
    table = tuple(
        ("" if p.share is None else percent(p.share, 1), number(p.weight), " → ".join(p.cells)) for p in found.rows
    )
    blocks: list[Block] = [Table((_("share"), _("product"), _("cells")), table, sheds=(_("product"),))]
    if any(p.share is not None and not 0 <= p.share <= 1 for p in found.rows):
        blocks.append(Text(_("shares beyond 100 % and below 0: ways of different sign cancel"), "dim"))
    if not found.complete:
        words = _("there are others, too many to look at all")
        if found.exact:
            words = _("there are others, none of them heavier")
        blocks.append(Text(words, "dim"))
    return Report("paths", title, tuple(blocks), data)
