"""Every limit in one table; each is checked before anything is allocated and can be raised by an option."""

from __future__ import annotations

import re
from collections.abc import Mapping

from msgspec import Struct, field

from bpdebug.errors import InputError, UsageError, did_you_mean

KIB, MIB, GIB = 2**10, 2**20, 2**30
MOST_AXES = 32
"""Axes of an array that NumPy takes in broadcast_shapes, ndindex and ogrid; arrays themselves may have 64."""


class Limit(Struct, frozen=True):
    """One row: the default, whether it counts bytes, and what it bounds."""

    default: int
    says: str
    bytes: bool = False


TABLE: dict[str, Limit] = {
    "memory": Limit(4 * GIB, "bytes that are kept of values and gradients", bytes=True),
    "file": Limit(8 * MIB, "bytes of a scenario file or a script", bytes=True),
    "bytes": Limit(20 * MIB, "bytes of a page that is exported", bytes=True),
    "nodes": Limit(200_000, "nodes of a graph"),
    "nesting": Limit(64, "levels of brackets, blocks and calls"),
    "terms": Limit(10_000, "terms in one expression of a program"),
    "calls": Limit(1_000_000, "statements carried out while a program is unrolled"),
    "rank": Limit(32, "axes of a tensor"),
    "digits": Limit(400, "digits of a number"),
    "name": Limit(200, "characters of a name"),
    "iterations": Limit(1_000_000, "training steps"),
}


NUMPY = "numpy", None, None
"""Arrays are NumPy's, where nothing else is said."""


class Limits(Struct, frozen=True):
    """The limits in force: the table, with what the user moved; `spill` is a folder for what is not kept.

    `arrays` says whose arrays passes are on, and where: the name of a backend, its device, its scheduler.
    """

    moved: Mapping[str, int] = field(default_factory=dict)
    spill: str = ""
    arrays: tuple[str, str | None, str | None] = NUMPY

    @property
    def planned(self) -> bool:
        """Whether arrays are worked out in chunks, where and when they are asked for: memory bounds none as a whole."""
        return self.arrays[0] == "dask"

    def __getitem__(self, name: str) -> int:
        return self.moved.get(name, TABLE[name].default)

    def on_numpy(self) -> Limits:
        """The same where arrays are NumPy's."""
        return Limits(self.moved, self.spill)

    def check(self, name: str, found: int, what: str, *, where: str = "") -> None:
        """E_LIMIT where `found` passes the limit; the message names the limit and the option that raises it."""
        limit = self[name]
        if found > limit:
            size = spell_bytes if TABLE[name].bytes else spell_count
            option = "--memory SIZE" if name == "memory" else f"--limit {name}=N"
            raise InputError(
                f"{what}: {size(found)}, and the limit '{name}' is {size(limit)}",
                code="E_LIMIT",
                where=where,
                hint=f"make it smaller, or raise the limit ({TABLE[name].says}) with {option}",
            )


def spell_count(n: int) -> str:
    """A count with its thousands apart; a huge one as a power of two."""
    return f"{n:,}" if n.bit_length() < 128 else f"about 2**{n.bit_length() - 1}"


def spell_bytes(n: int) -> str:
    """A byte count in the largest unit that keeps it above 1: '4 GiB'."""
    for unit, name in ((2**60, "EiB"), (2**40, "TiB"), (GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
        if n >= unit:
            return f"{n / unit:.4g} {name}" if n < 2**100 else f"about 2**{n.bit_length() - 1} bytes"
    return f"{n} byte" if n == 1 else f"{n} bytes"


SIZE = re.compile(r"(?P<whole>[0-9]{1,20})(\.(?P<part>[0-9]{1,20}))? *(?P<unit>[A-Za-z]*)")
UNITS = {"": 1, "B": 1}
for _n, _letter in enumerate("KMGT", 1):
    UNITS |= {_letter: 1024**_n, f"{_letter}IB": 1024**_n, f"{_letter}B": 1000**_n}


def parse_size(text: str) -> int:
    """'512MiB', '1.5G', '1000' as whole bytes: K and KiB are 1024, KB is 1000; UsageError where it is no size."""
    found = SIZE.fullmatch(text.strip(" "))
    unit = UNITS.get(found["unit"].upper(), 0) if found else 0
    if not found or not unit or (found["part"] and unit == 1):
        raise UsageError(f"'{text}' is no size", hint="write a number with K, M, G or T behind it: 4G")
    part = found["part"] or ""
    return int(found["whole"] + part) * unit // int(10 ** len(part))


def parse_limit(text: str) -> tuple[str, int]:
    """'nodes=500000' as a row of the table and its new value; UsageError where there is no such row or value."""
    name, _, value = text.partition("=")
    if name not in TABLE:
        raise UsageError(f"no limit '{name}'", hint=did_you_mean(name, TABLE) or "limits: " + ", ".join(TABLE))
    found = parse_size(value)
    if name == "rank" and found > MOST_AXES:
        raise UsageError(f"--limit {name}={found}", hint=f"NumPy broadcasts at most {MOST_AXES} axes")
    return name, found
