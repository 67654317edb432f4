"""Running a training script unchanged, with one of its backward passes watched."""

from __future__ import annotations

import os
import runpy
import sys
import traceback
from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

from bpdebug.errors import EXIT_GOOD, InputError, UsageError, shown
from bpdebug.frontends import pages
from bpdebug.frontends.options import budget_of
from bpdebug.frontends.recorder import check_new
from bpdebug.frontends.watched import WatchedStep, watch
from bpdebug.limits import Limits

OWN = ("--step", "-o", "--output", "--memory", "--spill", "--limit", "--backend", "--device", "--scheduler")
"""Our options that take a value; what else stands behind the script's name is the script's."""


def own_words(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Our options and the script, and what the script is given; all behind `--` is the script's."""
    mine: list[str] = []
    given: list[str] = []
    left = list(words)
    while left:
        word = left.pop(0)
        if word == "--":
            given += left
            break
        if word in OWN:
            mine += [word, *left[:1]]
            left = left[1:]
        elif word.partition("=")[0] in OWN or word in ("--ascii", "--json") or (not given and word.startswith("-")):
            mine.append(word)
        else:
            given.append(word)
    return [*mine, *given[:1]], given[1:]


def parsed(parser: ArgumentParser, words: Sequence[str]) -> SimpleNamespace:
    """A whole command line; `given` is what the script is given."""
    mine, given = own_words(words[1:])
    return parser.parse_args([*words[:1], *mine], SimpleNamespace(given=tuple(given)))


def show(args: SimpleNamespace, limits: Limits) -> int:
    """Watches a pass of a script, keeps it in a recording, and opens it on the screen; without one, its differences.

    Raises as `trace` does, and what is refused.
    """
    step, output, json = check_step(args.step), args.output, args.json
    if output:
        check_new(output)  # a script may train for hours before the pass that is kept
    watched = trace(args.file, args.given, step, limits)
    sys.stderr.writelines(f"note: {remark}\n" for remark in watched.scenario.remarks)
    if output:
        sys.stderr.write(f"note: {watched.save(output)} events in {shown(output, 200)}\n")
    if json or not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        pages.differences(watched.scenario, json=json, budget=budget_of(limits))
        return EXIT_GOOD
    from bpdebug.frontends.tui import run_app  # a terminal may be missing

    return run_app(lambda: watched.scenario, os.path.basename(args.file), budget=lambda: budget_of(limits))


def trace(script: str, args: Sequence[str], step: int, limits: Limits) -> WatchedStep:
    """Runs a script as Python would, until its backward pass number `step` is over; what was seen of that.

    Raises InputError (E_FILE) where the script cannot be run, or ends before it; UsageError for a step that is none.
    """
    if not Path(script).is_file():
        message = f"no file '{shown(script, 200)}'"
        raise InputError(
            message, code="E_FILE", hint="bpdebug trace train.py, with the script's own arguments behind it"
        )
    watched = watch(step=step, limits=limits, stop=True)
    before = sys.argv, sys.path[:]
    sys.argv, sys.path[0:0] = [script, *args], [os.path.dirname(os.path.abspath(script))]
    try:
        with watched:
            runpy.run_path(script, run_name="__main__")
    except watched.over:
        return watched
    except SystemExit as ended:
        number = isinstance(ended.code, int | None)  # else words, which Python prints
        raise _early(
            script, step, f"ended with exit code {ended.code or 0}" if number else f"ended: {ended.code}"
        ) from None
    except Exception as error:  # whatever the script raises
        *_, last = traceback.extract_tb(error.__traceback__)
        place = f" ({os.path.basename(last.filename)}:{last.lineno})"
        said = f"ended with {type(error).__name__}: {error}{'' if isinstance(error, SyntaxError) else place}"
        raise _early(script, step, said) from None  # a SyntaxError says its own place
    finally:
        sys.argv, sys.path[:] = before
    raise _early(script, step, "ended")


def _early(script: str, step: int, how: str) -> InputError:
    message = f"{shown(script, 200)} {how}, before backward pass {step} was over"
    return InputError(message, code="E_FILE", hint="--step N watches pass N, counted from 0")


def check_step(text: str) -> int:
    """The number of a backward pass; UsageError for what is none."""
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise UsageError(f"--step {shown(text, 40)}", hint="--step 0 is the first backward pass")
    return int(text)
