"""Reports that help: all commands, one of them, a page of the manual, and the commands that speak of a word."""

from __future__ import annotations

from typing import Any

from bpdebug import debugger, manual
from bpdebug.debugger import State
from bpdebug.translation import _
from bpdebug.views.blocks import Table, Text
from bpdebug.views.manual import contents, page
from bpdebug.views.report import Report

MOST_USAGE = 36
"""Characters of a command's usage in a list of commands."""


def help_(state: State | None, name: str) -> Report:
    """Every command and topic in a row each; one command, or one page of the manual, in full."""
    if not name:
        return _overview()
    if name in manual.TOPICS:
        return page(name)
    command = debugger.COMMANDS[name]
    usage, also = f"{command.name} {command.args}".strip(), ", ".join(command.aliases) or "–"
    rows = ((_("usage"), usage), (_("also"), also), (_("key"), command.key or "–"), (_("example"), command.example))
    title = _("{of}: {said}").format(of=command.name, said=_(command.says))
    return Report("help", title, (Table(("", ""), rows),), _described(name))


def _overview() -> Report:
    headers = (_("command"), _("alias"), _("key"), _("what it does"))
    rows = tuple((_usage(c), ", ".join(c.aliases), c.key, _(c.says)) for c in debugger.COMMANDS.values())
    links = tuple(f"help {n}" for n in debugger.COMMANDS)
    commands = Table(headers, rows, links=links, sheds=headers[1:], prose=True)
    blocks = (commands, Text(""), Text(_("The manual, help TOPIC"), "title"), contents())
    data = {"commands": [_described(n) for n in debugger.COMMANDS], "topics": list(manual.TOPICS)}
    return Report("help", "", blocks, data)


def topics() -> Report:
    """What the program's own `help` begins with: the pages of the manual."""
    says = _("bpdebug help TOPIC shows a page, bpdebug help COMMAND tells a command of the debugger or of this line")
    data = {"topics": list(manual.TOPICS)}
    return Report("help", _("The manual"), (Text(""), contents(), Text(""), Text(says, "note")), data)


def _usage(command: debugger.Command) -> str:
    """The command with its arguments, where they are short; `help COMMAND` has them whole."""
    words = f"{command.name} {command.args}".strip()
    return words if len(words) <= MOST_USAGE else f"{command.name} ..."


def apropos(state: State, word: str) -> Report:
    """The commands whose row has a word in it, whatever its case; a machine is told those that have it in English."""
    commands = debugger.COMMANDS.values()
    texts = {c: " ".join((c.name, *c.aliases, c.args, c.says, c.example)).casefold() for c in commands}
    wanted = word.casefold()
    found = [c for c, text in texts.items() if wanted in text or wanted in _(c.says).casefold()]
    rows = tuple((_usage(c), _(c.says)) for c in found)
    data = {"word": word, "commands": [c.name for c in found if wanted in texts[c]]}
    title = "" if rows else _("no command speaks of '{word}'").format(word=word)
    headers = (_("command"), _("what it does"))
    table = Table(headers, rows, links=tuple(f"help {c.name}" for c in found), prose=True)
    return Report("apropos", title, (table,) if rows else (), data)


def _described(name: str) -> dict[str, Any]:
    c = debugger.COMMANDS[name]
    return {
        "name": c.name, "aliases": list(c.aliases), "key": c.key, "args": c.args, "says": c.says, "example": c.example,
    }  # fmt: skip
