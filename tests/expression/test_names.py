"""What names mean: tensors, gradients, words, numbers; places that `set` and `origin` take."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bpdebug.engine import Timeline
from bpdebug.errors import BpdebugError
from bpdebug.expression import Scope, evaluate, names_in, parse, target
from bpdebug.expression.names import beginning, gradients_beginning
from tests.counting import growth, work
from tests.expression.common import END, LEAVES, TIMELINE, array, ask, refused
from tests.graphs import assert_same, make, step
from tests.large import chain
from tests.lessons import scenario


def value(name: str, position: int = END) -> Any:
    found = TIMELINE.value_at(TIMELINE.graph.index[name], position)
    assert found is not None
    return found


def grad(name: str, position: int = END) -> Any:
    return TIMELINE.grad_at(TIMELINE.graph.index[name], position)


# --- names


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("X", lambda: value("X")), ("enc1.matmul1", lambda: value("enc1.matmul1")), ("h.1", lambda: value("h.1")),
        ("dY", lambda: grad("Y")), ("∂Y", lambda: grad("Y")), ("denc1.attn1.q", lambda: grad("enc1.attn1.q")),
        ("∂h.1", lambda: grad("h.1")), ("dh.1", lambda: grad("h.1")), ("W1.T", lambda: value("W1").mT),
        ("W1ᵀ", lambda: value("W1").mT), ("∂W1ᵀ", lambda: grad("W1").mT), ("dW1.T", lambda: grad("W1").mT),
        ("enc1.matmul1.T", lambda: value("enc1.matmul1").mT), ("X.T.T", lambda: value("X")),
        ("Xᵀᵀ", lambda: value("X")),
        ("D.mask", lambda: value("D.mask")), ("dk", lambda: LEAVES["dk"]), ("ids", lambda: LEAVES["ids"]),
        ("X[1]", lambda: value("X")[1]), ("X[-1, 0:2]", lambda: value("X")[-1, 0:2]),
        ("X[..., 1]", lambda: value("X")[..., 1]),
        ("X[::-1, :]", lambda: value("X")[::-1]), ("X[1:][0, 2]", lambda: np.asarray(value("X")[1, 2])),
        ("X[X.shape[0] - 1]", lambda: value("X")[3]), ("X[9:]", lambda: value("X")[9:]), ("X[...]", lambda: value("X")),
        ("X.T[0]", lambda: value("X").mT[0]), ("∂ Y", lambda: grad("Y")),
    ],
)  # fmt: skip
def test_names(text: str, wanted: Any) -> None:
    assert_same(array(text), wanted(), text)


def test_a_tensor_called_dk_is_no_gradient_and_the_sign_always_is() -> None:
    assert_same(array("dk"), LEAVES["dk"])
    assert ask("∂k").status == "no-path"
    assert ask("∂dk").status == "no-path"


def test_tensors_hide_numbers_words_and_functions() -> None:
    leaves = {"nan": np.float64(3), "op": np.float64(4), "norm": np.array([3.0, 4.0]), "T": np.ones((2, 3))}
    leaves["d"] = np.ones(2)
    made = make(leaves, step("Y", "mul", "nan", "op"), step("T.T", "mul", "Y", 2.0), into={"T.T": np.float64(1)})
    scope = Scope(Timeline(made), 1, Timeline(made).event(1))
    answers = {"nan": 3, "op": 4, "norm(norm)": 5, "T.T": 24, "inf > 1": 1, "sum(d)": 2, "dd": None}
    for text, wanted in answers.items():
        found = evaluate(parse(text), scope)
        assert (None if found.array is None else float(found.array)) == wanted
    assert evaluate(parse("T[0:1].T.shape"), scope).plain == (3, 1)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("w1", "did you mean W1?"), ("dw1", "did you mean dW1?"), ("enc1.matmul", "did you mean enc1.matmul1?"),
        ("W3", "did you mean W2?"), ("∂W3", "did you mean W2?"), ("dW3", "did you mean dW2?"), ("Z", "info tensors"),
        ("node", "conditions"), ("layer", ""), ("X.1", ""), ("shape", ""),
    ],
)  # fmt: skip
def test_unknown_names_are_told_with_the_nearest(text: str, hint: str) -> None:
    error = refused(f"1 + {text}")
    assert error.column == 5
    assert hint in error.hint + error.message


def test_the_contracts_example_of_a_misspelt_gradient() -> None:
    ones = np.ones((2, 2))
    made = make({"X": ones, "W": ones}, step("Y", "matmul", "X", "W"), into={"Y": ones})
    with pytest.raises(BpdebugError) as caught:
        evaluate(parse("dZ"), Scope(Timeline(made), 0))
    assert (caught.value.message, caught.value.hint) == ("no tensor 'dZ'", "did you mean dY?")


def test_names_in() -> None:
    found = names_in(parse("norm(dW1) > sum(X.T @ ∂Y)[0:1] and (k, 2) == dk.shape and nan < 1"), TIMELINE.graph)
    assert sorted(map(str, found)) == ["X", "dk", "k", "∂W1", "∂Y"]
    assert names_in(parse("grad + event"), TIMELINE.graph, condition=True) == frozenset()


@pytest.mark.parametrize(
    ("text", "shown", "key", "cell", "shape"),
    [
        ("W1", "W1", (), None, (3, 3)), ("dW1[0, -1]", "∂W1", (0, -1), (0, 2), ()), ("∂W1[1]", "∂W1", (1,), None, (3,)),
        ("(W1)[0:2]", "W1", (slice(0, 2, None),), None, (2, 3)), ("L", "L", (), (), ()),
        ("h.1[0, 1]", "h.1", (0, 1), (0, 1), ()),
        ("X[..., 0]", "X", (..., 0), None, (4,)),
    ],
)  # fmt: skip
def test_target(text: str, shown: str, key: Any, cell: Any, shape: Any) -> None:
    found = target(parse(text), TIMELINE.graph)
    assert (str(found.reference), found.key, found.cell, found.shape) == (shown, key, cell, shape)


@pytest.mark.parametrize("text", [
    "1", "W1+1", "W1.T", "W1[0][0]", "norm(W1)", "W1[9,9]", "nan", "nope", "W1.T[0]", "node",
])  # fmt: skip
def test_no_target(text: str) -> None:
    with pytest.raises(BpdebugError) as caught:
        target(parse(text), TIMELINE.graph)
    assert caught.value.code == "E_EXPR"


def test_a_misspelt_name_costs_little_for_each_name_of_a_large_graph() -> None:
    def ask(count: int) -> None:
        with pytest.raises(BpdebugError):
            evaluate(parse("denc7.layr9"), scopes[count])

    scopes = {}
    for count in (1000, 2000, 20_000):
        names = [f"enc{i // 100}.layer{i % 100}" for i in range(count)]
        steps = [step(n, "mul", names[i - 1] if i else "x", 1.0, line=i + 1) for i, n in enumerate(names)]
        scopes[count] = Scope(Timeline(make({"x": np.float64(1)}, *steps, loss=names[-1])), 0)
    ask(20_000)
    assert growth(ask, 1000) < 2.2


@pytest.mark.parametrize("name", ["lstm", "transformer_block", "embedding"])
def test_names_that_begin_like_a_text_are_those_of_all_that_do(name: str) -> None:
    graph = scenario(name).graph
    grads = [f"d{n}" for t, n in enumerate(graph.names) if graph.takes_gradient(t)]
    for text in ["", "d", "z", "\U0010ffff", *graph.names, *(n[:k] for n in graph.names for k in (1, 2, 5)), *grads]:
        assert [graph.names[t] for t in beginning(graph, text)] == sorted(n for n in graph.names if n.startswith(text))
        assert [*gradients_beginning(graph, text)] == sorted(n for n in grads if n.startswith(text))


def test_of_a_large_graph_those_names_are_looked_at_that_a_word_may_become() -> None:
    graph = chain(4000).graph
    (first,) = beginning(graph, "L")  # puts them in order
    assert first == len(graph.names) - 1
    asked = work(lambda: [*beginning(graph, "h.397"), *gradients_beginning(graph, "dh.397")])
    assert asked.lines < 500
