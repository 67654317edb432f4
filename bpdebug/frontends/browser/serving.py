"""A server on this machine alone, which starts the program for whoever knows the token in its address."""

from __future__ import annotations

import os
import secrets
import shlex
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp_jinja2
import jinja2
from aiohttp import web
from textual_serve.server import Server

from bpdebug.errors import EXIT_GOOD, UsageError
from bpdebug.frontends.served import VARIABLE
from bpdebug.frontends.terminal import in_ascii
from bpdebug.translation import _, language

HOST = "127.0.0.1"


class LocalServer(Server):  # type: ignore[misc]  # its types are not looked at
    """textual-serve's server, below a token, with a page of ours: no other address is asked for anything.

    A request must name this machine as its host, and come from a page of this server: a page elsewhere cannot reach it
    by a name of its own that leads here.
    """

    def __init__(self, words: list[str], port: int, token: str) -> None:
        command = shlex.join([sys.executable, "-m", "bpdebug.cli", *words])
        super().__init__(
            command, host=HOST, port=port, title="bpdebug", public_url=f"http://{HOST}:{port}",
            templates_path=Path(__file__).parent,
        )  # fmt: skip
        self.token = token

    @property
    def address(self) -> str:
        """What is opened in the browser."""
        return f"{self.public_url}/{self.token}/"

    async def _make_app(self) -> web.Application:
        app = web.Application(middlewares=[self._ours_alone])
        page = aiohttp_jinja2.setup(app, loader=jinja2.FileSystemLoader(self.templates_path))
        page.globals |= {
            "language": language(), "ended": _("The session has ended."), "again": _("Begin another")
        }  # fmt: skip
        below = f"/{self.token}"
        app.add_routes([
            web.get(f"{below}/", self.handle_index, name="index"),
            web.get(f"{below}/ws", self.handle_websocket, name="websocket"),
            web.static(f"{below}/static", self.statics_path, name="static"),
        ])  # fmt: skip
        return app

    @web.middleware  # type: ignore[untyped-decorator]  # as above
    async def _ours_alone(self, request: web.Request, handler: Any) -> web.StreamResponse:
        origin = request.headers.get("Origin", self.public_url)
        if request.headers.get("Host") != f"{HOST}:{self.port}" or origin != self.public_url:
            raise web.HTTPForbidden(text="this server is for one page on this machine")
        answer: web.StreamResponse = await handler(request)
        return answer


def serve(file: str | None, port: int, options: Sequence[str] = (), *, open_it: bool) -> int:
    """The screen of a file, with options as they are typed, until Ctrl+C; the address is printed.

    Raises UsageError for a port that is taken.
    Standard input is no file here: a program for each page would read it, and keys come to those by theirs.
    """
    if file == "-":
        raise UsageError("the standard input can be read once, and each page reads its file", hint="name a file")
    try:
        there = socket.create_server((HOST, port))
    except (OSError, OverflowError) as error:
        raise UsageError(f"port {port}: {error}", hint="--port 0 takes one that is free") from None
    os.environ[VARIABLE] = "1"
    words = ["--lang", language(), *(["--ascii"] if in_ascii() else []), *options, *([file] if file else [])]
    server = LocalServer(words, there.getsockname()[1], secrets.token_urlsafe(16))
    print(
        f"{server.address}\n{_('whoever has this address uses bpdebug with your rights; Ctrl+C ends it')}", flush=True
    )
    if open_it:
        import webbrowser  # only where it is asked for

        webbrowser.open(server.address)
    web.run_app(server._make_app(), sock=there, print=None)
    return EXIT_GOOD
