"""`run --json` against the contract: keys exactly, their types, and what stands in them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from bpdebug.engine import Timeline
from bpdebug.scenario import open_timeline
from bpdebug.views import stream, to_json
from bpdebug.views.stream import event_object
from tests.graphs import Random, examples, graphs
from tests.lessons import FAULTY, NAMES, PLAIN, WALK, scenario

ALL = [*NAMES, WALK, PLAIN, FAULTY]
HEADER = ["bpdebug", "title", "dtype", "events", "inputs", "parameters"]
HEAD = ["event", "iteration", "phase", "node"]
KEYS = {
    "forward": [*HEAD, "op", "line", "block", "inputs", "output", "fault"],
    "seed": [*HEAD, "grad", "fault"],
    "backward": [*HEAD, "op", "line", "block", "grad", "contributions", "fault"],
    "update": [*HEAD, "rule", "before", "after", "states", "step", "settings", "lines", "fault"],
}
CONTRIBUTION = ["to", "operand", "formula", "shape", "value", "total", "stats", "parts"]
STATS = {"min", "max", "mean", "std", "norm", "zeros", "nans", "infs"}
WHY = {"operand", "transpose", "product", "elementwise", "unbroadcast", "accumulate"}
WORDS = ("nan", "inf", "-inf")


def lines(name: str, *, full: bool = False) -> list[dict[str, Any]]:
    """What `run --json` prints, read back."""
    found = scenario(name)
    return [json.loads(to_json(item)) for item in stream(found, open_timeline(found), full=full)]


def shape_of(value: Any) -> list[int]:
    """The shape of nested lists; lists that are empty end it."""
    shape = []
    while isinstance(value, list):
        shape.append(len(value))
        if not value:
            break
        value = value[0]
    return shape


def check_value(value: Any, shape: list[int]) -> None:
    """Nested lists of this shape, of numbers, truth values and words for what is not finite."""
    assert shape_of(value) == shape[: len(shape_of(value))]
    if 0 not in shape:
        assert len(shape_of(value)) == len(shape)
    flat = [value]
    while flat and isinstance(flat[0], list):
        flat = list(itertools.chain.from_iterable(flat))
    assert all(isinstance(v, int | float) or v in WORDS for v in flat)


def check_stats(found: Mapping[str, Any]) -> None:
    assert set(found) == STATS
    for key in ("zeros", "nans", "infs"):
        assert type(found[key]) is int
    for key in STATS - {"zeros", "nans", "infs"}:
        assert found[key] is None or type(found[key]) is float or found[key] in WORDS


def check_tensor(found: Mapping[str, Any], keys: list[str]) -> None:
    assert list(found) == keys
    assert all(type(n) is int for n in found["shape"])
    check_value(found["value"], found["shape"])
    check_stats(found["stats"])


def check_fault(fault: Any) -> None:
    if fault is not None:
        assert list(fault) == ["kind", "tensor", "cells", "first"]
        assert fault["kind"] in ("nan", "inf")
        assert type(fault["cells"]) is int
        assert all(type(i) is int for i in fault["first"])


def check_event(found: Mapping[str, Any]) -> None:
    """One event, exactly as the contract has it."""
    assert list(found) == KEYS[found["phase"]]
    assert type(found["event"]) is int
    assert type(found["iteration"]) is int
    if "op" in found:
        assert isinstance(found["op"], str)
        assert isinstance(found["line"], int)
        assert isinstance(found["block"], str)
    if found["phase"] == "forward":
        for operand in found["inputs"]:
            assert list(operand) == ["name", "shape", "dtype"]
        check_tensor(found["output"], ["name", "shape", "dtype", "value", "stats"])
        assert found["output"]["name"] == found["node"]
    if "grad" in found:
        check_tensor(found["grad"], ["shape", "value", "stats"])
    for contribution in found.get("contributions", ()):
        check_contribution(contribution)
    if found["phase"] == "update":
        assert isinstance(found["rule"], str)
        check_tensor(found["before"], ["shape", "value", "stats"])
        check_tensor(found["after"], ["shape", "value", "stats"])
    check_fault(found["fault"])


def check_contribution(found: Mapping[str, Any]) -> None:
    assert list(found) == CONTRIBUTION
    assert type(found["operand"]) is int
    check_value(found["value"], found["shape"])
    check_value(found["total"], found["shape"])
    check_stats(found["stats"])
    whys = [part["why"] for part in found["parts"]]
    assert set(whys) <= WHY
    last = [why for why in ("unbroadcast", "accumulate") if why in whys]
    assert whys[len(whys) - len(last) :] == last
    assert not set(whys[: len(whys) - len(last)]) & set(last)
    assert found["parts"][-1]["shape"] == found["shape"]
    for part in found["parts"]:
        assert list(part) == ["text", "shape", "why"]
        assert isinstance(part["text"], str)


@pytest.mark.parametrize("name", ALL, ids=[*NAMES, "walk", "plain", "faulty"])
def test_every_line_is_as_the_contract_has_it(name: str) -> None:
    header, *events, end = lines(name)
    assert list(header) == HEADER
    assert header["bpdebug"] == 1
    assert header["events"] == len(events)
    for leaf in [*header["inputs"].values(), *header["parameters"].values()]:
        assert list(leaf) == ["shape", "dtype"]
    for number, event in enumerate(events):
        check_event(event)
        assert event["event"] == number
    assert list(end) == ["end", "loss", "grads", "ok"]
    assert end["end"] is True
    assert end["loss"] is None or isinstance(end["loss"], float) or end["loss"] in WORDS
    assert end["ok"] is (not [e for e in events if e["fault"]])


@pytest.mark.parametrize("name", NAMES)
def test_phases_come_in_order_in_every_iteration(name: str) -> None:
    order = ["forward", "seed", "backward", "update"]
    events = lines(name)[1:-1]
    for _, group in itertools.groupby(events, lambda e: e["iteration"]):
        phases = [phase for phase, _ in itertools.groupby(e["phase"] for e in group)]
        assert phases == [p for p in order if p in phases]
        assert phases[:2] == ["forward", "seed"]


@pytest.mark.parametrize("name", ALL, ids=[*NAMES, "walk", "plain", "faulty"])
def test_the_end_has_every_float_leaf_and_null_where_no_path_leads(name: str) -> None:
    header, *_, end = lines(name)
    leaves = {**header["inputs"], **header["parameters"]}
    assert list(end["grads"]) == [n for n, leaf in leaves.items() if leaf["dtype"].startswith("float")]
    for leaf, value in end["grads"].items():
        if value is not None:
            check_value(value, leaves[leaf]["shape"])


def test_a_leaf_without_a_path_has_null_and_integers_have_nothing() -> None:
    end = lines(PLAIN)[-1]
    assert end["grads"]["alone"] is None
    assert end["grads"]["b"] is not None
    assert "ids" not in end["grads"]
    assert "D.mask" not in end["grads"]


def test_drawn_masks_are_no_inputs_of_the_scenario() -> None:
    header = lines(PLAIN)[0]
    assert list(header["inputs"]) == ["X", "ids", "alone"]
    assert list(header["parameters"]) == ["W", "b"]
    assert header["inputs"]["ids"] == {"shape": [3], "dtype": "int64"}


def test_the_sum_over_broadcast_axes_is_a_part_and_not_in_the_formula() -> None:
    backward = next(e for e in lines(PLAIN) if e.get("phase") == "backward" and e["node"] == "Y")
    b = next(c for c in backward["contributions"] if c["to"] == "b")
    assert b["formula"] == "∂Y"
    assert [p["why"] for p in b["parts"]] == ["operand", "unbroadcast"]
    assert b["shape"] == [2]


def test_a_second_contribution_is_accumulated_and_its_total_is_the_sum() -> None:
    events = [e for e in lines(WALK) if e.get("phase") == "backward" and e["iteration"] == 0]
    to_x = [c for e in events for c in e["contributions"] if c["to"] == "X"]
    assert [[p["why"] for p in c["parts"]][-1] for c in to_x] == ["operand", "accumulate"]
    first, second = (np.array(c["value"]) for c in to_x)
    np.testing.assert_array_equal(np.array(to_x[1]["total"]), first + second)
    assert to_x[0]["total"] == to_x[0]["value"]


def test_an_update_has_before_and_after_and_the_next_iteration_begins_there() -> None:
    found = lines(WALK)[1:-1]
    first, second = [e for e in found if e["phase"] == "update" and e["node"] == "W1"]
    assert first["rule"] == "W1 - lr * ∂W1"
    assert first["after"] == second["before"]
    grad = next(c for e in found if e["event"] == 18 for c in e["contributions"] if c["to"] == "W1")["total"]
    after = np.array(first["before"]["value"]) - 0.1 * np.array(grad)
    np.testing.assert_array_equal(np.array(first["after"]["value"]), after)


def test_a_fault_is_told_at_the_event_where_it_first_appears() -> None:
    found = lines(FAULTY)
    faults = [(e["node"], e["phase"], e["fault"]) for e in found[1:-1] if e["fault"]]
    assert faults[0] == ("u", "forward", {"kind": "inf", "tensor": "u", "cells": 1, "first": [1]})
    assert faults[1] == ("v", "forward", {"kind": "nan", "tensor": "v", "cells": 1, "first": [1]})
    assert found[-1]["ok"] is False
    u = found[1]["output"]
    assert u["value"] == [1.0, "inf", 0.5]
    assert u["stats"]["infs"] == 1
    assert u["stats"]["max"] == 1.0


def big(cells: int) -> str:
    return (
        f'format = 1\n[inputs]\nX = {{ shape = [{cells}], init = "ones" }}\n'
        '[graph]\nincoming = { Y = "ones" }\nprogram = "Y = X * 2"\n'
    )


def test_a_tensor_of_many_cells_has_stats_and_no_value_unless_all_values_are_asked_for() -> None:
    _, forward, seed, backward, end = lines(big(10_001))
    assert forward["output"]["value"] is None
    assert forward["output"]["stats"]["mean"] == 2.0
    assert seed["grad"]["value"] is None
    assert backward["contributions"][0]["value"] is None
    assert backward["contributions"][0]["total"] is None
    assert end["grads"] == {"X": None}
    _, forward, seed, backward, end = lines(big(10_001), full=True)
    assert forward["output"]["value"] == [2.0] * 10_001
    assert backward["contributions"][0]["total"] == end["grads"]["X"] == [2.0] * 10_001
    assert lines(big(10_000))[1]["output"]["value"] == [2.0] * 10_000


def test_single_precision_is_said_and_its_numbers_read_back() -> None:
    head = 'format = 1\ndtype = "float32"\n[inputs]\nX = [0.1]\n'
    text = head + '[graph]\nincoming = { Y = [1] }\nprogram = "Y = X * 3"\n'
    header, forward, *_ = lines(text)
    assert header["dtype"] == "float32"
    assert forward["output"]["dtype"] == "float32"
    assert np.float32(forward["output"]["value"][0]) == np.float32(0.1) * np.float32(3)


@examples(40)
@given(graphs(nodes=12))
def test_events_of_any_graph_are_as_the_contract_has_them(random: Random) -> None:
    timeline: Timeline = random.timeline()
    for event in timeline:
        check_event(json.loads(to_json(event_object(event))))
