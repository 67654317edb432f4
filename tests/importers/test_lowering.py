"""Names that models' steps get: the first free number, however many there are."""

from __future__ import annotations

from random import Random

import pytest

from bpdebug.importers.lowering import Draft, Names
from tests.counting import growth


def plainly(taken: set[str], wanted: str) -> str:
    """The first free one, looked for from the beginning."""
    count, found = 1, wanted
    while found in taken:
        count += 1
        found = f"{wanted}{count}"
    return found


@pytest.mark.parametrize("seed", range(20))
def test_a_name_has_the_first_free_number(seed: int) -> None:
    """Whatever was given back meanwhile, and where a name ends in a number itself: relu1 may be asked for, too."""
    chance, names, taken = Random(seed), Names(), set[str]()
    for _ in range(300):
        if taken and chance.random() < 0.4:
            gone = chance.sample(sorted(taken), chance.randint(1, min(3, len(taken))))
            names.give_back(*gone)
            taken.difference_update(gone)
        else:
            wanted = chance.choice(["relu", "relu1", "relu12", "add", "1", "a.b2"])
            assert names.take(wanted) == plainly(taken, wanted)
            taken.add(plainly(taken, wanted))
        assert names == taken


def test_many_alike_are_numbered_in_proportion() -> None:
    def named(count: int) -> None:
        draft = Draft()
        for _ in range(count):
            draft.named("block", "matmul")

    assert growth(named, 300) < 2.1
