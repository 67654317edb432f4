"""What the options of the command line mean: limits, tensors to replace, what is said of a model."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING

from bpdebug.errors import InputError, UsageError
from bpdebug.limits import NUMPY, Limits, parse_limit, parse_size
from bpdebug.translation import _, chosen, speak

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from bpdebug.engine.budget import Budget
    from bpdebug.importers import ModelOptions


def limits_of(args: SimpleNamespace) -> Limits:
    """`--limit`, `--memory`, `--spill` and whose arrays; UsageError for what is none."""
    moved = dict(map(parse_limit, args.limit))
    return said(Limits(moved), args.memory, args.spill, args.backend, args.device, args.scheduler)


Size = int | str | None
"""Bytes, or as the command line has them: "512M"; None: as much as there is by default."""
NAMES = {"spill": "/scratch", "backend": "torch", "device": "cuda:0", "scheduler": "tcp://host:8786"}
"""What is said beside memory, each with an example."""
Folder = str | os.PathLike[str] | None
Name = str | None


def said(
    given: Limits | None, memory: Size = None, spill: Folder = None, backend: Name = None, device: Name = None,
    scheduler: Name = None,
) -> Limits:  # fmt: skip
    """The limits that are given, with what is said of memory and of arrays now.

    UsageError for what is no size and no name, for one that is empty (`--spill=$UNSET`), and for a folder beside Dask,
    whose workers have their own.
    """
    limits = given or Limits()
    for name, value in (("spill", spill), ("backend", backend), ("device", device), ("scheduler", scheduler)):
        if value is not None and not (isinstance(value, str | os.PathLike) and os.fspath(value)):
            raise UsageError(f"{name} takes a name, not {value!r}", hint=f"{name}={NAMES[name]!r}")
    moved, arrays = dict(limits.moved), limits.arrays
    if memory is not None:
        size = parse_size(memory) if isinstance(memory, str) else memory
        if not isinstance(size, int) or isinstance(size, bool) or size < 0:
            raise UsageError(f"memory takes a size, not {memory!r}", hint='bytes, or memory="512M"')
        moved["memory"] = size
    if backend is not None or device is not None or scheduler is not None:
        arrays = backend or arrays[0], device, scheduler
    folder = limits.spill if spill is None else os.fspath(spill)
    if folder and arrays[0] == "dask":
        hint = "its workers have folders of their own: dask worker --local-directory"
        raise UsageError("dask takes no folder to spill to", hint=hint)
    return Limits(moved, folder, arrays)


def refuse_passes(args: SimpleNamespace, why: str) -> None:
    """UsageError where something is said of how passes run, to a command that runs none."""
    meant = [f"--{name}" for name in NAMES if vars(args)[name] is not None]
    if meant:
        raise UsageError(f"{why}: {', '.join(meant)}", hint="run, debug and the screen take that")


def handed_on(args: SimpleNamespace) -> list[str]:
    """The common options as another start of the program takes them."""
    single = {n: vars(args)[n] for n in ("memory", *NAMES)}
    words = [f"--{name}={value}" for name, value in single.items() if value is not None]
    words += [f"--{name}={value}" for name in ("set", "limit") for value in vars(args)[name]]
    return [*words, *(["--fresh"] if args.fresh else [])]


def warned(error: InputError) -> None:
    """Says on the standard error what went wrong where the answer is right all the same."""
    sys.stderr.write(f"warning: {error.message}\n  help: {error.hint}\n")


def budget_of(limits: Limits, say: Callable[[InputError], None] | None = None) -> int | Budget:
    """The bytes that may be kept, the folder for the rest, and whose arrays passes are on.

    `say` is told where the folder's disk is full; without, what was asked for ends then, and can be asked for again.
    Raises InputError (E_FILE) where nothing can be written there, or a library is not installed, UsageError for what is
    no backend.
    """
    if not limits.spill and limits.arrays == NUMPY:
        return limits["memory"]
    from bpdebug.backends import backend  # few sessions have a folder, or other arrays than NumPy's
    from bpdebug.engine.budget import Budget
    from bpdebug.frontends.spill import spilling

    budget = spilling(limits["memory"], limits.spill, say) if limits.spill else Budget(limits["memory"])
    budget.backend = backend(*limits.arrays)
    return budget


def replaced_by(args: SimpleNamespace) -> dict[str, str]:
    """`--set`: files of tensors by their names; UsageError for what is no pair."""
    replaced = {}
    for word in args.set:
        name, sign, path = word.partition("=")
        if not sign or not name or not path:
            raise UsageError(f"--set {word}", hint="--set NAME=FILE.npy")
        replaced[name] = path
    return replaced


def of_model(args: SimpleNamespace) -> ModelOptions:
    """What is said of a model beside its file; UsageError for an axis without a size, or other numbers than ones."""
    from bpdebug.importers import ModelOptions  # plain words say nothing of one

    dim = {}
    for word in args.dim:
        name, _, size = word.partition("=")
        if not name or not (size.isascii() and size.isdigit()) or len(size) > 18:
            raise UsageError(f"--dim {word}", hint="--dim NAME=N: --dim batch=4")
        dim[name] = int(size)
    incoming = []
    for word in args.incoming:
        name, _, what = word.partition("=")
        if not name or what not in ("", "ones"):
            raise UsageError(f"--incoming {word}", hint="ones come in: --incoming NAME=ones")
        incoming.append(name)
    return ModelOptions(args.inputs, args.loss, dim, tuple(args.freeze), tuple(incoming), args.double)


def step_options(verb: ArgumentParser) -> None:
    """Which step of a run is meant."""
    verb.add_argument("--at", metavar="LOCATION", help=_("the step: Y@bwd, #17; else the first"))
    verb.add_argument("--part", type=int, metavar="N", help=_("a part of its rule, from 1; else the step as a whole"))


def formula_options(verb: ArgumentParser) -> None:
    """Which step, and how its gradients are written."""
    step_options(verb)
    verb.add_argument("--bar", action="store_true", help=_("a bar over X for its gradient, in place of ∂X"))


def cast_options(verb: ArgumentParser) -> None:
    """How a script is filmed."""
    verb.add_argument("--size", default="120x40", metavar="120x40", help=_("columns and rows of the terminal"))
    verb.add_argument("--v2", action="store_true", help=_("asciicast v2, for players that know no v3"))


def addressed(words: list[str]) -> list[str]:
    """The words without `--lang`, which may stand anywhere before `--` and before what a traced script is given.

    It is spoken from here on; without it, what the environment asks for. UsageError for a language that is unknown.
    """
    script = words[:1] == ["trace"]
    own = next((n for n, word in enumerate(words) if word == "--" or (script and word.endswith(".py"))), len(words))
    left, asked = [], ""
    ahead = iter(words[:own])
    for word in ahead:
        if word == "--lang" or word.startswith("--lang="):
            asked = word.partition("=")[2] or next(ahead, "")
            if not asked:
                raise UsageError("--lang takes a value", hint="bpdebug --lang zh")
        else:
            left.append(word)
    try:
        speak(asked or chosen(os.environ))
    except LookupError as error:
        raise UsageError(str(error), hint="bpdebug --lang zh") from None
    return [*left, *words[own:]]


def page_options(verb: ArgumentParser) -> None:
    """From where to where, and which explanations it holds."""
    verb.add_argument("--from", dest="first", metavar="LOC", help=_("the first event; else the first there is"))
    verb.add_argument("--to", dest="last", metavar="LOC", help=_("the last event; else the end"))
    verb.add_argument("--with", dest="explained", default="", metavar="WORDS", help=_("explanations: lens,check,flow"))
