"""The table of limits: read, moved, checked and spelt."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bpdebug.errors import InputError, UsageError
from bpdebug.limits import GIB, KIB, MIB, TABLE, Limits, parse_limit, parse_size, spell_bytes, spell_count
from tests.graphs import examples


@pytest.mark.parametrize("name", TABLE)
def test_every_limit_holds_at_its_value_and_not_beyond(name: str) -> None:
    limits = Limits()
    limits.check(name, limits[name], "a thing")
    with pytest.raises(InputError, match="a thing: ") as caught:
        limits.check(name, limits[name] + 1, "a thing", where="f.toml:2")
    error = caught.value
    assert (error.code, error.where) == ("E_LIMIT", "f.toml:2")
    assert f"the limit '{name}' is " in error.message
    assert ("--memory SIZE" if name == "memory" else f"--limit {name}=N") in error.hint
    assert TABLE[name].says in error.hint


@pytest.mark.parametrize("name", TABLE)
def test_every_limit_can_be_moved(name: str) -> None:
    moved = Limits({name: 10})
    assert moved[name] == 10
    assert all(moved[other] == TABLE[other].default for other in TABLE if other != name)
    with pytest.raises(InputError):
        moved.check(name, 11, "a thing")


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1000", 1000), ("0", 0), ("4G", 4 * GIB), ("4g", 4 * GIB), ("4GiB", 4 * GIB), ("4GIB", 4 * GIB),
        ("512MiB", 512 * MIB), ("1.5G", 3 * GIB // 2), ("1.551 GiB", 1_665_373_569), ("0.5K", 512), ("0.0001K", 0),
        ("1500MB", 1_500_000_000), ("1.5 gb", 1_500_000_000), (" 4G", 4 * GIB), ("4 G ", 4 * GIB),
        ("2TB", 2 * 10**12), ("1KB", 1000),
        ("1K", KIB), ("1kib", KIB), ("7B", 7), ("2T", 2 * 2**40), ("4 G", 4 * GIB),
    ],
)  # fmt: skip
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text",
    [
        "", "G", "x", "4X", "-1", "1.5", "1.5B", "1.G", ".5G", "1.2.3G", "1,5G", "4GG", "BG4", "1e9", "²", "²G", "٤²",
        "1_000", "9" * 30, "4GiBB", "0x10",
    ],
)  # fmt: skip
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(UsageError, match="is no size"):
        parse_size(text)


@examples(300)
@given(st.text(max_size=12) | st.text("0123456789KMGTiBb ²٤", max_size=8))
@example("0\x1f")  # str.strip takes it for a space, int does not
def test_any_text_is_a_size_or_refused(text: str) -> None:
    with suppress(UsageError):
        assert parse_size(text) >= 0


def test_a_limit_on_the_command_line() -> None:
    assert parse_limit("nodes=500000") == ("nodes", 500_000)
    assert parse_limit("memory=2G") == ("memory", 2 * GIB)
    with pytest.raises(UsageError, match="no limit 'node'") as caught:
        parse_limit("node=5")
    assert caught.value.hint == "did you mean nodes?"
    for text in ("nodes", "nodes=", "nodes=many", "=5", ""):
        with pytest.raises(UsageError):
            parse_limit(text)


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"), (1023, "1023 bytes"), (1024, "1 KiB"), (1536, "1.5 KiB"), (4 * GIB, "4 GiB"),
        (2**50, "1024 TiB"),
        (2**60, "1 EiB"), (8 * 10**12, "7.276 TiB"), (2**200, "about 2**200 bytes"), (10**400, "about 2**1328 bytes"),
    ],
)  # fmt: skip
def test_bytes_are_spelt(size: int, text: str) -> None:
    assert spell_bytes(size) == text


def test_counts_are_spelt() -> None:
    assert spell_count(200_000) == "200,000"
    assert spell_count(10**5000) == "about 2**16609"
