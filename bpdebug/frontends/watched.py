"""A training step of PyTorch's, watched: `with bpdebug.watch(model) as w: loss.backward()`."""

from __future__ import annotations

import os
from functools import cached_property
from importlib import import_module
from typing import Any

from bpdebug.engine import Timeline
from bpdebug.errors import InputError, UsageError
from bpdebug.explain.handed import differences
from bpdebug.explain.leaf_gradients import GradientRow
from bpdebug.limits import Limits
from bpdebug.scenario import Scenario, open_timeline


def watch(model: Any = None, step: int = 0, *, limits: Limits | None = None, stop: bool = False) -> WatchedStep:
    """What watches the training code inside a `with`: from backward pass number `step` on, until parameters change.

    The code is unchanged, and so are its numbers. Without a model, the first that is called is meant. With `stop` the
    code ends behind the first pass that is watched: it raises what `over` is, which no `except Exception` stops. Raises
    InputError: E_FILE without PyTorch, E_OP for a model that is spread over devices; UsageError for another `step`.
    """
    if not isinstance(step, int) or isinstance(step, bool) or step < 0:
        raise UsageError(f"step {step!r}", hint="the number of a backward pass, from 0: watch(model, step=0)")
    try:
        import_module("torch")
    except ImportError:
        hint = 'pip install "bpdebug[torch]"'
        raise InputError("PyTorch is not installed, and a step of it is watched", code="E_FILE", hint=hint) from None
    return WatchedStep(model, step, limits or Limits(), stop)


class WatchedStep:
    """A step that is watched, or was: `scenario` and `timeline` of its first backward pass, `timelines` of all.

    Values and gradients are torch's, the rules are ours; what is `set` is computed by ours from there on. What is asked
    raises InputError where the step is refused, with the line, and UsageError where no backward pass was seen.
    """

    def __init__(self, model: Any, step: int, limits: Limits, stop: bool) -> None:
        live = import_module("bpdebug.importers.live.step")
        self.over: type[BaseException] = live.StepOver
        self._live = live.LiveStep(model, step, stop)
        self._name = "step" if model is None else type(model).__name__
        self._limits = limits

    def __enter__(self) -> WatchedStep:
        self._live.__enter__()
        return self

    def __exit__(self, *raised: object) -> None:
        self._live.__exit__(*raised)

    @cached_property
    def scenarios(self) -> tuple[Scenario, ...]:
        """A scenario of each backward pass that was recorded; raises what is refused."""
        opening = import_module("bpdebug.importers.live.opening")
        if self._live.refusal is not None:
            raise self._live.refusal
        if not self._live.passes.passes:
            hint = "call loss.backward() inside the `with`"
            raise UsageError(f"no backward pass number {self._live.step} was seen", hint=hint)
        return tuple(opening.read_pass(self._live, p, self._name, self._limits) for p in self._live.passes.passes)

    @property
    def scenario(self) -> Scenario:
        return self.scenarios[0]

    @cached_property
    def timelines(self) -> tuple[Timeline, ...]:
        """A timeline of each backward pass."""
        return tuple(open_timeline(scenario) for scenario in self.scenarios)

    @property
    def timeline(self) -> Timeline:
        return self.timelines[0]

    def differences(self) -> list[GradientRow]:
        """What torch handed to an operand and our rule does not give, in backward order, of all passes."""
        return [row for timeline in self.timelines for row in differences(timeline)]

    def save(self, path: str | os.PathLike[str]) -> int:
        """The first pass as a new recording (.bptrace); returns how many events it has.

        Raises InputError (E_FILE) where it cannot be written.
        """
        from bpdebug.frontends.recorder import record  # a step that is not kept does not wait for it

        return record(path, self.scenario, self.timeline)
