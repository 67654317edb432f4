"""The command line: argv to a front end; the only place where errors become messages and exit codes."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING

from bpdebug import __version__
from bpdebug.errors import (
    EXIT_BUG,
    EXIT_GOOD,
    EXIT_INTERRUPTED,
    EXIT_REFUSED,
    BpdebugError,
    UsageError,
    did_you_mean,
)  # fmt: skip
from bpdebug.frontends.bar import awaited
from bpdebug.frontends.options import addressed, budget_of, limits_of, of_model, refuse_passes, replaced_by, warned
from bpdebug.frontends.terminal import doors, spell_in_ascii
from bpdebug.translation import ENGLISH, speak

if TYPE_CHECKING:
    from bpdebug.engine.budget import Budget
    from bpdebug.scenario import Scenario


@doors()
def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line; returns the exit code. Never a traceback."""
    gc.disable()  # importing makes many objects and no garbage: collecting meanwhile is a third of the start
    try:
        code = _carried_out(list(sys.argv[1:] if argv is None else argv))
        sys.stdout.flush()
        return code
    except BpdebugError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except MemoryError:
        sys.stderr.write("error[E_LIMIT]: the machine has no more memory\n  help: lower --memory\n")
        return EXIT_REFUSED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        _to_nowhere()  # the reader went away (head): nothing is wrong
        return EXIT_GOOD
    except OSError as error:
        _to_nowhere()
        reason = f"{error.strerror or type(error).__name__}{f': {error.filename}' if error.filename else ''}"
        sys.stderr.write(f"{BpdebugError(reason, code='E_FILE', hint='see the disk and the rights on it')}\n")
        return EXIT_REFUSED
    except Exception as error:
        if os.environ.get("BPDEBUG_TRACEBACK"):
            raise
        sys.stderr.write(
            f"bpdebug {__version__} has a bug: {type(error).__name__}: {error}\n"
            "  help: please report it with the file and the command; BPDEBUG_TRACEBACK=1 shows where it happened\n"
        )
        return EXIT_BUG
    finally:
        gc.enable()


def _to_nowhere() -> None:
    """What is still to be written goes nowhere, so that Python does not complain while it shuts down."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _carried_out(words: list[str]) -> int:
    words = addressed(words)
    if not words or words[0] not in (*VERBS, "show", "-h", "--help", "--version"):
        hint = _meant(words[0]) if words[1:] and not words[1].startswith("-") else ""
        if hint:  # a misspelt command before a file: not one file too many, but no command
            raise UsageError(f"no command '{words[0]}'", hint=hint)
        words = ["show", *words]
    try:
        args = plain(words) or _parsed(words)
    except SystemExit as stop:  # help and the version are printed
        return int(stop.code or EXIT_GOOD)
    if args.ascii or vars(args).get("plain"):
        spell_in_ascii()
    return _COMMANDS[args.verb](args)


def plain(words: list[str]) -> SimpleNamespace | None:
    """What the parser makes of a command and a file without options: the common start need not wait for argparse."""
    if len(words) != 2 or words[0] not in ("show", "run", "debug") or words[1].startswith("-"):
        return None
    return SimpleNamespace(
        verb=words[0], file=words[1], set=[], memory=None, spill=None, limit=[], fresh=False, json=False, values="some",
        record=None, ascii=False, plain=False, motion=True, inputs=None, loss=None, dim=[], freeze=[],
        incoming=[], double=False, backend=None, device=None, scheduler=None,
    )  # fmt: skip


def _parsed(words: list[str]) -> SimpleNamespace:
    from bpdebug.frontends.arguments import helped, parser  # plain words do not need it

    if words[0] == "trace":
        from bpdebug.frontends.tracing import parsed

        return parsed(parser(), words)
    return parser().parse_args(helped(words, _COMMANDS), SimpleNamespace())


def _meant(word: str) -> str:
    """A hint at the command that a word may be meant for; '' where none is near, or a file is called so."""
    return "" if os.path.exists(word) else did_you_mean(word, VERBS)


# --- the commands: front ends are imported when they are wanted, since each start pays for what it uses


def _opened(args: SimpleNamespace, name: str) -> tuple[Scenario, int | Budget]:
    """A scenario, and what may be kept of its values; from here on there is garbage to collect."""
    scenario, limits = _read(args, name), limits_of(args)
    _note(scenario)
    gc.freeze()  # what was imported stays: neither a collection nor the exit goes through it
    gc.enable()
    return scenario, awaited(lambda: budget_of(limits, warned))


def _note(scenario: Scenario) -> None:
    sys.stderr.writelines(f"note: {remark}\n" for remark in scenario.remarks)


def _read(args: SimpleNamespace, name: str) -> Scenario:
    from bpdebug.importers import open_any

    path: str | os.PathLike[str] = name
    if "\n" in name:  # a text of several lines is a scenario in Python only
        from pathlib import Path  # nothing else of a start needs it

        path = Path(name)
    options = of_model(args) if "inputs" in vars(args) else None
    return open_any(path, limits=limits_of(args), replace=replaced_by(args), options=options)


def _show(args: SimpleNamespace) -> int:
    if args.plain and args.file is None:
        raise UsageError("--plain walks a FILE", hint="bpdebug list names the lessons: bpdebug transpose --plain")
    if args.file is not None and "." not in args.file and (hint := _meant(args.file)):
        from bpdebug.scenario.lessons import shipped_paths

        if args.file not in shipped_paths():
            raise UsageError(f"no command and no file '{args.file}'", hint=hint)
    if args.plain:
        return _debug(args)
    found: list[Scenario] = []

    def read() -> Scenario:
        found.append(_read(args, args.file))
        return found[0]

    terminal = sys.stdout.isatty() and sys.stderr.isatty() and (sys.stdin.isatty() or args.file == "-")
    if not (terminal or "TEXTUAL_DRIVER" in os.environ):  # a driver that was chosen needs none
        if args.file is not None:
            _note(read())  # what is wrong with the file is said first
        raise UsageError("the screen needs a terminal", hint="bpdebug run FILE prints, bpdebug debug FILE takes a pipe")
    from bpdebug.frontends.tui import run_app

    given, name, limits = None if args.file is None else read, os.path.basename(args.file or ""), limits_of(args)
    code = run_app(given, name, budget=lambda: budget_of(limits), fresh=args.fresh, motion=args.motion)
    for scenario in found:
        _note(scenario)
    if code == EXIT_BUG:
        sys.stderr.write("bpdebug has a bug\n  help: please report it with the file and the text above\n")
    return code


def _run(args: SimpleNamespace) -> int:
    scenario, budget = _opened(args, args.file)
    from bpdebug.frontends import pages

    pages.run(scenario, json=args.json, full=args.values == "full", budget=budget, record=args.record)
    return EXIT_GOOD


def _debug(args: SimpleNamespace) -> int:
    scenario, budget = _opened(args, args.file)
    from bpdebug.debugger import open_session
    from bpdebug.frontends import prompt
    from bpdebug.frontends.session.store import SessionStore, kind

    state = open_session(scenario, budget=budget)
    store = SessionStore(state, kind(), fresh=args.fresh)
    if vars(args).get("json"):
        return prompt.debug_json(state, store)
    return prompt.debug(state, store, plain=args.plain)


def _scripts(args: SimpleNamespace) -> int:
    from bpdebug.frontends.scripts.replay import Settings, replay

    gc.enable()
    settings = Settings(
        limits_of(args),
        replaced_by(args),
        accept=args.update,
        keep_going=args.keep_going,
        opens=vars(args).get("opens", False),
    )
    if args.verb == "test":
        from bpdebug.frontends.scripts import testing

        speak(ENGLISH)  # what is expected, stored and written for a server is the same in every language
        return testing.run_tests(
            args.paths, settings, jobs=args.jobs, word=args.word, junit=args.junitxml, annotations=args.annotations
        )
    if args.tui:
        from bpdebug.frontends.tui.playing import play

        return play(args.file, settings, args.delay)
    return replay(args.file, settings)


def _compare(args: SimpleNamespace) -> int:
    left, budget = _opened(args, args.file)
    from bpdebug.frontends import pages

    elsewhere, budgets = args.backend not in (None, "numpy"), (budget, budget)
    other = None if elsewhere and args.other == args.file else args.other  # a file and itself: on NumPy, and there
    if not other and left.recording is not None and left.recording.applications:
        return pages.differences(left, json=args.json, budget=budget)
    if other:
        right, names = _opened(args, other)[0], (args.file, other)
    elif left.recording is not None:
        from bpdebug.importers.trace import replayed

        right, names = replayed(args.file, limits=limits_of(args)), (args.file, "the same computed again")
    elif elsewhere:
        right, names, budgets = left, ("numpy", args.backend), (budget_of(limits_of(args).on_numpy(), warned), budget)
    else:
        hint = "bpdebug compare a.bptrace b.bptrace, bpdebug compare a.toml --backend torch"
        raise UsageError("compare takes two recordings or scenarios, or one and a backend", hint=hint)
    return pages.compare(left, right, names, json=args.json, budgets=budgets)


def _trace(args: SimpleNamespace) -> int:
    from bpdebug.frontends import tracing

    return tracing.show(args, limits_of(args))


def _import(args: SimpleNamespace) -> int:
    refuse_passes(args, "import computes nothing")
    from bpdebug.importers.writing import write_scenario

    write_scenario(_opened(args, args.file)[0], args.out)
    return EXIT_GOOD


def _page(args: SimpleNamespace) -> int:
    from bpdebug.frontends import pages

    pages.told(args.verb, vars(args))
    return EXIT_GOOD


def _elsewhere(args: SimpleNamespace) -> int:
    from bpdebug.frontends.elsewhere import elsewhere

    gc.enable()
    return elsewhere(args)


def _export(args: SimpleNamespace) -> int:
    from bpdebug.frontends.export import export

    return export(args, lambda name: _opened(args, name))


_COMMANDS = {
    "show": _show, "run": _run, "debug": _debug, "replay": _scripts, "test": _scripts, "compare": _compare,
    "trace": _trace, "import": _import, "export": _export, "dap": _elsewhere, "vscode": _elsewhere, "serve": _elsewhere,
    "list": _page, "ops": _page, "schema": _page, "help": _page,
}  # fmt: skip
VERBS = tuple(verb for verb in _COMMANDS if verb != "show")


if __name__ == "__main__":
    sys.exit(main())
