"""What a scenario file may say, declared once: the checks and the words of their messages."""

from __future__ import annotations

import types
from collections.abc import Iterator
from datetime import date, datetime, time
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from bpdebug.errors import InputError, shown, suggest

Float = Literal["float64", "float32", "bfloat16", "float16"]
Init = Literal["normal", "uniform", "xavier", "he", "zeros", "ones", "eye", "arange"]
Stored = Literal["float16", "bfloat16", "float8_e4m3fn", "float8_e5m2"]
Conventions = Literal["default", "torch", "jax", "tensorflow", "keras", "mlx", "paddle", "tinygrad"]
Optimizer = Literal["sgd", "momentum", "adam", "adamw", "rmsprop", "adagrad"]
Code = Literal[
    "E_SYNTAX", "E_SCHEMA", "E_NAME", "E_OP", "E_ATTR", "E_SHAPE", "E_DTYPE", "E_CYCLE", "E_LOSS", "E_FILE", "E_LIMIT",
]  # fmt: skip
Data = Annotated[int | float | bool | list[Any], Meta(description="a number, or an array of arrays of numbers")]
Size = Annotated[int, Meta(ge=0)]
NotNegative = Annotated[float, Meta(ge=0)]
Positive = Annotated[float, Meta(gt=0)]
Share = Annotated[float, Meta(ge=0, lt=1)]


class Tensor(Struct, forbid_unknown_fields=True):
    """A tensor: its value, or how it is drawn, or the file it is read from."""

    value: Data | UnsetType = UNSET
    dtype: Literal["float64", "float32", "int64", "bool"] | UnsetType = UNSET
    shape: list[Size] | UnsetType = UNSET
    init: Init | UnsetType = UNSET
    scale: float | UnsetType = UNSET
    file: str | UnsetType = UNSET
    name: str | UnsetType = UNSET
    prefix: str | UnsetType = UNSET
    stored: Stored | UnsetType = UNSET


class Drawn(Struct, forbid_unknown_fields=True):
    """An incoming gradient that is drawn; it has the shape of its output."""

    init: Init
    scale: float = 1.0


Start = Data | Literal["ones"] | Drawn


class GraphTable(Struct, forbid_unknown_fields=True):
    """The program, and where the backward pass starts: at a loss, or at outputs."""

    program: str
    loss: str | UnsetType = UNSET
    incoming: dict[str, Start] | UnsetType = UNSET


class DerivationTable(Struct, forbid_unknown_fields=True):
    """The reader's own backward pass, checked line by line."""

    program: str


Rules = dict[str, dict[str, str]]


class Train(Struct, forbid_unknown_fields=True, frozen=True):
    """The optimizer: `steps` iterations, each of them forward, backward and update.

    `lr` is a number, or one a step. What is left out has the optimizer's default.
    """

    lr: NotNegative | list[NotNegative]
    steps: Annotated[int, Meta(ge=1)]
    optimizer: Optimizer = "sgd"
    momentum: NotNegative | UnsetType = UNSET
    nesterov: bool | UnsetType = UNSET
    dampening: float | UnsetType = UNSET
    beta1: Share | UnsetType = UNSET
    beta2: Share | UnsetType = UNSET
    eps: NotNegative | UnsetType = UNSET
    alpha: Share | UnsetType = UNSET
    centered: bool | UnsetType = UNSET
    lr_decay: NotNegative | UnsetType = UNSET
    weight_decay: NotNegative | UnsetType = UNSET
    clip_norm: Positive | UnsetType = UNSET
    clip_value: Positive | UnsetType = UNSET


class FirstFault(Struct, forbid_unknown_fields=True, frozen=True):
    """The first fault: where (a location), and of what kind."""

    at: str
    kind: Literal["nan", "inf"] | UnsetType = UNSET


class FirstWrong(Struct, forbid_unknown_fields=True, frozen=True):
    """The first line of the derivation, or the first node of the check, that is wrong; or "none"."""

    first_wrong: str


class Expect(Struct, forbid_unknown_fields=True, frozen=True):
    """What `bpdebug test` checks; without rtol and atol, what the dtype can be held to."""

    gradcheck: bool = False
    rtol: NotNegative | UnsetType = UNSET
    atol: NotNegative | UnsetType = UNSET
    loss: float | UnsetType = UNSET
    values: dict[str, Data] = {}
    grads: dict[str, Data] = {}
    formulas: dict[str, dict[str, str] | list[str]] = {}
    fault: FirstFault | UnsetType = UNSET
    error: Code | UnsetType = UNSET
    derivation: FirstWrong | UnsetType = UNSET
    check: FirstWrong | UnsetType = UNSET


class LanguageTable(Struct, forbid_unknown_fields=True):
    """What is said in another language; what is left out is said in the file's own."""

    title: str = ""
    about: str = ""
    notes: dict[str, str] = {}


class LanguageFile(LanguageTable, forbid_unknown_fields=True):
    """The same in a file of its own, NAME.zh.toml beside NAME.toml; `of` is a digest of what was translated."""

    of: str = ""


class File(Struct, forbid_unknown_fields=True):
    """A scenario of bpdebug: tensors, a program over them, and what is said and expected of it."""

    format: Literal[1]
    graph: GraphTable
    title: str = ""
    about: str = ""
    dtype: Float = "float64"
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0
    conventions: Conventions = "default"
    inputs: dict[str, Data | Tensor] = {}
    parameters: dict[str, Data | Tensor] = {}
    notes: dict[str, str] = {}
    language: str = "en"
    lang: dict[str, LanguageTable] = {}
    rules: Rules = {}
    derivation: DerivationTable | UnsetType = UNSET
    train: Train | UnsetType = UNSET
    expect: Expect | UnsetType = UNSET


Path = tuple[str, ...]


class Unfit(InputError):
    """E_SCHEMA, with the path of the key; whoever knows the file adds the line."""

    def __init__(self, path: Path, message: str, hint: str) -> None:
        super().__init__(message, code="E_SCHEMA", hint=hint)
        self.path = path


Kind = TypeVar("Kind", File, LanguageFile)


def convert(tables: dict[str, Any], kind: type[Kind]) -> Kind:
    """The tables of a file as typed structs, or Unfit (E_SCHEMA) with the key that is wrong and what it may be."""
    try:
        return msgspec.convert(tables, kind)
    except (msgspec.ValidationError, RecursionError):
        for fault in _faults(tables, kind, ()):
            raise fault from None
        raise


def _faults(value: object, wanted: Any, path: Path) -> Iterator[Unfit]:
    """What is wrong with a value, the most telling first; nothing where it is right."""
    if isinstance(value, dict):
        struct = next((t for t in _options(wanted) if isinstance(t, type) and issubclass(t, Struct)), None)
        if struct:
            yield from _faults_of_fields(value, struct, path)
            return
        table = next((t for t in _options(wanted) if get_origin(t) is dict), None)
        if table:
            for key, item in value.items():
                yield from _faults(item, get_args(table)[1], (*path, key))
            return
    if isinstance(value, list):
        items = next((t for t in _options(wanted) if get_origin(t) is list), None)
        for item in value if items and get_args(items)[0] is not Any else ():
            yield from _faults(item, get_args(items)[0], path)
    try:
        msgspec.convert(value, wanted)
    except (msgspec.ValidationError, RecursionError):
        yield _misfit(value, wanted, path)


def _faults_of_fields(value: dict[str, Any], struct: type[Struct], path: Path) -> Iterator[Unfit]:
    fields = {f.name: f for f in msgspec.structs.fields(struct)}
    for key in value:
        if key not in fields:
            known = "it may hold: " + ", ".join(fields)
            whose = f"'{_dotted(path)}'" if path else "a scenario" if struct is File else "a translation"
            yield Unfit((*path, key), f"{whose} has no key '{shown(key)}'", suggest(key, fields, known))
    for name, field in fields.items():
        if name in value:
            yield from _faults(value[name], field.type, (*path, name))
        elif field.required:
            example = ": format = 1" if name == "format" else f": [{name}]" if name == "graph" else ""
            yield Unfit(path, f"the key '{_dotted((*path, name))}' is missing", f"add it{example}")


def _misfit(value: object, wanted: Any, path: Path) -> Unfit:
    options = [t for t in _options(wanted) if t is not UnsetType]
    wants = [_words(t) for t in options if float not in options or t not in (int, bool)]
    found = f'"{shown(value)}"' if isinstance(value, str) else _found(value)
    message = f"'{_dotted(path)}' must be {' or '.join(wants)}, not {found}"
    choices = [str(c) for t in _options(wanted) if get_origin(t) is Literal for c in get_args(t)]
    hint = "write one of: " + ", ".join(choices) if choices else f"write {wants[0]}"
    if isinstance(value, str) and choices:
        near = suggest(value, choices, "")
        hint = f"{near} {hint}".strip()
    if isinstance(value, dict) and path[:1] == ("expect",):
        hint = f'a dotted name stands in quotes: {_dotted(path[:2])}."h.1"'
    return Unfit(path, message, hint)


def _options(wanted: Any) -> tuple[Any, ...]:
    """The members of a union, or the one type."""
    if get_origin(wanted) in (Union, types.UnionType):
        return tuple(o for t in get_args(wanted) for o in _options(t))
    if get_origin(wanted) is Annotated and get_origin(get_args(wanted)[0]) in (Union, types.UnionType):
        return _options(get_args(wanted)[0])
    return (wanted,)


_TYPE_WORDS = {int: "an integer", float: "a number", bool: "true or false", str: "text in quotes"}


def _words(wanted: Any) -> str:
    """A type in words."""
    if get_origin(wanted) is Literal:
        choices = [f'"{c}"' if isinstance(c, str) else str(c) for c in get_args(wanted)]
        return choices[0] if len(choices) == 1 else "one of " + ", ".join(choices)
    if get_origin(wanted) is Annotated:
        base, meta = get_args(wanted)
        bounds = ((" of at least", meta.ge), (" above", meta.gt), (" below", meta.lt))
        return _words(base) + " and".join(f"{words} {bound}" for words, bound in bounds if bound is not None)
    if get_origin(wanted) is list:
        item = get_args(wanted)[0]
        return "an array of numbers" if item is Any else f"an array, each item {_words(item)}"
    return _TYPE_WORDS.get(wanted, "a table")


def _found(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return shown(value)
    kinds = ((list, "an array"), (dict, "a table"), (datetime | date | time, "a date"))
    return next((words for kind, words in kinds if isinstance(value, kind)), "something else")


def _dotted(path: Path) -> str:
    return ".".join(shown(part) for part in path)
