"""Gradients put to the test where others write their tests: of a scenario, a PyTorch module, a JAX function."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from math import inf
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import Struct

from bpdebug.arrays import cell_text
from bpdebug.checks.first_wrong import check
from bpdebug.checks.whole_graph import gradcheck
from bpdebug.engine import Timeline
from bpdebug.engine.closeness import index_of, relative
from bpdebug.errors import BpdebugError, InputError, UsageError, suggest
from bpdebug.explain.leaf_gradients import GradientRow
from bpdebug.importers import open_any
from bpdebug.importers.jaxpr import from_jax
from bpdebug.ops.unwritten import OPAQUE
from bpdebug.scenario import Scenario, open_timeline

if TYPE_CHECKING:
    from bpdebug.frontends.watched import WatchedStep

NONE = "none"


class Wrong(Struct, frozen=True):
    """A gradient that is not what it should be: at which node, of what, by which formula, and the worst cell of it.

    `right` is what finite differences, or our rule, give; `by` says which.
    """

    node: str
    name: str
    formula: str
    cell: tuple[int, ...]
    found: float | None
    right: float | None
    error: float | None
    by: str
    line: str = ""
    aliases: tuple[str, ...] = ()

    def __str__(self) -> str:
        at = f"the gradient ∂{self.name} is wrong" + (f" at {self.node}" if self.node else "")
        lines = [at + (f" ({self.line})" if self.line else "")]
        if self.formula:
            lines.append(f"  formula:  {self.formula}")
        if self.found is not None:
            error = "" if self.error is None else f", relative error {self.error:.3g}"
            lines += [f"  cell:     {cell_text(f'∂{self.name}', self.cell)}{error}", f"  found:    {self.found!r}"]
            lines.append(f"  {self.by + ':':<9} {self.right!r}")
        return "\n".join(lines)


def assert_gradients(
    x: Any, *args: Any, loss: Callable[[Any], Any] | None = None, wrt: str | Sequence[str] | None = None,
    rtol: float = 1e-6, first_wrong: str = NONE,
) -> None:  # fmt: skip
    """Fails where a gradient is wrong: names the first wrong node on the way back, its formula, and the worst cell.

    `x` is a scenario or its path: every rule is held against central differences, and the gradients of the leaves end
    to end, to `rtol`. A `torch.nn.Module` on its inputs `args` (a mapping gives keywords): one step is run, with
    `loss` of its output, else the sum, and what PyTorch hands on at each node, custom Functions among them, is held
    against our rules, down to the inputs, where the model lets them take gradients; the parameters' own gradients are
    left as they were. A JAX function on its `args`: `jax.grad`,
    derivatives of one's own among them, against our rules, leaf by leaf. `wrt` names leaves that are looked at, all by
    default. `first_wrong` is the node, or the function, that is expected to be wrong.

    Raises AssertionError; InputError where x cannot be opened or judged, UsageError for what cannot be meant.
    """
    __tracebackhide__ = True
    try:
        found = next(_wrong(x, args, loss, [wrt] if isinstance(wrt, str) else wrt, rtol), None)
    except BpdebugError as error:
        raise error.with_traceback(None) from None  # it says what is meant: the way to it is ours
    said = "" if first_wrong == NONE else f"'{first_wrong}' was expected to be the first"
    if found is None and said:
        raise AssertionError(f"nothing is wrong, and {said}")
    if found is not None and first_wrong not in (found.node, *found.aliases):
        raise AssertionError(f"{said}\n{found}".lstrip())


def _wrong(
    x: Any, args: tuple[Any, ...], loss: Callable[[Any], Any] | None, wrt: Sequence[str] | None, rtol: float
) -> Iterator[Wrong]:
    """What is wrong, the first on the way back first."""
    if not 0 <= rtol < inf:
        raise UsageError(f"rtol is {rtol!r}", hint="a number, 0 or more: rtol=1e-6")
    if wrt is not None and not wrt:
        raise UsageError("wrt names no leaf, so nothing would be looked at", hint="leave it out for all of them")
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(x, torch.nn.Module):
        return _of_torch(x, args, loss, wrt)
    if isinstance(x, Scenario | str | os.PathLike):
        if args or loss is not None:
            raise UsageError("a scenario says its inputs and its loss itself", hint="assert_gradients('two_layer')")
        return _of_scenario(x if isinstance(x, Scenario) else open_any(x), wrt, rtol)
    if not callable(x):
        raise UsageError(f"assert_gradients of {type(x).__name__}", hint="a scenario, a torch module, a JAX function")
    if not args:
        raise UsageError("a function of JAX is given its parameters", hint="assert_gradients(loss, params, x)")
    return _of_jax(x if loss is None else lambda *given: loss(x(*given)), args, wrt, rtol)


def _checked(wrt: Sequence[str] | None, known: Sequence[str]) -> Sequence[str]:
    """The names that are looked at; UsageError for one that is none of a leaf."""
    for name in wrt or ():
        if name not in known:
            raise UsageError(f"wrt: no leaf '{name}'", hint=suggest(name, known, f"leaves: {', '.join(known[:8])}"))
    return known if wrt is None else wrt


def _of_scenario(scenario: Scenario, wrt: Sequence[str] | None, rtol: float) -> Iterator[Wrong]:
    timeline = open_timeline(scenario)
    names = _checked(wrt, [leaf.name for leaf in timeline.graph.leaves])
    checked = check(timeline, 0)
    for row in checked.rows:
        if row.node == checked.first_wrong and row.where is not None:
            formula, line = _rule(timeline, row.node, row.name), _line(timeline, row.node)
            yield Wrong(
                row.node, row.name, formula, row.cell, row.analytic, row.numeric, row.error, "numeric", line,
                (f"{row.node}@bwd",),
            )  # fmt: skip
    for leaf in gradcheck(timeline):
        if leaf.name in names and not leaf.kink and not leaf.error <= rtol:
            yield Wrong("", leaf.name, "", leaf.cell, leaf.analytic, leaf.numeric, leaf.error, "numeric")


def _rule(timeline: Timeline, node: str, operand: str) -> str:
    """The formula by which a node hands a gradient to an operand."""
    graph = timeline.graph
    k = graph.k(graph.index[node])
    operand = operand.removeprefix("∂")
    if k is None:
        return ""
    names, edges = graph.operand_names(k), dict(graph.edges(k))
    rules = [graph.plans[k].formula(p, names, node) for p in graph.positions(k, operand) if p in edges]
    return f"∂{operand} = {' + '.join(rules)}" if rules else ""


def _line(timeline: Timeline, node: str) -> str:
    found = timeline.graph.node(timeline.graph.index[node])
    return f"line {found.line}" if found is not None else ""


def _of_torch(
    model: Any, args: tuple[Any, ...], loss: Callable[[Any], Any] | None, wrt: Sequence[str] | None
) -> Iterator[Wrong]:
    from bpdebug.frontends.watched import watch  # only a module of PyTorch's needs it

    names = _checked(wrt, [name for name, _ in model.named_parameters()])
    before = [(p, p.grad) for p in model.parameters()]
    for p, _ in before:
        p.grad = None
    try:
        w = _stepped(watch(model), model, _asking(args), loss) or _stepped(watch(model), model, args, loss, last=True)
    finally:
        for p, grad in before:
            p.grad = grad
    assert w is not None  # the last one raises what it meets
    rows = w.differences()
    return (_handed(w.timeline, row) for row in rows if wrt is None or row.name in names)


def _asking(given: Any) -> Any:
    """The same inputs, those of floats with gradients of their own: what is handed on to them is judged, too."""
    import torch  # as above

    if isinstance(given, torch.Tensor):
        asks = given.is_floating_point() and not given.requires_grad
        return given.detach().requires_grad_() if asks else given
    if isinstance(given, Mapping):
        return {key: _asking(value) for key, value in given.items()}
    return tuple(map(_asking, given)) if type(given) is tuple else given


def _stepped(
    w: WatchedStep, model: Any, args: tuple[Any, ...], loss: Callable[[Any], Any] | None, *, last: bool = False
) -> WatchedStep | None:
    """A step that was watched and can be judged; None where it cannot be with these inputs, unless they are the last.

    A model may write into its inputs, or do with them what has no rule, where they take no gradients.
    """
    try:
        with w:
            out = model(**args[0]) if len(args) == 1 and isinstance(args[0], Mapping) else model(*args)
            if loss is None and not hasattr(out, "sum"):
                raise UsageError(f"the model gives a {type(out).__name__}", hint="say its loss: loss=lambda out: ...")
            (out.sum() if loss is None else loss(out)).backward()
        if unknown := [n.id for n in w.timeline.graph.nodes if n.op.name == OPAQUE]:
            hint = "bpdebug.register_torch_op gives a rule; watch shows what there is"
            raise InputError(f"no rule for {', '.join(unknown[:8])}: not judged", code="E_OP", hint=hint)
    except (RuntimeError, InputError):
        if last:
            raise
        return None
    return w


def _handed(timeline: Timeline, row: GradientRow) -> Wrong:
    aliases = tuple(name for name in (row.function, row.module, (row.function or "").removesuffix("Backward")) if name)
    rule = _rule(timeline, row.node, row.name) if row.node is not None and row.node in timeline.graph.index else ""
    formula = f"{rule}, handed on by {row.function}" if row.function else rule
    return Wrong(
        row.node or "", row.name, formula, row.cell or (), row.left, row.right, row.error, "our rule", row.line or "",
        aliases,
    )  # fmt: skip


def _of_jax(loss: Callable[..., Any], args: tuple[Any, ...], wrt: Sequence[str] | None, rtol: float) -> Iterator[Wrong]:
    import jax  # only a function of JAX needs it

    timeline = open_timeline(from_jax(loss, *args))
    graph = timeline.graph
    leaves = [leaf.name for leaf in graph.leaves if leaf.kind == "parameter"]
    names = _checked(wrt, leaves)
    made = jax.tree_util.tree_leaves(jax.grad(lambda *given: _number(loss(*given)))(*args))
    for name, theirs in zip(leaves, made, strict=True):
        ours = timeline.grad(name)
        right = np.zeros(theirs.shape) if ours is None else np.asarray(ours, np.float64)
        found = np.asarray(theirs, np.float64)
        floor = 1e-6 * max(float(np.abs(found).max(initial=0.0)), 1.0)
        errors = relative(found, right, floor)
        if name in names and errors.size and not errors.max() <= max(rtol, 10 * float(np.finfo(theirs.dtype).eps)):
            cell = index_of(errors)
            yield Wrong("", name, "", cell, float(found[cell]), float(right[cell]), float(errors[cell]), "our rule")


def _number(found: Any) -> Any:
    """A loss without what it leaves aside."""
    return found[0] if isinstance(found, tuple) else found
