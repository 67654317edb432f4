"""The command line: argv to a front end; the only place where errors become messages and exit codes."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

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
from bpdebug.limits import Limits, parse_limit, parse_size

VERBS = ("run", "debug", "list", "ops", "schema")


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise UsageError(message, hint=f"{self.prog} --help")


def parser() -> argparse.ArgumentParser:
    """The whole command line as argparse sees it."""
    top = _Parser(prog="bpdebug", description="A step-through debugger for computational graphs.")
    top.add_argument("--version", action="version", version=f"bpdebug {__version__}")
    verbs = top.add_subparsers(dest="verb", required=True, parser_class=_Parser, metavar="COMMAND")
    common = _Parser(add_help=False)
    common.add_argument("--set", action="append", default=[], metavar="NAME=FILE.npy", help="replace a tensor")
    common.add_argument("--memory", type=str, metavar="SIZE", help="all values and gradients together: 4G")
    common.add_argument("--limit", action="append", default=[], metavar="NAME=N", help="move another limit")
    common.add_argument("--fresh", action="store_true", help="ignore what an earlier session left")
    show = verbs.add_parser("show", parents=[common], help="the screen (what `bpdebug FILE` starts)")
    show.add_argument("file", nargs="?", metavar="FILE")
    run = verbs.add_parser("run", parents=[common], help="both passes, every event printed")
    run.add_argument("file", metavar="FILE")
    run.add_argument("--json", action="store_true", help="JSON Lines")
    run.add_argument("--values", choices=("some", "full"), default="some", help="full: tensors of any size")
    debug = verbs.add_parser("debug", parents=[common], help="the debugger at a plain prompt")
    debug.add_argument("file", metavar="FILE")
    debug.add_argument("--json", action="store_true", help="one JSON object per reply")
    listing = verbs.add_parser("list", help="the scenarios that are shipped")
    listing.add_argument("--json", action="store_true")
    ops = verbs.add_parser("ops", help="the ops with their rules")
    ops.add_argument("op", nargs="?", metavar="OP")
    ops.add_argument("--json", action="store_true")
    verbs.add_parser("schema", help="the JSON Schema of scenario files")
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line; returns the exit code. Never a traceback."""
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        return _run(words)
    except BpdebugError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    except MemoryError:
        sys.stderr.write("error[E_LIMIT]: the machine has no more memory\n  help: lower --memory\n")
        return EXIT_REFUSED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader went away (head): nothing is wrong, and Python must not complain while it shuts down.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_GOOD
    except Exception as error:
        if os.environ.get("BPDEBUG_TRACEBACK"):
            raise
        sys.stderr.write(f"{_bug(error)}\n")
        return EXIT_BUG


def _bug(error: Exception) -> str:
    from bpdebug.errors import printable

    return (
        f"bpdebug {__version__} has a bug: {type(error).__name__}: {printable(str(error))}\n"
        "  help: please report it with the file and the command; BPDEBUG_TRACEBACK=1 shows where it happened"
    )


def _run(words: list[str]) -> int:
    if not words or (words[0] not in VERBS and words[0] not in ("-h", "--help", "--version")):
        words = ["show", *words]
    args = parser().parse_args(words)
    # Front ends are imported when they are wanted: each start pays for what it uses.
    if args.verb in ("list", "ops", "schema"):
        from bpdebug.frontends import pages

        {
            "list": lambda: pages.scenarios(args.json),
            "ops": lambda: pages.ops(args.op, args.json),
            "schema": pages.schema,
        }[args.verb]()
        return EXIT_GOOD
    limits = _limits(args)
    if args.verb == "show":
        return _screen(args, limits)
    scenario = _load(args, limits)
    if args.verb == "run":
        from bpdebug.frontends import pages

        pages.run(scenario, json=args.json, full=args.values == "full", budget=limits["memory"])
        return EXIT_GOOD
    from bpdebug.debugger import open_session
    from bpdebug.frontends import prompt

    state = open_session(scenario, budget=limits["memory"])
    return prompt.debug_json(state) if args.json else prompt.debug(state)


def _limits(args: argparse.Namespace) -> Limits:
    moved = dict(map(parse_limit, args.limit))
    if args.memory:
        moved["memory"] = parse_size(args.memory)
    return Limits(moved)


def _load(args: argparse.Namespace, limits: Limits) -> Any:
    from bpdebug.scenario import load

    replaced = {}
    for word in args.set:
        name, sign, path = word.partition("=")
        if not sign or not name or not path:
            raise UsageError(f"--set {word}", hint="--set NAME=FILE.npy")
        replaced[name] = path
    return load(args.file, limits=limits, replace=replaced)


def _screen(args: argparse.Namespace, limits: Limits) -> int:
    if (
        args.file is not None
        and not os.path.exists(args.file)
        and did_you_mean(args.file, VERBS)
        and "." not in args.file
    ):
        from bpdebug.scenario import shipped

        if args.file not in {s.name for s in shipped()}:
            raise UsageError(f"no command and no file '{args.file}'", hint=did_you_mean(args.file, VERBS))
    scenario = None if args.file is None else _load(args, limits)
    if not sys.stdout.isatty() or (not sys.stdin.isatty() and args.file != "-"):
        raise UsageError("the screen needs a terminal", hint="bpdebug run FILE prints, bpdebug debug FILE takes a pipe")
    from bpdebug.frontends.tui import run_app

    return run_app(scenario, budget=limits["memory"])


if __name__ == "__main__":
    sys.exit(main())
