"""The tables of a file: what is unknown, missing or of the wrong type is named, with its line and a suggestion."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from bpdebug.engine import OPTIMIZERS
from bpdebug.errors import BpdebugError
from bpdebug.scenario import load, open_timeline, shipped
from bpdebug.scenario.schema import File, Optimizer, Train, convert
from bpdebug.scenario.training import training_of
from tests.language.writing import text


def refused(content: str) -> BpdebugError:
    with pytest.raises(BpdebugError) as caught:
        load(content)
    assert caught.value.code == "E_SCHEMA", str(caught.value)
    assert caught.value.hint
    assert "\n" not in caught.value.message
    return caught.value


FAULTS: list[tuple[dict[str, str], int, str, str]] = [
    ({"top": 'tittle = "x"'}, 2, "a scenario has no key 'tittle'", "did you mean title?"),
    ({"top": "zzz = 1"}, 2, "'zzz'", "it may hold: format"),
    ({"graph": 'los = "L"'}, 11, "'graph' has no key 'los'", "loss"),
    ({"parameters": "W = { init = 'normal', scal = 1 }"}, 8, "'parameters.W' has no key 'scal'", "scale"),
    ({"parameters": "[parameters.W]\nshape = [3, 2]\nscal = 1"}, 10, "'scal'", "scale"),
    ({"more": "[train]\nlr = 0.1\nstep = 3"}, 20, "'train' has no key 'step'", "steps"),
    ({"more": "[train]\nsteps = 3"}, 18, "'train.lr' is missing", "add it"),
    ({"more": "[expect]\ngradchek = true"}, 19, "'gradchek'", "gradcheck"),
    ({"more": "[notes]\n'Y@bwd' = 3"}, 19, "'notes.Y@bwd' must be text in quotes, not 3", ""),
    ({"more": "[note]\nY = 'x'"}, 18, "'note'", "notes"),
    ({"more": "[derivation]\nprograms = 'x'"}, 19, "'programs'", "program"),
    ({"top": "title = 5"}, 2, "'title' must be text in quotes, not 5", ""),
    ({"top": "title = 2024-01-01"}, 2, "not a date", ""),
    ({"top": "title = ['a']"}, 2, "not an array", ""),
    ({"top": "title = { a = 1 }"}, 2, "not a table", ""),
    ({"top": "title = true"}, 2, "not true", ""),
    ({"top": 'dtype = "float8"'}, 2, '"float8"', "float32"),
    ({"top": "seed = -1"}, 2, "an integer of at least 0, not -1", ""),
    ({"top": "seed = 1.5"}, 2, "not 1.5", ""),
    ({"top": "seed = true"}, 2, "not true", ""),
    ({"inputs": 'X = "a"'}, 5, "'inputs.X' must be", ""),
    ({"inputs": "X = 2024-01-01"}, 5, "not a date", ""),
    ({"parameters": 'W = { shape = [3, 2], init = "norml" }'}, 8, '"norml"', "did you mean normal?"),
    ({"parameters": 'W = { shape = [3, 2.0], init = "normal" }'}, 8, "'parameters.W.shape' must be an integer", ""),
    ({"parameters": 'W = { shape = [3, true], init = "normal" }'}, 8, "not true", ""),
    ({"parameters": 'W = { shape = [3, -2], init = "normal" }'}, 8, "of at least 0, not -2", ""),
    ({"parameters": 'W = { shape = 3, init = "normal" }'}, 8, "an array", ""),
    ({"parameters": 'W = { init = "normal", scale = "a" }'}, 8, "W.scale' must be a number", ""),
    ({"parameters": 'W = { value = [1], dtype = "O" }'}, 8, '"O"', "int64"),
    ({"parameters": "W = { value = 'x' }"}, 8, "'parameters.W.value'", ""),
    ({"parameters": "W = {}"}, 8, "'W': value, init or file is missing", "init ="),
    ({"parameters": "W = { shape = [3, 2] }"}, 8, "shape needs init", ""),
    ({"parameters": 'W = { init = "ones" }'}, 8, "init needs shape", ""),
    ({"parameters": 'W = { value = 1, file = "w.npy" }'}, 8, "value and file exclude each other", ""),
    ({"parameters": "W = { value = 1, scale = 2.0 }"}, 8, "scale belongs to init", ""),
    ({"parameters": "W = { value = 1, name = 'W' }"}, 8, "name belongs to file", ""),
    ({"graph": "loss = 1"}, 11, "'graph.loss' must be text in quotes, not 1", ""),
    ({"graph": 'incoming = { Y = "one" }'}, 11, '"one"', "ones"),
    ({"graph": 'incoming = { Y = { init = "ones", shape = [1] } }'}, 11, "incoming.Y' has no key 'shape'", ""),
    ({"graph": 'incoming = { Y = [["a"]] }'}, 11, "'∂Y' holds the text", ""),
    ({"more": '[train]\noptimizer = "sdg"\nlr = 0.1\nsteps = 1'}, 19, '"sdg"', "sgd"),
    ({"more": "[train]\nlr = 0.1\nsteps = 0"}, 20, "of at least 1, not 0", ""),
    ({"more": "[expect]\nvalues.h.1 = [1.0]"}, 19, "'expect.values.h' must be", 'values."h.1"'),
    ({"more": '[expect]\nerror = "E_NOPE"'}, 19, '"E_NOPE"', "E_NAME"),
    ({"more": "[expect]\nrtol = -1.0"}, 19, "of at least 0", ""),
    ({"more": '[expect]\nfault = { at = "S", kind = "NaN" }'}, 19, '"NaN"', "nan"),
    ({"more": "[expect]\nformulas.Y = 1"}, 19, "'expect.formulas.Y'", ""),
    ({"more": "[expect]\nformulas.Y = [1]"}, 19, "'expect.formulas.Y' must be text", ""),
]
"""Parts of a scenario, the line of the fault, and what is said of it."""


@pytest.mark.parametrize(("parts", "line", "says", "hint"), FAULTS)
def test_what_does_not_fit_is_named(parts: dict[str, str], line: int, says: str, hint: str) -> None:
    error = refused(text(**parts))
    assert says in error.message, str(error)
    assert hint in error.hint, str(error)
    assert error.where == f"<text>:{line}", str(error)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("\n", "'format' is missing"),
        ("format = 1\n", "'graph' is missing"),
        ("format = 2\n[graph]\nprogram = ''", "'format' must be 1, not 2"),
        ("format = true\n[graph]\nprogram = ''", "not true"),
        ("format = 1.0\n[graph]\nprogram = ''", "not 1.0"),
        ("format = 1\n[graph]\nloss = 'L'", "'graph.program' is missing"),
        ("format = 1\ngraph = 'L'\n", "'graph' must be a table"),
        ("format = 1\n[[graph]]\nprogram = ''", "'graph' must be a table, not an array"),
        ("format = 1\ninputs = [1]\n[graph]\nprogram = ''", "'inputs' must be a table"),
    ],
)
def test_what_every_file_needs(content: str, says: str) -> None:
    assert says in refused(content).message


def test_hostile_keys_are_shown_on_one_short_line() -> None:
    error = refused(text(top='"x\\nerror[E_BUG] y: ' + "z" * 5000 + '" = 1'))
    assert len(error.message) < 200
    assert "\\n" in error.message


def test_the_catalogue_of_the_contract_fits() -> None:
    """Everything that may stand in a file, in one table (it need not make sense together)."""
    made = convert(
        {
            "format": 1, "title": "t", "about": "a", "dtype": "float32", "seed": 0,
            "inputs": {"X": [[1, 2.5]], "k": 0.5, "ids": {"value": [0], "dtype": "int64"}},
            "parameters": {"W": {"shape": [3, 2], "init": "normal", "scale": 0.5}, "E": {"file": "w.npz", "name": "E"}},
            "graph": {"loss": "L", "incoming": {"Y": [[1.0]], "Z": "ones", "Q": {"init": "normal"}}, "program": ""},
            "notes": {"Y@bwd": "n"}, "language": "en",
            "lang": {"zh": {"title": "t", "about": "a", "notes": {"Y@bwd": "n"}}}, "derivation": {"program": "dY = 1"},
            "train": {"optimizer": "adam", "lr": 1, "steps": 3},
            "expect": {
                "gradcheck": True, "rtol": 1e-9, "atol": 0, "loss": 1, "values": {"h.1": [[1]]}, "grads": {"W": 0.5},
                "formulas": {"Y@bwd": {"X": "∂Y"}, "Z@bwd": ["∂Z"]}, "fault": {"at": "S@bwd", "kind": "nan"},
                "error": "E_SHAPE", "derivation": {"first_wrong": "none"},
            },
        },
        File,
    )  # fmt: skip
    train = made.train
    assert train
    settings = training_of(train).settings
    assert [settings[name] for name in ("lr", "beta1", "beta2", "eps", "weight_decay")] == [1, 0.9, 0.999, 1e-8, 0]


def test_the_optimizers_and_their_settings_are_those_of_the_table() -> None:
    assert set(get_args(Optimizer)) == OPTIMIZERS.keys()
    known = {name for optimizer in OPTIMIZERS.values() for name in optimizer.settings_of({})}
    assert set(Train.__struct_fields__) == known | {"optimizer", "steps"}


@pytest.mark.parametrize(
    ("line", "says", "hint"),
    [
        ("beta1 = 1.0", "'train.beta1' must be a number of at least 0 and below 1, not 1.0", ""),
        ("beta1 = -0.1", "of at least 0", ""),
        ("beta2 = 1", "below 1, not 1", ""),
        ("eps = -1e-8", "'train.eps' must be a number of at least 0", ""),
        ("alpha = 1.0", "'train.alpha' must be a number of at least 0 and below 1", ""),
        ("weight_decay = -0.1", "'train.weight_decay' must be a number of at least 0", ""),
        ("momentum = -0.9", "'train.momentum' must be a number of at least 0", ""),
        ("lr_decay = -1", "'train.lr_decay' must be a number of at least 0", ""),
        ("clip_norm = 0", "'train.clip_norm' must be a number above 0, not 0", ""),
        ("clip_value = -1.0", "'train.clip_value' must be a number above 0", ""),
        ("nesterov = 1", "'train.nesterov' must be true or false", ""),
        ("amsgrad = true", "'train' has no key 'amsgrad'", "it may hold"),
        ("alpha = 0.9", "adam has no setting 'alpha'", "alpha belongs to rmsprop"),
        ("dampening = 0.1", "adam has no setting 'dampening'", "adam takes lr, beta1, beta2, eps, weight_decay"),
    ],
)
def test_settings_out_of_bounds_are_refused(line: str, says: str, hint: str) -> None:
    error = refused(text(more=f'[train]\noptimizer = "adam"\nlr = 0.1\nsteps = 3\n{line}'))
    assert error.code == "E_SCHEMA"
    assert says in error.message, str(error)
    assert hint in error.hint
    assert error.where.startswith("<text>:"), "the line of the key, or of its table"


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ('optimizer = "sgd"\nlr = 0.1\nnesterov = true', "nesterov needs a momentum, and no dampening"),
        ('optimizer = "momentum"\nlr = 0.1\nnesterov = true\ndampening = 0.1', "nesterov needs a momentum"),
        (
            "lr = -0.1",
            "'train.lr' must be a number of at least 0 or an array, each item a number of at least 0, not -0.1",
        ),
        ("lr = [0.1, 0.2]", "'train.lr' has 2 numbers for 3 steps"),
        ("lr = []", "'train.lr' has 0 numbers for 3 steps"),
        ("lr = [0.1, -0.2, 0.1]", "at least 0"),
        ('lr = [0.1, "a", 0.1]', '"a"'),
    ],
)
def test_settings_that_do_not_go_together_are_refused(lines: str, says: str) -> None:
    error = refused(text(more=f"[train]\nsteps = 3\n{lines}"))
    assert error.code == "E_SCHEMA"
    assert says in error.message, str(error)
    assert error.hint


def test_a_rate_a_step() -> None:
    scenario = load(text(more="[train]\nsteps = 3\nlr = [1, 0.5, 0.25]"))
    timeline = open_timeline(scenario)
    for t, lr in enumerate((1.0, 0.5, 0.25)):
        at = (t + 1) * timeline.schedule.per_iteration - 1
        step = timeline.value("W", at - 1) - timeline.value("W", at)
        np.testing.assert_allclose(step, lr * np.asarray(timeline.grad("W", at)), rtol=1e-12)


def test_the_lessons_are_listed_in_the_order_in_which_they_are_learnt() -> None:
    names = [s.name for s in shipped()]
    assert names.index("transpose") < names.index("two_layer") < names.index("attention")
    assert all(s.title and s.about for s in shipped())
