"""What the options of the command line mean: limits, tensors to replace, what is said of a model."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import TYPE_CHECKING

from bpdebug.errors import UsageError
from bpdebug.limits import NUMPY, Limits, parse_limit, parse_size
from bpdebug.translation import _, chosen, speak

if TYPE_CHECKING:
    from argparse import ArgumentParser

    from bpdebug.engine.budget import Budget
    from bpdebug.importers import ModelOptions


def limits_of(args: SimpleNamespace) -> Limits:
    """`--limit`, `--memory`, `--spill` and whose arrays; UsageError for what is none."""
    moved = dict(map(parse_limit, args.limit))
    if args.memory is not None:
        moved["memory"] = parse_size(args.memory)
    return Limits(moved, args.spill or "", (args.backend or "numpy", args.device, args.scheduler))


def budget_of(limits: Limits) -> int | Budget:
    """The bytes that may be kept, the folder for the rest, and whose arrays passes are on.

    Raises InputError (E_FILE) where nothing can be written there, or a library is not installed, UsageError for what is
    no backend.
    """
    if not limits.spill and limits.arrays == NUMPY:
        return limits["memory"]
    from bpdebug.backends import backend  # few sessions have a folder, or other arrays than NumPy's
    from bpdebug.engine.budget import Budget
    from bpdebug.frontends.spill import spilling

    budget = spilling(limits["memory"], limits.spill) if limits.spill else Budget(limits["memory"])
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
