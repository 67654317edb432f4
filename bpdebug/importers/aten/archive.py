"""A .pt2 archive as it is trusted: what is in it is checked, and written anew, before PyTorch reads it.

PyTorch would unpickle what the archive says is pickled, evaluate its symbolic sizes as Python, and look an op up as an
attribute of anything in the package torch. Nothing of the kind is let through.
"""

from __future__ import annotations

import io
import json
import os
import re
import zipfile
from collections.abc import Iterator
from typing import Any

from bpdebug.errors import InputError, shown
from bpdebug.limits import Limits
from bpdebug.scenario.archives import ZIP_ERRORS

MOST_ENTRIES = 200_000
"""A tensor is one, and a model has some thousands."""
_JSON = 16
"""How many times larger than a scenario's file one of the archive's may be, that says what it holds."""
_OP = re.compile(r"torch\.ops\.(?:aten|prims)\.\w+\.\w+|_operator\.getitem")
_REGION = re.compile(r"torch\.ops\.higher_order\.(?:wrap_with_set_grad_enabled|wrap_with_autocast)")
_FILES = ("from_file", "save")
"""Ops of PyTorch's own that open files."""


def bad(message: str, hint: str = "export the model again, or check the copy") -> InputError:
    """E_FILE for an archive, with what to do."""
    return InputError(message, code="E_FILE", hint=hint)


def checked(path: str | os.PathLike[str], limits: Limits) -> io.BytesIO:
    """The entries of an archive in a new one, which holds nothing that PyTorch would have to trust.

    Raises E_FILE for what is no such archive, is damaged or needs pickle, or whose sizes are left open; E_LIMIT.
    """
    made = io.BytesIO()
    try:
        with zipfile.ZipFile(path) as archive, zipfile.ZipFile(made, "w") as clean:
            for name, raw in _entries(archive, limits):
                clean.writestr(name, raw)
    except ZIP_ERRORS as error:
        raise bad(f"this is no archive of torch.export.save: {shown(error)}") from None
    made.seek(0)
    return made


def _entries(archive: zipfile.ZipFile, limits: Limits) -> Iterator[tuple[str, bytes]]:
    """The entries that are kept, by name, with what they hold."""
    entries = archive.infolist()
    limits.check("memory", sum(entry.file_size for entry in entries), "what the archive holds, unpacked")
    names = [entry.filename.casefold() for entry in entries]
    if len(entries) > MOST_ENTRIES or len({*names}) < len(names):
        raise bad(f"the archive has {len(entries):,} entries, or two of one name")
    models = 0
    for entry in entries:
        _, _, inside = entry.filename.partition("/")
        if inside.endswith(".json"):
            limits.check("file", entry.file_size // _JSON, f"what {shown(inside)} says, by the {_JSON}th")
        raw = archive.read(entry)
        if inside.startswith("models/"):
            models += 1
            _check_program(_json(raw, inside), limits)
        elif inside.endswith("_config.json"):
            _check_payload(_json(raw, inside))
        elif inside.startswith(("data/aotinductor/", "data/executorch/", "extra/")):
            continue  # compiled code, and what others put beside the model
        elif inside.startswith("data/") and inside.endswith(".pt") and not inside.startswith("data/sample_inputs/"):
            raise _pickled(inside)
        yield entry.filename, raw
    if models != 1:
        raise bad(f"the archive has {models} models", "torch.export.save writes one")


def _json(raw: bytes, name: str) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        raise bad(f"{shown(name)} is no JSON that can be read") from None


def _pickled(what: str) -> InputError:
    return bad(f"'{shown(what)}' needs pickle, which could run anything", "export tensors and numbers alone")


def _check_payload(config: Any) -> None:
    """Weights and constants are bytes of tensors, none of them pickled."""
    payloads = config.get("config") if isinstance(config, dict) else None
    if not isinstance(payloads, dict):
        raise bad("what says where the weights are cannot be read")
    for name, payload in payloads.items():
        path = payload.get("path_name") if isinstance(payload, dict) else None
        if not isinstance(path, str) or not re.fullmatch(r"(?:weight|tensor)_\d+", path) or payload.get("use_pickle"):
            raise _pickled(name)


def _check_program(program: Any, limits: Limits) -> None:
    """Its ops are ops, its sizes are numbers, and it is no deeper than can be read."""
    waiting, nodes = [program], 0
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += part
        elif isinstance(part, dict):
            if "expr_str" in part or "as_expr" in part:
                raise bad("its sizes are left open", "export it without dynamic_shapes, for one size")
            if "as_operator" in part or "as_custom_obj" in part:
                raise bad("it holds an object that is no tensor", "export tensors and numbers alone")
            if "target" in part and "inputs" in part:
                nodes += 1
                _check_op(part["target"])
            waiting += part.values()
    limits.check("nodes", nodes, "calls in the exported program")


def _check_op(target: Any) -> None:
    plain = isinstance(target, str) and bool(_OP.fullmatch(target) or _REGION.fullmatch(target))
    if not plain or target.split(".")[-2] in _FILES:
        raise bad(f"it calls '{shown(target)}', which is no op of tensors")
