"""What an editor's panes show: scopes, tensors row by row, what is set, expressions, the console, completions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bpdebug
from tests.frontends.dap.client import Client, connected
from tests.lessons import NAMES

LARGE = """
format = 1
[inputs]
X = "uniform(-1, 1)"
[parameters]
W = "uniform(-1, 1)"
[graph]
incoming = { Y = "ones" }
program = '''
Y = X @ W
'''
"""


def by_name(variables: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {v["name"]: v for v in variables}


def at(client: Client, line: str) -> None:
    """The session at a place."""
    client.ask("evaluate", expression=f"seek {line}", context="repl")
    client.event("stopped")


def test_a_backward_event_has_operands_result_and_contributions() -> None:
    session = bpdebug.Session(bpdebug.load("transpose"))
    session.do("seek Y@bwd")
    with connected() as client:
        client.start("transpose")
        at(client, "Y@bwd")
        operands = by_name(client.scope("Operands"))
        assert set(operands) == {"X", "W"}
        assert operands["X"]["value"] == "[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]"
        assert operands["W"]["type"] == "float64[3,4]"
        assert client.scope("Result")[0]["name"] == "∂Y"
        named = by_name(client.scope("Contributions"))
        assert set(named) == {"∂X += ∂Y @ Wᵀ", "∂W += Xᵀ @ ∂Y"}
        (row,) = (v for v in named.values() if v["name"].startswith("∂X"))
        assert row["value"] == str(session.state.timeline.grad("X").tolist())  # type: ignore[union-attr]
        assert by_name(client.scope("Gradients"))["∂W"]["evaluateName"] == "dW"


def test_the_frames_of_another_stop_are_others() -> None:
    """VS Code leaves "Load More Stack Frames" standing where those below the first have kept their numbers."""
    with connected() as client:
        client.start("transformer_block")
        seen: set[int] = set()
        for _ in range(3):
            numbers = {frame["id"] for frame in client.ask("stackTrace", threadId=1)["stackFrames"]}
            assert not numbers & seen
            assert numbers == {frame["id"] for frame in client.ask("stackTrace", threadId=1)["stackFrames"]}
            seen |= numbers
            client.go("stepIn")


@pytest.mark.parametrize("name", NAMES)
def test_everything_unfolds_at_every_third_event(name: str) -> None:
    """Every scope and one level of every tensor; what can be typed evaluates to what is shown."""
    with connected() as client:
        client.start(name)
        for _ in range(3):
            for scope in client.ask("scopes", frameId=1)["scopes"]:
                for v in client.ask("variables", variablesReference=scope["variablesReference"])["variables"]:
                    if v["variablesReference"]:
                        rows = client.ask("variables", variablesReference=v["variablesReference"])["variables"]
                        assert len(rows) >= v["namedVariables"] + min(v["indexedVariables"], 100)
                    if "evaluateName" in v and " (so far)" not in v["name"]:
                        assert (
                            client.ask("evaluate", expression=v["evaluateName"], context="watch")["result"]
                            == v["value"]
                        )
            for _ in range(3):
                client.go("next")


def large(folder: Path, size: int) -> str:
    path = folder / "large.toml"
    text = LARGE.replace('X = "uniform(-1, 1)"', 'X = { file = "X.npy" }')
    path.write_text(text.replace('W = "uniform(-1, 1)"', 'W = { file = "W.npy" }'))
    array = np.linspace(-1, 1, size * size).reshape(size, size)
    for name in "XW":
        np.save(folder / f"{name}.npy", array)
    return str(path)


def test_a_large_tensor_comes_by_pages(tmp_path: Path) -> None:
    with connected() as client:
        client.start(large(tmp_path, 300))
        tensor = client.scope("Operands")[0]
        assert tensor["value"].startswith("300×300 float64, norm ")
        number = tensor["variablesReference"]
        plain = client.ask("variables", variablesReference=number, filter="indexed")["variables"]
        assert [len(plain), plain[-1]["value"]] == [101, "200 more rows"]
        page = client.ask("variables", variablesReference=number, filter="indexed", start=290, count=20)["variables"]
        assert [page[0]["name"], page[-1]["name"]] == ["[290]", "[299]"]
        assert page[0]["evaluateName"] == "X[290]"
        assert (
            client.ask("variables", variablesReference=number, filter="named")["variables"][0]["value"] == "300 × 300"
        )
        cells = client.ask("variables", variablesReference=page[-1]["variablesReference"])["variables"]
        assert by_name(cells)["[0]"]["evaluateName"] == "X[299,0]"


def test_what_a_node_adds_to_a_large_gradient_is_worked_out_where_it_is_unfolded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing keeps it, so a step would compute it for a line that says how large it is."""
    monkeypatch.setattr("bpdebug.frontends.dap.looking.COUNTED", 1000)
    with connected() as client:
        client.start(large(tmp_path, 40))
        at(client, "Y@bwd")
        (first, _) = client.scope("Contributions")
        assert (first["name"], first["value"]) == ("∂X += ∂Y @ Wᵀ", "40×40")
        rows = client.ask("variables", variablesReference=first["variablesReference"], filter="indexed")["variables"]
        assert len(rows) == 40
        cells = client.ask("variables", variablesReference=rows[3]["variablesReference"], filter="indexed")["variables"]
        timeline = bpdebug.run(bpdebug.load(str(tmp_path / "large.toml")))
        assert cells[5]["value"] == str(timeline.grad("X")[3, 5])  # type: ignore[index]


def test_a_variable_that_is_set_makes_a_fork_and_the_client_is_told() -> None:
    with connected() as client:
        client.start("transpose")
        scopes = client.ask("scopes", frameId=1)["scopes"]
        number = next(s["variablesReference"] for s in scopes if s["name"] == "Parameters")
        tensor = client.ask("variables", variablesReference=number)["variables"][0]
        row = client.ask("variables", variablesReference=tensor["variablesReference"], filter="indexed")["variables"][1]
        cell = row["variablesReference"]
        assert client.ask("setVariable", variablesReference=cell, name="[2]", value="−7.5")["value"] == "-7.5"
        assert client.event("output")["output"].startswith("Where")
        assert client.event("output")["output"] == "fork 1: W[1,2] = −7.5\n"
        assert client.ask("evaluate", expression="Y[0,2]", context="hover")["result"] == str(1 * 2 + 2 * -7.5 + 0)
        refused = client.answer("setVariable", variablesReference=cell, name="[2]", value="0 ;; quit")
        assert not refused["success"]
        assert not client.answer("setVariable", variablesReference=number, name="nothing", value="0")["success"]


def test_the_console_speaks_the_debuggers_language() -> None:
    with connected() as client:
        client.start("two_layer")
        assert "W2" in client.ask("evaluate", expression="info parameters", context="repl")["result"]
        client.events.clear()
        said = client.ask("evaluate", expression="seek end\nreverse-continue", context="repl")["result"]
        assert "event 0/" in said
        client.ask("evaluate", expression="break Y@bwd ;; seek end ;; reverse-continue", context="repl")
        assert client.event("continued")["allThreadsContinued"]  # else an editor says why it stopped before
        assert client.event("stopped")["reason"] == "goto"
        assert client.top()["name"].startswith("Y@bwd")
        refused = client.answer("evaluate", expression="lens Y", context="repl")
        assert refused["body"]["error"]["format"].startswith("E_COMMAND ")
        assert not client.answer("evaluate", expression="W1 @", context="watch")["success"]
        client.ask("evaluate", expression="quit", context="repl")
        assert client.event("terminated") == {}


def test_files_are_written_for_a_client_that_started_us_alone(tmp_path: Path) -> None:
    line = f'transcript "{tmp_path}/walk.bpd"'
    for files in (False, True):
        with connected(files=files) as client:
            client.start("transpose")
            assert client.answer("evaluate", expression=line, context="repl")["success"] is files
            assert (tmp_path / "walk.bpd").exists() is files


@pytest.mark.parametrize(
    ("text", "column", "label", "start"),
    [
        ("se", 3, "seek", 0),
        ("reverse-c", 10, "reverse-continue", 0),
        ("next ;; rev", 12, "reverse-next", 8),
        ("print W2-dW", 12, "dW2", 9),
        ("print dW", 9, "dW2", 6),
        ("print (W", 9, "W1", 7),
        ("print 𝟙+W", 10, "W1", 9),
    ],
)
def test_words_are_completed_by_columns_of_utf16(text: str, column: int, label: str, start: int) -> None:
    with connected() as client:
        client.start("two_layer")
        found = client.ask("completions", frameId=1, text=text, column=column + (label == "W1" and "𝟙" in text))
        assert {"label": label, "start": start}.items() <= next(
            t for t in found["targets"] if t["label"] == label
        ).items()


def test_whole_numbers_in_hex() -> None:
    with connected() as client:
        client.start("embedding")
        plain = client.ask("evaluate", expression="ids", context="watch")["result"]
        in_hex = client.ask("evaluate", expression="ids", context="watch", format={"hex": True})["result"]
        assert "0x" in in_hex
        assert eval(in_hex) == eval(plain)
