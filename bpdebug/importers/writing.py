"""An imported model as a scenario file, to read, shorten and share without the library that it came from."""

from __future__ import annotations

import json
import os
import re
import struct
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from itertools import count, pairwise

import numpy as np

from bpdebug.arrays import Array
from bpdebug.errors import InputError, UsageError, line, printable
from bpdebug.graph import DRAWN, PARAMETER, Leaf, Lit, Step
from bpdebug.importers.lowering import index_text
from bpdebug.importers.packed import steps_of
from bpdebug.language.names import check_name
from bpdebug.language.reserved import RESERVED
from bpdebug.limits import Limits
from bpdebug.ops import OPS
from bpdebug.ops.attributes import spelt
from bpdebug.ops.conventions import chosen
from bpdebug.scenario import Scenario

ENDING = ".safetensors"
_SIGNS = {"add": "+", "sub": "-", "mul": "*", "div": "/", "matmul": "@"}
_DTYPES = {"float64": "F64", "float32": "F32", "int64": "I64", "bool": "BOOL"}
_INDENT = "    "
MOST_LETTERS = 100
"""Of a name; a path of modules may be longer than a tensor's name may be."""


def write_scenario(scenario: Scenario, path: str) -> None:
    """Writes a model's scenario file, and beside it its tensors, by their own names, in a file of safetensors.

    Raises E_FILE for a file that is there already, or cannot be written; E_DTYPE where leaves have two precisions;
    E_OP for a graph that draws masks, which its names would change; UsageError for what is no model.
    """
    if scenario.file is not None or scenario.recording is not None:
        raise UsageError(f"{scenario.name} is no model", hint="bpdebug import model.pt2 -o model.toml")
    if not path.endswith(".toml"):
        raise InputError(f"'{path}' is no scenario's name", code="E_FILE", hint="-o model.toml")
    graph, tensors = scenario.graph, f"{path.removesuffix('.toml')}{ENDING}"
    if any(kind == DRAWN for kind in graph.kinds.values()):
        raise InputError("the graph draws masks", code="E_OP", hint="share the file that it was read from")
    if len({leaf.dtype for leaf in graph.leaves if leaf.dtype.kind == "f"}) > 1:
        raise InputError("leaves of two precisions", code="E_DTYPE", hint="import it with --double")
    text = scenario_text(scenario, os.path.basename(tensors))
    try:
        with open(path, "x", encoding="utf-8") as file, open(tensors, "xb") as weights:
            file.write(text)
            weights.writelines(safetensors(graph.leaves))
    except OSError as error:
        hint = "a file that is there is not overwritten"
        raise InputError(error.strerror or "it cannot be written", code="E_FILE", where=path, hint=hint) from None


def scenario_text(scenario: Scenario, tensors: str) -> str:
    """The text of the file; its leaves lie in another one of this name."""
    graph, names = scenario.graph, _Names()
    leaves = {leaf.name: names.of(leaf.name) for leaf in graph.leaves}
    program = _Program(scenario, names, leaves)
    lines = ["format = 1", f"title = {_quoted(scenario.title)}", f'dtype = "{scenario.precision}"']
    lines += [f'conventions = "{scenario.conventions}"'] if scenario.conventions != "default" else []
    lines += [f"about = {_quoted(' '.join(scenario.remarks))}"] if scenario.remarks else []
    for table, wanted in (("inputs", False), ("parameters", True)):
        found = [leaf for leaf in graph.leaves if (leaf.kind == PARAMETER) == wanted]
        lines += ["", f"[{table}]"] if found else []
        lines += [f"{_key(leaves[x.name])} = {{ file = {_quoted(tensors)}, name = {_quoted(x.name)} }}" for x in found]
    ends = [program.words[graph.names[t]] for t in graph.incoming]
    incoming = ", ".join(f'{_quoted(name)} = "ones"' for name in ends)
    begins = f"loss = {_quoted(ends[0])}" if graph.loss is not None else f"incoming = {{ {incoming} }}"
    return "\n".join([*lines, "", "[graph]", begins, "program = '''", *program.lines, "'''", ""])


class _Names:
    """Identifiers for names of any kind, each of them once."""

    def __init__(self) -> None:
        self.taken = set(RESERVED)
        self.counts: dict[str, Iterator[int]] = {}

    def of(self, name: str) -> str:
        """An identifier near to a name: relu1, layers_0_weight."""
        found = plain = _identifier(name)
        while found in self.taken or not _good(found):
            number = next(self.counts.setdefault(plain, count(1)))
            found = f"{plain.rstrip('0123456789') or plain}{number}"
        self.taken.add(found)
        return found


def _identifier(name: str) -> str:
    """A name in letters, digits and _, of which the end counts where it is long."""
    plain = re.sub(r"\W", "_", unicodedata.normalize("NFKC", name))[-MOST_LETTERS:]
    return plain if plain[:1].isidentifier() else f"_{plain}"


def _good(name: str) -> bool:
    try:
        check_name(name, Limits())
    except InputError:
        return False
    return True


class _Program:
    """The lines of a program, blocks opened and closed as steps go; `words` has what each tensor is called there."""

    def __init__(self, scenario: Scenario, names: _Names, leaves: Mapping[str, str]) -> None:
        self.graph, self.conventions = scenario.graph, scenario.conventions
        self.lines: list[str] = []
        self.words = dict(leaves)
        open_now: list[str] = []
        said = ""
        for step in steps_of(self.graph):
            path = [_identifier(part) for part in step.block.split(".") if part]
            self._open(open_now, path)
            open_now = path
            source = ": ".join(self.graph.imported.sources.get(step.line, ()))
            if source and source != said:
                self._line(f"# {line(source)}".replace("'''", '"""'), path)
            said = source or said
            word = names.of(step.id.removeprefix(f"{step.block}."))
            self._line(f"{word} = {self._call(step)}", path)
            self.words[step.id] = word

    def _line(self, text: str, path: list[str]) -> None:
        self.lines.append(f"{_INDENT * len(path)}{text}")

    def _open(self, before: list[str], path: list[str]) -> None:
        same = 0
        while same < min(len(before), len(path)) and before[same] == path[same]:
            same += 1
        for depth in range(same, len(path)):
            self._line(f'with block("{path[depth]}"):', path[:depth])

    def _call(self, step: Step) -> str:
        """A step as it is written: an index, a sign between two, or a call with what is no default."""
        words = [str(i.value) if isinstance(i, Lit) else self.words[i] for i in step.inputs]
        if step.op == "slice":
            return f"{words[0]}[{index_text(step.attrs['key'])}]"
        if step.op in _SIGNS:
            return f" {_SIGNS[step.op]} ".join(words)
        op = OPS[step.op]
        plain = {k: v for k, v in step.attrs.items() if k not in op.conventions}
        usual = chosen(op, op.bind(plain), self.conventions)
        given = {k: v for k, v in step.attrs.items() if op.is_given(k, v) and (k in plain or usual.get(k) != v)}
        first = [spelt(given.pop(op.leads))] if op.leads else []
        if op.draws:  # a mask that is given
            words[-1] = f"{op.operands[-1].rstrip('?')}={words[-1]}"
        return f"{step.op}({', '.join([*first, *words, *(f'{k}={spelt(v)}' for k, v in given.items())])})"


def _key(name: str) -> str:
    return name if name.isascii() else _quoted(name)


def _quoted(text: str) -> str:
    """A text as TOML has it."""
    return json.dumps(printable(text), ensure_ascii=False)


def safetensors(leaves: Iterable[Leaf]) -> Iterator[bytes]:
    """The pieces of a file: a header, then each array in C order; of any shapes, dtypes as the format calls them."""
    arrays: dict[str, Array] = {leaf.name: np.ascontiguousarray(leaf.array).reshape(leaf.shape) for leaf in leaves}
    ends = np.cumsum([0, *(a.nbytes for a in arrays.values())]).tolist()
    head = {
        name: {"dtype": _DTYPES[a.dtype.name], "shape": list(a.shape), "data_offsets": list(span)}
        for (name, a), span in zip(arrays.items(), pairwise(ends), strict=True)
    }
    raw = json.dumps(head).encode()
    raw += b" " * (-len(raw) % 8)
    yield struct.pack("<Q", len(raw)) + raw
    yield from (a.tobytes() for a in arrays.values())
