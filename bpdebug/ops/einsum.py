"""Sums of products of tensors whose axes have letters: einsum and tensordot, as transposes and matrix products."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

from bpdebug.arrays import Shape
from bpdebug.errors import ShapeError
from bpdebug.ops.attributes import Attr
from bpdebug.ops.axes import axes_of, refuse
from bpdebug.ops.op import CUBE, ROWS, Op, Sample, register

Letters = tuple[str, ...]
"""One letter an axis."""
_EXAMPLE = 'write the letters of each operand and of the result: einsum("ij,jk->ik", a, b)'


# --- what the letters are


LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
"""What axes are called; the module `string`, which has them, compiles a pattern when it is imported."""


def _term(text: str, rank: int | None, most: int) -> Letters:
    """The letters of an operand of this rank, or of the result (None): those for '...' are numbers from the right."""
    before, dots, after = text.partition("...")
    own = len(before) + len(after)
    more = (most if rank is None else rank - own) if dots else 0
    return (*before, *map(str, range(more, 0, -1)), *after)


def letters_of(equation: str, shapes: Sequence[Shape]) -> tuple[list[Letters], Letters]:
    """The letters of the operands and of the result; E_ATTR or E_SHAPE for an equation that does not fit."""
    text = "".join(equation.split())
    given, arrow, result = text.partition("->")
    terms = given.split(",")
    odd = [c for t in (*terms, result) for c in t.replace("...", "", 1) if c not in LETTERS]
    if odd:
        raise refuse(f"'{odd[0]}' stands in the equation '{equation}'", hint=_EXAMPLE)
    if len(terms) != len(shapes):
        raise refuse(f"'{equation}' has letters for {len(terms)} operands, and {len(shapes)} are given", hint=_EXAMPLE)
    for term, x in zip(terms, shapes, strict=True):
        count = len(term.replace("...", ""))
        if count > len(x) or (count < len(x) and "..." not in term):
            raise ShapeError(f"'{term}' for shape {x}, which has {len(x)} axes", hint="give one letter an axis")
    found = [_term(t, len(x), 0) for t, x in zip(terms, shapes, strict=True)]
    every = [c for f in found for c in f]
    dots = sorted({c for c in every if c.isdigit()}, key=int, reverse=True)
    once = sorted(c for c in set(every) if every.count(c) == 1 and not c.isdigit())
    out = _term(result, None, len(dots)) if arrow else (*dots, *once)
    wrong = next((c for c in out if c not in every or out.count(c) > 1), "")
    if wrong:
        how = "twice in the result" if wrong in every else "in the result alone"
        raise refuse(f"'{wrong}' stands {how} of '{equation}'", hint=_EXAMPLE)
    return found, out


def _sizes(found: Sequence[Letters], shapes: Sequence[Shape]) -> dict[str, int]:
    """How long the axes of each letter are; E_SHAPE where they differ, and none is 1."""
    sizes: dict[str, int] = {}
    for own, x in zip(found, shapes, strict=True):
        mine = dict(zip(own, x, strict=True))
        for c, n in zip(own, x, strict=True):
            known = sizes.get(c, 1)
            if mine[c] != n or (1 not in (n, known) and n != known):
                other = mine[c] if mine[c] != n else known
                raise ShapeError(f"the axes of '{c}' have sizes {other} and {n}", hint="one letter, one size")
            sizes[c] = n if known == 1 else known
    return sizes


# --- what is computed: letters that stand twice first, then one product after the other


class _Operand:
    """An operand with each of its letters once: diagonals taken, and axes dropped along which it is repeated."""

    def __init__(self, xp: Any, x: Any, letters: Letters, sizes: dict[str, int]) -> None:
        self.xp, self.shape = xp, x.shape
        self.dropped = tuple(a for a, (c, n) in enumerate(zip(letters, x.shape, strict=True)) if n == 1 != sizes[c])
        self.x = xp.squeeze(x, self.dropped) if self.dropped else x
        self.letters = tuple(c for a, c in enumerate(letters) if a not in self.dropped)
        self.diagonals: list[tuple[Shape, int, int]] = []
        while twice := next((c for c in self.letters if self.letters.count(c) > 1), ""):
            one, two = [a for a, c in enumerate(self.letters) if c == twice][:2]
            self.diagonals.append((self.x.shape, one, two))
            self.x = xp.diagonal(self.x, axis1=one, axis2=two)
            self.letters = (*(c for a, c in enumerate(self.letters) if a not in (one, two)), twice)

    def back(self, g: Any) -> Any:
        """A gradient with its letters, as the operand's own."""
        for shape, one, two in reversed(self.diagonals):
            g = self.xp.on_diagonal(g, shape=shape, axis1=one, axis2=two)
        return self.xp.expand_dims(g, self.dropped) if self.dropped else g


def _turned(xp: Any, x: Any, letters: Letters, wanted: Letters) -> Any:
    """The axes in another order; a swap of the last two is a transpose."""
    if letters == wanted:
        return x
    axes = tuple(letters.index(c) for c in wanted)
    swap = (*range(len(axes) - 2), len(axes) - 1, len(axes) - 2)
    return xp.matrix_transpose(x) if axes == swap else xp.permute_dims(x, axes)


def _merged(xp: Any, x: Any, counts: tuple[int, int]) -> Any:
    """The axes behind the batch made two: the last so many one, and those before them another."""
    first, last = counts
    lead = len(x.shape) - first - last
    if first == last == 1:
        return x
    if (first, last) in ((0, 1), (1, 0)):
        return xp.expand_dims(x, lead + first)
    middle = lead + first
    return xp.reshape(x, (*x.shape[:lead], prod(x.shape[lead:middle]), prod(x.shape[middle:])))


def _pair(xp: Any, a: Any, of_a: Letters, b: Any, of_b: Letters, keep: Letters) -> tuple[Any, Letters]:
    """Two tensors multiplied, and summed over the letters that both have and nothing keeps."""
    both = [c for c in of_a if c in of_b]
    gone = tuple(c for c in both if c not in keep)
    order = (*(c for c in keep if c in of_a or c in of_b), *gone)
    batch = tuple(c for c in order if c in both and c in keep)
    left, right = (tuple(c for c in order if c in mine and c not in both) for mine in (of_a, of_b))
    if not gone or not (left or right):
        spread = []
        for x, mine in ((a, of_a), (b, of_b)):
            x = _turned(xp, x, mine, tuple(c for c in order if c in mine))
            new = tuple(i for i, c in enumerate(order) if c not in mine)
            leads = new == tuple(range(len(new)))
            spread.append(x if leads else xp.expand_dims(x, new))
        made, count = spread[0] * spread[1], len(order) - len(gone)
        return (xp.sum(made, axis=tuple(range(count, len(order)))) if gone else made), order[:count]
    turned_a = _turned(xp, a, of_a, (*batch, *left, *gone))
    turned_b = _turned(xp, b, of_b, (*batch, *gone, *right))
    sizes = dict(zip((*of_a, *of_b), (*a.shape, *b.shape), strict=True))
    made = _merged(xp, turned_a, (len(left), len(gone))) @ _merged(xp, turned_b, (len(gone), len(right)))
    if len(left) == len(right) == 1:
        return made, (*batch, *left, *right)
    if len(left) + len(right) == 1:
        return xp.squeeze(made, len(batch) + len(left)), (*batch, *left, *right)
    return xp.reshape(made, tuple(sizes[c] for c in (*batch, *left, *right))), (*batch, *left, *right)


def _summed(xp: Any, x: Any, own: Letters, keep: set[str]) -> tuple[Any, Letters]:
    """Without the letters that nothing else has."""
    axes = tuple(a for a, c in enumerate(own) if c not in keep)
    found = xp.sum(x, axis=axes[0] if len(axes) == 1 else axes) if axes else x
    return found, tuple(c for c in own if c in keep)


def _contracted(xp: Any, operands: list[tuple[Any, Letters]], out: Letters) -> Any:
    """The sum of products of tensors, each letter of which stands once in each, with the letters `out`."""
    rest = [set(out).union(*(own for _, own in operands[:i] + operands[i + 1 :])) for i in range(len(operands))]
    ready = [_summed(xp, *operand, keep) for operand, keep in zip(operands, rest, strict=True)]
    (made, own), *others = ready
    for n, (x, mine) in enumerate(others):
        later = [c for _, more in others[n + 1 :] for c in more]
        keep = (*out, *(c for c in dict.fromkeys(later) if c not in out))
        made, own = _pair(xp, made, own, x, mine, keep)
    return _turned(xp, made, own, out)


def _product(xp: Any, xs: Sequence[Any], found: Sequence[Letters], out: Letters) -> Any:
    sizes = _sizes(found, [x.shape for x in xs])
    operands = [_Operand(xp, x, own, sizes) for x, own in zip(xs, found, strict=True)]
    return _contracted(xp, [(o.x, o.letters) for o in operands], out)


def _product_vjp(xp: Any, g: Any, xs: Sequence[Any], found: Sequence[Letters], out: Letters) -> tuple[Any, ...]:
    """In place of an operand stands the gradient, and in place of the result's letters the operand's."""
    sizes = _sizes(found, [x.shape for x in xs])
    operands = [_Operand(xp, x, own, sizes) for x, own in zip(xs, found, strict=True)]
    made = []
    for n, operand in enumerate(operands):
        terms = [(g, out) if i == n else (o.x, o.letters) for i, o in enumerate(operands)]
        there = tuple(c for c in operand.letters if any(c in own for _, own in terms))
        back = _contracted(xp, terms, there)
        missing = tuple(a for a, c in enumerate(operand.letters) if c not in there)
        if missing:
            wide = tuple(sizes[c] for c in operand.letters)
            leads = missing == tuple(range(len(missing)))
            back = xp.broadcast_to(back if leads else xp.expand_dims(back, missing), wide)
        made.append(operand.back(back))
    return tuple(made)


def _check_einsum(*shapes: Shape, equation: str) -> None:
    found, _ = letters_of(equation, shapes)
    _sizes(found, shapes)


def _einsum(xp: Any, *xs: Any, equation: str) -> Any:
    return _product(xp, xs, *letters_of(equation, [x.shape for x in xs]))


def _einsum_vjp(xp: Any, g: Any, y: Any, *xs: Any, equation: str) -> tuple[Any, ...]:
    return _product_vjp(xp, g, xs, *letters_of(equation, [x.shape for x in xs]))


# --- tensordot


def _pairs(a: Shape, b: Shape, axes: Any) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The axes of a and of b that are summed over together."""
    if isinstance(axes, int):
        return tuple(range(len(a) - axes, len(a))), tuple(range(axes))
    left, right = axes
    return axes_of(left, a), axes_of(right, b)


def _check_tensordot(a: Shape, b: Shape, axes: Any) -> None:
    if not isinstance(axes, int) and len(axes) != len("ab"):
        raise refuse(
            f"axes {axes} are not those of two tensors", hint="give a number, or ((1,), (0,)): of a, then of b"
        )
    if isinstance(axes, int) and not 0 <= axes <= min(len(a), len(b)):
        raise ShapeError(f"axes={axes} for shapes {a} and {b}", hint="so many of the last axes of a, and first of b")
    left, right = _pairs(a, b, axes)
    if len(left) != len(right):
        raise refuse(f"axes {axes}: {len(left)} of a meet {len(right)} of b", hint="each needs one of the other")
    for m, n in zip(left, right, strict=True):
        if a[m] != b[n]:
            raise ShapeError(
                f"axis {m} of {a} and axis {n} of {b}: sizes {a[m]} and {b[n]} differ",
                hint="they are summed over together",
            )


def _dotted(a: Shape, b: Shape, axes: Any) -> tuple[list[Letters], Letters]:
    left, right = _pairs(a, b, axes)
    of_a = LETTERS[: len(a)]
    of_b = ["" for _ in b]
    for m, n in zip(left, right, strict=True):
        of_b[n] = of_a[m]
    fresh = iter(LETTERS[len(a) :])
    of_b = [c or next(fresh) for c in of_b]
    return [tuple(of_a), tuple(of_b)], (
        *(c for m, c in enumerate(of_a) if m not in left),
        *(c for n, c in enumerate(of_b) if n not in right),
    )


def _tensordot(xp: Any, a: Any, b: Any, axes: Any) -> Any:
    return _product(xp, (a, b), *_dotted(a.shape, b.shape, axes))


def _tensordot_vjp(xp: Any, g: Any, y: Any, a: Any, b: Any, axes: Any) -> tuple[Any, ...]:
    return _product_vjp(xp, g, (a, b), *_dotted(a.shape, b.shape, axes))


_BACK = "a product of the gradient with the other operands: its letters and those of the result change places"
_SQUARE = [[1.0, -2.0], [0.5, 4.0], [-0.25, 3.0]]

register(
    Op(
        "einsum",
        "A sum of products: letters name the axes, and those that the result does not have are summed over.",
        operands=("*xs",),
        leads="equation",
        forward=_einsum,
        vjp=_einsum_vjp,
        back=_BACK,
        attrs={"equation": Attr("str")},
        check=_check_einsum,
        linear_in=(0,),
        samples=(
            Sample((ROWS, _SQUARE), {"equation": "ij,jk->ik"}),
            Sample((CUBE, CUBE), {"equation": "bid,bjd->bij"}),
            Sample((ROWS,), {"equation": "ij->j"}),
        ),
    ),
    Op(
        "tensordot",
        "The last axes of a summed over together with the first of b, or those named: ((1,), (0,)).",
        operands=("a", "b"),
        forward=_tensordot,
        vjp=_tensordot_vjp,
        back="a product with the other operand, its axes turned: a tensordot over those that it kept",
        attrs={"axes": Attr("widths", 2, positional=True)},
        check=_check_tensordot,
        linear_in=(0, 1),
        samples=(
            Sample((ROWS, _SQUARE), {"axes": 1}),
            Sample((CUBE, CUBE), {"axes": ((0, 2), (0, 2))}),
        ),
    ),
)
