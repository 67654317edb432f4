"""Where two timelines part: the first event, what differs, and by how much."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import bpdebug
from bpdebug.debugger import open_session, update
from bpdebug.engine import Timeline
from bpdebug.explain.difference import Difference, first_difference, gradient_changes
from bpdebug.importers.trace import open_recording, replayed
from bpdebug.scenario import open_timeline
from bpdebug.views import view
from bpdebug.views.compare import compared
from tests.lessons import NAMES
from tests.recordings import TRAINED, recorded

TEXT = """
format = 1
[inputs]
X = [[1.0, 2.0], [3.0, 4.0]]
[parameters]
W = [[1.0, 0.5], [0.25, 2.0]]
[graph]
loss = "L"
program = '''
Y = X @ W
Z = tanh(Y)
L = sum(Z)
'''
"""


def timeline(text: str) -> Timeline:
    return bpdebug.run(bpdebug.load(text))


@pytest.mark.parametrize("name", [*NAMES, TRAINED])
def test_a_recording_replayed_is_the_same_hash_for_hash(name: str, tmp_path: Path) -> None:
    path = recorded(tmp_path, name)
    again = recorded(tmp_path, replayed(path), "again")
    ours, theirs = (open_recording(p).recording for p in (path, again))
    assert ours is not None
    assert theirs is not None
    assert ours.events == theirs.events
    assert all(ours.digests(k) == theirs.digests(k) for k in range(ours.events))
    assert first_difference(open_timeline(open_recording(path)), timeline(name)) is None


def test_a_leaf_that_differs_is_named_at_the_first_event_that_uses_it() -> None:
    found = first_difference(timeline(TEXT), timeline(TEXT.replace("2.0]]\n[graph]", "2.5]]\n[graph]")))
    assert found == Difference(0, "Y", "leaf W", 0.2, (1, 1), 2.0, 2.5, "float64")


def test_another_op_differs_in_the_value_of_its_node() -> None:
    found = first_difference(timeline(TEXT), timeline(TEXT.replace("tanh(Y)", "sigmoid(Y)")))
    assert found is not None
    assert (found.event, found.node, found.what) == (1, "Z", "value")
    assert found.error is not None
    assert 0 < found.error < 1


def test_a_clamped_logarithm_differs_in_a_value_and_only_by_a_convention() -> None:
    program = "[inputs]\np = [0.0, 0.5]\nt = [1.0, 0.0]\n[graph]\nloss = 'L'\nprogram = 'L = bce(p, t)'\n"
    sides = [f"format = 1\nconventions = '{name}'\n{program}" for name in ("default", "torch", "keras")]
    for other, value in (("torch", 100), ("keras", -np.log(1e-7))):
        found = first_difference(timeline(sides[0]), timeline(sides[1 if other == "torch" else 2]))
        assert found is not None
        assert (found.node, found.what, found.left) == ("L", "value", np.inf)
        assert found.right == pytest.approx((value + np.log(2)) / 2)
        assert found.convention is not None
        assert found.convention[0] == ("bpdebug",)
        assert other in found.convention[1]


def test_another_program_differs_in_its_events() -> None:
    found = first_difference(timeline(TEXT), timeline(TEXT.replace("Z", "H")))
    assert found == Difference(1, "Z", "event")


def test_a_rule_that_was_replaced_differs_in_a_contribution_and_nowhere_before() -> None:
    session = bpdebug.Session(bpdebug.load(TEXT))
    session.do("set rule Z@bwd Y = dZ * 2")
    found = first_difference(timeline(TEXT), session.state.timeline)
    assert found is not None
    assert (found.event, found.node, found.what) == (5, "Z", "contribution to Y")


def test_a_gradient_that_was_overridden_differs_where_it_is_complete() -> None:
    session = bpdebug.Session(bpdebug.load(TEXT))
    session.do("set dY[0, 1] = 5")
    found = first_difference(timeline(TEXT), session.state.timeline)
    assert found is not None
    assert (found.event, found.what, found.cell, found.right) == (5, "∂Y", (0, 1), 5.0)


def test_a_fork_survives_its_recording_bit_for_bit(tmp_path: Path) -> None:
    from bpdebug.frontends.recorder import record

    session = bpdebug.Session(bpdebug.load(TEXT))
    for line in ("set dY[0, 1] = 5", "set rule Z@bwd Y = dZ * 2", "set W[0, 0] = 3"):
        session.do(line)
    state = session.state
    record(tmp_path / "fork.bptrace", state.scenario, state.timeline)
    opened = open_recording(tmp_path / "fork.bptrace")
    assert first_difference(open_timeline(opened), state.timeline) is None
    assert opened.recording is not None
    assert opened.recording.notice.startswith(
        "recorded after set dY[0, 1] = 5; set rule Z@bwd Y = dZ * 2; set W[0, 0] = 3"
    )


def test_a_recording_that_was_cut_differs_at_its_end(tmp_path: Path) -> None:
    path = recorded(tmp_path, TEXT)
    path.write_bytes(b"\n".join(path.read_bytes().split(b"\n")[:4]) + b"\n")
    short = open_timeline(open_recording(path))
    assert first_difference(short, timeline(TEXT)) == Difference(3, "L", "end")
    assert first_difference(timeline(TEXT), short) == Difference(3, "L", "end")


def test_the_sign_of_a_zero_is_a_difference_of_no_size() -> None:
    found = first_difference(timeline(TEXT.replace("4.0]]", "0.0]]")), timeline(TEXT.replace("4.0]]", "-0.0]]")))
    assert found is not None
    assert (found.what, found.error) == ("leaf X", 0.0)


def test_compare_at_the_prompt_names_the_event_and_both_numbers() -> None:
    session = bpdebug.Session(bpdebug.load(TEXT))
    session.do("set W[1, 1] = 2.5")
    report = session.do("compare")
    data = report.to_data()
    assert [row.name for row in data.pop("gradients")] == ["X", "W"]
    assert data == {
        "kind": "compare", "equal": False,
        "first": {
            "event": 0, "node": "Y", "what": "leaf W", "error": 0.2, "cell": [1, 1], "left": 2.5, "right": 2.0,
            "dtype": "float64", "convention": None,
        },
        "choices": [],
    }  # fmt: skip
    assert session.do("compare 1").to_data() == {"kind": "compare", "equal": True, "first": None}


@pytest.mark.parametrize(("dtype", "text"), [("float32", "this one: −2.1\nfork 0: 2"), ("float64", "this one: −2.1\n")])
def test_compare_says_numbers_in_the_digits_of_their_precision(dtype: str, text: str) -> None:
    """The float32 next to -2.1 is -2.0999999046325684 where it is written as a float64."""
    session = bpdebug.Session(bpdebug.load(TEXT.replace("format = 1", f'format = 1\ndtype = "{dtype}"')))
    session.do("set W[1, 1] = -2.1")
    assert text in session.do("compare").to_text()


def test_compare_says_a_leaf_in_its_own_precision_and_not_in_that_of_the_node_that_reads_it(tmp_path: Path) -> None:
    """In float32, which the node is computed in, the two are one number."""
    text = (
        "format = 1\ninputs = {X = [%s]}\n[graph]\nprogram = 'Y = cast(X, dtype=\"float32\")'\nincoming = {Y = 'ones'}"
    )
    for name, x in (("a", "0.1"), ("b", "0.1000000000001")):
        (tmp_path / f"{name}.toml").write_text(text % x, "utf-8")
    here, there = (bpdebug.run(bpdebug.load(tmp_path / f"{name}.toml")) for name in "ab")
    assert "a: 0.1\nb: 0.1000000000001" in compared(here, there, ("a", "b")).to_text()


def test_gradients_that_changed_are_listed_with_both_norms() -> None:
    here = open_session(bpdebug.load("two_layer"))
    there = update(here, "set W2[1, 0] = 5")
    changes = {c.name: c for c in gradient_changes(there.timeline, here.timeline)}
    assert set(changes) == {"X", "T", "W1", "W2"}
    for name, change in changes.items():
        a, b = there.timeline.grad(name), here.timeline.grad(name)
        assert a is not None
        assert b is not None
        assert change.largest == np.abs(a - b).max()
        assert change.left == pytest.approx(float(np.linalg.norm(a)), rel=1e-14)
        assert change.right == pytest.approx(float(np.linalg.norm(b)), rel=1e-14)
    assert gradient_changes(here.timeline, here.timeline) == []
    rows = view(update(there, "compare")).to_data()["gradients"]
    assert [row.name for row in rows] == list(changes)


def test_the_norm_of_a_gradient_with_nan_is_no_number() -> None:
    """Not that of its finite cells: beside a sound one it would look as if it had none."""
    here = open_session(bpdebug.load("two_layer"))
    (change, *_) = gradient_changes(update(here, "set dY[0, 0] = nan").timeline, here.timeline)
    assert np.isnan(change.left or 0.0)
    assert np.isfinite(change.right or 0.0)


def test_an_update_that_moves_the_parameter_alone_elsewhere_is_the_first_difference() -> None:
    """Adam's means do not hear of the learning rate: every array of an update is compared, not its last one."""
    trained = (f"{TEXT}[train]\noptimizer = 'adam'\nsteps = 2\nlr = {lr}\n" for lr in (0.1, 0.2))
    found = first_difference(*map(timeline, trained))
    assert found is not None
    assert (found.event, found.node, found.what) == (7, "W", "value")
    by_beta = (f"{TEXT}[train]\noptimizer = 'adam'\nsteps = 1\nlr = 0.1\nbeta2 = {beta}\n" for beta in (0.9, 0.99))
    found = first_difference(*map(timeline, by_beta))
    assert found is not None
    assert (found.event, found.what) == (7, "state W.v")
