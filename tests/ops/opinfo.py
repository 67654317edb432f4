"""PyTorch's own samples of its ops (OpInfo) against ours, in value and gradients, in float64. By hand:

python -m tests.ops.opinfo [NAME ...]    (extra `opinfo`; three minutes)

ENTRIES says how a call is written here; what the contract cannot say is counted with its reason, not passed over.
"""

from __future__ import annotations

import sys
import warnings
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from bpdebug.engine import Timeline
from bpdebug.errors import BpdebugError
from bpdebug.graph import Lit, Step
from tests.graphs import make
from tests.ops import opinfo_layers, opinfo_shapes  # noqa: F401 - their entries
from tests.ops.opinfo_entries import COMPOSED, ENTRIES, OTHERWISE, Beyond, Leaf, Made, op

RTOL, ATOL = 1e-9, 1e-12


class Writing:
    """A call while it is written: its leaves, and steps of the language."""

    def __init__(self) -> None:
        self.leaves: dict[str, Any] = {}
        self.known: dict[int, Leaf] = {}
        self.steps: list[Step] = []

    def leaf(self, value: Any) -> Any:
        """An argument of a sample: of each tensor a leaf."""
        import torch

        if isinstance(value, torch.Tensor):
            if id(value) not in self.known:
                if value.dtype not in (torch.float64, torch.int64, torch.bool):
                    raise Beyond(f"a tensor of {str(value.dtype).removeprefix('torch.')}")
                name = f"x{len(self.known)}"
                self.known[id(value)] = Leaf(name, value, self)
                self.leaves[name] = value.detach().numpy().copy()
            return self.known[id(value)]
        if type(value) in (list, tuple):
            return type(value)(self.leaf(v) for v in value)
        return {k: self.leaf(v) for k, v in value.items()} if type(value) is dict else value

    def call(self, op: str, *operands: Any, **attrs: Any) -> Made:
        inputs = tuple(o.name if isinstance(o, Leaf | Made) else Lit(o) for o in operands)
        if not any(isinstance(i, str) for i in inputs) and operands:
            raise Beyond("numbers alone")
        self.steps.append(Step(f"y{len(self.steps)}", op, inputs, attrs, "", 1))
        return Made(self.steps[-1].id, self)


def tensors(found: Any) -> list[Any]:
    return list(found) if isinstance(found, tuple | list) else [found]


def compared(info: Any, sample: Any) -> list[str]:
    """What differs of a sample: nothing, where all agrees; Beyond where it cannot be written here."""
    import torch

    writing = Writing()
    args = [writing.leaf(a) for a in (sample.input, *sample.args)]
    made = tensors(ENTRIES[info.name](*args, **writing.leaf(dict(sample.kwargs))))
    made = [op("reshape", m, shape=tuple(m.t.shape)) if isinstance(m, Leaf) else m for m in made]
    outs = tensors(info.op(sample.input, *sample.args, **sample.kwargs))[: len(made)]
    if any(o.dtype not in (torch.float64, torch.int64, torch.bool) for o in outs):
        raise Beyond("a result of another dtype")
    rng = np.random.default_rng(0)
    pairs = list(zip(made, outs, strict=True))
    into = {m.name: rng.normal(size=o.shape) for m, o in pairs if o.dtype == torch.float64}
    timeline = opened(writing, into)
    found = [differs("value", timeline.value(m.name), o) for m, o in pairs]
    moved = [leaf for leaf in writing.known.values() if leaf.t.requires_grad]
    scored = [(o, torch.from_numpy(into[m.name])) for m, o in pairs if m.name in into and o.requires_grad]
    if moved and scored:
        given, arriving = zip(*scored, strict=True)
        grads = torch.autograd.grad(given, [m.t for m in moved], arriving, allow_unused=True)
        for leaf, grad in zip(moved, grads, strict=True):
            wanted, ours = torch.zeros_like(leaf.t) if grad is None else grad, timeline.grad(leaf.name)
            what = f"gradient of {leaf.name}"
            found.append(differs(what, np.zeros(leaf.t.shape) if ours is None else ours, wanted))
    return [f for f in found if f]


def opened(writing: Writing, into: dict[str, Any]) -> Timeline:
    """The call run both ways; where nothing of it has a gradient, beside something that has."""
    leaves, steps = writing.leaves, writing.steps
    if not into:
        leaves, steps = leaves | {"one": np.ones(())}, [*steps, Step("beside", "square", ("one",), {}, "", 1)]
        into = {"beside": np.ones(())}
    return Timeline(make(leaves, *steps, into=into, conventions="torch"))


def differs(what: str, found: Any, wanted: Any) -> str:
    wanted = wanted.detach().numpy(force=True)
    if found.shape != wanted.shape:
        return f"{what}: shape {found.shape}, not {wanted.shape}"
    scale = np.nanmax(np.abs(wanted[np.isfinite(wanted)]), initial=0.0) if wanted.dtype.kind == "f" else 0.0
    if np.allclose(found, wanted, rtol=RTOL, atol=ATOL + RTOL * scale, equal_nan=True):
        return ""
    bad = ~np.isclose(found, wanted, rtol=RTOL, atol=ATOL + RTOL * scale, equal_nan=True)
    at = tuple(map(int, np.argwhere(bad)[0]))
    return f"{what}: {int(bad.sum())} cells, first {at}: {found[at]}, not {wanted[at]}"


def samples(info: Any) -> Iterator[Any]:
    import torch

    torch.manual_seed(0)
    yield from info.sample_inputs("cpu", torch.float64, requires_grad=info.supports_autograd)


def judged(info: Any, sample: Any) -> tuple[str, str]:
    """A verdict on a sample: ("agrees", ""), ("differs", how), or ("beyond", the reason)."""
    try:
        found = compared(info, sample)
    except Beyond as reason:
        return "beyond", str(reason)
    except BpdebugError as error:
        found = [f"{error.code} {error.message} ({error.hint})"]
    if not found:
        return "agrees", ""
    for name, words, why in OTHERWISE:
        if name in ("", info.name) and words in found[0]:
            return "beyond", f"otherwise: {why}"
    return "differs", "; ".join(found)


def main(names: list[str]) -> None:
    from torch.testing._internal.common_methods_invocations import op_db

    counts: Counter[tuple[str, str]] = Counter()
    entries: dict[str, set[str]] = {"ours": set(), "composed": set()}
    beyond: Counter[tuple[str, str]] = Counter()
    for info in op_db:
        whole = f"{info.name}.{info.variant_test_name}".rstrip(".")
        if info.name not in ENTRIES or (names and info.name not in names):
            continue
        kind = "composed" if info.name in COMPOSED else "ours"
        for number, sample in enumerate(samples(info)):
            verdict, said = judged(info, sample)
            counts[kind, verdict] += 1
            if verdict == "agrees":
                entries[kind].add(whole)
            elif verdict == "beyond":
                beyond[whole, said] += 1
            else:
                shown = f"{sample.input!r:.90} {sample.args!r:.90} {sample.kwargs!r:.120}".replace("\n", " ")
                print(f"{whole} #{number}: {said}\n    {shown}")
    for (name, why), count in sorted(beyond.items()):
        print(f"  {name}: {count} not compared: {why}")
    for kind, those in entries.items():
        print(f"{counts[kind, 'agrees']} samples of {len(those)} entries agree ({kind})")
    wrong = sum(n for (_, verdict), n in counts.items() if verdict == "differs")
    print(f"{wrong} differ, {sum(beyond.values())} not compared")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(sys.argv[1:])
