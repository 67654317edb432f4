"""The command line's words: every command with its options."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Collection
from itertools import takewhile
from typing import Any, NoReturn

from bpdebug import __version__
from bpdebug.errors import UsageError
from bpdebug.frontends.export import add_kinds
from bpdebug.manual import TOPICS
from bpdebug.translation import _
from bpdebug.wrapping import wrap

PAGES = ("list", "ops", "schema", "help", "dap", "vscode")
"""Commands that open no file themselves: they take none of the common options."""


class _Help(argparse.HelpFormatter):
    """Lines of help by cells: argparse counts characters, and knows no Chinese."""

    def _split_lines(self, text: str, width: int) -> list[str]:
        return wrap(" ".join(text.split()), width)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n".join(indent + line for line in self._split_lines(text, width))


class _Parser(argparse.ArgumentParser):
    """argparse's, with its own words in the language that is spoken."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"formatter_class": _Help, **options})
        self._positionals.title, self._optionals.title = _("positional arguments"), _("options")
        for action in self._actions:
            if action.dest == "help":
                action.help = _("show this help message and exit")

    def format_help(self) -> str:
        return super().format_help().replace("usage: ", _("usage: "), 1)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """As argparse does; but of `--memory=--`, one Python makes an empty list whatever type the option has, and
        another one takes `--` for the value: it is none. UsageError."""
        for word in takewhile(lambda word: word != "--", args or ()):
            name, sign, value = word.partition("=")
            if name.startswith("--") and sign and value == "--":
                raise UsageError(word, hint=f"{name[2:]} takes a value; `bpdebug --help` has an example")
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        raise UsageError(message, hint=f"{self.prog} --help")


def helped(words: list[str], verbs: Collection[str]) -> list[str]:
    """`help run` as `run --help`, unless the manual has a page of that name; other words as they are."""
    asked = len(words) == 2 and words[0] == "help" and words[1] in verbs and words[1] not in TOPICS
    return [words[1], "--help"] if asked else words


def parser() -> argparse.ArgumentParser:
    """The whole command line as argparse sees it; `verb` is the command."""
    top = _Parser(
        prog="bpdebug", usage="bpdebug [FILE]\n       bpdebug COMMAND ...",
        description=_("A step-through debugger for computational graphs. Without a command: the screen."),
    )  # fmt: skip
    version = _("show program's version number and exit")
    top.add_argument("--version", action="version", version=f"bpdebug {__version__}", help=version)
    verbs = top.add_subparsers(prog="bpdebug", dest="verb", required=True, parser_class=_Parser, metavar="COMMAND")
    signs, common = _signs(), _common_options()

    def verb(name: str, says: str) -> argparse.ArgumentParser:
        return verbs.add_parser(name, parents=[signs] if name in PAGES else [common, signs], help=says)

    show = _plain_option(verb("show", _("the screen (what `bpdebug FILE` starts)")))
    show.add_argument("file", nargs="?", metavar="FILE")
    show.add_argument("--no-motion", dest="motion", action="store_false", help=_("nothing moves: W is Wᵀ at once"))
    run = verb("run", _("both passes, every event printed"))
    run.add_argument("file", metavar="FILE")
    run.add_argument("--json", action="store_true", help=_("JSON Lines"))
    run.add_argument("--values", choices=("some", "full"), default="some", help=_("full: tensors of any size"))
    run.add_argument("--record", metavar="FILE.bptrace", help=_("keep every event in a new recording"))
    debug = _plain_option(verb("debug", _("the debugger at a plain prompt")))
    debug.add_argument("file", metavar="FILE")
    debug.add_argument("--json", action="store_true", help=_("one JSON object per reply"))
    imported = verb("import", _("a model as a scenario file, with its tensors beside it"))
    imported.add_argument("file", metavar="MODEL")
    imported.add_argument("-o", dest="out", required=True, metavar="FILE.toml", help=_("the new scenario"))
    compare = verb("compare", _("the first event where two recordings differ"))
    for opening in (imported, show, run, debug, compare):
        _model_options(opening)
    add_kinds(verbs, lambda kinds, name, says: _opening(kinds.add_parser(name, parents=[common, signs], help=says)))
    _script_options(
        verb("replay", _("a script, printed or played on the screen")),
        verb("test", _("scenarios' [expect] and scripts")),
    )
    trace = verb("trace", _("a PyTorch training script, unchanged, with one of its backward passes watched"))
    _difference_options(compare, trace)
    _pages(verb)
    return top


def _pages(verb: Callable[[str, str], argparse.ArgumentParser]) -> None:
    """The commands that take none of the common options."""
    listing, ops = verb("list", _("the scenarios that are shipped")), verb("ops", _("the ops with their rules"))
    ops.add_argument("op", nargs="?", metavar="OP")
    for printed in (listing, ops):
        printed.add_argument("--json", action="store_true")
    schema = verb("schema", _("the JSON Schema of scenario files")).add_mutually_exclusive_group()
    schema.add_argument("--translation", action="store_true", help=_("that of a file beside one, NAME.zh.toml"))
    schema.add_argument("--taplo", action="store_true", help=_("a .taplo.toml that binds files to both"))
    told = verb("help", _("the manual: its topics, a page of it, or a command"))
    told.add_argument("topic", nargs="*", metavar="TOPIC")
    dap = verb("dap", _("the debug adapter: what an editor starts"))
    dap.add_argument("--port", type=int, metavar="N", help=_("on 127.0.0.1, for one editor after the other; 0: any"))
    serve = verb("serve", _("the screen in a browser of this machine"))
    serve.add_argument("file", nargs="?", metavar="FILE")
    serve.add_argument("--port", type=int, default=0, metavar="N", help=_("0: any that is free"))
    serve.add_argument("--open", action="store_true", help=_("in the browser, at once"))
    verb("vscode", _("the extension of VS Code, as a folder")).add_argument("folder", metavar="DIR")


def _difference_options(compare: argparse.ArgumentParser, trace: argparse.ArgumentParser) -> None:
    compare.add_argument("file", metavar="A", help=_("a recording or a scenario"))
    compare.add_argument(
        "other",
        nargs="?",
        metavar="B",
        help=_("another; else A computed again, or on --backend"),
    )
    for printed in (compare, trace):
        printed.add_argument("--json", action="store_true")
    trace.usage = "bpdebug trace [-h] [--step N] [-o FILE.bptrace] [--json] SCRIPT.py [ARGS ...]"
    trace.add_argument("file", metavar="SCRIPT.py", help=_("and behind it, its own arguments"))
    trace.add_argument("--step", default="0", metavar="N", help=_("which backward pass, from 0"))
    trace.add_argument("-o", "--output", metavar="FILE.bptrace", help=_("keep what was seen in a new recording"))


def _opening(verb: argparse.ArgumentParser) -> argparse.ArgumentParser:
    _model_options(verb)
    return verb


def _plain_option(verb: argparse.ArgumentParser) -> argparse.ArgumentParser:
    verb.add_argument("--plain", action="store_true", help=_("lines of words, for screen readers and logs"))
    return verb


def _model_options(verb: argparse.ArgumentParser) -> None:
    model = verb.add_argument_group(_("a model's file"))
    model.add_argument(
        "--inputs", metavar="FILE", help=_("its inputs by name: .npz or .safetensors; else they are drawn")
    )
    model.add_argument("--loss", metavar="NAME", help=_("where its gradient begins; else ones come in at its outputs"))
    model.add_argument(
        "--dim", action="append", default=[], metavar="NAME=N", help=_("an axis that is left open: batch=4")
    )
    model.add_argument(
        "--incoming", action="append", default=[], metavar="NAME=ones", help=_("an output at which ones come in")
    )
    model.add_argument(
        "--double", action="store_true", help=_("everything in float64, to tell rounding from a mistake")
    )
    model.add_argument("--freeze", action="append", default=[], metavar="GLOB", help=_("parameters that are inputs"))


def _signs() -> _Parser:
    """How it is said; `--lang` stands here to be told of: it is heard before (`addressed`)."""
    signs = _Parser(add_help=False)
    signs.add_argument(
        "--ascii", action="store_true", help=_("every sign in ASCII: d for a gradient, .T for a transpose")
    )
    signs.add_argument(
        "--lang", default=argparse.SUPPRESS, metavar="LANG", help=_("what people read in this language: en, zh")
    )
    return signs


def _common_options() -> _Parser:
    common = _Parser(add_help=False)
    common.add_argument("--set", action="append", default=[], metavar="NAME=FILE.npy", help=_("replace a tensor"))
    common.add_argument("--memory", metavar="SIZE", help=_("what may be kept; the rest is computed again: 4G"))
    common.add_argument("--spill", metavar="FOLDER", help=_("where the rest is put instead, and read back"))
    common.add_argument("--backend", metavar="NAME", help=_("whose arrays: numpy, torch, jax, dask"))
    common.add_argument("--device", metavar="NAME", help=_("where torch's or jax's arrays are: cuda:0"))
    common.add_argument("--scheduler", metavar="ADDRESS", help=_("where dask's tasks go: tcp://..."))
    common.add_argument("--limit", action="append", default=[], metavar="NAME=N", help=_("move another limit"))
    common.add_argument("--fresh", action="store_true", help=_("ignore what an earlier session left"))
    return common


def _script_options(replay: argparse.ArgumentParser, test: argparse.ArgumentParser) -> None:
    replay.add_argument("file", metavar="SCRIPT.bpd")
    replay.add_argument("--tui", action="store_true", help=_("on the screen"))
    replay.add_argument("--delay", type=float, default=0.5, metavar="SECONDS", help=_("between lines on the screen"))
    test.add_argument("paths", nargs="+", metavar="PATH", help=_("files, or folders to go through"))
    test.add_argument("--junitxml", metavar="FILE", help=_("the results for a CI server"))
    test.add_argument("--jobs", type=int, metavar="N", help=_("processes; 0: one a processor; else by the work"))
    test.add_argument(
        "--no-run", dest="opens", action="store_true", help=_("open the files, check shapes, run nothing")
    )
    test.add_argument(
        "--annotations", choices=("github", "none"), help=_("failures as lines that GitHub shows beside code")
    )
    test.add_argument("-k", dest="word", default="", metavar="WORD", help=_("only what has this word in its path"))
    for verb in (replay, test):
        verb.add_argument("--keep-going", action="store_true", help=_("run on behind a line that fails"))
        verb.add_argument("--update", action="store_true", help=_("store snapshots as they are now"))
