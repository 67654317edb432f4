"""The screen in a browser: at its address alone, from its own page alone, and the program answers there."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bpdebug.errors import UsageError
from bpdebug.frontends.served import VARIABLE
from tests.node import CHROMIUM, answer, needs_chromium

pytest.importorskip("textual_serve", reason="the screen in a browser is an extra")
aiohttp = pytest.importorskip("aiohttp", reason="as above")
serving = pytest.importorskip("bpdebug.frontends.browser.serving", reason="as above")


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    """A server's own address; it is gone afterwards."""
    (tmp_path / "tour").touch()  # it was shown
    command = [sys.executable, "-m", "bpdebug.cli", "--lang", "zh", "serve", "transpose"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=os.environ | {"BPDEBUG_STATE_DIR": str(tmp_path)}, cwd=tmp_path
    ) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.send_signal(signal.SIGINT)
        process.wait(30)


async def test_nothing_is_there_without_the_token_or_from_elsewhere(address: str) -> None:
    root = re.match(r"http://127\.0\.0\.1:\d+/", address)
    assert root is not None
    async with aiohttp.ClientSession() as client:
        for url, headers, status in (
            (root[0], {}, 404), (f"{root[0]}ws", {}, 404), (f"{root[0]}x/", {}, 404), (address, {}, 200),
            (address, {"Host": "evil.example"}, 403), (f"{address}ws", {"Origin": "http://evil.example"}, 403),
        ):  # fmt: skip
            async with client.get(url, headers=headers) as answer:
                assert answer.status == status, (url, headers)


async def test_the_page_asks_nobody_else(address: str) -> None:
    async with aiohttp.ClientSession() as client, client.get(address) as answer:
        page = await answer.text()
    assert {url for url in re.findall(r"https?://[^\s\"'<]+", page) if not url.startswith(address)} == set()
    assert "<title>bpdebug</title>" in page
    assert '<html lang="zh">' in page
    assert f"ws:{address.removeprefix('http:')}ws" in page


async def test_the_screen_comes_and_a_key_reaches_it(address: str, tmp_path: Path) -> None:
    """In the language that was asked for; and what is typed there writes no file."""
    async with aiohttp.ClientSession() as client, client.ws_connect(f"{address}ws?width=120&height=40") as stream:

        async def until(words: str) -> None:
            seen = ""
            while words not in seen:
                message = await stream.receive(timeout=60)
                if message.type == aiohttp.WSMsgType.BINARY:
                    seen += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", message.data.decode("utf-8", "replace"))

        await until("事件 0/3")
        await stream.send_json(["stdin", "s"])
        await until("事件 1/3")
        await stream.send_json(["stdin", ":"])
        await stream.send_json(["stdin", "transcript a.bpd\r"])
        await until("not possible in a browser")
    assert not list(tmp_path.rglob("a.bpd"))


def test_it_is_opened_where_that_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    opened: list[str] = []

    def run(app: Any, *, sock: socket.socket, print: None) -> None:
        app.close()
        sock.close()

    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setattr(serving.web, "run_app", run)
    monkeypatch.setenv(VARIABLE, "")
    for open_it in (False, True):
        assert serving.serve(None, 0, open_it=open_it) == 0
    first, second = (text for text in capsys.readouterr().out.split("\n") if text.startswith("http"))
    assert opened == [second]
    assert first.rsplit("/", 2)[1] != second.rsplit("/", 2)[1]  # a token of its own each time
    assert len(second.rsplit("/", 2)[1]) >= 20


@needs_chromium
def test_in_a_browser_the_keys_are_the_programs_at_once(address: str) -> None:
    found = answer("served.js", str(CHROMIUM), address)
    assert found == {"title": "bpdebug", "wrong": [], "foreign": [], "ended": "会话已结束。 再开始一次"}


def test_the_standard_input_is_not_served() -> None:
    with pytest.raises(UsageError, match="the standard input"):
        serving.serve("-", 0, open_it=False)
