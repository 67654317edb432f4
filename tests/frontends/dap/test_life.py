"""A session's beginning and end: what is opened, what is refused, restarted, interrupted."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from bpdebug.frontends.dap import adapter as module
from bpdebug.frontends.dap import life
from bpdebug.frontends.loop import replies as plain_replies
from bpdebug.progress import may_stop
from bpdebug.scenario import find
from bpdebug.translation import speak
from tests.frontends.dap.client import Client, connected

WHAT = "format = 1\n[inputs]\nX = [[1.0, 2.0]]\n[graph]\nloss = 'L'\nprogram = '''\nL = sum(X)\n'''\n"


def test_what_can_be_done_is_said_first() -> None:
    with connected() as client:
        can = client.ask("initialize", adapterID="bpdebug")
        assert can["supportsStepBack"]
        filters = {f["filter"]: f["default"] for f in can["exceptionBreakpointFilters"]}
        assert filters == {
            "nan": True, "inf": False, "zero-grad": False, "vanish": False, "explode": False, "gradcheck": False,
        }  # fmt: skip


def test_a_client_may_say_null_where_it_has_no_arguments() -> None:
    """Helix does: an argument that it has none of is written out as null."""
    with connected() as client:
        client.send("launch", {"program": "transpose"})
        client.event("initialized")
        for command in ("configurationDone", "threads", "loadedSources", "cancel"):
            assert client.answered(client.send_as_it_is(command, None))["success"], command


def test_an_answer_that_says_no_more_has_no_body() -> None:
    """Helix takes {} for a wrong answer where it waits for none."""
    with connected() as client:
        launch = client.send("launch", {"program": "transpose"})
        client.event("initialized")
        assert "body" not in client.answer("configurationDone")
        assert "body" not in client.answered(launch)
        assert "body" not in client.answer("next", threadId=1)


@pytest.mark.parametrize("command", ["next", "stackTrace", "scopes", "configurationDone", "setBreakpoints", "pause"])
def test_before_a_launch_there_is_nothing(command: str) -> None:
    with connected() as client:
        refused = client.answer(command, threadId=1)
        assert not refused["success"]
        assert "nothing is open yet" in refused["message"]


def test_a_file_that_is_refused_is_so_with_code_place_and_help(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text(WHAT.replace("sum(X)", "sum(Q)"))
    with connected() as client:
        refused = client.answer("launch", program=str(tmp_path / "bad.toml"))
        assert not refused["success"]
        assert refused["body"]["error"]["format"].startswith("E_NAME ")
        assert "bad.toml:7" in refused["body"]["error"]["format"]
        assert refused["body"]["error"]["showUser"]
        assert not client.answer("launch", program="-")["success"]
        assert client.start("transpose")["reason"] == "entry"
        assert not client.answer("launch", program="transpose")["success"]


def test_commands_run_before_the_first_stop_and_numbers_are_replaced(tmp_path: Path) -> None:
    import numpy as np

    np.save(tmp_path / "W.npy", np.ones((3, 4)))
    with connected() as client:
        stop = client.start("transpose", set={"W": str(tmp_path / "W.npy")}, commands=["seek Y@bwd", "break #0"])
        assert stop["reason"] == "entry"
        assert client.top()["name"].startswith("Y@bwd")
        assert client.ask("evaluate", expression="W[0,0]", context="watch")["result"] == "1.0"
        assert client.go("reverseContinue")["reason"] == "breakpoint"


def test_a_script_runs_once_the_stops_are_set(tmp_path: Path) -> None:
    (tmp_path / "walk.bpd").write_text("load transpose\nbreak Y@bwd\ncontinue\n")
    with connected() as client:
        stop = client.start(str(tmp_path / "walk.bpd"))
        assert stop["reason"] == "entry"
        assert client.top()["name"].startswith("Y@bwd")
    (tmp_path / "none.bpd").write_text("# nothing\n")
    with connected() as client:
        assert not client.answer("launch", program=str(tmp_path / "none.bpd"))["success"]


def test_without_debugging_both_passes_run() -> None:
    with connected() as client:
        client.ask("initialize", adapterID="bpdebug")
        client.send("launch", {"program": "nan_sqrt", "noDebug": True})
        client.event("initialized")
        client.send("configurationDone")
        client.event("terminated")
        said = "".join(e["body"]["output"] for e in client.events if e["event"] == "output")
        assert "inf at event 14: backward n" in said


def test_restart_opens_the_file_as_it_is_now(tmp_path: Path) -> None:
    path = tmp_path / "w.toml"
    path.write_text(WHAT)
    with connected() as client:
        client.start(str(path), lambda: client.ask("setFunctionBreakpoints", breakpoints=[{"name": "L@bwd"}]))
        client.go("continue")
        path.write_text(WHAT.replace("L = sum(X)", "M = X * 2\nL = sum(M)"))
        client.events.clear()
        client.ask("restart")
        assert client.event("breakpoint")["breakpoint"]["verified"]
        assert client.event("stopped")["reason"] == "entry"
        assert client.top()["name"].startswith("M@fwd")
        client.go("continue")
        assert client.top()["name"].startswith("L@bwd")


def test_a_recording_offers_its_text(tmp_path: Path) -> None:
    from tests.recordings import recorded

    path = recorded(tmp_path, "transpose")
    with connected() as client:
        client.start(str(path))
        source = client.top()["source"]
        text = client.ask("source", sourceReference=source["sourceReference"], source=source)["content"]
        assert text == find("transpose").read_text(encoding="utf-8").rstrip("\n") or "Y = X @ W" in text
        line = next(n for n, one in enumerate(text.split("\n"), 1) if one.startswith("Y = X @ W"))
        (made,) = client.ask("setBreakpoints", source=source, breakpoints=[{"line": line}])["breakpoints"]
        assert made["verified"]
        assert client.ask("gotoTargets", source=source, line=line)["targets"][0]["label"] == "Y@fwd (event 0)"
        assert client.ask("breakpointLocations", source=source, line=1, endLine=999)["breakpoints"] == [{"line": line}]


def test_the_editors_language_is_spoken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unless another was asked for: in the environment, or by --lang."""
    for asked, scope in (("", "操作数"), ("en", "Operands")):
        monkeypatch.setenv("BPDEBUG_LANG", asked)
        try:
            with connected() as client:
                client.ask("initialize", adapterID="bpdebug", locale="zh-cn")
                client.send("launch", {"program": "transpose"})
                client.event("initialized")
                client.send("configurationDone")
                client.event("stopped")
                assert client.ask("scopes", frameId=1)["scopes"][0]["name"] == scope
                if not asked:
                    assert client.ask("stackTrace", threadId=1)["stackFrames"][-1]["name"] == "正向传播"
                    assert client.go("reverseContinue")["description"] == "时间线的开头"
        finally:
            speak("en")


def test_lines_and_columns_may_count_from_0() -> None:
    with connected() as client:
        client.ask("initialize", adapterID="bpdebug", linesStartAt1=False, columnsStartAt1=False)
        client.send("launch", {"program": "transpose"})
        client.event("initialized")
        client.send("configurationDone")
        client.event("stopped")
        frame = client.top()
        text = find("transpose").read_text(encoding="utf-8").splitlines()[frame["line"]]
        assert (text.split("#")[0].strip(), frame["column"]) == ("Y = X @ W", 0)


@pytest.fixture
def endless(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Lines take for ever until somebody stops them; the event is set once one has begun."""
    begun = threading.Event()

    def replies(state: object, line: str, handle: object) -> object:
        while line == "continue":
            begun.set()
            may_stop()
        return plain_replies(state, line, handle)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "replies", replies)
    return begun


def running(client: Client, begun: threading.Event) -> int:
    client.start("transpose")
    number = client.send("continue", {"threadId": 1})
    assert begun.wait(20)
    return number


def test_pause_interrupts_what_runs(endless: threading.Event) -> None:
    with connected() as client:
        running(client, endless)
        client.ask("pause", threadId=1)
        assert client.event("stopped")["reason"] == "pause"
        assert client.go("stepIn")["reason"] == "step"


def test_cancel_ends_a_motion_and_a_line_of_the_console(endless: threading.Event) -> None:
    with connected() as client:
        number = running(client, endless)
        client.ask("cancel", requestId=number)
        assert client.event("stopped")["reason"] == "pause"
        endless.clear()
        number = client.send("evaluate", {"expression": "continue", "context": "repl"})
        assert endless.wait(20)
        cancel = client.send("cancel", {"requestId": number})
        refused = client.wait(lambda m: m.get("request_seq") == number)
        assert (refused["success"], refused["message"]) == (False, "cancelled")
        assert client.wait(lambda m: m.get("request_seq") == cancel)["success"]


def test_what_is_cancelled_before_its_turn_is_not_carried_out(endless: threading.Event) -> None:
    with connected() as client:
        running(client, endless)
        step = client.send("next", {"threadId": 1})
        client.send("cancel", {"requestId": step})
        client.send("pause", {"threadId": 1})
        assert not client.wait(lambda m: m.get("request_seq") == step)["success"]


def test_a_client_that_goes_ends_what_runs(endless: threading.Event) -> None:
    with connected() as client:
        running(client, endless)


def test_every_capability_has_its_request() -> None:
    named = {
        "supportsConfigurationDoneRequest": "configurationDone", "supportsStepBack": "stepBack",
        "supportsFunctionBreakpoints": "setFunctionBreakpoints", "supportsDataBreakpoints": "setDataBreakpoints",
        "supportsExceptionInfoRequest": "exceptionInfo", "supportsCompletionsRequest": "completions",
        "supportsBreakpointLocationsRequest": "breakpointLocations", "supportsLoadedSourcesRequest": "loadedSources",
        "supportsRestartRequest": "restart", "supportsTerminateRequest": "terminate",
        "supportsSetVariable": "setVariable",
        "supportsGotoTargetsRequest": "gotoTargets", "supportsCancelRequest": "cancel",
    }  # fmt: skip
    assert set(named) <= set(life.CAPABILITIES)
    assert set(named.values()) <= set(module.REQUESTS)
