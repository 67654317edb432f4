"""The scenarios that are shipped: by what they are about, in the order in which they are learnt."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from bpdebug.errors import InputError, shown, suggest
from bpdebug.translation import ENGLISH, N_, Translated, language

if TYPE_CHECKING:
    from pathlib import Path

TOPICS: dict[str, tuple[str, ...]] = {
    N_("Where the transpose comes from"): ("transpose", "transpose_left", "square_trap"),
    N_("Gradients that add up"): ("bias", "fan_out", "accumulation", "tied_autoencoder", "residual"),
    N_("Whole networks"): ("cs231n_neuron", "mazur", "logistic", "two_layer", "mlp", "mlp_spelled"),
    N_("Gradients that are gone, too small, too large, or cut"): (
        "dead_relu", "vanishing_sigmoid", "exploding_rnn", "exploding_rnn_clipped", "stop_gradient",
    ),
    N_("Time, memory, look-ups, windows"): ("rnn", "lstm", "embedding", "conv_im2col"),
    N_("What modern networks are made of"): (
        "batch_norm_spelled", "batch_norm", "layer_norm", "attention", "causal_attention", "transformer_block",
    ),
    N_("A loss made of a gradient"): ("gradient_penalty",),
    N_("Finite on the way there, NaN on the way back"): ("nan_sqrt", "nan_where"),
    N_("Right in two ways: where libraries and precisions differ"): ("tied_maximum", "half_precision"),
    N_("Broken on purpose"): (
        "broken_transpose", "broken_transpose_shapes", "broken_bias", "broken_fan_out", "broken_mean",
        "broken_softmax", "broken_embedding", "broken_function", "broken_batch_norm", "broken_broadcast",
        "broken_shape",
    ),
}  # fmt: skip
"""The lessons by topic; scenarios that lie beside them follow by name, under OTHERS."""
OTHERS = N_("Others")


class Shipped(NamedTuple):
    """A shipped scenario: what to call it by, what it is about, in a line and in full, and under which topic it is."""

    name: str
    title: str
    about: str
    topic: str = ""


def _folder() -> str:
    """Where they lie: in the installed package, or at the top of the repository."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    installed = os.path.join(package, "_scenarios")
    return installed if os.path.isdir(installed) else os.path.join(os.path.dirname(package), "scenarios")


def _listed(files: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Names with their topics, in order."""
    for topic, names in TOPICS.items():
        yield from ((name, topic) for name in names if name in files)
    known = {name for names in TOPICS.values() for name in names}
    yield from ((name, OTHERS) for name in sorted(files.keys() - known))


def _files() -> dict[str, str]:
    """The shipped scenarios by name: a file each, or a folder with a file of its name in it."""
    folder, files = _folder(), {}
    for entry in os.listdir(folder) if os.path.isdir(folder) else ():
        name, ending = os.path.splitext(entry)
        inside = os.path.join(folder, entry, f"{entry}.toml")
        if ending == ".toml" and "." not in name:  # transpose.zh.toml is what transpose.toml says in Chinese
            files[name] = os.path.join(folder, entry)
        elif os.path.exists(inside):
            files[entry] = inside
    return {name: files[name] for name, _ in _listed(files)}


def shipped_file(name: str) -> str:
    """The file of a shipped scenario; E_FILE with a suggestion for a name that is none."""
    files = _files()
    if name not in files:
        hint = suggest(name, files, "bpdebug list names the scenarios that are shipped")
        raise InputError(f"no file and no shipped scenario '{shown(name)}'", code="E_FILE", hint=hint)
    return files[name]


def shipped_paths() -> dict[str, Path]:
    """The files of the shipped scenarios by name."""
    from pathlib import Path  # opening needs none, and importing it is slow

    return {name: Path(file) for name, file in _files().items()}


def lesson_of(file: os.PathLike[str] | str | None) -> str:
    """The name of the shipped scenario that a file is; '' of any other."""
    real = os.path.realpath(file) if file else ""
    return next((name for name, own in _files().items() if os.path.realpath(own) == real), "")


def lesson_after(name: str) -> str:
    """The name of the lesson that follows one; '' where it is the last, or none."""
    names = list(_files())
    return names[names.index(name) + 1] if name in names[:-1] else ""


def shipped() -> list[Shipped]:
    """The shipped scenarios by topic, in the order in which they are learnt."""
    found, paths = [], shipped_paths()
    for name, topic in _listed({name: str(path) for name, path in paths.items()}):
        title, about = _head(paths[name])
        if (lang := language()) != ENGLISH:
            other, more = _head(paths[name].with_suffix(f".{lang}.toml"))
            title, about = Translated(other or title, title), Translated(more or about, about)
        found.append(Shipped(name, title or name, about, topic))
    return found


def _head(path: Path) -> tuple[str, str]:
    """The title and what it is about; '' where the file cannot be read: opening it says what is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
        head: dict[str, Any] = tomllib.loads(re.split(r"^\[", text, maxsplit=1, flags=re.MULTILINE)[0])
    except (OSError, ValueError):
        return "", ""
    return str(head.get("title") or ""), str(head.get("about") or "").strip()
