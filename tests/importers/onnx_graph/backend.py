"""ONNX's own node tests, by hand: how many models open and agree, and why the others do not.

python -m tests.importers.onnx_graph.backend [WORD]
"""

from __future__ import annotations

import sys
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from bpdebug.errors import BpdebugError
from tests.importers.onnx_graph.judge import ours

FLOATS = (1, 10, 11, 16)
HALF = 2.0**-6
"""Of the largest cell: a few roundings to bfloat16, which are not done here."""


def cases(word: str = "") -> Iterator[Any]:
    """The models of the node tests that have a float input, with inputs and outputs."""
    from onnx.backend.test.loader import load_model_tests

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = load_model_tests(kind="node")
    yield from usable(case for case in found if word in case.name)


def usable(found: Iterable[Any]) -> Iterator[Any]:
    """Those with a float input, of an opset that is read: what newer ones changed in these ops are types."""
    for case in found:
        if any(i.type.tensor_type.elem_type in FLOATS for i in case.model.graph.input):
            for opset in case.model.opset_import:
                opset.version = min(opset.version, 23) if not opset.domain else opset.version
            yield case


def verdict(case: Any) -> str:
    """'' where a model agrees; else why it does not, '!' before a number that is wrong."""
    from onnx import TensorProto, numpy_helper

    names = [i.name for i in case.model.graph.input]
    for inputs, outputs in case.data_sets:
        given = [numpy_helper.to_array(x) if isinstance(x, TensorProto) else x for x in inputs]
        try:
            found, _ = ours(case.model, dict(zip(names, given, strict=False)), gradients=False)
        except BpdebugError as error:
            return f"{error.code} {error.message}"
        for mine, theirs in zip(found, outputs, strict=False):
            if mine is None:
                return "E_OP an output without a rule"
            theirs = np.asarray(numpy_helper.to_array(theirs) if isinstance(theirs, TensorProto) else theirs)
            if mine.shape != theirs.shape:
                return f"! shape {mine.shape}, {theirs.shape}"
            half = mine.dtype != theirs.dtype and mine.dtype.kind == "f"  # half precision, held in single
            atol = max(case.atol, HALF * float(np.abs(mine).max(initial=0))) if half else case.atol
            if not np.allclose(mine, theirs.astype(mine.dtype), case.rtol, atol, equal_nan=True):
                return f"! {float(np.max(np.abs(mine - theirs.astype(mine.dtype)))):.1e}"
    return ""


def main(word: str = "") -> None:
    """Prints a line a model that does not agree, and the counts."""
    counts: Counter[str] = Counter()
    why: dict[str, list[str]] = {}
    for case in cases(word):
        try:
            said = verdict(case)
        except Exception as error:  # what no user should see
            said = f"!! {type(error).__name__} {error}"
        said = "the mask is drawn here" if said.startswith("!") and "training_dropout" in case.name else said
        counts["agree" if not said else "wrong" if said.startswith("!") else "refused"] += 1
        if said:
            why.setdefault(said[:110], []).append(case.name.removeprefix("test_"))
    for said, names in sorted(why.items()):
        print(f"{len(names):3} {said}: {', '.join(names)[:200]}")
    print(dict(counts))


if __name__ == "__main__":
    main(*sys.argv[1:])
