"""Lessons on other arrays than NumPy's, to their end and back: the same numbers, and what explains them."""

from __future__ import annotations

import os

import numpy as np
import pytest

import bpdebug
from bpdebug.arrays import Array
from bpdebug.errors import BpdebugError
from bpdebug.scenario.lessons import TOPICS
from tests.backends.test_every_op import LIBRARIES, needs_arrays

LESSONS = ["two_layer", "fan_out", "conv_im2col", "layer_norm", "causal_attention", "lstm", "nan_sqrt"]
"""A batch, a sum of gradients, windows, a reduction, a mask of infinities, time, NaN; BPDEBUG_LESSONS=1 walks all."""
if os.environ.get("BPDEBUG_LESSONS"):
    LESSONS = [name for names in TOPICS.values() for name in names if name != "broken_shape"]  # which is refused


def assert_near(found: Array, wanted: Array, what: str) -> None:
    assert isinstance(found, np.ndarray)
    assert found.flags.writeable is False
    assert (found.shape, found.dtype) == (wanted.shape, wanted.dtype), what
    close = 1e-10 if wanted.dtype.itemsize == 8 else 1e-5
    np.testing.assert_allclose(found, wanted, rtol=close, atol=close, err_msg=what)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_on_a_library_is_the_lesson(library: str, name: str) -> None:
    plain, session = bpdebug.run(bpdebug.load(name)), bpdebug.Session(bpdebug.load(name), backend=library)
    there = session.state.timeline
    assert len(there) == len(plain)
    for back in (False, True):
        for at in sorted(range(len(plain)), reverse=back):
            assert session.state.cursor == at
            assert_near(there[at].value, plain[at].value, f"event {at}")
            for found, wanted in zip(there[at].contributions, plain[at].contributions, strict=True):
                assert_near(found.value, wanted.value, f"{found.to} of event {at}")
                assert_near(found.parts[-1].value, wanted.parts[-1].value, f"a part of event {at}")
            session.do("reverse-step" if back else "step")
        session.do("reverse-step") if not back else None
    assert session.state.cursor == 0
    assert there.loss == pytest.approx(plain.loss, rel=1e-10)


@pytest.mark.parametrize("library", LIBRARIES)
def test_commands_work_there(library: str) -> None:
    """Stops, explanations, checks, forks and their comparison."""
    session = bpdebug.Session(bpdebug.load("two_layer"), backend=library)
    for line in ("watch norm(dW1)", "break Y@bwd", "continue", "continue", "lens", "why", "derivation", "check"):
        assert session.do(line).to_text()
    assert "fork" in session.do("set W1[0,0] = 3").to_text()
    assert float(session.state.timeline.value("W1")[0, 0]) == 3.0
    assert session.do("compare").to_text()
    plain = bpdebug.Session(bpdebug.load("two_layer"))
    plain.do("set W1[0,0] = 3")
    found, wanted = (of.state.timeline.run().grad("W2") for of in (session, plain))
    assert found is not None
    assert wanted is not None
    assert_near(found, wanted, "∂W2 of the fork")


@pytest.mark.parametrize("library", LIBRARIES)
def test_training_goes_on_there(library: str) -> None:
    plain, there = (bpdebug.run(bpdebug.load("exploding_rnn"), **how) for how in ({}, {"backend": library}))
    assert there.loss == pytest.approx(plain.run().loss, rel=1e-9)


@needs_arrays["torch"]
def test_a_backend_that_is_none_or_not_there_is_said() -> None:
    scenario = bpdebug.load("transpose")
    for how, words in [
        ({"backend": "tensorflow"}, "no backend 'tensorflow'"),
        ({"backend": "torch", "device": "cuda:99"}, r"torch has no cuda:99(.|\n)*  help: cpu, or one of torch\.cuda"),
        ({"backend": "dask", "device": "cpu"}, "dask takes no device"),
        ({"device": "cpu"}, "numpy takes no device"),
        ({"backend": "torch", "scheduler": "tcp://127.0.0.1:1"}, "torch takes no scheduler"),
    ]:
        with pytest.raises(BpdebugError, match=words):
            bpdebug.run(scenario, **how)
