"""What things of a jaxpr are called: leaves by paths and the signature, calls by functions and scopes, source lines."""

from __future__ import annotations

import inspect
import linecache
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from itertools import takewhile
from typing import Any

import jax
import numpy as np

from bpdebug.importers.calls import Source

_JAX = os.path.dirname(jax.__file__)
_LIBRARIES = tuple(
    os.path.join(os.path.dirname(_JAX), name) + os.sep for name in ("jax", "flax", "equinox", "haiku", "optax")
)
_OURS = os.path.dirname(os.path.dirname(__file__)) + os.sep
_SCOPE = re.compile(r"[\w.@ -]+")
"""Scopes that JAX opens itself are none of these: an einsum's bears its equation."""
_KNOWN = {"relu", "relu6", "logaddexp", "xlogy", "frexp"}
"""Functions of JAX with a derivative of their own that are ops here."""


def joined(path: Sequence[Any]) -> str:
    """A path in a pytree as a name: layers.0.w."""
    keys = ("key", "name", "idx")
    return ".".join(str(next((getattr(p, k) for k in keys if hasattr(p, k)), p)).strip(".[]'\"") for p in path)


def arguments(loss: Callable[..., Any], count: int) -> list[str]:
    """The names of a function's arguments, of which so many are given by position."""
    try:
        given = inspect.signature(loss).bind(*range(count)).arguments
    except (TypeError, ValueError):  # of what is built in, or takes another number: tracing says so
        return [f"arg{n}" for n in range(count)]
    names = {v: k for k, v in given.items() if isinstance(v, int)}
    several = {n: f"{k}.{i}" for k, v in given.items() if isinstance(v, tuple) for i, n in enumerate(v)}
    return [({**names, **several}).get(n, f"arg{n}") for n in range(count)]


def closed_over(loss: Callable[..., Any]) -> dict[str, Any]:
    """The arrays that a function's own code reads of what stands around it, by name."""
    try:
        around = inspect.getclosurevars(loss)
    except (TypeError, ValueError):  # of what has no code of its own
        return {}
    read = {**around.globals, **around.nonlocals}
    return {name: value for name, value in read.items() if isinstance(value, jax.Array | np.ndarray)}


def name_of(array: Any, named: Mapping[str, Any]) -> str:
    """The name of an array; '' where several can be meant: JAX copies those of NumPy, so that their cells decide."""
    if isinstance(array, jax.Array):
        return next((name for name, value in named.items() if value is array), "")
    arrays = {name: value for name, value in named.items() if isinstance(value, np.ndarray)}
    same = [name for name, value in arrays.items() if np.array_equal(value, array)]
    return same[0] if len(same) == 1 else ""


def body_of(params: Any) -> Any:
    """The jaxpr that a call is of; None of a primitive that is no call."""
    return next((params[key] for key in ("jaxpr", "call_jaxpr", "fun_jaxpr") if key in params), None)


def called(params: Any, default: str) -> tuple[str, str]:
    """What the function is called that a call of a jaxpr is of, and its file; '' where that is not known."""
    body = body_of(params)
    info = getattr(getattr(body, "jaxpr", body), "debug_info", None)
    name = params.get("name") or getattr(info, "func_name", None) or default
    return name.lstrip("_") if name.lstrip("_").isidentifier() else default, getattr(info, "func_filename", None) or ""


def known_function(params: Any, name: str) -> str:
    """The op that a call of one of JAX's own functions is; '' of a user's, and of those that are none."""
    if not name.startswith("custom"):
        return ""
    found, file = called(params, "")
    return found if found in _KNOWN and file.startswith(_JAX) else ""


def scopes(eqn: Any) -> Iterator[str]:
    """The named scopes that an equation stands in, the outermost first; transforms (vmap, jvp) are none."""
    for entry in eqn.source_info.name_stack.stack:
        if type(entry).__name__ == "Scope":
            yield from (name.replace(".", "_") for name in str(entry.name).split("/") if _SCOPE.fullmatch(name))


def in_libraries(file: str) -> bool:
    """Whether a file is JAX's, of a library of layers, or ours."""
    return file.startswith((*_LIBRARIES, _OURS))


def source_of(eqn: Any) -> Source:
    """The innermost line of the user's own source behind an equation."""
    traceback = eqn.source_info.traceback
    for frame in traceback.frames if traceback is not None else ():
        if not in_libraries(frame.file_name):
            return _line(frame.file_name, frame.line_num)
    return "", ""


@cache
def _line(file: str, number: int) -> Source:
    return f"{os.path.basename(file)}:{number}", linecache.getline(file, number).strip()


def blocks(paths: Sequence[tuple[tuple[str, int], ...]], within: Callable[[str, str], str]) -> list[str]:
    """The block of each call in turn, of its path: scopes and functions that hold several calls, and not all of them.

    A scope that is entered again after another is another block, and so is each call of a function.
    """
    entries: list[list[int]] = []  # of each call, the numbers of the scopes and functions that it stands in
    names: list[str] = []
    open_: list[tuple[tuple[str, int], int]] = []
    for path in paths:
        same = list(takewhile(lambda pair: pair[0] == pair[1][0], zip(path, open_, strict=False)))
        open_ = open_[: len(same)]
        for item in path[len(same) :]:
            open_.append((item, len(names)))
            names.append(item[0])
        entries.append([number for _, number in open_])
    counts = Counter(number for inside in entries for number in inside)
    made: dict[int, str] = {}
    found: list[str] = []
    for inside in entries:
        block, above = "", len(paths)
        for number in inside:
            if counts[number] > 1 and counts[number] != above:
                if number not in made:
                    made[number] = within(block, names[number])
                block, above = made[number], counts[number]
        found.append(block)
    return found
