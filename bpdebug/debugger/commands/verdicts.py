"""What an explanation comes to, in a word: for scripts that expect it."""

from __future__ import annotations

from collections.abc import Callable

from bpdebug.debugger.commands.table import Command
from bpdebug.debugger.comparing import ExpectationError
from bpdebug.debugger.state import State


def expected(row: Command) -> Callable[[State, str], str]:
    """`expect why dW masked`: the command runs without the last word (or quoted text), which it must come to."""

    def run(state: State, text: str) -> str:
        if text.endswith('"') and text.count('"') >= 2:
            head, _, wanted = text[:-1].rpartition('"')
            wanted = f"∂{wanted[1:]}" if row.name == "candidates" and wanted.startswith("d") else wanted
        else:
            head, _, wanted = text.rpartition(" ")
        assert row.verdicts is not None
        found = row.verdicts(row.run(state, head.strip()).view.args[0])
        if wanted not in found:
            raise ExpectationError(f"{row.name} {head}".strip(), wanted, ", ".join(found))
        return f"{row.name} {text}"

    return run
