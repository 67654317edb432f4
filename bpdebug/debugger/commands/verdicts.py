"""What an explanation comes to, in a word: for scripts that expect it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bpdebug.debugger.commands.table import COMMANDS
from bpdebug.debugger.comparing import ExpectationError
from bpdebug.debugger.state import State


def _of_candidates(found: Any) -> list[str]:
    """'∂X 8 fit 1 right' for each operand."""
    words = []
    for target in dict.fromkeys(r.target for r in found.rows):
        rows = [r for r in found.rows if r.target == target]
        words.append(f"{target} {sum(r.fits for r in rows)} fit {sum(r.verdict == 'right' for r in rows)} right")
    return words


VERDICTS: dict[str, Callable[[Any], list[str]]] = {
    "why": lambda found: [found.answer],
    "check": lambda found: [found.first_wrong or "none"],
    "derivation": lambda found: [found.first_wrong or "none"],
    "adjoint": lambda found: ["unknown" if found.holds is None else "holds" if found.holds else "fails"],
    "candidates": _of_candidates,
    "flow": lambda found: [found.verdict],
}
"""The explanations that a script can expect something of; each by the record its command shows."""


def expected(kind: str) -> Callable[[State, str], str]:
    """`expect why dW masked`: the command runs without the last word (or quoted text), which it must come to."""

    def run(state: State, text: str) -> str:
        if text.endswith('"') and text.count('"') >= 2:
            head, _, wanted = text[:-1].rpartition('"')
            wanted = f"∂{wanted[1:]}" if kind == "candidates" and wanted.startswith("d") else wanted
        else:
            head, _, wanted = text.rpartition(" ")
        asked = COMMANDS[kind].run(state, head.strip())
        found = VERDICTS[kind](asked.view.args[0])
        if wanted not in found:
            raise ExpectationError(f"{kind} {head}".strip(), wanted, ", ".join(found))
        return f"{kind} {text}"

    return run
