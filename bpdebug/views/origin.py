"""Which cells made a cell, and where it goes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec.structs import replace

from bpdebug.arrays import cell_text
from bpdebug.cells.links import linked
from bpdebug.cells.recipes import Links, of_tensor
from bpdebug.cells.trace import INCOMING, CellSource, CellTracer, Consumer, FactorCell, Product
from bpdebug.debugger import State
from bpdebug.engine import UPDATE
from bpdebug.engine.parts import Recipe
from bpdebug.explain.origin import Origin
from bpdebug.explain.paths import size
from bpdebug.graph import DRAWN, INPUT, PARAMETER, STATE
from bpdebug.symbolic.notation import Negative, Notation, indented, line, negative, numeral, plus, words
from bpdebug.translation import N_, _, listed
from bpdebug.views.blocks import Block, Formula, Matrix, Row, Table, Text, between
from bpdebug.views.encode import MANY_CELLS
from bpdebug.views.matrices import tensor_matrix
from bpdebug.views.numbers import as_factor, event_text, number
from bpdebug.views.report import Report

MOST = 12
"""Terms shown of a source."""
MOST_SOURCES = 8
"""Contributions to a gradient, and nodes that a cell goes into, shown one by one: the largest."""
MOST_LIT = 2**14
"""Cells of a matrix beyond which it is not shown beside the terms."""
LONG = 120
"""Characters of a formula beyond which it is not repeated here."""
GIVEN = {
    INPUT: N_("given: an input"), PARAMETER: N_("given: a parameter"), DRAWN: N_("given: a drawn mask"),
    STATE: N_("given: a state"),
}  # fmt: skip
FEW = 4
"""Terms that are written in a line."""


def origin(state: State, found: Origin) -> Report:
    """The terms with their factors and products, their sum, and what the cell goes into."""
    title = f"{found.text} = {number(found.value)}"
    tracer = CellTracer(state.timeline, state.timeline.schedule.iteration_at(state.cursor))
    links = Links(lambda: of_tensor(tracer, found.subject))
    return Report("origin", title, tuple(_blocks(state, found, links.recipes)), lambda: _data(found), links)


def _data(found: Origin) -> dict[str, Any]:
    terms = [p for s in found.sources for p in s.products(MANY_CELLS)]
    ways = [{"event": w.event, "cells": [cell_text(w.name, c) for c in w.cells], "count": w.count} for w in found.goes]
    return {
        "cell": found.text, "value": found.value, "terms": [_term(p) for p in terms], "sum": found.sum,
        "left_out": sum(map(len, found.sources)) - len(terms), "goes": ways, "set": found.was_set,
    }  # fmt: skip


def _term(product: Product) -> dict[str, Any]:
    factors = [{"cell": f.text, "value": f.value, **({"under": True} if f.under else {})} for f in product.factors]
    return {"factors": factors, "product": product.value}


def _blocks(state: State, found: Origin, recipes: Sequence[Recipe]) -> Iterator[Block]:
    if found.was_set:
        yield Text(_("{of} was set by hand in this fork").format(of=found.of), "bad")
    if not found.sources:
        yield Text(_given(state, found), "dim")
    count, value = len(found.sources), numeral(number(found.value))
    chosen = sorted(range(count), key=lambda i: -size(found.sources[i].sum))[:MOST_SOURCES]
    for i in sorted(chosen):
        made = i - count + len(recipes)  # what comes in is no event's, and the first
        yield from _source(state, found, found.sources[i], recipes[max(made, 0) :][:1])
    if count > len(chosen):
        text = _("and {count:,} contributions more, none of them larger")
        yield Text(text.format(count=count - len(chosen)), "dim")
        yield Formula(line(found.text, "=", value), _sum_of(count))
    elif count > 1:
        sums = plus(numeral(number(s.sum)) for s in found.sources)
        yield Formula(line(found.text, "=", sums, "=", value), _sum_of(count))
    for way in found.goes[:MOST_SOURCES]:
        yield Text(_goes(state, way), "dim", link=f"seek #{way.event}")
    if len(found.goes) > MOST_SOURCES:
        yield Text(_("goes into {count:,} nodes more").format(count=len(found.goes) - MOST_SOURCES), "dim")


def _sum_of(count: int) -> str:
    return _("a sum of {count:,} contributions").format(count=count)


def _given(state: State, found: Origin) -> str:
    graph, tensor = state.timeline.graph, found.subject.tensor
    assert isinstance(tensor, int)
    if found.subject.gradient:
        text = _("no path leads from {name} to an output: why {of} says more")
        return text.format(name=graph.names[tensor], of=found.of)
    return _(GIVEN[graph.kind(tensor)])


def _source(state: State, found: Origin, source: CellSource, recipes: Sequence[Recipe]) -> Iterator[Block]:
    sign = "=" if len(found.sources) == 1 else "+="
    if source.formula == INCOMING:
        yield Formula(line(found.of, sign, numeral(number(source.sum))), _("what comes in"))
        return
    formula = source.formula
    if len(formula) > LONG:
        formula = words(_("the rule of {node}").format(node=source.node))
    note, link = ("", "") if source.event is None else (event_text(source.event), f"seek #{source.event}")
    yield Formula(line(found.of, sign, formula), note, link)
    yield from cell_lines(found.text, sign, source)
    yield from _matrices(state, found, recipes)


def _matrices(state: State, found: Origin, recipes: Sequence[Recipe]) -> Iterator[Block]:
    """The matrices that the factors are made of, and the one of the cell itself, with these cells marked."""
    timeline, graph = state.timeline, state.timeline.graph
    run = timeline.iteration(timeline.schedule.iteration_at(state.cursor))
    items: list[Matrix] = []
    assert isinstance(found.subject.tensor, int)
    marks = linked(recipes, found.subject, found.cell, graph.shapes[found.subject.tensor])
    for of in (found.subject, *(of for of in marks if of != found.subject)):
        if isinstance(of.tensor, str) or of.transposed:
            continue
        array = run.gradient(of.tensor) if of.gradient else run.value(of.tensor)
        if array is not None and array.ndim and array.size <= MOST_LIT:
            mark = "gradient" if of == found.subject else "operand"
            drawn = tensor_matrix(graph, of.tensor, array, mark, gradient=of.gradient)
            items.append(replace(drawn, marked=marks[of].pairs))
    if len(items) > 1:
        yield Row((items[0], _("of"), *between(",", items[1:])))


def cell_lines(cell: Notation, sign: str, source: CellSource, *, said: bool = False) -> Iterator[Block]:
    """What a cell is (`=`) or gets (`+=`) as a sum of products: the few written out, else the largest in a table.

    What short names stand for follows, unless it was `said` before.
    """
    yield from _terms(cell, sign, source)
    for short_name, text in () if said else source.where:
        yield Formula(indented(line(short_name, "=", text)))


def _terms(cell: Notation, sign: str, source: CellSource) -> Iterator[Block]:
    products = source.products(MOST)
    if not products:
        yield Formula(line(cell, sign, numeral("0")), _("no cell came into it"))
        return
    if len(products) <= FEW and len(source) == len(products):
        yield Formula(line(cell, sign, plus(map(_product, products))))
        numbers, made = plus(map(_numbers, products)), numeral(number(source.sum))
        again = line("=", numbers, *(("=", made) if numbers != made else ()))
        yield Formula(indented(again, len(f"{cell} {sign[1:]}")))
        return
    rows = tuple((_product(p), _numbers(p), number(p.value)) for p in products)
    head = _("{cell} is a sum of") if sign == "=" else _("{cell} {sign} a sum of")
    headers = (head.format(cell=cell, sign=sign), _("numbers"), _("product"))
    yield Table(headers, rows, links=tuple(map(_link, products)), sheds=headers[1:2])
    left = len(source) - len(products)
    text = _("the sum of {count:,} products: {value}")
    if left:
        text = _("the sum of {count:,} products, {left:,} smaller ones among them: {value}")
    yield Text(text.format(count=len(source), left=left, value=number(source.sum)))


def _product(product: Product) -> Notation:
    """'∂Y[0,1]·W[2,1]'; a factor of −1 is a minus sign."""
    minus, factors = _signed(product)
    return _joined(minus, [(f.text if f.name else numeral(number(f.value)), f.under) for f in factors])


def _numbers(product: Product) -> Notation:
    """'2·(−3)'."""
    minus, factors = _signed(product)
    alone = len(factors) == 1 and not minus
    return _joined(minus, [(numeral(number(f.value)) if alone else as_factor(f.value), f.under) for f in factors])


def _link(product: Product) -> str:
    """Where a product leads: to the cell of a gradient among its factors, or to its first cell of a tensor."""
    cells = [f for f in product.factors if (s := f.subject) and isinstance(s.tensor, int) and not s.transposed]
    cells.sort(key=lambda f: not (f.subject and f.subject.gradient))
    return f"origin {cells[0].text}" if cells else ""


def _signed(product: Product) -> tuple[bool, tuple[FactorCell, ...]]:
    first, *rest = product.factors
    return (True, tuple(rest)) if rest and not first.name and first.value == -1 else (False, product.factors)


def _joined(minus: bool, factors: list[tuple[Notation, bool]]) -> Notation:
    """Factors with dots between them, divisors behind a stroke, and all of it less than nothing where `minus` says."""
    (made, under), *rest = factors
    if isinstance(made, Negative):
        minus, made = not minus, made.of
    made = line(numeral("1"), "/", made) if under else made
    for piece, divides in rest:
        made = line(made, "/", piece) if divides else line(made, "·", piece, gap="")
    return negative(made) if minus else made


def _goes(state: State, way: Consumer) -> str:
    event = state.timeline.event(way.event)
    if event.phase == UPDATE:
        return _("goes into the update of {name} (event {event})").format(name=way.name, event=way.event)
    shown = [
        f"{cell_text(way.name, c)} (×{number(w)})"
        for c, w in sorted(zip(way.cells, way.weights, strict=True), key=lambda cw: -abs(cw[1]))[:4]
    ]
    text = _("goes into {cells} (event {event})")
    if way.count > len(shown):
        text = _("goes into {cells} and {count:,} more (event {event})")
    return text.format(cells=listed(shown), count=way.count - len(shown), event=way.event)
