"""assert_gradients: on scenarios, PyTorch's modules and JAX's functions, right ones and wrong ones."""

from __future__ import annotations

from typing import Any

import pytest

import bpdebug
from bpdebug.errors import BpdebugError, UsageError
from bpdebug.scenario import find
from bpdebug.testing import assert_gradients
from tests.lessons import NAMES, scenario

BROKEN = [name for name in NAMES if scenario(name).rules]


@pytest.mark.parametrize("name", ["transpose", "two_layer", "lstm", "tied_autoencoder"])
def test_a_right_scenario_passes(name: str) -> None:
    assert_gradients(name)
    assert_gradients(find(name))
    assert_gradients(bpdebug.load(name))


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_one_fails_with_node_formula_and_cell(name: str) -> None:
    found = scenario(name)
    assert found.expect is not None
    assert found.expect.check
    node = found.expect.check.first_wrong
    with pytest.raises(AssertionError) as caught:
        assert_gradients(name)
    lines = str(caught.value).splitlines()
    assert f"is wrong at {node.removesuffix('@bwd')} (line " in lines[0]
    assert lines[1].startswith("  formula:  ∂")
    assert [line.split(":")[0].strip() for line in lines[2:]] == ["cell", "found", "numeric"]
    assert_gradients(name, first_wrong=node)
    with pytest.raises(AssertionError, match="was expected"):
        assert_gradients(name, first_wrong="elsewhere")


def test_nothing_wrong_where_something_was_expected() -> None:
    with pytest.raises(AssertionError, match="nothing is wrong"):
        assert_gradients("transpose", first_wrong="Y")


@pytest.mark.parametrize(
    ("given", "more"),
    [((3,), {}), (("transpose", 1), {}), (("transpose",), {"wrt": "Q"}), (("transpose",), {"loss": abs}), ((len,), {})],
)
def test_what_cannot_be_meant_is_said(given: tuple[Any, ...], more: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as caught:
        assert_gradients(*given, **more)
    assert caught.value.hint


def test_a_file_that_is_none_is_refused() -> None:
    with pytest.raises(BpdebugError):
        assert_gradients("nowhere.toml")


@pytest.mark.parametrize(
    "asked", [{"wrt": []}, {"wrt": ()}, {"rtol": -1.0}, {"rtol": float("nan")}, {"rtol": float("inf")}], ids=str
)
def test_a_check_that_could_not_fail_or_not_pass_is_refused(asked: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=next(iter(asked))):
        assert_gradients("transpose", **asked)
