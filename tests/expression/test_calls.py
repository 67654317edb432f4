"""Every op can be called where something is printed or watched, and says there what it says in a program."""

from __future__ import annotations

import contextlib

import numpy as np
import pytest

from bpdebug.engine import Timeline
from bpdebug.errors import BpdebugError
from bpdebug.expression import Scope, evaluate, holds, parse
from bpdebug.language import elaborate
from bpdebug.language.primitives import VOCABULARY
from bpdebug.ops import OPS, Op
from tests.expression.common import END, LEAVES, TIMELINE, array, refused
from tests.graphs import SAMPLES, assert_same, make, sample_call, step


@pytest.mark.parametrize(("op", "i"), SAMPLES, ids=[f"{op.name}-{i}" for op, i in SAMPLES])
def test_every_op_gives_the_value_of_its_node_bit_for_bit(op: Op, i: int) -> None:
    sample = op.samples[i]
    call = sample_call(op, sample)
    if op.draws or op.name in ("slice", "take_at"):
        return  # what is drawn, and what is no call
    leaves = {f"X{k}": x for k, x in enumerate(call.operands) if isinstance(x, np.ndarray)}
    timeline = Timeline(make({**leaves, "u": 1.0}, step("L", "square", "u"), loss="L"))
    names = [f"X{k}" if isinstance(x, np.ndarray) else str(x) for k, x in enumerate(call.operands)]
    attrs = [f"{k}={v!r}" for k, v in sample.attrs.items() if k in op.open_attrs]
    text = f"{op.name}({', '.join([*names, *attrs])})"
    text += f"[{sample.attrs['part']}]" if op.parts_of else ""
    found = evaluate(parse(text), Scope(timeline, len(timeline)))
    assert found.array is not None
    assert_same(found.array, call.value, text)
    assert (found.shape, found.dtype) == (call.value.shape, str(call.value.dtype))


@pytest.mark.parametrize(
    "call",
    [
        "softmax(X, axis=2)", "reshape(X, (5, 5))", "relu(X, W1)", "relu()", "sum(X, axes=0)", "sum(X, axis=0.5)",
        "X @ X",
        "maximum(X)", "permute(X, (0, 0))", "where(X, X, 0)", "leaky_relu(X, 0.1)", "X[9]", "k.T",
        "gelu(X, approximate='x')", "mean(X[0:0])", "pad(X, -1)", "X + W2", "split(X, 5, axis=0)[0]", "sum(X, axis=W1)",
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said_as_in_a_program(call: str) -> None:
    """Shapes too, which a program's graph says: there is one check of each op."""
    names = ("X", "W1", "W2", "ids", "k")

    def program() -> None:
        make({name: LEAVES[name] for name in names}, *elaborate(f"Y = {call}", names), into={"Y": np.ones(1)})

    error = refused(call)
    with pytest.raises(BpdebugError) as caught:
        program()
    assert error.message == caught.value.message.partition("': ")[2] or error.message == caught.value.message
    assert error.hint == caught.value.hint
    assert error.column is not None


def test_operands_are_expressions_and_attributes_are_known_numbers() -> None:
    assert_same(array("reshape(X @ W1, X.T.shape)"), array("X @ W1").reshape(3, 4))
    assert_same(array("softmax(X * 2, axis=rank(X) - 1)"), array("softmax(X * 2)"))
    assert array("gather(X, ids).shape == (4, 3)")
    assert array("one_hot(ids, depth=3).dtype == 'float64'")
    assert_same(array("split(X, 2)[-1]"), array("X[2:4]"))
    assert "gives a tuple of 2" in refused("split(X, 2)").message
    assert "draws a mask" in refused("dropout(X)").message
    assert "None stands in an index" in refused("X[None]").message
    assert refused("sum(X, axis=0.5)").column == 13
    assert refused("relu(X, 3)").column == 9
    assert holds(parse("max(softmax(grad)) <= 1"), Scope(TIMELINE, 20, TIMELINE.event(20)))
    assert evaluate(parse("relu(∂k)"), Scope(TIMELINE, END)).status == "no-path"
    assert set(OPS) > {"softmax"}


@pytest.mark.parametrize("op", VOCABULARY)
def test_a_call_with_too_little_or_too_much_is_a_value_or_refused(op: str) -> None:
    """Whatever stands in the brackets: nothing else than an error of ours comes out."""
    for given in ("", "X", "k", "X, 1", "X, X, X", "X, (9, 9)", "X, 10 ** 12", "X, ()", "X > 0", "X, axis=9", "X, inf"):
        with contextlib.suppress(BpdebugError):
            evaluate(parse(f"{op}({given})"), Scope(TIMELINE, END))
