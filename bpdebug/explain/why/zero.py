"""Why cells of a gradient are zero: followed back to the factor, the choice, the sum or the cell that nothing reads."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from msgspec.structs import replace

from bpdebug.arrays import Array
from bpdebug.cells.follow import CANCELS, LOOKING_UP, SUMMING, UNREAD, Born, Traced
from bpdebug.cells.sets import shrunk
from bpdebug.engine import SEED
from bpdebug.engine.stats import two_norm
from bpdebug.explain.why.tracer import MOST_NAMED, EvaluatedRule, RuleTracer, Why, is_zero, number, shortened
from bpdebug.graph import Graph, Site
from bpdebug.ops.op import ROUTES, SCALES
from bpdebug.symbolic import Expr, walk
from bpdebug.translation import _, clauses, joined, listed, ngettext, together


class ZeroStep(NamedTuple):
    """What is said of cells of a gradient, and where their zeros come from: another gradient's cells, or the answer."""

    said: list[str]
    onward: tuple[Site, Array] | Why


class Reason(NamedTuple):
    """What makes zeros there: 'w is 0'; or, where it is not a `whole` clause, 'which was not taken there'."""

    text: str
    whole: bool = True

    def joined(self) -> str:
        """As it goes on from another clause."""
        return _("where {reason}").format(reason=self.text) if self.whole else self.text


def zero(tracer: RuleTracer, site: Site, cells: Array) -> Why:
    """These cells of a gradient (a mask of its shape) are all zero: follows them back to where that begins."""
    said, onward = list[str](), (site, cells)
    while True:
        step = _step(tracer, *onward)
        said += step.said
        if isinstance(step.onward, Why):
            return replace(step.onward, evidence=(*shortened(said), *step.onward.evidence))
        onward = step.onward


def _step(tracer: RuleTracer, site: Site, cells: Array) -> ZeroStep:
    """From a gradient to the first consumer that reads the cells, and through its rule."""
    graph, run, name, whole = tracer.graph, tracer.run, tracer.name(site), tracer.completed(site)
    if tracer.set_by_hand(site)[cells].any():
        return ZeroStep([], Why("masked", whole, (_("{name} was set to zero").format(name=name),)))
    edges = graph.edges_from(site.tensor)
    given = [(graph.nodes[k].id, run.contribution(k, p)[cells]) for k, p in edges]
    if site.tensor in graph.incoming:
        given.insert(0, (_("what comes in"), run.seed(site.tensor)[cells]))
    if any(c.any() for _of, c in given):
        norms = listed(f"{of} {two_norm(c):.4g}" for of, c in given[:MOST_NAMED])
        text = _("the contributions to {name} add up to zero; their norms: {norms}")
        if len(given) > MOST_NAMED:
            text = _("the contributions to {name} add up to zero; their norms: {norms} and {count:,} more")
        text = text.format(name=name, norms=norms, count=len(given) - MOST_NAMED)
        return ZeroStep([], Why("cancelled", whole, (text,)))
    if not edges:
        text = _("the gradient that comes in at {name} is zero there").format(name=graph.names[site.tensor])
        return ZeroStep([], Why("masked", tracer.index(SEED, site.tensor), (text,)))
    unread = [_unread(tracer, *edge, cells) for edge in edges]
    reading = [edge for edge, text in zip(edges, unread, strict=True) if not text]
    if not reading:
        return ZeroStep([], Why("masked", whole, (*unread[:MOST_NAMED], *_more(len(unread)))))
    words = _("{name} gets zeros from {node} (operand {position}), too")
    others = [words.format(name=name, node=tracer.at(k, p), position=p) for k, p in reading[1:MOST_NAMED]]
    said, onward = _through(tracer, *reading[0], name, cells)
    return ZeroStep([*others, *_more(len(reading)), *said], onward)


def _more(count: int) -> list[str]:
    return [_("and from {count:,} nodes more").format(count=count - MOST_NAMED)] if count > MOST_NAMED else []


def _through(tracer: RuleTracer, k: int, position: int, name: str, cells: Array) -> ZeroStep:
    """Through a node's rule, to its own gradient's zeros, or to what makes zeros of any."""
    rule, at, event = tracer.rule(k, position), tracer.at(k, position), tracer.event(k, position)
    way = rule.followed(cells, is_zero)
    if any(b.how == CANCELS and _holds(b.expr, rule.plan.g) for b in way.born):
        text = _("inside the rule of {node} terms cancel, though {name} is made of them")
        return ZeroStep([], Why("cancelled", event, (text.format(node=at, name=name),)))
    reasons = _reasons(tracer, rule, way)
    hit = [c for leaf, c in way.leaves if leaf is rule.plan.g]
    if hit:
        site = Site(tracer.graph.tensor(k), True)
        words = _("{node} only hands on: {gradient} is zero there already")
        if reasons:
            words = _("{node} hands on: {gradient} is zero there already; elsewhere {reasons}")
        words = words.format(node=at, gradient=tracer.name(site), reasons=together(r.text for r in reasons))
        return ZeroStep([words], (site, hit[0]))
    if not reasons and any(b.expr.applies in ("multiply", "divide") for b in way.born):
        text = _("at {node} the product is too small for {dtype} and becomes zero")
        text = text.format(node=at, dtype=rule.plan.dtype)
    else:
        text = _("{node} multiplies every gradient by zero at {cells} of {name}, {reasons}")
        why = together(r.joined() for r in reasons[:4])
        text = text.format(node=at, cells=_count(cells), name=name, reasons=why)
    return ZeroStep([], Why("masked", event, (text, *_dead_units(tracer, rule, position))))


def _holds(expr: Any, leaf: Expr) -> bool:
    return isinstance(expr, Expr) and any(e is leaf for e in walk(expr))


def _unread(tracer: RuleTracer, k: int, position: int, cells: Array) -> str:
    """That a node reads none of the cells, in words: its rule has nothing to put there; '' where it reads some."""
    rule = tracer.rule(k, position)
    way = rule.followed(cells, is_zero)
    if way.leaves or any(b.how != UNREAD or not _holds(b.expr, rule.plan.g) for b in way.born):
        return ""
    return _not_read(tracer, rule, way.born[-1])


def _not_read(tracer: RuleTracer, rule: EvaluatedRule, born: Born) -> str:
    at, cells, e = tracer.at(*rule.edge), _count(born.cells), born.expr
    if e.applies == "fold":
        return _("no window of {node} reads {cells}").format(node=at, cells=cells)
    if e.applies == "scatter_add":
        axis = e.attrs["axis"]
        rows = np.unique(np.nonzero(born.cells)[axis])
        which = ", ".join(map(str, rows[:MOST_NAMED].tolist())) + (" ..." if len(rows) > MOST_NAMED else "")
        words = ngettext("no id of {node} names row {rows}", "no id of {node} names rows {rows}", len(rows))
        if axis:
            words = ngettext(
                "no id of {node} names row {rows} of axis {axis}",
                "no id of {node} names rows {rows} of axis {axis}",
                len(rows),
            )
        return words.format(node=at, rows=which, axis=axis)
    if e.applies in SUMMING:
        return _("{node} adds up no terms: an axis of it is empty").format(node=at)
    if e.applies in LOOKING_UP:
        return _("no id of {node} names {cells}").format(node=at, cells=cells)
    words = _("{node}, {call}, does not take {cells}")
    return words.format(node=at, call=tracer.graph.call_text(rule.edge[0]), cells=cells)


def _count(cells: Array) -> str:
    count = int(np.count_nonzero(cells))
    return ngettext("this cell", "these {count} cells", count).format(count=count)


def _reasons(tracer: RuleTracer, rule: EvaluatedRule, way: Traced) -> list[Reason]:
    """What in a rule is zero beside the cotangent: a factor, or a choice."""
    zeros = [tracer.cells(rule.sites[id(leaf)], c) for leaf, c in way.leaves if leaf is not rule.plan.g]
    names = list(dict.fromkeys(zeros))
    words = ngettext("{names} is 0", "{names} are 0", len(names))
    said = [Reason(words.format(names=joined(names)))] if names else []
    return list(dict.fromkeys([*said, *filter(None, (_because(tracer, rule, b) for b in way.born))]))


def _because(tracer: RuleTracer, rule: EvaluatedRule, born: Born) -> Reason | None:
    e = born.expr
    if e.applies == "where":
        return _not_taken(tracer, rule, e, born.cells)
    if born.how == UNREAD:
        unfolded = e.applies == "unfold"
        return Reason(_("only padding meets this kernel cell") if unfolded else _not_read(tracer, rule, born))
    if e.applies == "one_hot":
        return Reason(_("the target is another class"))
    if e.applies == "multiply" and any(not isinstance(a, Expr) and a == 0 for a in e.args):
        return Reason(_("it is multiplied by the number 0"))
    if e.applies == "divide" and isinstance(e.args[1], Expr) and np.isinf(rule.value(e.args[1])).any():
        words = _("it is divided by {divisor}, which is infinite")
        return Reason(words.format(divisor=tracer.text(rule, e.args[1])))
    return None if _holds(e, rule.plan.g) else Reason(_("{name} is 0").format(name=tracer.text(rule, e)))


def _not_taken(tracer: RuleTracer, rule: EvaluatedRule, e: Expr, cells: Array) -> Reason:
    """Why a choice gave nothing there: what was compared with what."""
    op, test = tracer.graph.nodes[rule.edge[0]].op, e.args[0]
    while isinstance(test, Expr) and test.applies == "where":
        chosen = np.broadcast_to(rule.value(test.args[0]), e.shape)[cells][0]
        test = test.args[1 if chosen else 2]
    if not isinstance(test, Expr) or test.prim is None:
        words = {"where": _("which was not taken there"), "dropout": _("which was dropped there")}
        return Reason(words.get(op.name, _("which the mask covers there")), whole=False)
    if len(test.args) != 2:
        return Reason(_("which the mask covers there"), whole=False)
    return Reason(_compared(tracer, rule, op.name, test, [_read(rule, a, e.shape)[cells] for a in test.args], cells))


def _compared(tracer: RuleTracer, rule: EvaluatedRule, op: str, test: Expr, numbers: list[Array], cells: Array) -> str:
    left, right = numbers
    if not _holds(test.args[0], rule.plan.operands[rule.edge[1] or 0]):
        left, right = right, left
        if op == "clip":
            return _("the operand is {range}, held at {bounds}").format(range=_range(left), bounds=_range(right))
    elif not isinstance(test.args[1], Expr) and len(rule.plan.operands) == 1:
        return _("the operand is {range}").format(range=_range(left))
    if np.isnan(right).any():
        return _which_nan(tracer, rule, test.args[1], cells)
    if np.isnan(left).any():
        return _("it is NaN")
    larger, smaller = np.unique(right[right > left]), np.unique(right[right < left])
    if larger.size:
        words = ngettext("{numbers} was larger", "{numbers} were larger", len(larger))
    elif smaller.size:
        words = ngettext("{numbers} was smaller", "{numbers} were smaller", len(smaller))
    else:
        return _("{name} is {value}").format(
            name=tracer.text(rule, test.args[0]), value=tracer.text(rule, test.args[1])
        )
    found = larger if larger.size else smaller
    return words.format(numbers=joined(map(number, found[:3])) + (" ..." if len(found) > 3 else ""))


def _which_nan(tracer: RuleTracer, rule: EvaluatedRule, taken: Expr, cells: Array) -> str:
    """That a NaN was taken, and of which of the operand's cells, given the expression that says what was."""
    mine = shrunk(cells, taken.shape) & np.isnan(rule.value(taken))
    there = [c for leaf, c in rule.followed(mine, None, taken).leaves if leaf is rule.plan.y]
    ahead = tracer.rule(rule.edge[0])
    found = [w for c in there for w in ahead.followed(c, np.isnan).leaves]
    if not found:
        return _("NaN was taken")
    return _("NaN was taken: {cell}").format(cell=tracer.name(ahead.sites[id(found[0][0])], found[0][1]))


def _read(rule: EvaluatedRule, x: Any, shape: tuple[int, ...]) -> Array:
    return np.broadcast_to(rule.value(x) if isinstance(x, Expr) else np.asarray(x), shape)


def _range(values: Array) -> str:
    low, high = number(values.min()), number(values.max())
    return low if values.min() == values.max() else _("between {low} and {high}").format(low=low, high=high)


def _dead_units(tracer: RuleTracer, rule: EvaluatedRule, position: int) -> list[str]:
    """Of an op that lets gradients pass or not: the units, or channels, that nothing of the batch gets through."""
    k, shape = rule.edge[0], rule.plan.shape
    node = tracer.graph.nodes[k]
    if node.op.back != ROUTES or rule.root.shape != shape or len(shape) < 2 or 0 in shape:
        return []
    passing = tracer.evaluated(k, position, np.ones(shape, rule.plan.dtype)).result != 0
    channels = _of_convolution(tracer.graph, k)
    axis = 1 if channels else len(shape) - 1
    dead = np.flatnonzero(~passing.any(axis=tuple(a for a in range(len(shape)) if a != axis)))
    shut = int(passing.size - np.count_nonzero(passing))
    text = _("{op} '{node}' lets nothing through at {shut} of {count} cells")
    text = text.format(op=node.op.name, node=node.id, shut=shut, count=passing.size)
    if not dead.size:
        return [text]
    said = ngettext(
        "{dead} of its {count} units is dead for the whole batch: {which}",
        "{dead} of its {count} units are dead for the whole batch: {which}",
        dead.size,
    )
    if channels:
        said = ngettext(
            "{dead} of its {count} channels is dead for the whole batch: {which}",
            "{dead} of its {count} channels are dead for the whole batch: {which}",
            dead.size,
        )
    which = listed(map(str, dead[:8].tolist())) + (" ..." if dead.size > 8 else "")
    return [clauses(text, said.format(dead=dead.size, count=shape[axis], which=which))]


def _of_convolution(graph: Graph, k: int) -> bool:
    """Whether a node works cell by cell on what a convolution gave: its axis 1 holds the channels."""
    above = graph.node(graph.nodes[k].tensors[0])
    while above is not None and above.op.name not in ("conv1d", "conv2d"):
        op = above.op
        if not (op.broadcasts == "elementwise" or op.back in (SCALES, ROUTES) or op.name == "batch_norm"):
            return False
        above = graph.node(above.tensors[0]) if above.tensors else None
    return above is not None
