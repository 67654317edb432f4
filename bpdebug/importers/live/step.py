"""A training step while it runs, watched: what of it is recorded, and what is refused in words."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import torch

from bpdebug.errors import InputError
from bpdebug.importers.calls import Calls
from bpdebug.importers.live.calls import CallRecorder, here, storage_of
from bpdebug.importers.live.modules import Modules
from bpdebug.importers.live.passes import PassRecorder

_PARALLEL = ("DistributedDataParallel", "DataParallel", "FullyShardedDataParallel", "FSDPModule")


class StepOver(BaseException):
    """What was to be watched is over; no error, and not for the code that is watched."""


UNREAD = {
    "create_graph=True": (
        "the gradient of a gradient is not watched", "write the gradient as an op: grad(y, x) in a scenario"
    ),
    "inputs=": (
        "what leads to other leaves is not computed, and not judged", "watch a pass to all leaves: loss.backward()"
    ),
}  # fmt: skip
"""Arguments of a pass that cannot be recorded: why, and what to do."""


class LiveStep:
    """What is recorded inside a `with`: from backward pass number `step` on, until a parameter is overwritten.

    Nothing of the training is changed: its numbers are the same bits, and all hooks are gone behind it.
    """

    def __init__(self, model: Any, step: int, stop: bool = False) -> None:
        _refuse_parallel(model)
        self.step, self.stop = step, stop
        self.names = Calls()
        self.modules = Modules(model, self.names.within)
        self.calls = CallRecorder(self.modules, self._overwriting)
        self.passes = PassRecorder(self.calls, self._wanted, self._done)
        self.begun, self.over = 0, False
        self.refusal: InputError | None = None
        self._open = ExitStack()

    def __enter__(self) -> LiveStep:
        self.calls.on = self.step == 0
        with ExitStack() as opened:
            opened.enter_context(self.modules)
            opened.enter_context(self.passes)
            opened.enter_context(self.calls)
            self._open = opened.pop_all()
        return self

    def __exit__(self, *raised: Any) -> None:
        self._open.__exit__(*raised)
        self.calls.on = False
        with torch.no_grad():
            self.calls.copy_leaves()

    def _wanted(self, unread: str) -> bool:
        """Whether the pass that begins is recorded; what of it cannot be refuses the step."""
        number, self.begun = self.begun, self.begun + 1
        wanted = number >= self.step and not self.over
        if wanted and unread:
            what, hint = UNREAD[unread]
            message = f"backward pass {number} has {unread}: {what}"
            self.refusal = self.refusal or InputError(message, code="E_OP", where=here(), hint=hint)
            return False
        return wanted

    def _done(self) -> None:
        """A pass is over: behind the one before the first that is wanted, calls are recorded, and blocks begin anew."""
        if self.stop and (self.passes.passes or self.refusal):
            raise StepOver
        if self.begun <= self.step:
            self.calls.on = self.begun == self.step
            self.names.counted.clear()
            self.modules.classes.clear()

    def _overwriting(self, x: torch.Tensor) -> None:
        """A tensor is about to be written to: where it is a leaf that a pass went to, the step is over."""
        if self.passes.passes and not self.over:
            leaves = (n.variable for n in self.passes.passes[-1].nodes)
            if storage_of(x) in {storage_of(leaf) for leaf in leaves if leaf is not None}:
                self.over, self.calls.on = True, False
                self.modules.release()
                self.calls.copy_leaves()


def _refuse_parallel(model: Any) -> None:
    """E_OP for a model that is spread over several processes or devices."""
    for kind in type(model).__mro__:
        if kind.__name__ in _PARALLEL:
            message = f"{kind.__name__} spreads the step over several devices, and only one is watched"
            raise InputError(message, code="E_OP", hint="watch the model inside: watch(model.module)")
