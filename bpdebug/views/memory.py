"""What is kept of a pass, what is computed again, what lies on a disk, and why: the list `info memory`."""

from __future__ import annotations

from collections.abc import Iterator

from bpdebug.debugger import State
from bpdebug.engine import sizes
from bpdebug.engine.bounded import BoundedPass
from bpdebug.engine.opened import PassMemory
from bpdebug.engine.store import Store
from bpdebug.limits import spell_bytes, spell_count
from bpdebug.translation import _, ngettext


def memory_rows(state: State) -> Iterator[tuple[str, ...]]:
    """Rows of a word, a size and a reason, of the pass at the cursor; nothing is computed for them."""
    store, graph = state.timeline.store, state.timeline.graph
    whole = sizes.of_arrays(graph) + sizes.of_leaves(graph)
    yield _("budget"), spell_bytes(store.budget.size), _("what may be kept: --memory, memory=")
    yield _("all"), spell_bytes(whole), _("leaves, and all values and gradients of an iteration")
    if not store.budget.elsewhere:
        yield from _beside(store)
    run = store.known(state.timeline.schedule.iteration_at(state.cursor))
    if store.budget.elsewhere and store.budget.backend is not None:
        why = _("{library} keeps what it has room for, here or at its workers: its own limits are those that count")
        yield _("kept"), "", why.format(library=store.budget.backend.name)
    elif isinstance(run, BoundedPass):
        yield from _bounded(store, run)
    elif run is not None and run.nbytes is not None:
        yield _("kept"), spell_bytes(run.nbytes), _("at most: what was looked at last is kept, and the rest read again")
    elif store.is_tight:
        yield _("kept"), spell_bytes(0), _("nothing was computed here so far; not all of it fits")
    else:
        yield _("kept"), spell_bytes(whole), _("at most: all of it fits, and nothing is computed again")
    if store.checkpoint_bytes:
        why = _("parameters and states after some steps, from which the others are computed again")
        yield _("checkpoints"), spell_bytes(store.checkpoint_bytes), why


def _beside(store: Store) -> Iterator[tuple[str, ...]]:
    states, work = store.beside
    if states:
        yield _("states"), spell_bytes(states), _("what updates change, before and after one: beside all that")
    yield _("work"), spell_bytes(work), _("what one event computes on the way, at most: beside all that")
    if len(store.budget.living()) > 1:
        why = _("for the values and gradients of an iteration: there are forks, and two are to fit")
        yield _("room"), spell_bytes(max(store.free, 0)), why


def _bounded(store: Store, run: BoundedPass) -> Iterator[tuple[str, ...]]:
    kept = run.kept()
    yield _("kept"), spell_bytes(kept.nbytes), _why_kept(kept)
    why = ngettext(
        "{count} segment of {of}: all that is in it while there is room; what the way back does not read goes first",
        "{count} segments of {of}: all that is in them while there is room; what the way back does not read goes first",
        kept.opened,
    )
    yield _("open"), spell_bytes(kept.open_nbytes), why.format(count=spell_count(kept.opened), of=kept.segments)
    forward, backward = (spell_count(n) for n in run.computed)
    why = _("{forward} nodes forward and {backward} back so far, of {nodes} in the graph: what is more was made again")
    yield _("computed"), "", why.format(forward=forward, backward=backward, nodes=spell_count(len(run.graph)))
    yield _("spilled"), spell_bytes(run.spilled.nbytes), _why_spilled(store, run)


def _why_kept(kept: PassMemory) -> str:
    if not kept.cuts:
        return _("gradients of leaves: all values fit, and other gradients are made part by part")
    why = ngettext(
        "gradients of leaves; at {count} cut values that are read on both sides of it, and gradients so far",
        "gradients of leaves; at {count} cuts values that are read on both sides, and at {some} gradients so far",
        kept.cuts,
    )
    return why.format(count=spell_count(kept.cuts), some=spell_count(kept.stays))


def _why_spilled(store: Store, run: BoundedPass) -> str:
    if store.budget.disk is None:
        return _("nothing: --spill FOLDER, spill=")
    if run.spilled.full:
        return _("read back when it is looked at; the disk was full, and the rest is computed again")
    return _("read back when it is looked at") if run.spilled.nbytes else _("nothing was forgotten so far")
