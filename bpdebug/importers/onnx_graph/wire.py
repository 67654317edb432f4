"""A serialized model before protobuf makes objects of it: how many records it has, and that its names are texts.

A record of two bytes becomes some hundred in memory: a file of no great size could fill it.
"""

from __future__ import annotations

from collections.abc import Iterator

from bpdebug.limits import Limits
from bpdebug.scenario.files import bad

_HINT = "export the model again, or check the copy"
_MODEL, _GRAPH, _NODE, _ATTRIBUTE, _FUNCTION, _TRAINING, _TENSOR, _VALUE, _TYPE, _SHAPED, _SHAPE = range(11)
_DIM, _ENTRY, _OPSET = range(11, 14)
_INSIDE: dict[int, dict[int, int]] = {
    _MODEL: {7: _GRAPH, 8: _OPSET, 20: _TRAINING, 25: _FUNCTION},
    _GRAPH: {1: _NODE, 5: _TENSOR, 11: _VALUE, 12: _VALUE, 13: _VALUE, 15: _TENSOR},
    _NODE: {5: _ATTRIBUTE},
    _ATTRIBUTE: {5: _TENSOR, 6: _GRAPH, 10: _TENSOR, 11: _GRAPH},
    _FUNCTION: {7: _NODE, 9: _OPSET, 11: _ATTRIBUTE, 12: _VALUE},
    _TRAINING: {1: _GRAPH, 2: _GRAPH},
    _TENSOR: {13: _ENTRY}, _VALUE: {2: _TYPE}, _TYPE: {1: _SHAPED}, _SHAPED: {2: _SHAPE}, _SHAPE: {1: _DIM},
    _DIM: {}, _ENTRY: {}, _OPSET: {},
}  # fmt: skip
"""Which fields of a record are records that are gone into, by onnx.proto's numbers."""
_TEXT: dict[int, frozenset[int]] = {
    _MODEL: frozenset({2, 3, 4}), _GRAPH: frozenset({2}), _NODE: frozenset({1, 2, 3, 4, 7, 8}),
    _ATTRIBUTE: frozenset({1, 21}), _FUNCTION: frozenset({1, 4, 5, 6, 10, 13}), _TENSOR: frozenset({8}),
    _VALUE: frozenset({1}), _DIM: frozenset({2}), _ENTRY: frozenset({1, 2}), _OPSET: frozenset({1}),
}  # fmt: skip
"""Which of its fields are texts; protobuf takes bytes that are none."""
_A_NODE = 2
"""Fields for each node that a graph may have: some thirty make one, and models have a few thousand nodes."""


def check_records(raw: bytes, limits: Limits) -> None:
    """E_LIMIT for a model of far more records than a graph of so many nodes has, E_FILE for what is none."""
    left = most = _A_NODE * limits["nodes"]
    waiting = [(_MODEL, 0, len(raw))]
    while waiting:
        kind, start, end = waiting.pop()
        inside, text = _INSIDE[kind], _TEXT.get(kind, ())
        for field, at, stop in _fields(raw, start, end):
            left -= 1
            if field in inside:
                waiting.append((inside[field], at, stop))
            elif field in text and not _is_text(raw[at:stop]):
                raise bad("a name in the model is no text in UTF-8", _HINT)
            if left < 0:
                limits.check("nodes", most // _A_NODE + 1, "a model of too many records")


def _is_text(raw: bytes) -> bool:
    try:
        return raw.isascii() or bool(raw.decode())
    except UnicodeDecodeError:
        return False


def _fields(raw: bytes, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """The fields of a record: number, and where what it holds begins and ends (protobuf's encoding)."""
    while at < end:
        key, at = _varint(raw, at, end)
        kind = key & 7
        if kind == 2:
            size, at = _varint(raw, at, end)
        elif kind == 0:
            size = _varint(raw, at, end)[1] - at
        elif kind in (1, 5):
            size = 8 if kind == 1 else 4
        else:
            raise bad("this is no ONNX model", _HINT)
        if at + size > end:
            raise bad("the model ends in the middle", _HINT)
        yield key >> 3, at, at + size
        at += size


def _varint(raw: bytes, at: int, end: int) -> tuple[int, int]:
    if at < end and raw[at] < 128:
        return raw[at], at + 1
    found = shift = 0
    while at < end and shift < 70:
        byte = raw[at]
        found |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return found, at
    raise bad("this is no ONNX model", _HINT)
