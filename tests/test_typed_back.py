"""What a formula on the screen says can be typed back, at the prompt and as a rule, and gives the same numbers."""

from __future__ import annotations

import re

import numpy as np
import pytest
from msgspec import structs

from bpdebug.engine import BACKWARD, FORWARD, Event, Timeline
from bpdebug.explain.judge import Judge
from bpdebug.expression import Scope, evaluate, parse
from bpdebug.language import as_rule, read_expression
from bpdebug.ops import Op
from bpdebug.scenario import find, load, open_timeline
from bpdebug.symbolic import Expr, Plan
from tests.graphs import SAMPLES, assert_same, graph_of, sample_call
from tests.lessons import NAMES

SHORT = re.compile("s[₀₁₂₃₄₅₆₇₈₉]+")


def whole(plan: Plan, root: Expr, names: list[str], output: str) -> str:
    """A rule as the lens writes it, with what its s₁, s₂ ... stand for put back in their place."""
    made = plan.brief(root, names, output)
    known: dict[str, str] = {}
    for name, text in made.where:
        known[name] = f"({SHORT.sub(lambda m: known[m[0]], text)})"
    return SHORT.sub(lambda m: known[m[0]], made.text)


def typed_back(timeline: Timeline, event: Event) -> None:
    """Every formula of a backward event, as print and as a rule, against the rule's own numbers."""
    graph = timeline.graph
    k = event.tensor - graph.first
    plan, names, output = graph.plans[k], graph.operand_names(k), graph.names[event.tensor]
    run = timeline.iteration(event.iteration)
    inputs = [run.value(i) if isinstance(i, int) else i.value for i in graph.read_by_rule(k)]
    leaves = plan.leaves(inputs, run.value(event.tensor), run.gradient(event.tensor))
    for position, _ in graph.edges(k):
        rule = plan.gradients[position]
        assert rule is not None
        with np.errstate(all="ignore"):
            wanted = plan.evaluate(rule, leaves)
        for text in {plan.formula(position, names, output), whole(plan, rule, names, output)}:
            found = evaluate(parse(text), Scope(timeline, event.index))
            assert found.array is not None, text
            assert found.shape == wanted.shape, text
            np.testing.assert_allclose(found.array, wanted, rtol=1e-5 if wanted.dtype == np.float32 else 1e-13)
            again = as_rule(text, names, output, graph=graph, dtype=str(plan.dtype))(plan)
            with np.errstate(all="ignore"):
                assert_same(plan.evaluate(again, leaves) if isinstance(again, Expr) else again, wanted, text)
            steps, value = read_expression(text, graph)
            answer = Judge(timeline, event.iteration).engine
            for step in steps:
                answer.carry_out(step)
            np.testing.assert_allclose(answer.value(value), wanted, rtol=1e-5 if wanted.dtype == np.float32 else 1e-13)


@pytest.mark.parametrize("name", NAMES)
def test_every_formula_of_a_lesson(name: str) -> None:
    timeline = open_timeline(load(find(name)))
    for index in range(timeline.schedule.per_iteration):
        event = timeline.event(index)
        if event.phase == BACKWARD:
            typed_back(timeline, event)
        elif event.phase == FORWARD and event.op != "dropout":
            graph, k = timeline.graph, event.tensor - timeline.graph.first
            text: str = graph.plans[k].call_text(graph.operand_names(k))
            if "part=" in text:
                text = re.sub(r"(, )?part=(\d+)(.*)", r"\3[\2]", text)
            assert_same(evaluate(parse(text), Scope(timeline, index)).array, event.value, text)


@pytest.mark.parametrize(("op", "i"), SAMPLES, ids=[f"{op.name}-{i}" for op, i in SAMPLES])
def test_every_formula_of_an_op(op: Op, i: int) -> None:
    call = sample_call(op, op.samples[i])
    if call.value.dtype.kind == "f":
        timeline = Timeline(graph_of(call, np.cos(np.arange(call.value.size) + 1.0).reshape(call.value.shape)))
        for event in timeline:
            if event.phase == BACKWARD:
                typed_back(timeline, event)


CHOICES = [
    (op, name, choice)
    for op in {op.name: op for op, _ in SAMPLES}.values()
    for name, attr in op.conventions.items()
    if not attr.hidden
    for choice in attr.choices or (0.0, 0.5, 1.0)
]


@pytest.mark.parametrize(("op", "name", "choice"), CHOICES, ids=[f"{op.name}-{n}-{c}" for op, n, c in CHOICES])
def test_every_formula_of_a_convention(op: Op, name: str, choice: str | float) -> None:
    """One that a node asks for by itself has words of its own."""
    sample = op.samples[0]
    call = sample_call(op, structs.replace(sample, attrs={**sample.attrs, name: choice}))
    timeline = Timeline(graph_of(call, np.cos(np.arange(call.value.size) + 1.0).reshape(call.value.shape)))
    for event in timeline:
        if event.phase == BACKWARD:
            typed_back(timeline, event)
