"""The adapter on a stream: standard input and output, or a port of this machine, one editor after the other."""

from __future__ import annotations

import os
import socket
import sys
from typing import BinaryIO

from bpdebug.errors import EXIT_GOOD, InputError, UsageError
from bpdebug.frontends.dap import life, looking, motions, stopping
from bpdebug.frontends.dap.adapter import Adapter
from bpdebug.frontends.dap.wire import Wire
from bpdebug.translation import language, speak

FAMILIES = (life, looking, motions, stopping)
"""The modules whose requests are in the table once they are imported."""
HOST = "127.0.0.1"


def serve(port: int | None) -> int:
    """Until the client goes; on a port (0: any that is free, which is told on the error stream), for ever.

    Raises InputError for what is no message, UsageError for a port that cannot be had.
    """
    if port is not None:
        return _on_port(port)
    with os.fdopen(os.dup(sys.stdout.fileno()), "wb") as outward:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever prints would end the session
        inward = os.fdopen(os.dup(sys.stdin.fileno()), "rb")  # at the exit nobody waits for the thread that reads it
        _session(inward, outward, files=True)
    return EXIT_GOOD


def _session(inward: BinaryIO, outward: BinaryIO, *, files: bool) -> None:
    spoken, adapter = language(), Adapter(Wire(inward, outward), files=files)
    try:
        adapter.serve()
    finally:
        speak(spoken)  # the next client may have another language


def _on_port(port: int) -> int:
    try:
        server = socket.create_server((HOST, port))
    except (OSError, OverflowError) as error:
        raise UsageError(f"port {port}: {error}", hint="--port 0 takes one that is free") from None
    with server:
        sys.stderr.write(f"{HOST}:{server.getsockname()[1]}\n")
        sys.stderr.flush()
        while True:
            client, _ = server.accept()
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # an answer and its event: two small messages
            with client, client.makefile("rb") as inward, client.makefile("wb") as outward:
                try:
                    _session(inward, outward, files=False)
                except InputError as error:
                    sys.stderr.write(f"{error}\n")
                except OSError:
                    continue  # the editor has gone in the middle of an answer
