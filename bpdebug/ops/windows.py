"""Windows along spatial axes: their size, step and padding in every form, and how many there are."""

from __future__ import annotations

from typing import Any

from bpdebug.arrays import Shape
from bpdebug.errors import ShapeError
from bpdebug.ops.attributes import Attr
from bpdebug.ops.axes import Sizes, refuse

Padding = str | int | tuple[Any, ...]
Frame = dict[str, tuple[Any, ...]]
"""One number an axis of size, stride and dilation; of padding one for both ends, or pairs."""
WINDOW = {"stride": Attr("ints", 1), "padding": Attr("padding", 0), "dilation": Attr("ints", 1)}
LAYOUTS = {1: "(N, C, W)", 2: "(N, C, H, W)", 3: "(N, C, D, H, W)"}


def each(value: Sizes, rank: int) -> tuple[int, ...]:
    """One number an axis, from one for all or a tuple."""
    return (value,) * rank if isinstance(value, int) else value


def pairs(padding: tuple[Any, ...]) -> tuple[tuple[int, int], ...]:
    """What is put before and after each axis."""
    return tuple((p, p) if isinstance(p, int) else (p[0], p[1]) for p in padding)


def windows(space: Shape, size: Shape, stride: Shape, padding: tuple[Any, ...], dilation: Shape) -> Shape:
    """How many windows fit along each of the spatial axes, whose sizes are `space`."""
    axes = zip(space, size, stride, pairs(padding), dilation, strict=True)
    return tuple((n + a + b - d * (k - 1) - 1) // s + 1 for n, k, s, (a, b), d in axes)


def padded(space: Shape, padding: tuple[Any, ...]) -> Shape:
    """The sizes of the spatial axes with their padding."""
    return tuple(n + a + b for n, (a, b) in zip(space, pairs(padding), strict=True))


def frame(rank: int, size: Sizes, stride: Sizes, padding: Padding, dilation: Sizes) -> Frame:
    """The attributes of windows with a number, or a pair, for each axis."""
    size, stride, dilation = each(size, rank), each(stride, rank), each(dilation, rank)
    if padding == "same":
        total = [d * (k - 1) for k, d in zip(size, dilation, strict=True)]
        padding = _plain(tuple((n // 2, n - n // 2) for n in total))
    elif padding == "valid":
        padding = (0,) * rank
    elif isinstance(padding, int):
        padding = (padding,) * rank
    return {"size": size, "stride": stride, "padding": _plain(tuple(padding)), "dilation": dilation}


def _plain(padding: tuple[Any, ...]) -> tuple[Any, ...]:
    """One number an axis where both ends have it of every axis; else pairs."""
    both = pairs(padding)
    return tuple(a for a, _ in both) if all(a == b for a, b in both) else both


def ceiled(space: Shape, found: Frame) -> Frame:
    """The frame with as much padding behind that a last window that begins inside is taken, too."""
    padding = []
    counts = windows(space, **found)
    axes = zip(space, found["size"], found["stride"], pairs(found["padding"]), found["dilation"], counts, strict=True)
    for n, k, s, (a, b), d, count in axes:
        more = count * s < n + a and (n + a + b - d * (k - 1) - 1) % s > 0
        padding.append((a, count * s + d * (k - 1) + 1 - n - a if more else b))
    return {**found, "padding": _plain(tuple(padding))}


def check_windows(x: Shape, rank: int, *, size: Sizes, stride: Sizes, padding: Padding, dilation: Sizes) -> None:
    """ShapeError where x is not (N, C, ...) with `rank` spatial axes, or a window does not fit into it."""
    if len(x) != rank + 2:
        raise ShapeError(f"x of shape {x} is not {LAYOUTS[rank]}", hint="add axes with expand_dims, or use reshape")
    for name, value in {"size": size, "stride": stride, "padding": padding, "dilation": dilation}.items():
        if isinstance(value, str):
            if value == "same" and max(each(stride, rank)) > 1:
                raise refuse(f'padding="same" with stride={stride}', hint="give the padding in numbers")
            continue
        if not isinstance(value, int) and len(value) != rank:
            raise refuse(f"{name}={value} for {rank} spatial axes", hint=f"give a number, or {rank} of them")
        least = 0 if name == "padding" else 1
        given = (value,) if isinstance(value, int) else value
        if min(min(v) if isinstance(v, tuple) else v for v in given) < least:
            raise refuse(f"{name}={value} is too small", hint=f"{name} is at least {least}")
    found = frame(rank, size, stride, padding, dilation)
    if min(windows(x[2:], **found)) < 1:
        raise ShapeError(
            f"a window of {found['size']} with dilation {found['dilation']} does not fit into {x[2:]}"
            f" with padding {found['padding']}",
            hint="use a smaller window or more padding",
        )


def regions(n: int, count: int) -> tuple[tuple[int, int], ...]:
    """Where `count` equal parts of n cells begin and end, cells that two parts share in both (adaptive pooling)."""
    return tuple((i * n // count, -(-(i + 1) * n // count)) for i in range(count))
