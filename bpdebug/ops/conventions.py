"""Where there is no derivative: the attributes that choose a rule's answer, their words, and what libraries answer.

What they answer is data, `conventions.json`: gradients, a number a cell, what comes in being 1 (or `g`), measured on
CPU, Linux x86-64, eager, in reverse mode. Of several answers of a library the first counts.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from msgspec.json import decode

from bpdebug.ops.attributes import Attr
from bpdebug.translation import N_, _, clauses, joined

if TYPE_CHECKING:
    from bpdebug.ops.op import Op

DEFAULT = "default"
LIBRARIES = ("torch", "jax", "tensorflow", "keras", "mlx", "paddle", "tinygrad")
"""Whose answers a graph can be built with."""

TIES = {"ties": Attr("str", "share", choices=("share", "first", "last", "all"))}
"""Which of equal cells get the gradient of a maximum."""
SIDES = ("left", "right", "mean", "sum", "zero")


def at_zero(default: str, *others: str) -> Mapping[str, Attr]:
    """The attribute that chooses the slope at 0; without others, one made of those to the left and right."""
    return {"at_zero": Attr("str", default, choices=(default, *(others or (s for s in SIDES if s != default))))}


AT_MARGIN = ("slope", "zero")
"""What holds where the margin is just kept: the slope of where it is not, or 0."""


def at_margin(default: str) -> Mapping[str, Attr]:
    """The attribute of a loss with a margin that chooses its slope at it."""
    return {"at_margin": Attr("str", default, choices=(default, *(c for c in AT_MARGIN if c != default)))}


AT_NAN = {"at_nan": Attr("str", "pass", choices=("pass", "stop"), hidden=True)}
"""Whether a gradient goes through a NaN; not a choice of the program's, only of a library."""


def sided(xp: Any, x: Any, left: Any, right: Any, at_zero: str) -> Any:
    """What is left and right of 0, and at 0 what is chosen; NaN counts to the left, but where the right is chosen."""
    if at_zero == "right":
        return xp.where(x < 0, left, right)
    found = xp.where(x > 0, right, left)
    if at_zero == "left":
        return found
    middle = 0 if at_zero == "zero" else left + right if at_zero == "sum" else (left + right) / 2
    return xp.where(x == 0, middle, found)


Share = float | tuple[float, float]


def shares(at_bounds: Share) -> tuple[float, float]:
    """How much of the slope inside holds at the lower bound and at the upper one; the rest is of that outside."""
    return at_bounds if isinstance(at_bounds, tuple) else (at_bounds, at_bounds)


_TIED = {
    "share": N_("tied cells share the gradient equally"), "first": N_("of tied cells the first gets the gradient"),
    "last": N_("of tied cells the last gets the gradient"), "all": N_("each of the tied cells gets the whole gradient"),
}  # fmt: skip
_ZERO = {
    "left": N_("the slope at 0 is that to its left"), "right": N_("the slope at 0 is that to its right"),
    "mean": N_("the slope at 0 is the mean of those to its left and right"),
    "sum": N_("the slope at 0 is the sum of those to its left and right"),
    "zero": N_("the slope at 0 is taken to be 0"), "nan": N_("the gradient there is NaN"),
    "inf": N_("at 0 the slope is infinite"), "no_nan": N_("at 0 the slope is infinite, and a gradient of 0 stays 0"),
}  # fmt: skip


_MARGIN = {
    "slope": N_("at the margin the slope is that of where it is not kept"),
    "zero": N_("at the margin the slope is taken to be 0"),
}  # fmt: skip
_CLAMP = {
    "none": N_("the logarithm of 0 is -inf"),
    "torch": N_("logarithms are at least -100, and what the gradient is divided by at least 1e-12"),
    "keras": N_("p is held between 1e-7 and 1 - 1e-7, and beyond them the gradient is 0"),
}  # fmt: skip


def said(op: Op, attrs: Mapping[str, Any]) -> str:
    """In words, what holds in a call where there is no derivative: the op's own, or what its attributes choose."""
    words = [_(_TIED[attrs["ties"]])] if "ties" in attrs else []
    words += [_(_ZERO[attrs["at_zero"]])] if "at_zero" in attrs else []
    words += [_(_MARGIN[attrs["at_margin"]])] if "at_margin" in attrs else []
    words += [_(_CLAMP[attrs["clamp"]])] if "clamp" in attrs else []
    if "at_bounds" in attrs:
        low, high = (f"{share:g}" for share in shares(attrs["at_bounds"]))
        share = low if low == high else joined([low, high])
        words.append(_("at the bounds {share} of the slope inside holds").format(share=share))
    return clauses(*words) or _(op.kink)


class LibraryAnswer(Struct, frozen=True, rename={"chooses": "set"}):
    """What some libraries answer at a point, and the attributes that give it where it is not what we answer.

    Where they are missing, none do. A None is NaN, which JSON has not.
    """

    value: tuple[float | None, ...]
    of: tuple[str, ...]
    chooses: Mapping[str, str | float | tuple[float, float]] = {}


class Point(Struct, frozen=True):
    """A place without a derivative, in words: a call there, the gradients of its first `wrt` operands, cell by cell.

    At a `smooth` point there is a derivative, and who answers otherwise is wrong. `one_axis`: of a call over one axis.
    `g` is the cotangent, where it is not 1.
    """

    op: str
    at: str
    operands: tuple[Any, ...]
    ours: tuple[float | None, ...]
    answers: tuple[LibraryAnswer, ...]
    attrs: Mapping[str, Any] = {}
    smooth: bool = False
    one_axis: bool = False
    wrt: int = 1
    g: float = 1.0

    def holds(self, attrs: Mapping[str, Any]) -> bool:
        """Whether a call with these attributes can stand at this point."""
        return not self.one_axis or type(attrs.get("axis")) is int

    def answer(self, library: str) -> LibraryAnswer | None:
        """What a library answers; None where it was not asked."""
        return next((a for a in self.answers if library in a.of), None)

    def has(self, answer: LibraryAnswer) -> bool:
        """Whether it is ours, or one that attributes give."""
        return bool(answer.chooses) or answer.value == self.ours


class Measured(Struct, frozen=True):
    """What libraries answer, and the versions of which it was measured."""

    versions: Mapping[str, str]
    points: tuple[Point, ...]


@cache
def table() -> Measured:
    """The data that is shipped; read when it is asked for."""
    with open(f"{os.path.dirname(__file__)}/conventions.json", "rb") as file:
        return decode(file.read(), type=Measured)


def rows() -> Iterator[tuple[str, str, str, str, tuple[float | None, ...]]]:
    """The data line by line: library, version, op, point, value."""
    for point in table().points:
        for answer in point.answers:
            for library in answer.of:
                yield library, table().versions[library], point.op, point.at, answer.value


@cache
def _points(op: str) -> tuple[Point, ...]:
    return tuple(p for p in table().points if p.op == op and not p.smooth)


def chosen(op: Op, attrs: Mapping[str, Any], library: str) -> Mapping[str, Any]:
    """The attributes of a call with what a library chooses, where the call does not choose for itself."""
    if not op.conventions:
        return attrs
    found = dict(attrs)
    for point in _points(op.name):
        answer = point.answer(library)
        if answer is not None and point.holds(attrs):
            found |= {name: value for name, value in answer.chooses.items() if name not in attrs}
    return found if len(found) > len(attrs) else attrs


def known(op: Op, attrs: Mapping[str, Any]) -> list[str]:
    """The libraries whose answers at a call's kinks were measured and are an attribute's."""
    found = ((p, a) for p in _points(op.name) if p.holds(attrs) for a in p.answers if p.has(a))
    asked = {name for _, answer in found for name in answer.of}
    return [name for name in LIBRARIES if name in asked]
