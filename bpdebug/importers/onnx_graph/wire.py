"""How many records a serialized model has, counted before protobuf makes objects of them.

A record of two bytes becomes some hundred in memory: a file of no great size could fill it.
"""

from __future__ import annotations

from collections.abc import Iterator

from bpdebug.limits import Limits
from bpdebug.scenario.files import bad

_HINT = "export the model again, or check the copy"
_MODEL, _GRAPH, _NODE, _ATTRIBUTE, _FUNCTION, _TRAINING, _LEAF = range(7)
_INSIDE = {
    _MODEL: {7: _GRAPH, 14: _LEAF, 20: _TRAINING, 25: _FUNCTION},
    _GRAPH: {1: _NODE, 5: _LEAF, 11: _LEAF, 12: _LEAF, 13: _LEAF, 14: _LEAF, 15: _LEAF, 16: _LEAF},
    _NODE: {5: _ATTRIBUTE, 9: _LEAF},
    _ATTRIBUTE: {6: _GRAPH, 11: _GRAPH, 5: _LEAF, 10: _LEAF},
    _FUNCTION: {7: _NODE, 11: _ATTRIBUTE, 12: _LEAF},
    _TRAINING: {1: _GRAPH, 2: _GRAPH},
    _LEAF: {},
}
"""Which fields of a record are records that are gone into (onnx.proto's field numbers); a leaf's fields are counted."""


def check_records(raw: bytes, limits: Limits) -> None:
    """E_LIMIT for a model of far more records than a graph of so many nodes has, E_FILE for what is no protobuf."""
    most, count = 20 * limits["nodes"], 0
    waiting = [(_MODEL, 0, len(raw))]
    while waiting:
        kind, start, end = waiting.pop()
        for field, at, stop in _fields(raw, start, end):
            count += 1
            if count > most:
                limits.check("nodes", count // 20 + 1, "a twentieth of the records in the model")
            inside = _INSIDE[kind].get(field)
            if inside is not None:
                waiting.append((inside, at, stop))


def _fields(raw: bytes, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """The fields of a record: number, and where what it holds begins and ends (protobuf's encoding)."""
    while at < end:
        key, at = _varint(raw, at, end)
        kind = key & 7
        if kind == 0:
            begin, (_, at) = at, _varint(raw, at, end)
        elif kind in (1, 5):
            begin, at = at, at + (8 if kind == 1 else 4)
        elif kind == 2:
            size, begin = _varint(raw, at, end)
            at = begin + size
        else:
            raise bad("this is no ONNX model", _HINT)
        if at > end:
            raise bad("the model ends in the middle", _HINT)
        yield key >> 3, begin, at


def _varint(raw: bytes, at: int, end: int) -> tuple[int, int]:
    found = shift = 0
    while at < end and shift < 70:
        byte = raw[at]
        found |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return found, at
    raise bad("this is no ONNX model", _HINT)
