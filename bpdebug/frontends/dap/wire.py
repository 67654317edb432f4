"""The protocol's base: JSON behind a header of its length, from one stream and into another.

https://microsoft.github.io/debug-adapter-protocol/overview#base-protocol
"""

from __future__ import annotations

import threading
from typing import Any, BinaryIO

import msgspec
from msgspec import Struct

from bpdebug.errors import InputError, shown
from bpdebug.views import json_pieces

MOST_BYTES = 16 * 2**20
"""Bytes of one message that comes in."""
MOST_HEADER, MOST_FIELDS = 1_000, 20
"""Bytes of a line of a header, and its lines."""


class Request(Struct, frozen=True):
    """What a client asks; `arguments` are decoded by whoever answers."""

    seq: int
    command: str
    arguments: msgspec.Raw = msgspec.Raw(b"{}")


class AnyMessage(Struct, frozen=True):
    """Of any message, what it is."""

    type: str


class Wire:
    """Messages in and out; several threads may send."""

    def __init__(self, inward: BinaryIO, outward: BinaryIO) -> None:
        self._in, self._out = inward, outward
        self._lock, self._sent = threading.Lock(), 0

    def send(self, kind: str, **fields: Any) -> None:
        """One message to the client."""
        with self._lock:
            self._sent += 1
            body = "".join(json_pieces({"seq": self._sent, "type": kind, **fields})).encode()
            self._out.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
            self._out.flush()

    def read(self) -> Request | None:
        """The next request; None where the client has gone. InputError (E_SYNTAX, E_LIMIT) for what is no message."""
        while (length := self._header()) is not None:
            if length > MOST_BYTES:
                raise InputError(f"a message of {length:,} bytes: at most {MOST_BYTES:,}", code="E_LIMIT")
            body = self._in.read(length)
            if len(body) < length:
                raise InputError(f"the input ends after {len(body):,} of {length:,} bytes", code="E_SYNTAX")
            try:
                if msgspec.json.decode(body, type=AnyMessage).type == "request":
                    return msgspec.json.decode(body, type=Request)
            except (msgspec.MsgspecError, ValueError, RecursionError) as error:
                raise InputError(f"no message of the protocol: {shown(error)}", code="E_SYNTAX") from None
        return None

    def _header(self) -> int | None:
        """The length that a header says; None at the end of the input."""
        length: int | None = None
        for n in range(MOST_FIELDS):
            line = self._in.readline(MOST_HEADER)
            if not line and not n:
                return None
            if line == b"\r\n" and length is not None:
                return length
            name, colon, value = line.partition(b":")
            digits = value.strip()
            if not colon or not line.endswith(b"\r\n"):
                break
            if name.strip().lower() == b"content-length":
                if not digits.isdigit() or len(digits) > 15:
                    break
                length = int(digits)
        raise InputError("no header of the protocol: Content-Length: N, and an empty line", code="E_SYNTAX")
