"""The plain prompt, for people and for pipes, and its JSON twin: one reply per command."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import msgspec

from bpdebug.debugger import COMMANDS, State, parse
from bpdebug.debugger.commands.within import in_a_time
from bpdebug.errors import EXIT_FAILED, EXIT_GOOD, BpdebugError, CommandError
from bpdebug.frontends import spoken
from bpdebug.frontends.bar import STOPPED, watched
from bpdebug.frontends.loop import PROMPT, Answer, answer_object, gathered
from bpdebug.frontends.output import paged, print_json, print_lines
from bpdebug.frontends.session.store import SessionStore
from bpdebug.frontends.session.talk import Talk
from bpdebug.manual import TOPICS
from bpdebug.progress import Stopped
from bpdebug.translation import _
from bpdebug.views import Report, refusal, reply, view


def debug(state: State, store: SessionStore, *, plain: bool = False) -> int:
    """Read commands until `quit` or the end of input; reports go to standard output, refusals to standard error.

    On a terminal Enter repeats a motion, and Ctrl-C ends a command, not the session. From a pipe a command that fails,
    or a check or derivation that finds a mistake, makes the exit code 1, and the rest is run. What is `plain` is read
    aloud or kept as a log: lines of words, nothing that steers a terminal, the screen's keys typed as lines.
    """
    asked = sys.stdin.isatty()
    page = paged if asked and sys.stdout.isatty() and not plain else iter
    meant, said = (spoken.meant, spoken.said) if plain else (str, Answer.lines)
    talk = Talk(store)
    awaited = partial(watched, stops=asked, drawn=not plain)
    code, last = EXIT_GOOD, ""
    print_lines(spoken.greeting(state) if plain else watched(_opening(state)))
    if asked and (offer := talk.store.offer()):
        print(offer)
    for _number, typed in gathered(_lines(asked, plain)):
        line = meant(typed) or (last if asked else "")
        if not line or line.startswith("#"):
            continue
        before, bad = state, False
        try:
            for answer in awaited(talk(state, line), instead=in_a_time(line)):
                state = answer.state
                bad = bad or _wrong(answer.report)
                print_lines(page(awaited(talk.requests.heard(said(answer)))))
            last = line if _repeats(line) else ""
        except BpdebugError as error:
            print(error, file=sys.stderr)
            bad = True
        except Stopped:
            state = before
            print(_(STOPPED), file=sys.stderr)
        if complaint := talk.store.complaint():
            print(complaint, file=sys.stderr)
        code = EXIT_FAILED if bad and not asked else code
        if state.done:
            break
    talk.store.close()
    return code


def _opening(state: State) -> Iterator[str]:
    """The first report, which may take long to make."""
    yield from view(state).lines()


def _wrong(report: Report) -> bool:
    """Whether a check or a derivation found a mistake."""
    return report.kind in ("check", "derivation") and report.to_parts()["first_wrong"] is not None


def _completer(prefix: str, nth: int) -> str | None:
    """The nth command, or page of the manual, that begins like this, as readline asks for them."""
    found = [name for name in (*COMMANDS, *TOPICS) if name.startswith(prefix)]
    return f"{found[nth]} " if nth < len(found) else None


def _repeats(line: str) -> bool:
    return all(call.command.repeats and not call.must_fail for call in parse(line))


def _lines(asked: bool, plain: bool) -> Iterator[str]:
    """Lines from standard input; on a terminal with a prompt, history and completion.

    `plain` ones are a log: history and completion would steer the terminal, and a line from a pipe is printed, too.
    """
    if not asked:
        for line in sys.stdin:
            if plain:
                print(f"{PROMPT}{line.strip()}")
            yield line
        return
    if not plain:
        import readline  # only where there is a terminal

        readline.set_completer(_completer)
        readline.set_completer_delims(" \t\n;")
        readline.parse_and_bind("tab: complete")
    with contextlib.suppress(EOFError):
        while True:
            yield input(PROMPT)
    print()


def debug_json(state: State, store: SessionStore, lines: Iterable[str] | None = None) -> int:
    """One object per command on standard input, text or `{"id": 7, "command": "continue"}`; one reply each.

    A refusal is a reply too: the process ends only with its input, or with `quit`.
    """
    talk = Talk(store)
    for _number, line in gathered(sys.stdin if lines is None else lines):
        if not line or line.startswith("#"):
            continue
        ident: Any = None
        answers: list[Answer] = []
        try:
            request = _request(line)
            ident = request.get("id")
            for answer in talk(state, _command(request)):
                answers.append(answer)
                state = answer.state
            said = answer_object(answers, ident) if answers else reply(state, Report("said", ""), ident)
        except BpdebugError as error:
            said = _refused(state, answers, error, ident)
        if complaint := talk.store.complaint():
            said["notice"] = complaint
        print_json(said)
        sys.stdout.flush()
        if state.done:
            break
    talk.store.close()
    return EXIT_GOOD


def _refused(state: State, answers: list[Answer], error: BpdebugError, ident: Any) -> dict[str, Any]:
    """The reply to a line that was refused; where a command of a stop was, the line itself was carried out."""
    refused = refusal(state, error, ident)
    if not answers or not (answers[-1].pending or answers[-1].state.pending):
        return refused
    made = answer_object(answers, ident)
    return {**made, "commands": [*made["commands"], {"command": None, "error": refused["error"]}]}


REQUEST = '{"id": 7, "command": "continue"}'


def _request(line: str) -> dict[str, Any]:
    """A line of input as a request: JSON, or the command alone."""
    if not line.lstrip().startswith("{"):
        return {"command": line.strip()}
    try:
        found = msgspec.json.decode(line)
        json.loads(line, object_pairs_hook=_once)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise CommandError(f"not JSON: {str(error)[:200]}", hint=REQUEST) from None
    return dict(found)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys are all different; JSON itself would let the last one win."""
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)


def _command(request: dict[str, Any]) -> str:
    command = request.get("command")
    if not isinstance(command, str) or isinstance(request.get("id"), dict | list):
        raise CommandError("a request has a 'command', which is text", hint=REQUEST)
    return command
