"""Tensors made of nothing but their attributes: arange, full."""

from __future__ import annotations

from typing import Any

import numpy as np

from bpdebug.ops.attributes import Attr
from bpdebug.ops.axes import Sizes, refuse, tuple_of
from bpdebug.ops.op import Op, Sample, register


def _check_arange(start: int, stop: int | None, step: int) -> None:
    if step == 0:
        raise refuse("step=0 goes nowhere", hint="write a step of 1, 2, -1 ...")


def _arange(xp: Any, start: int, stop: int | None, step: int) -> Any:
    first, last = (0, start) if stop is None else (start, stop)
    return xp.arange(start=first, stop=last, step=step)


def _check_full(shape: Sizes, value: float, dtype: str) -> None:
    if any(n < 0 for n in tuple_of(shape)):
        raise refuse(f"shape {shape} has a negative size", hint="write every size out: (2, 3)")


register(
    Op(
        "arange",
        "The integers from 0, or from start, to before stop.",
        operands=(),
        forward=_arange,
        vjp=lambda xp, g, y, **attrs: (),
        attrs={
            "start": Attr("int", positional=True),
            "stop": Attr("int", None, positional=True),
            "step": Attr("int", 1, positional=True),
        },
        check=_check_arange,
        samples=(Sample((), {"start": 4}), Sample((), {"start": 5, "stop": 0, "step": -2})),
    ),
    Op(
        "full",
        "A tensor of one number; dtype is the scenario's.",
        operands=(),
        forward=lambda xp, shape, value, dtype: xp.full(shape=tuple_of(shape), value=value, dtype=np.dtype(dtype)),
        vjp=lambda xp, g, y, **attrs: (),
        attrs={
            "shape": Attr("ints", positional=True),
            "value": Attr("float", positional=True),
            "dtype": Attr("str", "float64", choices=("float64", "float32"), hidden=True),
        },
        check=_check_full,
        samples=(Sample((), {"shape": (2, 3), "value": 0.5}),),
    ),
)
