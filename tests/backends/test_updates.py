"""Training on other arrays than NumPy's: every optimizer with every setting, whose states and parameters stay there."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

from bpdebug.arrays import Array
from bpdebug.backends import Backend
from bpdebug.engine import Timeline, Training
from bpdebug.engine.budget import Budget
from bpdebug.engine.edits import UpdateOverride
from bpdebug.limits import GIB
from tests.backends.test_every_op import LIBRARIES, library
from tests.engine.optimizer_table import TABLE, regression

STEPS = 3
"""Some settings do nothing in the first, and none anything new in the fourth."""


def trained(name: str, on: Backend | None) -> Timeline:
    optimizer, settings = TABLE[name]
    of = {k: v[:STEPS] if isinstance(v, list) else v for k, v in settings.items()}
    return Timeline(regression(), training=Training(optimizer, STEPS, of), budget=Budget(GIB, backend=on))


def assert_same_states(there: Timeline, here: Timeline) -> None:
    """Parameters and states after every step."""
    changed = {*here.store.updates.parameters, *here.graph.owners}
    for tensor in changed:
        for t in range(STEPS):
            found, wanted = (of.store.updated(tensor, t) for of in (there, here))
            assert isinstance(found, np.ndarray)
            assert not found.flags.writeable
            assert found.dtype == wanted.dtype
            what = f"{here.graph.names[tensor]} after step {t}"
            np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-12, err_msg=what)


@pytest.mark.parametrize("row", TABLE)
@pytest.mark.parametrize("name", LIBRARIES)
def test_every_optimizer_on_a_library_is_the_one_on_numpy(name: str, row: str) -> None:
    assert_same_states(trained(row, library(name)), trained(row, None))


@pytest.mark.parametrize("name", LIBRARIES)
def test_no_parameter_comes_over_while_it_is_trained(name: str) -> None:
    """What the next step starts from, and its checkpoint, are the library's arrays; only the norm is a number here."""
    on, came = library(name), list[Array]()

    def near(x: Any) -> Array:
        came.append(on.near(x))
        return came[-1]

    timeline = trained("both clipped", replace(on, near=near)).run()
    store = timeline.store
    state = store.start(STEPS - 1)
    assert state.keys() == {*store.updates.parameters, *timeline.graph.owners}
    assert not any(isinstance(array, np.ndarray) for array in state.values())
    assert all(array.shape == () for array in came)


@pytest.mark.parametrize("name", LIBRARIES)
def test_a_rule_by_hand_is_computed_there(name: str) -> None:
    """Also one that is a number for all cells, or reads none of what the optimizer keeps."""
    rules = [
        lambda u: u.w - u.scalars["lr"] * u.g * 2, lambda u: u.w * 0 + u.scalars["lr"],
        lambda u: u.xp.broadcast_to(u.scalars["lr"] ** u.scalars["t"], shape=(3, 2)),
    ]  # fmt: skip
    for rule in rules:
        edit = UpdateOverride(regression().index["W"], rule)
        there, here = (trained("adam", on).fork(edit) for on in (library(name), None))
        assert_same_states(there, here)
