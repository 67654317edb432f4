"""How far a long command is, and where it may be stopped: front ends listen, the work reports, neither knows the other.

A command that is stopped ends with Stopped, which is raised at these places only, where nothing is half done: what is
computed by then stays, the rest is computed when it is asked for again.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import Context, ContextVar
from threading import current_thread, main_thread
from types import FrameType
from typing import Any, TypeVar

Listener = Callable[[float, int, str], None]
"""Is told how much of how much is done, and what is counted ('' where that has no name); of 0, what is waited for."""
Made = TypeVar("Made")
_LISTENER: ContextVar[Listener | None] = ContextVar("listener", default=None)
_STOP: ContextVar[Callable[[], None] | None] = ContextVar("stop", default=None)


class Stopped(BaseException):
    """Somebody stopped the work. No error, or it would be taken for what is wrong with what was being worked out."""


class TimeOver(Stopped):
    """The time that was given to a part of the work is over."""


def report(done: float, total: int, unit: str = "") -> None:
    """So much of so much is done; `unit` is what is counted, marked to be translated."""
    listener = _LISTENER.get()
    if listener is not None:
        listener(done, total, unit)


def waiting(what: str) -> None:
    """Nothing is done for the time being: it is said what is waited for."""
    report(0, 0, what)


Step = Callable[[int], None]
_UNHEARD: AbstractContextManager[None] = nullcontext()
"""Where nobody listens: entering a generator's context costs more than a small piece of work."""


def steps(total: int, unit: str = "") -> AbstractContextManager[Step | None]:
    """Gives what is told before each of so many steps how many are done; None where nobody hears it.

    What is reported inside a step is how far that one is.
    """
    listener = _LISTENER.get()
    return _UNHEARD if listener is None else _steps(listener, total, unit)


@contextmanager
def _steps(listener: Listener, total: int, unit: str) -> Iterator[Step]:
    def step(done: int) -> None:
        furthest = float(done)

        def inside(some: float, of: int, what: str) -> None:
            nonlocal furthest  # of a step that is several wholes, one after another, none goes back
            if not of:
                listener(0, 0, what)
                return
            furthest = max(furthest, done + some / of)
            listener(furthest, total, unit)

        listener(done, total, unit)
        _LISTENER.set(inside)

    try:
        yield step
    finally:
        _LISTENER.set(listener)


def part(done: int, total: int, unit: str = "") -> AbstractContextManager[None]:
    """So much of so much is done; what is reported inside is how far the next one is."""
    listener = _LISTENER.get()
    return _UNHEARD if listener is None else _part(listener, done, total, unit)


@contextmanager
def _part(listener: Listener, done: int, total: int, unit: str) -> Iterator[None]:
    with _steps(listener, total, unit) as step:
        step(done)
        yield


def may_stop() -> None:
    """Here the work may be stopped."""
    stop = _STOP.get()
    if stop is not None:
        stop()


@contextmanager
def until(over: Callable[[], bool] | None) -> Iterator[None]:
    """Raises TimeOver where the work inside may be stopped, once the time is `over`; without a time, never."""
    if over is None:
        yield
        return
    outer = _STOP.get()

    def stop() -> None:
        if outer is not None:
            outer()
        if over():
            raise TimeOver

    token = _STOP.set(stop)
    try:
        yield
    finally:
        _STOP.reset(token)


def stoppable() -> bool:
    """Whether anybody could stop the work."""
    return _STOP.get() is not None


def apart(context: Context, work: Callable[..., Made], *given: Any) -> Made:
    """What the work makes of what is given, in a copy of a context; it may be stopped as here, and is heard."""
    own, stop, listener = context.copy(), _STOP.get(), _LISTENER.get()
    if stop is not None:
        own.run(_STOP.set, stop)
    if listener is not None:
        own.run(_LISTENER.set, listener)
    return own.run(work, *given)


@contextmanager
def listening(listener: Listener, stop: Callable[[], None] | None = None) -> Iterator[None]:
    """Hears the reports of commands that run inside, in this thread; `stop` is asked wherever they may be stopped."""
    tokens = _LISTENER.set(listener), _STOP.set(stop)
    try:
        yield
    finally:
        _LISTENER.reset(tokens[0])
        _STOP.reset(tokens[1])


@contextmanager
def interrupted(end: type[BaseException] = Stopped) -> Iterator[Callable[[], None]]:
    """Gives what raises `end` once Ctrl-C was pressed; pressed again, it is KeyboardInterrupt wherever it comes."""
    pressed = False

    def press(number: int, frame: FrameType | None) -> None:
        nonlocal pressed
        if pressed:
            raise KeyboardInterrupt
        pressed = True

    def stop() -> None:
        if pressed:
            raise end

    before = signal.signal(signal.SIGINT, press)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def interruptible() -> Iterator[None]:
    """Ctrl-C is KeyboardInterrupt where the work inside may be stopped, and not in the midst of another library's.

    Where somebody may stop it already, or Ctrl-C means something else, all is as it is.
    """
    usual = current_thread() is main_thread() and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if stoppable() or not usual:
        yield
        return
    with interrupted(KeyboardInterrupt) as stop:
        token = _STOP.set(stop)
        try:
            yield
            stop()
        finally:
            _STOP.reset(token)
