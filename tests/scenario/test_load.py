"""From a file to a scenario: the whole way, the lessons, derivations, and what a scenario expects."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bpdebug.errors import BpdebugError, InputError
from bpdebug.graph import INPUT, PARAMETER
from bpdebug.limits import Limits
from bpdebug.scenario import Scenario, expected_error, find, load, open_timeline
from tests.language.writing import text
from tests.lessons import NAMES

LESSONS = list(NAMES)


def refused(content: str, **options: object) -> BpdebugError:
    with pytest.raises(BpdebugError) as caught:
        load(content, **options)  # type: ignore[arg-type]
    assert caught.value.hint
    return caught.value


def test_a_scenario_holds_what_its_file_says() -> None:
    made = load(
        text(
            top='title = "a title"\nabout = """\nlong\n"""\nseed = 3\ndtype = "float32"',
            more='[notes]\n"Y@bwd" = "a note"\n[train]\nlr = 0.1\nsteps = 2\n[expect]\nloss = 1.5\n'
            '[derivation]\nprogram = "dY = 2 * Y"',
        )
    )
    assert (made.name, made.title, made.about, made.seed) == ("<text>", "a title", "long", 3)
    assert made.dtype == np.float32
    assert made.program == "\nY = X @ W\nL = mean(Y ** 2)\n"
    assert made.lines[made.program_line + 1 - 1] == "Y = X @ W"
    assert [made.lines[n.line - 1] for n in made.graph.nodes] == ["Y = X @ W"] + ["L = mean(Y ** 2)"] * 2
    assert [(leaf.name, leaf.kind, leaf.dtype.name) for leaf in made.graph.leaves] == [
        ("X", INPUT, "float32"), ("W", PARAMETER, "float32"),
    ]  # fmt: skip
    assert made.notes == {"Y@bwd": "a note"}
    assert made.train is not None
    assert (made.train.optimizer, made.train.lr, made.train.steps) == ("sgd", 0.1, 2)
    assert made.expect is not None
    assert made.expect.loss == 1.5
    assert made.derivation is not None
    assert [s.id for s in made.derivation.steps] == ["dY"]


def test_leaves_are_in_file_order_inputs_first() -> None:
    made = load(text(inputs="X = [[1, 2, 3]]\nA = 1\nk = 2", parameters="W = [[1], [2], [3]]\nB = 1"))
    assert [leaf.name for leaf in made.graph.leaves] == ["X", "A", "k", "W", "B"]


@pytest.mark.parametrize(
    ("parts", "code", "where", "says"),
    [
        ({"inputs": '"h.1" = 1.0'}, "E_NAME", 5, "h.1"),
        ({"inputs": "lambda = 1.0"}, "E_NAME", 5, "lambda"),
        ({"inputs": '"\\uFB01" = 1.0'}, "E_NAME", 5, "look like others"),
        ({"inputs": "x" * 300 + " = 1.0"}, "E_NAME", 5, "300 characters"),
        ({"inputs": "W = 1.0"}, "E_NAME", 8, "an input and a parameter"),
        ({"graph": ""}, "E_LOSS", 10, "no loss"),
        ({"graph": 'loss = "L"\nincoming = { Y = "ones" }'}, "E_LOSS", 10, "loss"),
        ({"graph": "incoming = {}"}, "E_LOSS", 10, "no loss"),
        ({"graph": 'loss = "Q"'}, "E_LOSS", 11, "'Q'"),
        ({"graph": 'loss = "Y"'}, "E_LOSS", 11, "(2, 2)"),
        ({"graph": "incoming = { Y = [1.0] }"}, "E_SHAPE", 11, "(1,)"),
        ({"program": "Y = X @ X\nL = mean(Y)"}, "E_SHAPE", 15, "inner sizes"),
        ({"program": "Y = X\nL = meen(Y)"}, "E_OP", 16, "meen"),
        ({"more": "[train]\nlr = 0.1\nsteps = 9999999"}, "E_LIMIT", 20, "steps"),
        ({"more": "[derivation]\nprogram = '''\ndY = Y\n\ndW = X.T @ dZ'''"}, "E_NAME", 22, "dZ"),
        ({"more": "[derivation]\nprogram = '''\ndY = (Y\n'''"}, "E_SYNTAX", 20, "closed"),
        ({"more": "[derivation]\nprogram = 'X = Y'"}, "E_NAME", 19, "a tensor of the program"),
    ],
)
def test_refusals_have_their_place(parts: dict[str, str], code: str, where: int, says: str) -> None:
    error = refused(text(**parts))
    assert (error.code, error.where) == (code, f"<text>:{where}"), str(error)
    assert says in error.message


def test_a_derivation_reads_tensors_and_gradients_and_assigns_gradients() -> None:
    made = load(text(more="[derivation]\nprogram = '''\ndY = Y * 2\ndW = Xᵀ @ ∂Y\nhelp = dL + dX\n'''"))
    assert made.derivation is not None
    found = [(s.id, s.inputs, made.lines[s.line - 1]) for s in made.derivation.steps if s.op != "transpose"]
    assert found[1:] == [
        ("dW", ("transpose1", "dY"), "dW = Xᵀ @ ∂Y"),
        ("help", ("dL", "dX"), "help = dL + dX"),
    ]


def test_gradients_that_come_in() -> None:
    incoming = 'incoming = { Q = [[1, 2], [3, 4]], Z = "ones", Y = { init = "normal" } }'
    made = load(text("Y = X @ W\nZ = relu(Y)\nQ = exp(Y)", graph=incoming))
    arrays = {made.graph.names[t]: read() for t, read in made.graph.incoming.items() if read is not None}
    assert list(arrays) == ["Y", "Z", "Q"]
    assert arrays["Z"].tolist() == [[1, 1], [1, 1]]
    assert arrays["Q"].tolist() == [[1, 2], [3, 4]]
    assert arrays["Y"].shape == (2, 2)
    assert not any(a.flags.writeable for a in arrays.values())


def test_memory_is_counted_with_the_gradients() -> None:
    content = text("L = mean(B)", inputs='B = { shape = [1000, 1000], init = "zeros" }')
    assert load(content, limits=Limits({"memory": 20 << 20}))
    assert refused(content, limits=Limits({"memory": 15 << 20})).code == "E_LIMIT"


@pytest.mark.parametrize(("optimizer", "arrays"), [("sgd", 4), ("momentum", 7), ("adam", 10)])
def test_memory_is_counted_with_the_states_before_and_after_an_update(optimizer: str, arrays: int) -> None:
    """W and its gradient; each state at 0; then W and the states as they were, and as they become."""
    content = text("L = mean(W)", parameters='W = { shape = [1024, 1024], init = "zeros" }')
    content += f'[train]\noptimizer = "{optimizer}"\nlr = 0.1\nsteps = 3\n'
    scratch = max(plan.scratch for plan in load(content).graph.plans)
    most = arrays * 8 * 1024**2 + scratch + 100
    loaded = load(content)
    assert open_timeline(loaded, budget=most)
    with pytest.raises(InputError, match="this takes at least") as caught:
        open_timeline(loaded, budget=most - 200)
    assert caught.value.code == "E_LIMIT"


# --- the lessons


@pytest.mark.parametrize("name", LESSONS)
def test_every_lesson_can_be_opened_by_name(name: str) -> None:
    made = load(name)
    assert made.path == find(name)
    assert made.title
    assert made.expect is not None
    for node in made.graph.nodes:
        assert made.lines[node.line - 1].strip()


def test_a_name_that_is_none_has_a_suggestion() -> None:
    error = refused("two_layers")
    assert error.code == "E_FILE"
    assert "two_layer" in error.hint


def test_a_file_comes_before_a_lesson_of_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "two_layer").write_text(text(top='title = "mine"'), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert load("two_layer").title == "mine"


def test_importing_the_schema_does_not_need_textual() -> None:
    code = "import sys, bpdebug.scenario; assert not {'textual', 'rich', 'hypothesis'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


# --- files that must be refused


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (text("Y = X @ X", more='[expect]\nerror = "E_SHAPE"'), "E_SHAPE"),
        (text(top="unknown = 1", more='[expect]\nerror = "E_SCHEMA"'), "E_SCHEMA"),
        (text(), None),
        (text(more='[expect]\nerror = "E_NOPE"'), None),
        ("= =\n", None),
        ("expect = 1\n", None),
    ],
)
def test_what_a_file_says_it_must_be_refused_with(content: str, code: str | None) -> None:
    assert expected_error(content) == code


def test_a_scenario_cannot_be_changed() -> None:
    made: Scenario = load(text())
    with pytest.raises(AttributeError):
        made.title = "other"  # type: ignore[misc]
