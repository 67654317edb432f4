"""What leaves the debugger for a paper, lecture notes, an answer: one row a kind, one module behind it."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

from bpdebug.errors import EXIT_GOOD, CommandError, InputError, shown
from bpdebug.frontends.options import cast_options, formula_options, page_options, step_options
from bpdebug.translation import N_, _

if TYPE_CHECKING:
    from bpdebug.engine.budget import Budget
    from bpdebug.scenario import Scenario

Opened = Callable[[str], "tuple[Scenario, int | Budget]"]
"""Opens a file as the command line does: the scenario, and what may be kept of its values."""


class Export(NamedTuple):
    """A row: what help says of it, MODULE:FUNCTION of this package, the options of its own, and what FILE is.

    The function takes the command line's words and the way to open a file, and gives the text that is written.
    """

    says: str
    made_by: str
    options: Callable[[argparse.ArgumentParser], None]
    file: str = "FILE"


KINDS = {
    "svg": Export(N_("one step as a picture"), "step:picture", step_options),
    "tex": Export(N_("one step for a paper, as LaTeX"), "step:tex", formula_options),
    "typst": Export(N_("one step for a paper, as Typst"), "step:typst", formula_options),
    "mathml": Export(N_("one step for a page, as MathML"), "step:mathml", formula_options),
    "md": Export(N_("one step for an answer or a notebook, as Markdown"), "step:markdown", formula_options),
    "html": Export(N_("a whole run as one page: steps both ways, cells linked"), "page:html", page_options),
    "cast": Export(N_("a script on the screen, for a terminal's player"), "cast:cast", cast_options, "SCRIPT.bpd"),
}  # fmt: skip


def add_kinds(verbs: Any, opening: Callable[[Any, str, str], argparse.ArgumentParser]) -> None:
    """The command, among the `verbs`, and its own commands; `opening` makes one of those, which opens a file."""
    export = verbs.add_parser("export", help=_("a step, or a whole run, for paper, a page or a player"))
    kinds = export.add_subparsers(prog="bpdebug export", dest="kind", required=True, metavar="KIND")
    for name, kind in KINDS.items():
        made = opening(kinds, name, _(kind.says))
        made.add_argument("file", metavar=kind.file)
        made.add_argument("-o", dest="out", metavar="OUT", help=_("the file to write; else it is printed"))
        kind.options(made)


def export(args: SimpleNamespace, opened: Opened) -> int:
    """Writes what was asked for, to a file as a whole or not at all; InputError for what is not there."""
    module, _colon, function = KINDS[args.kind].made_by.partition(":")
    text: str = getattr(import_module(f"{__name__}.{module}"), function)(args, opened)
    if args.out is None:
        sys.stdout.write(text)
        return EXIT_GOOD
    from bpdebug.frontends.files import write  # what is printed needs no file

    if all(map(os.path.exists, (args.out, args.file))) and os.path.samefile(args.out, args.file):
        raise InputError(
            f"'{shown(args.out, 200)}' is what is exported", code="E_FILE", where="-o", hint="choose another name"
        )
    try:
        write(Path(args.out), text, over=True)
    except CommandError as error:
        raise InputError(error.message, code=error.code, where="-o", hint=error.hint) from None
    return EXIT_GOOD
