"""What the screen says, read back from its text and judged by the arrays: no formatting code is asked.

A matrix is found by its caption, and each of its cells must be the array's cell at that row and column, rounded to the
digits drawn. Any other number with a point, an exponent or a name (nan, inf) must be one of the arrays, of their
statistics, or of what the last command worked out. Whole numbers alone are not judged: shapes, indices, counts.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import takewhile
from typing import Any

import msgspec
import numpy as np

from bpdebug.arrays import Array
from bpdebug.debugger import State
from bpdebug.engine import Timeline
from bpdebug.views import view

SHAPE = r"(\d+(?:×\d+)+|\(\d*\))"
FLOAT = re.compile(r"(?<![\w.∂])([−-] ?)?(\d+\.\d+(?:e[+−-]\d+)?|\d+e[+−-]\d+|nan|inf)(?![\w.]|\()( ?%)?")
SCROLLBARS = str.maketrans("▁▂▃▄▅▆▇▐", "        ")
BELOW = re.compile(r"╯|\] = [^ ▸]|\S·\S")
"""What stands below a matrix: the pane's edge, or the sum that a cell of a product is."""
NEXT = re.compile(rf"(?:^|[^\s,]) {SHAPE}(?: |$)")
"""The caption of another matrix: where there is little room, it stands right below."""
MEANT = re.compile(r"│ *What \S+ should be: ")
"""What stands above a matrix that is not so, and none of the arrays."""
WORDS = ("nan, inf", "catch nan", "find nan", "in nan", "in inf")
"""Where nan and inf are words and no numbers."""
THRESHOLDS = (0.001, 1000.0)
"""What flow calls vanished and exploded; said beside what was found."""
MOST = 40_000
"""Numbers taken of one array."""


# --- one number


def reading(text: str) -> tuple[float, float]:
    """A number as it is drawn, and half a unit of its last digit."""
    plain = text.replace("−", "-").replace(" ", "")
    mantissa, _, exponent = plain.partition("e")
    decimals = len(mantissa.partition(".")[2])
    return float(plain), 0.5 * 10.0 ** (int(exponent or 0) - decimals)


def says(text: str, value: float) -> bool:
    """Whether what is drawn is this number, rounded to the digits drawn; a zero is drawn for nothing but a zero."""
    if text in ("−ε", "+ε"):
        return value != 0 and (value > 0) == (text == "+ε") and abs(value) < 1
    if not np.isfinite(value):
        return text == ("nan" if value != value else "inf" if value > 0 else "−inf")
    if "0x" in text:
        return float.fromhex(text.replace("−", "-")) == value
    try:
        drawn, room = reading(text)
    except ValueError:
        return False
    alike = (drawn < 0) == (value < 0) and (drawn == 0) == (value == 0) and bool(np.isfinite(drawn))
    return alike and (abs(drawn - value) <= room * (1 + 1e-9) or _rounds(text, float(value)))


def _rounds(text: str, value: float) -> bool:
    """Whether a number is this text, rounded: of 16 digits and more, which doubles cannot tell."""
    drawn = Decimal(text.replace("−", "-").replace(" ", ""))
    half = Decimal(5).scaleb(int(drawn.as_tuple().exponent) - 1)
    return abs(drawn - Decimal(value)) <= half


# --- matrices, by their captions


@dataclasses.dataclass(frozen=True)
class Drawn:
    """A matrix as it is seen: its caption, and (row, column) with the text of each cell that is not cut.

    `of` is the slice of it that its caption says, with the shape of the whole.
    """

    name: str
    shape: tuple[int, ...]
    cells: Mapping[tuple[int, int], str]
    stray: tuple[str, ...]
    of: str = ""

    def part(self, array: Array) -> Array:
        """What is seen of an array, as NumPy slices it: rows that are several axes one below the other."""
        seen = _sliced(array, self.of)
        return seen.reshape(-1, seen.shape[-1] if seen.shape else 1)


def _sliced(array: Array, of: str) -> Array:
    inside = of.strip("[]ᵀ")
    key = tuple(slice(None) if i.strip() == ":" else int(i) for i in inside.split(",")) if inside else ()
    seen: Array = array[key]
    return seen.swapaxes(-1, -2) if of.endswith("ᵀ") else seen


def matrices(lines: Sequence[str], names: Iterable[str]) -> Iterator[Drawn]:
    """Every matrix whose caption is one of the names."""
    known = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    title = re.compile(rf"(?:(?<=  )|(?<=│ )|^)({known})(\[[\d:, ]+\]ᵀ?)? {SHAPE}(?= |│|$)")
    for y, line in enumerate(lines[:-2]):
        for match in title.finditer(line):
            beside = re.compile(r"\S").search(line, match.end())  # the caption of the next one, or the pane's edge
            drawn = _drawn(lines, y, match, beside.start() if beside else len(line))
            if drawn is not None and not MEANT.search("\n".join(lines[max(y - 2, 0) : y])):
                yield drawn


def _drawn(lines: Sequence[str], y: int, match: re.Match[str], end: int) -> Drawn | None:
    whole, of = tuple(int(n) for n in re.findall(r"\d+", match[3])), match[2] or ""
    shape = _sliced(np.broadcast_to(0, whole), of).shape
    inside = takewhile(lambda line: not BELOW.search(line) and not NEXT.search(_pane(line, match)), lines[y + 1 :])
    below = [line[match.start() : end] for line in inside] or [""]
    if not shape:
        words = below[0].split()
        return (
            Drawn(match[1], whole, {(0, 0): words[0]}, (), of)
            if words and re.match(r"[−+]?\d|nan|inf|−", words[0])
            else None
        )
    if not re.match(r"[\d …]+$", below[0][: len(match[0]) + 12]):
        return None  # not computed yet; or no matrix at all
    heads: list[tuple[int, int]] = []
    for m in re.finditer(r"\d+", below[0]):
        if heads and int(m[0]) != heads[-1][0] + 1:
            break  # those of the matrix beside it
        heads.append((int(m[0]), m.end()))
    if not heads:
        return None
    cells, stray, wide = {}, [], heads[1][1] - heads[0][1] if len(heads) > 1 else heads[0][1]
    last_row = -1
    for text in below[1:]:
        if not text.strip() and len(shape) > 2:
            continue  # between slices that are laid out
        label = re.match(r"▸? *(\d+(?:,\d+)*)(?= )" if len(shape) > 1 else r"()", text)
        if label is None or label[1].count(",") != max(len(shape) - 2, 0) or "─" in text:
            break
        leading = [int(n) for n in label[1].split(",") if n]
        if any(n >= size for n, size in zip(leading, shape[:-1], strict=True)):
            break
        row = int(np.ravel_multi_index(leading, shape[:-1])) if leading else 0
        if row <= last_row:
            break  # what is displayed right below: '1: 1 + 1 = 2'
        last_row = row
        for m in re.finditer(r"[^\s…\[\]]+", text[label.end() :]):
            first, last = m.start() + label.end(), m.end() + label.end()
            column = [c for c, e in heads if first >= e - wide and last <= e]
            if column:
                cells[row, column[0]] = m[0]
            elif first < heads[-1][1]:
                stray.append(m[0])
        if len(shape) == 1:
            break
    return Drawn(match[1], whole, cells, tuple(stray), of)


def _pane(line: str, match: re.Match[str]) -> str:
    """What stands on a line in the pane that a caption is in."""
    before, after = line.rfind("│", 0, match.start()) + 1, line.find("│", match.start())
    return line[before : None if after < 0 else after]


def wrong_cells(drawn: Drawn, arrays: Iterable[Array]) -> list[str]:
    """What is drawn and is in none of the arrays that have this name; [] where one of them has it all."""
    best: list[str] | None = None
    for array in arrays:
        if array.shape == drawn.shape:
            rows = drawn.part(array)
            wrong = [
                f"[{r},{c}] {text} is {rows[r, c]!r}"
                for (r, c), text in drawn.cells.items()
                if not says(text, rows[r, c])
            ]
            best = wrong if best is None or len(wrong) < len(best) else best
    wrong = [] if best is None else best
    return [f"{drawn.name}: {text}" for text in (*wrong, *drawn.stray)]


# --- statistics, by the pane they stand in

STATISTIC = re.compile(r"│ (norm|min|max|mean) +(\S+) ")


def statistics(lines: Sequence[str], names: Iterable[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """The statistics of each pane that is named like a tensor."""
    known = "|".join(map(re.escape, sorted(names, key=len, reverse=True)))
    for y, line in enumerate(lines):
        for match in re.finditer(rf"╭─ ({known}) ─", line):
            rows = (STATISTIC.match(below[match.start() :]) for below in lines[y + 1 :])
            yield match[1], {m[1]: m[2] for m in rows if m}


def wrong_statistics(name: str, drawn: Mapping[str, str], arrays: Iterable[Array]) -> list[str]:
    """What is drawn and holds for none of the arrays of that name."""
    for array in arrays:
        finite = np.asarray(array, np.float64)[np.isfinite(array)]
        if not finite.size or finite.size < array.size:
            return []  # of what is not finite, `inf` and `nan` may be said
        right = {"norm": norm(finite), "min": finite.min(), "max": finite.max(), "mean": finite.mean()}
        if all(says(text, right[key]) for key, text in drawn.items()):
            return []
    return [f"{name}: {dict(drawn)} are its statistics nowhere"]


# --- a histogram, by its edges and its counts

BIN = re.compile(r"│ *([−+]?\d\S*|[−+]ε) +([\d,]+) *[█▏▎▍▌▋▊▉]* *(?:│|$)")
LAST = re.compile(r"│ *\d+ bins?, to (\S+) ")


def wrong_bins(lines: Sequence[str], named: Mapping[str, Sequence[Array]]) -> tuple[list[str], list[str]]:
    """The bins of a pane that are of none of the arrays whose name it has; and the lines without all of them."""
    kept, wrong = [*lines], []
    for y, line in enumerate(lines):
        for match in re.finditer(r"╭─ (\S.*?)(…?) ─", line):
            if not any("[hist]" in text[match.start() :] for text in lines[y + 1 : y + 4]):
                continue
            found = [n for n in named if n == match[1] or (match[2] and n.startswith(match[1]))]
            arrays = [array for name in found for array in named[name]]
            bins = {}
            for n, text in enumerate(lines[y + 1 :], y + 1):
                if (m := BIN.match(text[match.start() :])) or (m := LAST.match(text[match.start() :])):
                    bins[n] = m.groups()
            if bins and arrays and not any(_binned(bins.values(), array) for array in arrays):
                wrong.append(f"{match[1]}: {[*bins.values()]} are no bins of it")
            kept = [text[: match.start()] if n in bins and arrays else text for n, text in enumerate(kept)]
    return wrong, kept


def _binned(bins: Iterable[Sequence[str]], array: Array) -> bool:
    """Whether each bin begins where one of an array's does and has its cells that are not 0; the last one has no count.

    A cell on an edge may be in the bin beside it.
    """
    cells = np.asarray(array, np.float64).reshape(-1)
    cells = cells[np.isfinite(cells)]
    if not cells.size or array.dtype.kind != "f":
        return bool(cells.size)  # bins of integers are whole numbers
    low, high = cells.min(), cells.max()
    edges = np.linspace(low, high, 11 if low < high else 2)
    edges[np.abs(edges) < 1e-12 * max(-low, high)] = 0.0
    near, some = 2 * float(np.finfo(array.dtype).eps) * max(-low, high), cells[cells != 0]
    right = {}
    for n, edge in enumerate(edges[:-1]):
        after = edges[n + 1] + near
        sure = (some > edge + near * (n > 0)) & (some < after - 2 * near * (n + 2 < len(edges)))
        sure |= (some == low) if n == 0 else False
        right[n] = int(sure.sum()), int(((some >= edge - near) & (some <= after)).sum())
    for text, *count in bins:
        at = [n for n, edge in enumerate(edges) if says(text, edge) or (abs(edge) <= near and says(text, 0.0))]
        least, most = right.get(at[0], (0, 0)) if at else (1, 0)
        if not at or (count and not least <= int(count[0].replace(",", "")) <= most):
            return False
    return True


# --- what there is


class Known:
    """Every array of a timeline by the names it is shown under, and all numbers that may be drawn."""

    def __init__(self, timeline: Timeline) -> None:
        self.timeline, self.named = timeline, dict[str, list[Array]]()
        self._sorted: Array | None = None
        self._numbers: list[Array] = []
        graph = timeline.graph
        for t in range(timeline.schedule.iterations):
            run = timeline.iteration(t)
            for tensor, name in enumerate(graph.names):
                self._add(name, run.value(tensor))
                gradient = run.gradient(tensor)
                if gradient is not None:
                    self._add(f"∂{name}", gradient)
        for event in timeline:
            self._add(event.name if event.phase in ("forward", "update") else f"∂{event.name}", event.value)
            for to, part in event.parts:
                if part is to.parts[-1]:
                    self._add(f"∂{to.to}" if event.phase == "backward" else to.to, part.value)
                self._number(*counted(part.value), norm(part.value) / (norm(event.value) or 1))
            for c in event.contributions:
                for array in (c.value, c.total):
                    self._add(f"∂{c.to}", array)
                    self._number(norm(array) / (norm(event.value) or 1))

    def _add(self, name: str, array: Array) -> None:
        for called, found in ((name, array), (f"{name}ᵀ", array.swapaxes(-1, -2) if array.ndim > 1 else array)):
            self.named.setdefault(called, []).append(found)
        self._number(*counted(array))

    def _number(self, *values: float) -> None:
        self._numbers.append(np.asarray(values, np.float64))

    def has(self, drawn: float, room: float, more: Sequence[float]) -> bool:
        """Whether a number rounds to what is drawn, with its sign."""
        if self._sorted is None:
            self._sorted = np.unique(np.concatenate(self._numbers))
        room *= 1 + 1e-9
        for numbers in (self._sorted, np.asarray(more, np.float64)):
            near = numbers[(numbers >= drawn - room) & (numbers <= drawn + room)]
            if ((np.sign(near) == np.sign(drawn)) if drawn else near == 0).any():
                return True
        return False


@np.errstate(all="ignore")
def norm(array: Array) -> float:
    cells = np.asarray(array, np.float64)[np.isfinite(array)]
    top = np.abs(cells).max(initial=0.0)
    return float(top * np.sqrt(((cells / top) ** 2).sum())) if top else 0.0


@np.errstate(all="ignore")
def counted(array: Array) -> list[float]:
    """An array's cells and its statistics."""
    cells = np.asarray(array, np.float64).reshape(-1)
    finite = cells[np.isfinite(cells)]
    made = [finite.min(), finite.max(), finite.mean(), finite.std(), norm(finite)] if finite.size else []
    made += [np.abs(finite).max()] if finite.size else []  # of a map, the largest size
    return [*finite[:MOST].tolist(), *map(float, made)]


def told(item: Any, depth: int = 12) -> Iterator[float]:
    """Every number in what a command worked out: plain data, whatever it is made of."""
    if isinstance(item, bool | str | Timeline) or item is None or depth == 0:
        return
    if isinstance(item, int | float | np.number):
        yield float(item)
    elif isinstance(item, np.ndarray) and item.dtype.kind in "fib":
        yield from counted(item)
    elif isinstance(item, Mapping):
        yield from (n for value in item.values() for n in told(value, depth - 1))
    elif isinstance(item, Sequence | frozenset):
        yield from (n for value in item for n in told(value, depth - 1))
    elif callable(getattr(item, "products", None)):
        yield from told(item.products(100), depth - 1)
        yield from told(item.sum)
    elif dataclasses.is_dataclass(item):
        yield from (n for f in dataclasses.fields(item) for n in told(getattr(item, f.name), depth - 1))
    elif isinstance(item, msgspec.Struct):
        yield from (n for f in item.__struct_fields__ for n in told(getattr(item, f), depth - 1))


# --- the whole screen


def faults_of(lines: Sequence[str], state: State, known: Known, typed: str = "") -> list[str]:
    """What the screen says that is not so; `typed` is text of the reader's own."""
    lines = [line.translate(SCROLLBARS) for line in lines]
    wrong = [text for drawn in matrices(lines, known.named) for text in wrong_cells(drawn, known.named[drawn.name])]
    odd, lines = wrong_bins(lines, known.named)
    wrong += odd
    for name, made in statistics(lines, known.named):
        wrong += wrong_statistics(name, made, known.named[name])
    text = "\n".join(lines).partition(" help: ")[0]  # what an error proposes is no number of this session
    for words in WORDS:
        text = text.replace(words, "")
    said = f"{typed} " + "\n".join(state.scenario.lines).replace("−", "-")
    own = [float(n) for n in re.findall(r"-?\d+\.?\d*(?:e[+-]?\d+)?", said) for n in (n, n.lstrip("-"))]
    more = [
        *THRESHOLDS,
        *own,
        *told(state.view.args),
        *told(view(state).to_data() if state.view.name == "compare" else ()),
    ]
    for m in FLOAT.finditer(text):
        sign, number, percent = m[1] or "", m[2], m[3]
        if text[m.end() : m.end() + 1] == "…" or number in ("nan", "inf"):
            continue
        drawn, room = reading(sign.strip() + number)
        scale = 100.0 if percent else 1.0
        of_a_cell = text[: m.start()].endswith("norm ")  # which is its size
        tries = (drawn, -drawn) if sign.endswith(" ") or of_a_cell else (drawn,)
        if not any(known.has(n / scale, room / scale, more) for n in tries):
            wrong.append(f"{m[0]} is no number of the arrays: {_line(text, m.start())}")
    return wrong


def _line(text: str, at: int) -> str:
    return text[text.rfind("\n", 0, at) + 1 : text.find("\n", at)]
