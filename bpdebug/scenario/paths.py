"""Opening files: ordinary ones only, and those that a scenario names beside or below it and nowhere else.

The path is walked folder by folder from the scenario's own, each opened from the one before without following
links, so that nothing that is exchanged between a check and its use can lead outside.
"""

from __future__ import annotations

import os
import stat
from typing import BinaryIO

from bpdebug.errors import InputError, shown

INDEX = ".safetensors.index.json"
ZARR = ".zarr"
"""The ending of a folder, in which chunks are files."""
ENDINGS = (".npy", ".npz", ".safetensors", INDEX, ZARR)
_HINT = 'name a file beside or below the scenario: "weights.npz", "data/x.npy"'
_ORDINARY = "name an ordinary file"
# O_NONBLOCK: opening a pipe to which nobody writes would wait for ever
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
_STEPWISE = os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW") and hasattr(os, "O_DIRECTORY")


def reason(error: Exception) -> str:
    """Why the system refused, without paths in it."""
    return (error.strerror or "the system refuses") if isinstance(error, OSError) else "no path has such characters"


def open_ordinary(
    path: str | os.PathLike[str], hint: str, *, instead: str = _ORDINARY, follow: bool = True, buffering: int = -1
) -> BinaryIO:  # fmt: skip
    """A file of bytes; E_FILE with `hint` where it cannot be opened, with `instead` where it is a pipe or a device.

    Unless `follow`, a link is refused where the system can tell. Nothing waits.
    """
    try:
        fd = os.open(path, _FLAGS | (0 if follow else getattr(os, "O_NOFOLLOW", 0)))
    except (OSError, ValueError) as error:
        message = f"cannot open '{shown(path, 200)}': {reason(error)}"
        raise InputError(message, code="E_FILE", hint=hint) from None
    return _ordinary(fd, path, instead, buffering)


def check_ending(file: str) -> str:
    """The ending of a tensor file, which says how it is read; E_FILE for any other."""
    for ending in ENDINGS:
        if file.endswith(ending):
            return ending
    message = f"'{shown(file, 200)}' is no tensor file by its ending"
    raise InputError(message, code="E_FILE", hint="use " + ", ".join(ENDINGS))


def parts_of(file: str) -> list[str]:
    """The folders and the file that a path names; E_FILE for one that could lead outside."""
    odd = next((c for c in file if c in "\\:" or not c.isprintable()), None)
    parts = [part for part in file.split("/") if part != "."]
    if odd is not None or not parts or "" in parts or ".." in parts:
        why = (
            f"holds the character {shown(ascii(odd))}" if odd else "is absolute" if file.startswith("/")
            else "leaves the folder" if ".." in parts else "names no file"
        )  # fmt: skip
        raise InputError(f"the path '{shown(file)}' {why}", code="E_FILE", hint=_HINT)
    return parts


def open_inside(folder: str, file: str) -> BinaryIO:
    """An ordinary file below a folder, opened without following any link; E_FILE where there is none."""
    parts = parts_of(file)
    try:
        fd = _open_stepwise(folder, parts) if _STEPWISE else _open_checked(folder, parts)
    except (OSError, ValueError) as error:
        message = f"cannot open '{shown(file)}': {reason(error)}"
        raise InputError(message, code="E_FILE", hint=_HINT + "; no links") from None
    return _ordinary(fd, file)


def _ordinary(fd: int, path: str | os.PathLike[str], instead: str = _ORDINARY, buffering: int = -1) -> BinaryIO:
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        message = f"'{shown(path, 200)}' is a folder, a pipe or a device"
        raise InputError(message, code="E_FILE", hint=instead)
    return os.fdopen(fd, "rb", buffering)


def _open_stepwise(folder: str, parts: list[str]) -> int:
    here = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for part in parts[:-1]:
            below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
            os.close(here)
            here = below
        return os.open(parts[-1], _FLAGS | os.O_NOFOLLOW, dir_fd=here)
    finally:
        os.close(here)


def _open_checked(folder: str, parts: list[str]) -> int:
    """For systems without openat (Windows): links are looked for before the file is opened, and again after."""
    from pathlib import Path  # here alone: importing it is slow

    path = Path(folder).joinpath(*parts)
    inside = Path(folder).resolve(strict=True).joinpath(*parts)
    if path.resolve(strict=True) != inside:
        raise PermissionError(0, "a link leads elsewhere")
    fd = os.open(path, _FLAGS)
    if path.resolve(strict=True) != inside or not os.path.samestat(os.fstat(fd), os.stat(inside)):
        os.close(fd)
        raise PermissionError(0, "a link leads elsewhere")
    return fd
