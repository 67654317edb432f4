"""The event in practice: what is asked, and of the event only what was answered."""

from __future__ import annotations

from collections.abc import Iterator

from bpdebug.debugger import State
from bpdebug.debugger.practice import Exercise, question
from bpdebug.debugger.state import Practice
from bpdebug.engine import NodeEvent
from bpdebug.symbolic.notation import gradient_of, line
from bpdebug.translation import _
from bpdebug.views.blocks import Block, Formula, Row, Text
from bpdebug.views.matrices import tensor_matrix
from bpdebug.views.numbers import shape_text
from bpdebug.views.overrides import marked
from bpdebug.views.report import Report
from bpdebug.views.stage import contribution_blocks, forward_line, links_of, said_here


def practice(state: State, said: Practice, event: NodeEvent) -> Report:
    """What is asked, and of this event only what was answered; the whole of it at last, with its notes."""
    asked = question(state)
    blocks: list[Block] = [forward_line(event)]
    known = event.contributions[: asked.number if asked else None]
    if said.said and said.at == event.index:
        blocks.append(Text(said.said, "good" if said.well else "bad"))
    blocks += [*said_here(state), Text(_("all is answered here: step on"), "dim")] if asked is None else _asked(asked)
    for c in known:
        blocks += marked(state, contribution_blocks(event, c, c.parts))
    title = _("practice  ∂{node}  {right} of {asked} right")
    title = title.format(node=event.name, right=said.right, asked=said.asked)
    data = {
        "asks": asked.asks if asked else None, "to": asked.contribution.to if asked else None,
        "said": said.said or None, "well": said.well, "right": said.right, "asked": said.asked,
    }  # fmt: skip
    return Report("practice", title, tuple(blocks), data, links_of(event))


def _asked(asked: Exercise) -> Iterator[Block]:
    c, event = asked.contribution, asked.event
    yield Text("")
    if asked.asks == "shape":
        yield Formula(line(gradient_of(c.to), c.sign, "?"), _("what is its shape?"))
        yield Text(_("`answer 5x7` or `answer (5, 7)`; `answer` alone gives it up"), "dim")
        return
    shape = shape_text(c.shape)
    yield Formula(line(gradient_of(c.to), c.sign, "?"), _("which formula gives {shape}?").format(shape=shape))
    yield Row((tensor_matrix(event.graph, event.tensor, event.value, "operand", gradient=True),))
    words = _("`answer` with names, d{node} for ∂{node}, .T and @; `answer` alone gives it up")
    yield Text(words.format(node=event.name), "dim")
