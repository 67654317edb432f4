"""The calls of a training step while it runs: each aten op with what it was given, where it stands, what it made.

Nothing is computed here and nothing changed: references are kept, and what is overwritten later is copied just before.
Records go in no circles, and the garbage collector is not to look at them: it was a quarter of what watching costs.
"""

from __future__ import annotations

import os
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from types import FrameType
from typing import Any

import torch
from msgspec import Struct
from torch.utils._python_dispatch import TorchDispatchMode

from bpdebug.importers.live.modules import Modules

_NOT_THE_USERS = (os.path.dirname(torch.__file__) + os.sep, os.path.dirname(__file__) + os.sep)
_APPLY = torch.autograd.Function.apply.__func__.__code__
"""What stands above the ops of a custom Function while it goes forward."""

Key = tuple[int, int]
"""A tensor at one time: its id, while it is held, and its version."""


class Held(Struct, frozen=True, eq=False, gc=False):
    """A tensor at one time, by the version that it had then."""

    tensor: torch.Tensor
    version: int

    @property
    def key(self) -> Key:
        return id(self.tensor), self.version


class Seen(Held, frozen=True, eq=False, gc=False):
    """A tensor as a call was given it, with the autograd node that had made it, as which of its outputs."""

    node: Any
    nr: int


class CallSite(Struct, frozen=True, gc=False):
    """A line of the user's own source, and the block of modules that is being called."""

    file: str
    line: int
    block: str


class ForwardCall(Struct, eq=False, gc=False):
    """One call of an aten op: `function` is the custom Function that it ran in, `grad` whether gradients were recorded.

    `made` are its outputs as they are behind the call, None for what is no tensor.
    """

    op: Any
    args: Sequence[Any]
    kwargs: dict[str, Any]
    seen: Sequence[Seen]
    made: Sequence[Held | None]
    place: CallSite
    function: Applied | None
    grad: bool

    @property
    def outputs(self) -> Iterator[Held]:
        """What it made that is a tensor."""
        return (held for held in self.made if held is not None)


class Applied(Struct, eq=False):
    """A custom Function going forward: the frame of `apply`, and where it was called."""

    frame: FrameType | None
    place: CallSite


class CallRecorder(TorchDispatchMode):  # type: ignore[misc]  # torch's types are not looked at
    """Records calls while `on`; `overwriting` is told of tensors that are about to be written to.

    `copies` are tensors as they were at a time, where they were overwritten behind it; `names` are what the user's
    variables call those that no call made.
    """

    def __init__(self, modules: Modules, overwriting: Callable[[torch.Tensor], None]) -> None:
        super().__init__()
        self.modules, self.overwriting, self.on = modules, overwriting, False
        self.calls: list[ForwardCall] = []
        self.copies: dict[Key, torch.Tensor] = {}
        self.names: dict[int, str] = {}
        self._alike: dict[int, dict[Key, torch.Tensor]] = defaultdict(dict)
        self._known: dict[int, int] = {}
        self._function: Applied | None = None

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        """False: each call would pass two functions of torch's compiler more, and import it."""
        return False

    def __torch_dispatch__(self, op: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if not self.on:
            return op(*args, **kwargs)
        frame, place = self._place()
        grad = torch.is_grad_enabled()
        function = None if grad else self._applied()
        seen = tuple([self._seen(x, frame) for x in _tensors((*args, *kwargs.values()) if kwargs else args)])
        writes, views = _manner(op)
        written = [x for i, name in writes for x in _tensors([args[i] if i < len(args) else kwargs.get(name)])]
        for x in written:
            self._overwritten(x)
        base = None if views is None else args[views]
        out = op(*args, **kwargs)
        made: list[Held | None] = []
        for x in out if isinstance(out, list | tuple) else (out,):
            if isinstance(
                x, torch.Tensor
            ):  # a view shares its version, once the call is over, and a write counts it on
                version = _version(x if base is None else base) + any(x is w for w in written)
                made.append(Held(x, version))
                self._know(x, version)
            else:
                made.append(None)
        self.calls.append(ForwardCall(op, args, kwargs, seen, tuple(made), place, function, grad))
        return out

    def _place(self) -> tuple[FrameType | None, CallSite]:
        """The innermost frame that is the user's, and its place."""
        frame, block = _user(sys._getframe(2)), self.modules.block
        return frame, CallSite("", 0, block) if frame is None else CallSite(
            frame.f_code.co_filename, frame.f_lineno, block
        )

    def _applied(self) -> Applied | None:
        """The custom Function that is going forward; of several within each other, the outermost."""
        frame: FrameType | None = sys._getframe(2)
        found: FrameType | None = None
        while frame is not None:
            found = frame if frame.f_code is _APPLY else found
            frame = frame.f_back
        if found is None:
            return None
        if self._function is None or self._function.frame is not found:
            frame = _user(found.f_back)
            code = ("", 0) if frame is None else (frame.f_code.co_filename, frame.f_lineno)
            self._function = Applied(found, CallSite(*code, self.modules.block))
        return self._function

    def _seen(self, x: torch.Tensor, frame: FrameType | None) -> Seen:
        version, node = _version(x), x.grad_fn
        if self._known.get(id(x)) != version:
            self._know(x, version)
        if node is None and frame is not None and id(x) not in self.names:
            self.names[id(x)] = next((name for name, value in frame.f_locals.items() if value is x), "")
        return Seen(x, version, node, x.output_nr)

    def _know(self, x: torch.Tensor, version: int) -> None:
        self._known[id(x)] = version
        if (storage := storage_of(x)) is not None:
            self._alike[storage][id(x), version] = x

    def _overwritten(self, x: torch.Tensor) -> None:
        """Copies what shares its memory with a tensor that is about to be written to."""
        self.overwriting(x)
        for key, other in self._alike.pop(storage_of(x) or 0, {}).items():
            self.copies[key] = other.detach().clone()

    def copy_leaves(self) -> None:
        """Copies what no call made anew: training goes on behind, and writes to it."""
        made = {held.key for call in self.calls if not writes(call.op) for held in call.outputs}
        for call in self.calls:
            for s in call.seen:
                if s.key not in made and s.key not in self.copies:
                    self.copies[s.key] = s.tensor.detach().clone()


def here() -> str:
    """The user's line that is being carried out: "train.py:12"."""
    frame = _user(sys._getframe(1))
    return "" if frame is None else f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"


def _user(frame: FrameType | None) -> FrameType | None:
    """The innermost frame that is the user's."""
    while frame is not None and not _users(frame.f_code.co_filename):
        frame = frame.f_back
    return frame


@cache
def _users(file: str) -> bool:
    """Whether a file is neither torch's nor ours."""
    return not file.startswith(_NOT_THE_USERS)


@cache
def _manner(op: Any) -> tuple[tuple[tuple[int, str], ...], int | None]:
    """The arguments that an op writes to, by place and name, and the place of the one that its outputs are views of."""
    aliased = [(i, a.name, a.alias_info.is_write) for i, a in enumerate(op._schema.arguments) if a.alias_info]
    writes = tuple((i, name) for i, name, is_write in aliased if is_write)
    return writes, next((i for i, _, is_write in aliased if not is_write), None)


def writes(op: Any) -> bool:
    """Whether an op writes to one of its arguments."""
    return bool(_manner(op)[0])


def _tensors(values: Sequence[Any]) -> Iterator[torch.Tensor]:
    """The tensors among arguments, and in lists among them."""
    for value in values:
        if isinstance(value, torch.Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from (x for x in value if isinstance(x, torch.Tensor))


def _version(x: torch.Tensor) -> int:
    try:
        return int(x._version)
    except RuntimeError:  # made in inference mode, which counts none
        return 0


def storage_of(x: torch.Tensor) -> int | None:
    """What tensors over the same memory have in common; None of those without, sparse ones."""
    try:
        return int(x.untyped_storage()._cdata)
    except (NotImplementedError, RuntimeError):
        return None
