"""Why cells of a gradient are zero: followed back to the factor, the choice, the sum or the cell that nothing reads."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpdebug.arrays import Array
from bpdebug.cells.follow import CANCELS, UNREAD, Born, Traced, everything, having, traced, zeros
from bpdebug.cells.sets import shrunk
from bpdebug.engine import SEED
from bpdebug.engine.stats import two_norm
from bpdebug.explain.why.births import number
from bpdebug.explain.why.question import CANCELLED, MASKED, MOST_NAMED, Made, Question, Site, Why, shortened
from bpdebug.ops.op import ROUTES, SCALES
from bpdebug.symbolic import Expr, walk


def zero(asked: Question, of: str, site: Site, cells: Array) -> Why:
    """All these cells of a gradient are zero: follows them back to where that begins."""
    graph, evidence = asked.graph, list[str]()

    def answer(answer: str, born: int | None, *texts: str) -> Why:
        return Why(of, answer, born, (*shortened(evidence), *texts))

    while True:
        tensor, name = site.tensor, asked.name(site)
        if asked.set_by_hand(site)[cells].any():
            return answer(MASKED, asked.completed(site), f"{name} was set to zero")
        edges = graph.edges_from(tensor)
        given = [(graph.nodes[k].id, asked.run.contribution(k, p)[cells]) for k, p in edges]
        if tensor in graph.incoming:
            given.insert(0, ("what comes in", asked.run.seed(tensor)[cells]))
        if any(c.any() for _, c in given):
            return answer(CANCELLED, asked.completed(site), _cancelled(name, given))
        if not edges:
            return answer(
                MASKED, asked.index(SEED, tensor), f"the gradient that comes in at {graph.names[tensor]} is zero there"
            )
        unread = [_nothing(asked, *edge, cells) for edge in edges]
        reading = [edge for edge, text in zip(edges, unread, strict=True) if not text]
        if not reading:
            return answer(MASKED, asked.completed(site), *unread[:MOST_NAMED], *_more(len(unread)))
        others = [f"{name} gets zeros from {asked.at(k, p)} (operand {p}), too" for k, p in reading[1:MOST_NAMED]]
        evidence += [*others, *_more(len(reading))]
        made, at, event = asked.made(*reading[0]), asked.at(*reading[0]), asked.event(*reading[0])
        way = _way(made, cells)
        if any(b.how == CANCELS and _holds(b.expr, made.plan.g) for b in way.born):
            return answer(CANCELLED, event, f"inside the rule of {at} terms cancel, though {name} is made of them")
        hit = [c for leaf, c in way.leaves if leaf is made.plan.g]
        if not hit:
            return answer(MASKED, event, _reason(asked, made, way, name, cells), *_dead_units(asked, made))
        site, cells = Site(graph.tensor(made.k), True), hit[0]
        rest = _reasons(asked, made, way)
        only, rest_of = ("", f"; elsewhere {' and '.join(rest)}") if rest else ("only ", "")
        evidence.append(f"{at} {only}hands on: {asked.name(site)} is zero there already{rest_of}")


def _way(made: Made, cells: Array) -> Traced:
    return traced(made.root, cells, made.value, zeros(made.root, made.plan.g))


def _more(count: int) -> list[str]:
    return [f"and from {count - MOST_NAMED:,} nodes more"] if count > MOST_NAMED else []


def _cancelled(name: str, given: list[tuple[str, Array]]) -> str:
    norms = ", ".join(f"{of} {two_norm(c):.4g}" for of, c in given[:MOST_NAMED])
    norms += f" and {len(given) - MOST_NAMED:,} more" if len(given) > MOST_NAMED else ""
    return f"the contributions to {name} add up to zero; their norms: {norms}"


def _holds(expr: Expr, leaf: Expr) -> bool:
    return any(e is leaf for e in walk(expr))


def _nothing(asked: Question, k: int, position: int, cells: Array) -> str:
    """That a node reads none of the cells, in words: its rule has nothing to put there; '' where it reads some."""
    made = asked.made(k, position)
    way = _way(made, cells)
    if way.leaves or any(b.how != UNREAD or not _holds(b.expr, made.plan.g) for b in way.born):
        return ""
    return _not_read(asked, made, way.born[-1])


def _not_read(asked: Question, made: Made, born: Born) -> str:
    prim = born.expr.prim
    assert prim is not None
    at, cells = asked.at(made.k, made.position), _count(born.cells)
    if prim.name == "fold":
        return f"no window of {at} reads {cells}"
    if prim.name == "scatter_add":
        axis = born.expr.attrs["axis"]
        rows = np.unique(np.nonzero(born.cells)[axis])
        which = ", ".join(map(str, rows[:MOST_NAMED].tolist())) + (" ..." if len(rows) > MOST_NAMED else "")
        return f"no id of {at} names row{'s' if len(rows) > 1 else ''} {which}" + (f" of axis {axis}" if axis else "")
    if prim.name == "scatter_along_axis":
        return f"no id of {at} names {cells}"
    return f"{at}, {asked.timeline.graph.call_text(made.k)}, does not take {cells}"


def _count(cells: Array) -> str:
    count = int(np.count_nonzero(cells))
    return "this cell" if count == 1 else f"these {count} cells"


def _reason(asked: Question, made: Made, way: Traced, name: str, cells: Array) -> str:
    """What in a node's rule makes zeros of any cotangent: a choice, a factor, or numbers too small."""
    at, where, said = asked.at(made.k, made.position), f"{_count(cells)} of {name}", _reasons(asked, made, way)
    small = [b for b in way.born if b.expr.prim is not None and b.expr.prim.name in ("multiply", "divide")]
    if not said and small:
        return f"at {at} the product is too small for {asked.graph.dtypes[asked.graph.tensor(made.k)]} and becomes zero"
    return f"{at} multiplies every gradient by zero at {where}, {' and '.join(_where(s) for s in said[:4])}"


def _reasons(asked: Question, made: Made, way: Traced) -> list[str]:
    """What in a rule is zero beside the cotangent."""
    zero = {asked.cells(made.places[id(leaf)], c): None for leaf, c in way.leaves if leaf is not made.plan.g}
    said = [f"{' and '.join(zero)} {'is' if len(zero) == 1 else 'are'} 0"] if zero else []
    return list(dict.fromkeys([*said, *filter(None, (_because(asked, made, b) for b in way.born))]))


def _where(text: str) -> str:
    return text if text.startswith("which") else f"where {text}"


def _because(asked: Question, made: Made, born: Born) -> str:
    e, node = born.expr, asked.graph.nodes[made.k]
    assert e.prim is not None
    name = e.prim.name
    if name == "where":
        return _not_taken(asked, made, e, born.cells)
    if born.how == UNREAD:
        return "only padding meets this kernel cell" if name == "unfold" else _not_read(asked, made, born)
    if name == "one_hot":
        return "the target is another class"
    if name == "multiply" and any(not isinstance(a, Expr) and a == 0 for a in e.args):
        return "it is multiplied by the number 0"
    if name == "divide" and isinstance(e.args[1], Expr) and np.isinf(made.value(e.args[1])).any():
        return f"it is divided by {asked.text(made, e.args[1])}, which is infinite"
    if _holds(e, made.plan.g):
        return ""
    text = asked.text(made, e)
    return f"{text} is 0" if text != node.id else ""


def _not_taken(asked: Question, made: Made, e: Expr, cells: Array) -> str:
    """Why a choice gave nothing there: what was compared with what."""
    node = asked.graph.nodes[made.k]
    test = e.args[0]
    while isinstance(test, Expr) and test.prim is not None and test.prim.name == "where":
        chosen = np.broadcast_to(made.value(test.args[0]), e.shape)[cells][0]
        test = test.args[1 if chosen else 2]
    if not isinstance(test, Expr) or test.prim is None:
        return "which was not taken there" if node.op.name == "where" else "which was dropped there"
    if len(test.args) != 2:
        return "which the mask covers there"
    left, right = (_read(made, a, e.shape)[cells] for a in test.args)
    mine = made.plan.operands[made.position or 0]
    if not isinstance(test.args[0], Expr) or not _holds(test.args[0], mine):
        left, right = right, left
        if node.op.name == "clip":
            return f"the operand is {_range(left)}, held at {_range(right)}"
    elif not isinstance(test.args[1], Expr) and len(made.plan.operands) == 1:
        return f"the operand is {_range(left)}"
    if np.isnan(right).any():
        return f"NaN was taken{_which_nan(asked, made, test.args[1], cells)}"
    if np.isnan(left).any():
        return "it is NaN"
    larger, smaller = right[right > left], right[right < left]
    found = larger if larger.size else smaller
    if not found.size:
        return f"{asked.text(made, test.args[0])} is {asked.text(made, test.args[1])}"
    which = " and ".join(number(v) for v in np.unique(found)[:3]) + (" ..." if len(np.unique(found)) > 3 else "")
    was = "was" if len(np.unique(found)) == 1 else "were"
    return f"{which} {was} {'larger' if larger.size else 'smaller'}"


def _which_nan(asked: Question, made: Made, taken: Expr, cells: Array) -> str:
    """': x[0]', the operand's cell whose NaN was taken, given the expression that says what was."""
    mine = shrunk(cells, taken.shape) & np.isnan(made.value(taken))
    there = [c for leaf, c in traced(taken, mine, made.value, everything).leaves if leaf is made.plan.y]
    ahead = asked.made(made.k)
    found = [w for c in there for w in traced(ahead.root, c, ahead.value, having(np.isnan)).leaves]
    return f": {asked.name(ahead.places[id(found[0][0])], found[0][1])}" if found else ""


def _read(made: Made, x: Any, shape: tuple[int, ...]) -> Array:
    return np.broadcast_to(made.value(x) if isinstance(x, Expr) else np.asarray(x), shape)


def _range(values: Array) -> str:
    low, high = float(values.min()), float(values.max())
    return number(low) if low == high else f"between {number(low)} and {number(high)}"


def _dead_units(asked: Question, made: Made) -> list[str]:
    """Of an op that lets gradients pass or not: the units, or channels, that nothing of the batch gets through."""
    node, position = asked.graph.nodes[made.k], made.position
    assert position is not None
    x, shape = made.plan.operands[position], asked.graph.shapes[asked.graph.tensor(made.k)]
    if node.op.back != ROUTES or x.shape != shape or len(shape) < 2 or 0 in shape:
        return []
    passing = asked.made_of(made.k, position, np.ones(shape, made.plan.dtype)).result != 0
    axis, units = (1, "channels") if _of_convolution(asked, made.k) else (len(shape) - 1, "units")
    dead = np.flatnonzero(~passing.any(axis=tuple(a for a in range(len(shape)) if a != axis)))
    shut = int(passing.size - np.count_nonzero(passing))
    text = f"{node.op.name} '{node.id}' lets nothing through at {shut} of {passing.size} cells"
    if not dead.size:
        return [text]
    which = ", ".join(map(str, dead[:8].tolist())) + (" ..." if dead.size > 8 else "")
    plural = f"{dead.size} of its {shape[axis]} {units} {'is' if dead.size == 1 else 'are'} dead for the whole batch"
    return [f"{text}; {plural}: {which}"]


def _of_convolution(asked: Question, k: int) -> bool:
    """Whether a node works cell by cell on what a convolution gave: its axis 1 holds the channels."""
    graph = asked.graph
    while (tensors := graph.nodes[k].tensors) and not graph.is_leaf(tensors[0]):
        k = tensors[0] - graph.first
        op = graph.nodes[k].op
        if op.name in ("conv1d", "conv2d"):
            return True
        if not (op.broadcasts == "elementwise" or op.back in (SCALES, ROUTES) or op.name == "batch_norm"):
            return False
    return False
