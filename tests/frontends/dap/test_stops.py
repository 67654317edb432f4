"""Breakpoints of an editor: lines, nodes, data, exceptions; conditions, hits, messages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bpdebug.expression import parse_location, resolve
from bpdebug.frontends.dap.stops import entered
from bpdebug.scenario import find, load, open_timeline
from tests.frontends.dap.client import Client, connected

TWO_LAYER = str(find("two_layer"))
LOSS_LINE = next(n for n, text in enumerate(load("two_layer").lines, 1) if text.startswith("L = "))


def lines(client: Client, *wanted: dict[str, Any], path: str = TWO_LAYER) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.ask("setBreakpoints", source={"path": path}, breakpoints=list(wanted))[
        "breakpoints"
    ]
    return found


def test_a_line_stops_once_a_pass_where_it_is_entered() -> None:
    timeline = open_timeline(load("two_layer"))
    stops = resolve(parse_location(f":{LOSS_LINE}"), timeline)
    assert len(list(stops)) > 4
    assert [timeline.event(at).phase for at in entered(stops)] == ["forward", "seed"]


def test_a_line_breakpoint_is_met_in_both_directions() -> None:
    with connected() as client:
        made: list[dict[str, Any]] = []
        client.start("two_layer", lambda: made.extend(lines(client, {"line": LOSS_LINE}, {"line": 1})))
        assert [m["verified"] for m in made] == [True, False]
        assert "line 1 computes nothing" in made[1]["message"]
        places = []
        for command in ("continue", "continue", "reverseContinue"):
            stop = client.go(command)
            assert (stop["reason"], stop["hitBreakpointIds"]) == ("breakpoint", [made[0]["id"]])
            places.append(client.top()["name"].split("@")[1][:4].strip())
        assert places == ["fwd", "seed", "fwd"]
        client.go("continue")
        assert client.go("continue")["description"] == "the end of the timeline"


def test_a_breakpoint_that_stays_keeps_its_identity_and_its_hits() -> None:
    with connected() as client:
        client.start("two_layer")
        first = lines(client, {"line": LOSS_LINE, "hitCondition": "% 2"})
        again = lines(client, {"line": LOSS_LINE, "hitCondition": "% 2"}, {"line": LOSS_LINE, "condition": "event > 6"})
        assert again[0]["id"] == first[0]["id"] != again[1]["id"]
        stop = client.go("continue")  # the first hit of neither counts
        assert client.top()["name"].startswith("L@seed")
        assert stop["hitBreakpointIds"] == [first[0]["id"]]
        assert lines(client) == []
        assert client.go("reverseContinue")["description"] == "the beginning of the timeline"


@pytest.mark.parametrize(
    ("hits", "wanted"), [("2", {2}), (">= 4", {4, 5}), ("% 3", {3}), ("", {1, 2, 3, 4, 5}), ("> 9", set())]
)
def test_hits_that_do_not_count_are_passed_over(hits: str, wanted: set[int]) -> None:
    timeline = open_timeline(load("transformer_block"))
    there = list(resolve(parse_location("matmul@bwd"), timeline))[:5]
    with connected() as client:
        client.start("transformer_block")
        stops = [{"name": "matmul@bwd", "hitCondition": hits, "condition": f"event <= {there[-1]}"}]
        (made,) = client.ask("setFunctionBreakpoints", breakpoints=stops)["breakpoints"]
        assert made["verified"]
        found = []
        while client.go("continue")["reason"] == "function breakpoint":
            found.append(client.top()["name"].split("@")[0])
    assert found == [timeline.event(there[n - 1]).name for n in sorted(wanted)]


@pytest.mark.parametrize(
    "wrong", [{"hitCondition": "often"}, {"condition": "1 +"}, {"condition": "W1 ;; quit"}, {"name": "Nowhere"}]
)
def test_what_cannot_be_is_said_where_it_stands(wrong: dict[str, str]) -> None:
    with connected() as client:
        client.start("two_layer")
        (made,) = client.ask("setFunctionBreakpoints", breakpoints=[{"name": "Y", **wrong}])["breakpoints"]
        assert not made["verified"]
        assert made["message"]


def test_another_file_computes_nothing() -> None:
    with connected() as client:
        client.start("two_layer")
        (made,) = lines(client, {"line": LOSS_LINE}, path=str(find("mlp")))
        assert not made["verified"]
        assert "mlp.toml" in made["message"]


def test_a_log_point_prints_and_goes_on() -> None:
    with connected() as client:
        client.start("two_layer")
        (made,) = lines(client, {"line": LOSS_LINE, "logMessage": 'at {event}: "{Y.shape}" ;; quit'})
        assert made["verified"]
        assert client.go("continue")["description"] == "the end of the timeline"
    said = [e["body"]["output"] for e in client.events if e["body"].get("category") == "stdout"]
    assert "".join(said).splitlines()[0].endswith('"(3, 1)" ;; quit')


def test_data_breakpoints_watch_a_tensor_or_a_cell() -> None:
    with connected() as client:
        client.start("two_layer")
        info = client.ask("dataBreakpointInfo", name="dW2")
        assert (info["dataId"], info["accessTypes"]) == ("dW2", ["write"])
        parameters = client.ask("scopes", frameId=1)["scopes"]
        number = next(s["variablesReference"] for s in parameters if s["name"] == "Parameters")
        tensor = client.ask("variables", variablesReference=number)["variables"][0]
        below = client.ask("dataBreakpointInfo", variablesReference=tensor["variablesReference"], name="[1]")
        assert below["dataId"] == "W1[1]"
        assert client.ask("dataBreakpointInfo", variablesReference=number, name="no such")["dataId"] is None
        client.ask("setDataBreakpoints", breakpoints=[{"dataId": "dW2"}])
        stop = client.go("continue")
        assert stop["reason"] == "data breakpoint"
        assert client.top()["name"].startswith("Y@bwd")
        assert "dW2" in stop["text"]


def test_exceptions_are_caught_and_explained() -> None:
    with connected() as client:
        client.start("nan_sqrt", lambda: client.ask("setExceptionBreakpoints", filters=["nan"]))
        stop = client.go("continue")
        assert (stop["reason"], stop["description"]) == ("exception", "catch nan")
        info = client.ask("exceptionInfo", threadId=1)
        assert info["exceptionId"] == "catch nan"
        assert "NaN" in info["description"]


def test_a_threshold_is_the_condition_of_a_filter() -> None:
    with connected() as client:
        client.start("vanishing_sigmoid")
        options = [{"filterId": "vanish", "condition": "0.5"}, {"filterId": "nan", "condition": "1"}]
        made = client.ask("setExceptionBreakpoints", filters=[], filterOptions=options)["breakpoints"]
        assert [m["verified"] for m in made] == [True, False]
        assert client.go("continue")["reason"] == "exception"


def test_what_is_wrong_at_the_very_beginning_is_the_first_stop(tmp_path: Path) -> None:
    text = 'format = 1\n[inputs]\nX = [1.0]\n[graph]\nloss = "L"\nprogram = """\nY = log(X - 1)\nL = sum(Y)\n"""\n'
    (tmp_path / "wrong.toml").write_text(text)
    with connected() as client:
        stop = client.start(
            str(tmp_path / "wrong.toml"), lambda: client.ask("setExceptionBreakpoints", filters=["inf"]),
            stopOnEntry=False,
        )  # fmt: skip
        assert stop["reason"] == "exception"
