"""PyTorch's calls that move cells, take them by integers, or cut windows, in the language of scenarios."""

from __future__ import annotations

from typing import Any

from tests.ops.opinfo_entries import COMPOSED, ENTRIES, Leaf, entry, op, refuse

ALL = (None, None, None)


def shape_of(given: tuple[Any, ...]) -> tuple[int, ...]:
    return tuple(given[0]) if len(given) == 1 and not isinstance(given[0], int) else tuple(given)


@entry("reshape", "view", "unflatten")
def reshape(x: Any, *shape: Any) -> Any:
    return op("reshape", x, shape=shape_of(shape))


ENTRIES["unflatten"] = lambda x, dim, sizes: op(
    "reshape", x, shape=(*x.t.shape[: dim % x.t.ndim], *sizes, *x.t.shape[dim % x.t.ndim + 1 :])
)
COMPOSED.add("unflatten")


@entry("reshape_as", "view_as", composed=True)
def reshape_as(x: Any, other: Any) -> Any:
    return op("reshape", x, shape=tuple(other.t.shape))


@entry("flatten")
def flatten(x: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    refuse(x.t.ndim and end_dim % x.t.ndim != x.t.ndim - 1, "an end before the last axis: reshape")
    return op("flatten", x, start=start_dim)


@entry("squeeze")
def squeeze(x: Any, dim: Any = None) -> Any:
    dims = [dim] if isinstance(dim, int) else list(range(x.t.ndim)) if dim is None else dim
    dims = sorted({d % max(x.t.ndim, 1) for d in dims if x.t.ndim and x.t.shape[d] == 1})
    return op("squeeze", x, axis=tuple(dims)) if dims else x


@entry("unsqueeze")
def unsqueeze(x: Any, dim: int) -> Any:
    return op("expand_dims", x, axis=dim)


@entry("expand", "broadcast_to")
def expand(x: Any, *shape: Any) -> Any:
    wanted = shape_of(shape)
    lead = len(wanted) - x.t.ndim
    return op("broadcast_to", x, shape=tuple(x.t.shape[a - lead] if n == -1 else n for a, n in enumerate(wanted)))


@entry("expand_as", composed=True)
def expand_as(x: Any, other: Any) -> Any:
    return op("broadcast_to", x, shape=tuple(other.t.shape))


@entry("permute")
def permute(x: Any, *dims: Any) -> Any:
    return op("permute", x, axes=tuple(d % max(x.t.ndim, 1) for d in shape_of(dims)))


@entry("transpose", composed=True)
def transpose(x: Any, dim0: int, dim1: int) -> Any:
    if not x.t.ndim:
        return x
    axes = list(range(x.t.ndim))
    axes[dim0], axes[dim1] = axes[dim1], axes[dim0]
    return op("permute", x, axes=tuple(axes))


@entry("movedim", composed=True)
def movedim(x: Any, source: Any, destination: Any) -> Any:
    rank = x.t.ndim
    src, dst = ([v % rank for v in ([given] if isinstance(given, int) else given)] for given in (source, destination))
    rest = iter(a for a in range(rank) if a not in src)
    return op("permute", x, axes=tuple(src[dst.index(a)] if a in dst else next(rest) for a in range(rank)))


@entry("cat")
def cat(xs: Any, dim: int = 0) -> Any:
    kept = [x for x in xs if tuple(x.t.shape) != (0,)]  # PyTorch passes over these
    refuse(not kept, "nothing to join")
    return op("concat", *kept, axis=dim)


@entry("stack")
def stack(xs: Any, dim: int = 0) -> Any:
    return op("stack", *xs, axis=dim)


def joined(axis: int, rank: int, *, columns: bool = False) -> Any:
    def rule(xs: Any) -> Any:
        made = []
        for x in xs:
            missing = rank - x.t.ndim
            if rank == 3 and x.t.ndim < 3:
                lead = (1,) if x.t.ndim == 1 else (1, 1) if x.t.ndim == 0 else ()
                made.append(op("reshape", x, shape=(*lead, *x.t.shape, 1)))
            elif missing > 0:
                shape = (*x.t.shape, *(1,) * missing) if columns else (*(1,) * missing, *x.t.shape)
                made.append(op("reshape", x, shape=shape))
            else:
                made.append(x)
        where = 0 if axis == 1 and not columns and xs[0].t.ndim < 2 else axis
        return op("concat", *made, axis=where)

    return rule


ENTRIES["hstack"] = joined(1, 1)
ENTRIES["vstack"] = joined(0, 2)
ENTRIES["dstack"] = joined(2, 3)
ENTRIES["column_stack"] = joined(1, 2, columns=True)
COMPOSED |= {"hstack", "vstack", "dstack", "column_stack"}


def pieces(x: Any, sizes: list[int], dim: int) -> Any:
    starts = [sum(sizes[:i]) for i in range(len(sizes))]
    before = (ALL,) * (dim % x.t.ndim)
    return tuple(op("slice", x, key=(*before, (a, a + n, None))) for a, n in zip(starts, sizes, strict=True))


def parts(x: Any, sizes: list[int], dim: int) -> Any:
    """split, where its parts are what split gives: equal ones, or so large."""
    if len(set(sizes)) == 1:
        count = len(sizes)
        return tuple(op("split", x, sections=count, axis=dim, part=i) for i in range(count))
    return pieces(x, sizes, dim)


def chunked(x: Any, size: int, dim: int) -> Any:
    n = x.t.shape[dim]
    return parts(x, [min(size, n - a) for a in range(0, n, size)] if n else [0], dim)


@entry("split")
def split(x: Any, sizes: Any, dim: int = 0) -> Any:
    return chunked(x, sizes, dim) if isinstance(sizes, int) else parts(x, list(sizes), dim)


@entry("split_with_sizes", composed=True)
def split_with_sizes(x: Any, split_sizes: Any, dim: int = 0) -> Any:
    return parts(x, list(split_sizes), dim)


@entry("chunk", composed=True)
def chunk(x: Any, chunks: int, dim: int = 0) -> Any:
    return chunked(x, max(-(-x.t.shape[dim] // chunks), 1), dim)


@entry("unbind")
def unbind(x: Any, dim: int = 0) -> Any:
    count = x.t.shape[dim]
    return tuple(op("unbind", x, axis=dim, parts=count, part=i) for i in range(count))


@entry("flip")
def flip(x: Any, dims: Any) -> Any:
    return op("flip", x, axis=tuple(dims))


@entry("roll")
def roll(x: Any, shifts: Any, dims: Any = None) -> Any:
    shifts = tuple(shifts) if isinstance(shifts, list | tuple) else shifts
    dims = tuple(dims) if isinstance(dims, list | tuple) else dims
    if dims in ((), None):
        return op("roll", x, shift=shifts if isinstance(shifts, int) else shifts[0], axis=None)
    if isinstance(dims, int):
        dims = (dims,)
    return op("roll", x, shift=(shifts,) * 1 if isinstance(shifts, int) else shifts, axis=dims)


@entry("tile")
def tile(x: Any, *dims: Any) -> Any:
    return op("tile", x, reps=shape_of(dims))


@entry("repeat")
def repeat(x: Any, *sizes: Any) -> Any:
    return op("tile", x, reps=shape_of(sizes))


@entry("repeat_interleave")
def repeat_interleave(x: Any, repeats: Any = None, dim: Any = None, **more: Any) -> Any:
    if isinstance(repeats, Leaf):
        repeats = tuple(repeats.t.reshape(-1).tolist())
        cells = x.t.numel() if dim is None else x.t.shape[dim]
        repeats = repeats[0] if len(repeats) == 1 and cells != 1 else repeats
    return op("repeat", x, repeats=repeats, axis=dim)


for theirs in ("tril", "triu"):
    ENTRIES[theirs] = lambda x, diagonal=0, _op=theirs: op(_op, x, k=diagonal)


@entry("diagonal", "linalg.diagonal")
def diagonal(x: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    return op("diagonal", x, offset=offset, axis1=dim1, axis2=dim2)


ENTRIES["linalg.diagonal"] = lambda x, offset=0, dim1=-2, dim2=-1: diagonal(x, offset, dim1, dim2)


@entry("narrow")
def narrow(x: Any, dim: int, start: Any, length: int) -> Any:
    start = int(start.t) if isinstance(start, Leaf) else start
    start = start + x.t.shape[dim] if start < 0 else start
    return op("slice", x, key=(*(ALL,) * (dim % x.t.ndim), (start, start + length, None)))


@entry("select")
def select(x: Any, dim: int, index: int) -> Any:
    return op("slice", x, key=(*(ALL,) * (dim % x.t.ndim), index))


COMPOSED |= {"narrow", "select"}


@entry("__getitem__")
def getitem(x: Any, key: Any) -> Any:
    items: list[Any] = []
    arrays: list[Leaf] = []
    for item in key if isinstance(key, tuple) else (key,):
        if isinstance(item, slice):
            items.append((item.start, item.stop, item.step))
        elif item is ...:
            items.append("...")
        elif type(item) is int:
            items.append(item)
        elif isinstance(item, list) and all(type(i) is int for i in item):
            items.append((tuple(item),))
        elif isinstance(item, Leaf) and not item.t.dtype.is_floating_point and str(item.t.dtype) == "torch.int64":
            items.append(None)
            arrays.append(item)
        else:
            refuse(True, "a mask, None or numbers in an index")
    listed = any(i is None or (type(i) is tuple and len(i) == 1) for i in items)
    if listed:
        return op("take_at", x, *arrays, key=tuple(items))
    return op("slice", x, key=tuple(items)) if items else x


@entry("index_select")
def index_select(x: Any, dim: int, index: Any) -> Any:
    refuse(not x.t.ndim or not index.t.ndim, "of a number")
    return op("gather", x, index, axis=dim)


@entry("gather")
def gather(x: Any, dim: int, index: Any, **more: Any) -> Any:
    refuse(not x.t.ndim or not index.t.ndim, "of a number")
    others = [a for a in range(x.t.ndim) if a != dim % x.t.ndim]
    cut = [index.t.shape[a] != x.t.shape[a] for a in others]
    key = tuple(ALL if a == dim % x.t.ndim else (None, index.t.shape[a], None) for a in range(x.t.ndim))
    x = op("slice", x, key=key) if any(cut) else x
    return op("take_along_axis", x, index, axis=dim)


@entry("take_along_dim")
def take_along_dim(x: Any, indices: Any, dim: Any = None) -> Any:
    if dim is None:
        return op("take_along_axis", op("reshape", x, shape=(-1,)), op("reshape", indices, shape=(-1,)), axis=0)
    return op("take_along_axis", x, indices, axis=dim)


@entry("scatter_add")
def scatter_add(x: Any, dim: int, index: Any, src: Any) -> Any:
    refuse(not x.t.ndim or not index.t.ndim, "of a number")
    refuse(
        any(index.t.shape[a] != x.t.shape[a] for a in range(x.t.ndim) if a != dim % x.t.ndim), "fewer rows than x has"
    )
    key = tuple((None, n, None) for n in index.t.shape)
    return op("add", x, op("scatter_along_axis", op("slice", src, key=key), index, axis=dim, size=x.t.shape[dim]))


@entry("index_add", composed=True)
def index_add(x: Any, dim: int, index: Any, source: Any, alpha: float = 1) -> Any:
    refuse(not x.t.ndim or not index.t.ndim, "of a number")
    added = op("scatter_add", source if alpha == 1 else op("mul", source, alpha), index, axis=dim, size=x.t.shape[dim])
    return op("add", x, added)


@entry("take", composed=True)
def take(x: Any, index: Any) -> Any:
    refuse(not index.t.ndim, "by a number")
    return op("gather", op("reshape", x, shape=(-1,)), index, axis=0)


@entry("nn.functional.embedding")
def embedding(table: Any, ids: Any, padding_idx: Any = None, max_norm: Any = None, norm_type: float = 2.0,
              scale_grad_by_freq: bool = False, sparse: bool = False) -> Any:  # fmt: skip
    refuse(max_norm is not None or scale_grad_by_freq or sparse, "max_norm, scaled or sparse gradients")
    return op("embedding", table, ids, padding_idx=padding_idx)


@entry("constant_pad_nd")
def constant_pad(x: Any, pad: Any, value: Any = 0) -> Any:
    return padded(x, pad, value=value)


@entry("nn.functional.pad")
def padded(x: Any, pad: Any, mode: str = "constant", value: Any = 0) -> Any:
    pairs = [(pad[i], pad[i + 1]) for i in range(0, len(pad), 2)]
    if mode == "constant" and any(n < 0 for pair in pairs for n in pair):
        ends = [(None, None, None)] * (x.t.ndim - len(pairs))
        ends += [(max(-a, 0), n + min(b, 0), None) for n, (a, b) in zip(x.t.shape[::-1], pairs, strict=False)][::-1]
        x, pairs = op("slice", x, key=tuple(ends)), [(max(a, 0), max(b, 0)) for a, b in pairs]
        return op("pad", x, widths=((0, 0),) * (len(ends) - len(pairs)) + tuple(pairs[::-1]), value=float(value or 0))
    refuse(any(n < 0 for pair in pairs for n in pair), "cutting off: a slice")
    widths = ((0, 0),) * (x.t.ndim - len(pairs)) + tuple(pairs[::-1])
    if mode == "constant":
        return op("pad", x, widths=widths, value=float(value or 0))
    return op("pad", x, widths=widths, mode=mode)


# --- windows


def convolution(rank: int, word: str = "conv") -> Any:
    def rule(x: Any, w: Any, b: Any = None, stride: Any = 1, padding: Any = 0, *rest: Any, **more: Any) -> Any:
        names = ("dilation", "groups") if word == "conv" else ("output_padding", "groups", "dilation")
        given = {"stride": stride, "padding": padding} | dict(zip(names, rest, strict=False)) | more
        attrs = {k: tuple(v) if isinstance(v, list | tuple) else v for k, v in given.items()}
        attrs = {k: v[0] if isinstance(v, tuple) and len(v) == 1 else v for k, v in attrs.items()}
        single = x.t.ndim == rank + 1
        x = op("expand_dims", x, axis=0) if single else x
        y = op(f"{word}{rank}d", *([x, w] if b is None else [x, w, b]), **attrs)
        return op("squeeze", y, axis=0) if single else y

    return rule


for rank in (1, 2, 3):
    ENTRIES[f"nn.functional.conv{rank}d"] = convolution(rank)
    ENTRIES[f"nn.functional.conv_transpose{rank}d"] = convolution(rank, "conv_transpose")


def pool(rank: int, word: str) -> Any:
    names = {"max": ("stride", "padding", "dilation", "ceil_mode", "return_indices"),
             "avg": ("stride", "padding", "ceil_mode", "count_include_pad", "divisor_override")}[word]  # fmt: skip

    def rule(x: Any, kernel_size: Any, *rest: Any, **more: Any) -> Any:
        given = dict(zip(names, rest, strict=False)) | more
        given.pop("return_indices", False)  # where the largest cells are: the values alone are compared
        attrs = {k: tuple(v) if isinstance(v, list | tuple) else v for k, v in given.items()}
        attrs = {k: v[0] if isinstance(v, tuple) and len(v) == 1 else v for k, v in attrs.items()}
        attrs = {k: None if v == () else v for k, v in attrs.items()}
        size = tuple(kernel_size) if isinstance(kernel_size, list | tuple) else kernel_size
        size = size[0] if isinstance(size, tuple) and len(size) == 1 else size
        single = x.t.ndim == rank + 1
        x = op("expand_dims", x, axis=0) if single else x
        y = op(f"{word}_pool{rank}d", x, size=size, **attrs)
        return op("squeeze", y, axis=0) if single else y

    return rule


def adaptive(rank: int, word: str) -> Any:
    def rule(x: Any, size: Any, return_indices: bool = False) -> Any:
        single = x.t.ndim == rank + 1
        sizes = (size,) * rank if isinstance(size, int) else tuple(size)
        sizes = tuple(x.t.shape[a - rank] if n is None else n for a, n in enumerate(sizes))
        x = op("expand_dims", x, axis=0) if single else x
        y = op(f"adaptive_{word}_pool{rank}d", x, size=sizes)
        return op("squeeze", y, axis=0) if single else y

    return rule


for rank in (1, 2, 3):
    for word in ("max", "avg"):
        ENTRIES[f"nn.functional.{word}_pool{rank}d"] = pool(rank, word)
        ENTRIES[f"nn.functional.adaptive_{word}_pool{rank}d"] = adaptive(rank, word)


@entry("nn.functional.interpolate")
def interpolate(x: Any, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: Any = None,
                recompute_scale_factor: Any = None, antialias: bool = False) -> Any:  # fmt: skip
    refuse(antialias, "antialias")
    scale = scale_factor
    if isinstance(scale, list | tuple):
        refuse(len(set(scale)) > 1, "a scale for each axis")
        scale = scale[0]
    size = tuple(size) if isinstance(size, list | tuple) else size
    if recompute_scale_factor and scale is not None:
        size, scale = tuple(int(n * scale) for n in x.t.shape[2:]), None
    return op("interpolate", x, size=size, scale=None if scale is None else float(scale), mode=mode,
              align_corners=bool(align_corners))  # fmt: skip


ENTRIES["nn.functional.upsample_nearest"] = lambda x, size=None, scale_factor=None: interpolate(x, size, scale_factor)
ENTRIES["nn.functional.upsample_bilinear"] = lambda x, size=None, scale_factor=None: interpolate(
    x, size, scale_factor, "bilinear", True
)
COMPOSED |= {"nn.functional.upsample_nearest", "nn.functional.upsample_bilinear"}


@entry("nn.functional.unfold")
def unfold(x: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    given = {"size": kernel_size, "dilation": dilation, "padding": padding, "stride": stride}
    attrs = {k: tuple(v) if isinstance(v, list | tuple) else v for k, v in given.items()}
    attrs = {k: v[0] if isinstance(v, tuple) and len(v) == 1 else v for k, v in attrs.items()}
    single = x.t.ndim == 3
    x = op("expand_dims", x, axis=0) if single else x
    y = op("transpose", op("im2col", x, **attrs))
    return op("squeeze", y, axis=0) if single else y
