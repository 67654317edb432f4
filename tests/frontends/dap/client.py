"""A client of the adapter, in this process: every message that comes is held against the protocol's own schema."""

from __future__ import annotations

import importlib.util
import json
import queue
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema

from bpdebug.frontends.dap.adapter import Adapter
from bpdebug.frontends.dap.serving import FAMILIES
from bpdebug.frontends.dap.wire import Wire

Message = dict[str, Any]
SECONDS = 20
"""So long is waited for an answer: one that does not come is a failure, not a measurement."""
assert FAMILIES


@cache
def definitions() -> Message:
    """The protocol's schema, out of debugpy's wheel."""
    spec = importlib.util.find_spec("debugpy")
    assert spec is not None
    assert spec.origin is not None
    (found,) = Path(spec.origin).parent.rglob("debugProtocol.json")
    made: Message = json.loads(found.read_text(encoding="utf-8"))["definitions"]
    return made


@cache
def _validator(name: str) -> Any:
    return jsonschema.Draft4Validator({"$ref": f"#/definitions/{name}", "definitions": definitions()})


def judge(message: Message) -> None:
    """Fails where a message is not what the schema says of its kind."""
    if message["type"] == "event":
        name = f"{message['event'][0].upper()}{message['event'][1:]}Event"
    else:
        command = message["command"]
        name = f"{command[:1].upper()}{command[1:]}Response" if message["success"] else "ErrorResponse"
    _validator(name).validate(message)


class Client:
    """Sends requests and waits for what answers them; `events` are those that were not waited for."""

    def __init__(self, stream: socket.socket) -> None:
        self._in, self._out = stream.makefile("rb"), stream.makefile("wb")
        self.coming: queue.SimpleQueue[Message | None] = queue.SimpleQueue()
        self.events: list[Message] = []
        self.seq = 0
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        try:
            while header := self._in.readline():
                assert self._in.readline() == b"\r\n"
                self.coming.put(json.loads(self._in.read(int(header.split(b":")[1]))))
        finally:
            self.coming.put(None)

    def send(self, command: str, arguments: Any = None) -> int:
        """A request; its number."""
        return self.send_as_it_is(command, arguments or {})

    def send_as_it_is(self, command: str, arguments: Any) -> int:
        """A request whose arguments are no object, or none; its number."""
        self.seq += 1
        message = {"seq": self.seq, "type": "request", "command": command, "arguments": arguments}
        body = json.dumps(message).encode()
        self._out.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self._out.flush()
        return self.seq

    def wait(self, wanted: Callable[[Message], bool]) -> Message:
        """The next message of a kind."""
        while (message := self.coming.get(timeout=SECONDS)) is not None:
            judge(message)
            if wanted(message):
                return message
            if message["type"] == "event":
                self.events.append(message)
        raise EOFError("the adapter has gone")

    def answer(self, command: str, **arguments: Any) -> Message:
        """What answers a request, be it refused."""
        return self.answered(self.send(command, arguments))

    def answered(self, number: int) -> Message:
        """What answers the request of a number."""
        return self.wait(lambda m: m["type"] == "response" and m["request_seq"] == number)

    def ask(self, command: str, **arguments: Any) -> Message:
        """The body of the answer to a request, which must not be refused."""
        found = self.answer(command, **arguments)
        assert found["success"], found
        body: Message = found.get("body", {})
        return body

    def event(self, name: str) -> Message:
        """The body of the next event of a name."""
        for n, message in enumerate(self.events):
            if message["event"] == name:
                del self.events[: n + 1]
                return dict(message.get("body", {}))
        return dict(self.wait(lambda m: m["type"] == "event" and m["event"] == name).get("body", {}))

    def go(self, command: str, **arguments: Any) -> Message:
        """Where a motion stops."""
        self.events.clear()
        self.ask(command, threadId=1, **arguments)
        return self.event("stopped")

    def start(self, program: str, before: Callable[[], object] = lambda: None, **arguments: Any) -> Message:
        """Opens a program, sets stops, and waits for the first stop."""
        self.ask("initialize", adapterID="bpdebug", linesStartAt1=True, columnsStartAt1=True)
        number = self.send("launch", {"program": program, **arguments})
        self.event("initialized")
        before()
        self.ask("configurationDone")
        answered = self.answered(number)
        assert answered["success"]
        return self.event("stopped")

    def top(self) -> Message:
        """The innermost frame."""
        frame: Message = self.ask("stackTrace", threadId=1)["stackFrames"][0]
        return frame

    def scope(self, name: str) -> list[Message]:
        """The variables of a scope."""
        scopes = {s["name"]: s["variablesReference"] for s in self.ask("scopes", frameId=1)["scopes"]}
        found: list[Message] = self.ask("variables", variablesReference=scopes[name])["variables"]
        return found


@contextmanager
def connected(*, files: bool = False) -> Iterator[Client]:
    """A client of an adapter that runs beside it."""
    ours, theirs = socket.socketpair()
    with ours, theirs, theirs.makefile("rb") as inward, theirs.makefile("wb") as outward:
        adapter = Adapter(Wire(inward, outward), files=files)
        failed: list[BaseException] = []

        def serve() -> None:
            try:
                adapter.serve()
            except BaseException as error:
                failed.append(error)
            finally:
                theirs.shutdown(socket.SHUT_RDWR)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield Client(ours)
        finally:
            ours.shutdown(socket.SHUT_WR)
            thread.join(SECONDS)
        assert not thread.is_alive()
        assert not failed, failed
