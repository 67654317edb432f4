"""What a user likes: keys, from a file of theirs, and what the screen keeps: the theme and the panes as they were last.

The file is config.toml in the user's folder of settings (folders.py).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec import MsgspecError, Struct, field, json
from textual.keys import Keys, key_to_character

from bpdebug.errors import InputError, did_you_mean, shown
from bpdebug.frontends.files import put
from bpdebug.frontends.folders import config_folder, state_folder
from bpdebug.frontends.terminal import in_ascii
from bpdebug.frontends.tui.keys import PRESETS, TABLE, TYPING, clash, rows
from bpdebug.limits import Limits
from bpdebug.scenario.text import Outline, parse_toml, read_source

OWN_THEME = "bpdebug"
MODIFIERS = {"ctrl", "alt", "shift", "super", "meta", "hyper"}
NAMED = {key.value for key in Keys}
_HINT = 'it may say: preset = "vim", and below [keys], step = "space,s"'


class Panes(Struct, frozen=True):
    """Columns of the panes beside the stage, rows of the `strip` that the program is above it; 0 as by themselves.

    The program may be `above` at any width; panes that are `hidden` are there when they are called.
    """

    program: int = 0
    strip: int = 0
    inspector: int = 0
    above: bool = False
    hidden: frozenset[str] = frozenset()


class Preferences(Struct, frozen=True):
    """Keys by the ids of the rows that they are for, a theme's name and the panes; and what is told of others.

    `ascii` says that every sign is to be drawn in ASCII.
    """

    keys: Mapping[str, str] = field(default_factory=dict)
    theme: str = OWN_THEME
    keep: Callable[[str], None] | None = None
    ascii: bool = False
    panes: Panes = Panes()
    keep_panes: Callable[[Panes], None] | None = None


def read_preferences() -> Preferences:
    """What the user set; InputError (E_CONFIG, or what reading a file may raise) where the file says what it cannot."""
    keys = _read_keys(config_folder() / "config.toml")
    return Preferences(keys, _kept_theme(), keep_theme, in_ascii(), _kept_panes(), keep_panes)


def _read_keys(path: Path) -> dict[str, str]:
    if not os.path.lexists(path):
        return {}
    try:
        limits = Limits()
        source = read_source(path, limits)
        said, found = parse_toml(source, limits)
    except InputError as error:
        where = str(path) + error.where.removeprefix(shown(path.name))
        raise InputError(error.message, code=error.code, where=where, hint=_HINT) from None
    return _checked(said, found, str(path))


def _checked(said: Mapping[str, Any], found: Outline, name: str) -> dict[str, str]:
    """The keys that a file gives to rows, its own in place of the preset's; E_CONFIG."""

    def refused(message: str, hint: str, *path: str) -> InputError:
        return InputError(message, code="E_CONFIG", where=found.place(name, path), hint=hint)

    for word in said.keys() - {"preset", "keys"}:
        raise refused(f"no setting '{shown(word)}'", _HINT, word)
    preset, own = said.get("preset", ""), said.get("keys", {})
    if preset and (not isinstance(preset, str) or preset not in PRESETS):
        raise refused(f"no preset '{shown(preset)}'", "there are: " + ", ".join(PRESETS), "preset")
    if not isinstance(own, dict):
        raise refused("keys is no table", _HINT, "keys")
    for id, keys in own.items():
        if id not in TABLE:
            hint = did_you_mean(id[:40], TABLE) or "bpdebug's help, with ?, says the ids"
            raise refused(f"nothing is called '{shown(id)}'", hint, "keys", id)
        if not isinstance(keys, str) or not all(map(_is_key, keys.split(","))):
            hint = 'a letter or a name, several with commas: "s", "f5,ctrl+n", "shift+up", "space"'
            raise refused(f"'{shown(keys)}' is no key", hint, "keys", id)
        if TABLE[id].place in TYPING and any(len(key.strip()) == 1 for key in keys.split(",")):
            raise refused(f"'{shown(keys)}' is typed there", "take one with ctrl, or an F-key", "keys", id)
    moved = PRESETS.get(preset, {}) | own
    if twice := clash(rows(moved).values()):
        key, one, other = twice
        place = ("keys", other.id if other.id in own else one.id) if {one.id, other.id} & own.keys() else ("preset",)
        raise refused(f"'{key}' is the key of {one.id} and of {other.id}", "give one of them another", *place)
    return moved


def _is_key(text: str) -> bool:
    *held, name = text.strip().split("+")
    known = (len(name) == 1 and name.isprintable() and name != " ") or name in NAMED or key_to_character(name)
    return bool(known) and set(held) <= MODIFIERS


# --- what the screen keeps


def _kept(name: str) -> bytes:
    """What was kept; nothing, where it cannot be read. A pipe is not waited for."""
    try:
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0)
        with os.fdopen(os.open(state_folder() / name, flags), "rb") as file:
            return file.read(1000)
    except OSError:
        return b""


def _keep(name: str, raw: bytes) -> None:
    state_folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    put(state_folder() / name, raw + b"\n", 0o600)


def _kept_theme() -> str:
    return _kept("theme").decode("utf-8", "ignore").strip() or OWN_THEME


def keep_theme(name: str) -> None:
    """The theme with which the screen is to begin the next time; OSError where it cannot be kept."""
    _keep("theme", name.encode())


def _kept_panes() -> Panes:
    try:
        return json.decode(_kept("panes"), type=Panes)
    except (MsgspecError, UnicodeDecodeError):  # raised for a string that is no text
        return Panes()


def keep_panes(panes: Panes) -> None:
    """The panes as they are to be the next time; OSError where that cannot be kept."""
    _keep("panes", json.encode(panes))
