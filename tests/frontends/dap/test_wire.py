"""Bytes that are no message, and requests made by chance: one line and the end, or an answer each."""

from __future__ import annotations

import io
import json
import os
import random
import subprocess
import sys
from typing import Any

import pytest

from bpdebug.errors import InputError
from bpdebug.frontends.dap.adapter import REQUESTS
from bpdebug.frontends.dap.wire import MOST_BYTES, Wire
from tests.frontends.dap.client import connected


def framed(body: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n" % len(body) + body


GOOD = framed(b'{"seq": 1, "type": "request", "command": "threads"}')
BAD = {
    "no JSON": framed(b"{"),
    "an array": framed(b"[1]"),
    "no seq": framed(b'{"type": "request", "command": "next"}'),
    "a seq that is text": framed(b'{"seq": "1", "type": "request", "command": "next"}'),
    "no UTF-8": framed(b'{"seq": 1, "type": "request", "command": "\xff\xfe"}'),
    "deep": framed(b"[" * 100_000),
    "cut": GOOD[:-5],
    "a length beyond all": b"Content-Length: 99999999999\r\n\r\n",
    "a length beyond numbers": b"Content-Length: " + b"9" * 400 + b"\r\n\r\n",
    "a negative length": b"Content-Length: -1\r\n\r\n",
    "a length in other digits": "Content-Length: ٣\r\n\r\n".encode(),
    "no length": b"Content-Type: x\r\n\r\n{}",
    "no header": b"hello\n" * 3,
    "a header without end": b"x: y\r\n" * 50,
    "a line without end": b"C" * 5000,
}


@pytest.mark.parametrize("kind", BAD)
def test_what_is_no_message_is_refused(kind: str) -> None:
    wire = Wire(io.BytesIO(GOOD + BAD[kind]), io.BytesIO())
    found = wire.read()
    assert found is not None
    assert found.command == "threads"
    with pytest.raises(InputError) as caught:
        wire.read()
    assert "\n" not in str(caught.value)


def test_what_is_longer_than_any_message_is_refused_before_it_is_read() -> None:
    class Untouched(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise AssertionError(size)

    with pytest.raises(InputError, match="at most"):
        Wire(Untouched(b"Content-Length: %d\r\n\r\n" % (MOST_BYTES + 1)), io.BytesIO()).read()


def test_messages_that_are_no_requests_are_passed_over() -> None:
    event = framed(b'{"seq": 1, "type": "event", "event": "x"}')
    found = Wire(io.BytesIO(event + GOOD), io.BytesIO()).read()
    assert found is not None
    assert found.command == "threads"
    assert Wire(io.BytesIO(), io.BytesIO()).read() is None


def adapter(given: bytes) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "bpdebug.cli", "dap"]
    return subprocess.run(command, input=given, capture_output=True, timeout=60, env=os.environ)


@pytest.mark.parametrize("kind", ["no JSON", "cut", "a length beyond all", "no header"])
def test_the_program_ends_with_one_line_and_3(kind: str) -> None:
    done = adapter(GOOD + BAD[kind])
    assert done.returncode == 3
    assert done.stderr.count(b"\n") == 1
    assert done.stderr.startswith(b"error[E_")
    assert b'"threads"' in done.stdout


def test_the_program_ends_well_where_the_client_goes() -> None:
    launch = framed(json.dumps({
        "seq": 1, "type": "request", "command": "launch", "arguments": {"program": "transpose"},
    }).encode())  # fmt: skip
    for more in (b"", framed(b'{"seq": 2, "type": "request", "command": "disconnect"}')):
        done = adapter(launch + more)
        assert (done.returncode, done.stderr) == (0, b"")
        assert b'"initialized"' in done.stdout


VALUES: list[Any] = [
    0, 1, 2, 7, -1, 10**9, 2**70, 1.5, True, None, "", "W1", "Y@bwd", "dW2[0]", "[0]", "[99]", "∂X", "matmul", "lens",
    "print W1 ;; next", "nan", "vanish 2", "instruction", "indexed", "% 2", "\ud800x"[1:], "x" * 3000, [], {}, [{}],
    [{"line": 25}], [{"name": "Y"}, {"name": 3}], [{"dataId": "W1", "hitCondition": "2"}], {"path": "two_layer.toml"},
]  # fmt: skip
KEYS = ("threadId", "frameId", "line", "endLine", "source", "breakpoints", "filters", "filterOptions", "name", "value",
        "variablesReference", "expression", "context", "text", "column", "targetId", "granularity", "levels",
        "startFrame", "start", "count", "filter", "requestId", "format", "program", "arguments")  # fmt: skip
LEFT_OUT = ("disconnect", "launch", "attach", "restart", "configurationDone")


@pytest.mark.fuzz
def test_requests_made_by_chance_are_answered_once_each() -> None:
    """500 in CI; BPDEBUG_FUZZ says how many by hand."""
    count = min(int(os.environ.get("BPDEBUG_FUZZ", "0")) or 500, int(os.environ.get("BPDEBUG_DAP", "500")))
    chance = random.Random(int(os.environ.get("BPDEBUG_FUZZ_SEED", "0")))
    commands = [name for name in REQUESTS if name not in LEFT_OUT] + ["nothing", ""]
    with connected() as client:
        client.start("two_layer")
        sent = []
        for _ in range(count):
            arguments = {key: chance.choice(VALUES) for key in chance.sample(KEYS, chance.randint(0, 6))}
            if arguments.get("expression") == "quit":
                continue
            sent.append(client.send(chance.choice(commands), arguments))
        last = client.send("threads")
        answered: list[int] = []
        while last not in answered:
            message = client.wait(lambda m: m["type"] == "response")
            answered.append(message["request_seq"])
        assert answered == [*sent, last]
