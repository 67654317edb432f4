"""One update explained: what the optimizer's rule does, and the cell that it moved most."""

from __future__ import annotations

import numpy as np
from msgspec import Struct

from bpdebug.engine import OPTIMIZERS, Event
from bpdebug.engine.closeness import largest_cell
from bpdebug.engine.optimizers import SAYS
from bpdebug.translation import _


class UpdateLens(Struct, frozen=True, eq=False):
    """An update event: what its rule and each of its settings does, in sentences, and the cell to look at."""

    event: Event
    says: tuple[str, ...]
    cell: tuple[int, ...]


@np.errstate(all="ignore")
def update_lens(event: Event) -> UpdateLens:
    """The lens of an update event."""
    timeline, update = event.timeline, event.timeline.store.updates.rule(event.tensor)
    training = timeline.training
    assert training is not None
    optimizer = OPTIMIZERS[training.optimizer]
    says = [_(optimizer.says), *(_(SAYS[name]) for name in update.scalars if name in SAYS)]
    if update.by_hand:
        words = _("The rule of {name} was set by hand; the states go on as {optimizer} has them")
        says = [words.format(name=event.name, optimizer=training.optimizer)]
    before = event.assignments[-1].before
    assert before is not None
    return UpdateLens(event, tuple(says), largest_cell(event.value - before) if before.size else ())
