"""The names that nodes end up with, once the whole program is known."""

from __future__ import annotations

from collections.abc import Collection, Sequence


def final_names(
    named: Sequence[str | None], ops: Sequence[str], blocks: Sequence[str], taken: Collection[str]
) -> list[str]:  # fmt: skip
    """A unique name for each node, in program order.

    A name assigned again is h.1, h.2 ...; a node without a name is called by its op and counted per block, named
    ones not counted, and numbers that are taken (by leaves, by names assigned anywhere) are skipped.
    """
    names: list[str] = []
    times: dict[str, int] = {}
    for name in named:
        if name is None:
            names.append("")
            continue
        n = times.get(name, 0)
        times[name] = n + 1
        names.append(f"{name}.{n}" if n else name)
    used = {*taken, *names}
    numbers: dict[tuple[str, str], int] = {}
    for i, name in enumerate(names):
        if name:
            continue
        key = blocks[i], ops[i]
        start = f"{blocks[i]}.{ops[i]}" if blocks[i] else ops[i]
        n = numbers.get(key, 0) + 1
        while f"{start}{n}" in used:
            n += 1
        numbers[key] = n
        names[i] = f"{start}{n}"
        used.add(names[i])
    return names
