"""The zoo, watched: `python -m tests.importers.zoo.watched [NAME...]`; 1 where a right one is called wrong."""

from __future__ import annotations

import sys
from collections.abc import Mapping

import torch

import bpdebug
from bpdebug.limits import Limits
from tests.importers.zoo.published import PUBLISHED
from tests.importers.zoo.small import SMALL


def main(names: list[str]) -> int:
    """A line a model: how many gradients were handed on, and how many of them are not what our rules give."""
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    zoo = {**SMALL, **PUBLISHED}
    edges = wrong = refused = 0
    print(f"{'model':20} handed on, wrong, without a rule")
    for name in names or zoo:
        torch.manual_seed(0)
        model, args, loss = zoo[name]()
        with bpdebug.watch(model, limits=Limits({"memory": 64 * 2**30})) as w:
            loss(model(**args) if isinstance(args, Mapping) else model(*args)).backward()
        try:
            told = w.scenario.recording.applications if w.scenario.recording else ()
        except bpdebug.BpdebugError as error:
            refused += 1
            print(f"{name:20} refused: {error.message}", flush=True)
            continue
        found, opaque = w.differences(), sum(n.op.name == "opaque" for n in w.scenario.graph.nodes)
        count = sum(len(a.operands) for a in told)
        edges, wrong = edges + count, wrong + len(found)
        print(f"{name:20} {count:9} {len(found):6} {opaque:6}", *{row.function for row in found}, flush=True)
    print(f"{edges} gradients handed on, {wrong} called wrong; {refused} models refused")
    return int(bool(wrong or refused))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
