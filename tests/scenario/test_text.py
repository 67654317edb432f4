"""Reading a file: its limits, its lines, and the places of its keys."""

from __future__ import annotations

import hashlib
import io
import os
import sys
from pathlib import Path

import pytest

from bpdebug.errors import BpdebugError
from bpdebug.limits import Limits
from bpdebug.scenario import load
from bpdebug.scenario.text import FileText, outline, parse_toml, place_of
from tests.counting import growth
from tests.language.writing import text


def source(content: str) -> FileText:
    return FileText("x.toml", content, b"")


def refused(content: str) -> BpdebugError:
    with pytest.raises(BpdebugError) as caught:
        parse_toml(source(content), Limits())
    assert caught.value.hint
    return caught.value


def test_keys_are_found_with_their_lines() -> None:
    content = """# first
title = "[x] # = 'no comment'"
about = '''
key = 1
[table]
'''
[inputs]   # a comment
X = [
  [1, 2],   # key = 2
  [3, 4]]
"quoted \\u0041.b" = 1
a.b . 'c' = { d = 1,
  }
[ graph . 'deep' ]
program = \"\"\"
x = 1 \\"\"\" y = 2
\"\"\"
[[odd]]
k = 1
"""
    found = [(".".join(s.path), s.line) for s in outline(source(content), Limits()).statements]
    assert found == [
        ("title", 2), ("about", 3), ("inputs", 7), ("inputs.X", 8), ("inputs.quoted A.b", 11), ("inputs.a.b.c", 12),
        ("graph.deep", 14), ("graph.deep.program", 15), ("odd", 18), ("odd.k", 19),
    ]  # fmt: skip


def test_the_line_of_a_key_is_its_own_or_the_nearest() -> None:
    found = outline(source("a = 1\n[t]\nb = { c = 1 }\n[u.v]\nw = 1"), Limits())
    paths = [("a",), ("t", "b"), ("t", "b", "c"), ("t", "none"), ("u",), ("u", "v", "w"), ("none",)]
    assert [found.line(path) for path in paths] == [1, 3, 3, 2, 4, 5, 0]
    assert found.place("x", ("none",)) == "x"


@pytest.mark.parametrize(
    ("value", "lines"),
    [
        ("'''\na\nb\n'''", (3, 4)),
        ("'''a\nb'''", (2, 3)),
        ('"""\na\nb\n"""', (3, 4)),
        ('"a\\nb"', (2, 2)),
        ("'a'", (2, 2)),
        ("\t'''\r\na\nb'''", (3, 4)),
    ],
)
def test_the_lines_of_a_program_are_lines_of_the_file(value: str, lines: tuple[int, int]) -> None:
    content = f"[graph]\nprogram = {value}\n"
    place = place_of(source(content), outline(source(content), Limits()), ("graph", "program"))
    assert (place.line(1), place.line(2)) == lines
    inline = 'graph = { loss = "L", program = "Y = X" }'
    assert place_of(source(inline), outline(source(inline), Limits()), ("graph", "program")).at(1) == "x.toml:1"


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_errors_of_the_program_have_the_line_of_the_file(ending: str, tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_bytes(text("Y = X @ W\n\nL = meen(Y)").replace("\n", ending).encode())
    with pytest.raises(BpdebugError) as caught:
        load(path)
    assert caught.value.where == "s.toml:17"
    assert path.read_text(encoding="utf-8").splitlines()[17 - 1] == "L = meen(Y)"


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("a = 1\na = 2", 2), ("[g]\nx = 1\n[g]", 3), ("a = { b = 1, b = 2 }", 1), ("a = [1,\n2\nb = 1", 1),
        ("\n\na b", 3), ("a = 1\nb = ", 2), ("x = 'no end\n", 1), ("a = 1\nb = '''\n\n", 2), ("a = 1 b = 2", 1),
        ("t = \"\\q\"", 1), ("t = \"\\ud800\"", 1), ("a = 01", 1), ("\0", 1), ("a = 1\r b = 2", 1), ("a = 0o_", 1),
        ("a = 0b12", 1), ("k = 1\n[k.a]", 2),
    ],
)  # fmt: skip
def test_no_toml_is_refused_with_its_line(content: str, line: int) -> None:
    error = refused(content)
    assert (error.code, error.where) == ("E_SYNTAX", f"x.toml:{line}"), str(error)


@pytest.mark.parametrize(
    ("content", "code", "line"),
    [
        ("a = 1\nx = " + "[" * 100, "E_LIMIT", 2),
        ("x = " + "{a=" * 100 + "1" + "}" * 100, "E_LIMIT", 1),
        ("a" + ".a" * 100 + " = 1", "E_LIMIT", 1),
        ("[a" + ".a" * 100 + "]", "E_LIMIT", 1),
        ("x = { a" + " . 'a'" * 100 + " = 1 }", "E_LIMIT", 1),
        ("x = 1" + "0" * 400, "E_LIMIT", 1),
        ("\nx = 0x" + "f" * 50_000, "E_LIMIT", 2),
        ("x = 9223372036854775808", "E_SCHEMA", 1),
        ("x = [0,\n -9223372036854775809]", "E_SCHEMA", 2),
        ("x = 0x8000000000000000", "E_SCHEMA", 1),
        ("x = 0b1" + "0" * 63, "E_SCHEMA", 1),
        ("x = nan", "E_SCHEMA", 1),
        ("x = [1.0, +inf]", "E_SCHEMA", 1),
        ("x = { a = -inf }", "E_SCHEMA", 1),
        ("x = 1e400", "E_SCHEMA", 1),
        ("x = -12.5E+999", "E_SCHEMA", 1),
    ],
)
def test_what_a_parser_would_let_pass(content: str, code: str, line: int) -> None:
    error = refused(content)
    assert (error.code, error.where) == (code, f"x.toml:{line}"), str(error)


@pytest.mark.parametrize(
    "content",
    [
        "x = 9223372036854775807\ny = -9223372036854775808\nz = 0x7fffffffffffffff",
        "nan = 1\ninf = 2\nx = { nan = 1 }\n12345678901234567890 = 1",
        "title = 'nan, inf, 1e999, 99999999999999999999999 [[[[ {{{{' # " + "[" * 100,
        "x = 0.33333333333333333333333333333333333333\ny = 1e-400\nz = 1_000_000_000_000_000_000.5\nw = 0x1e400",
        "d = 2024-01-01T00:00:00.000000000000000000000000Z",
        "x = '''" + "." * 500 + "'''\ny = \"" + "a.b" * 100 + '"\n# ' + "a.b" * 100,
        "y = '''''two quotes in it'''''\nz = 1",
        'y = """""two quotes in it"""""\nz = [[1], [2]]',
    ],
)
def test_what_only_looks_odd_is_read(content: str) -> None:
    parse_toml(source(content), Limits())


def test_texts_paths_and_standard_input_are_read_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = text(top='title = "a"')
    path = tmp_path / "a scenario.toml"
    path.write_text(content, encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content.encode())))
    found = [load(path), load(str(path)), load(content), load("-")]
    assert [s.name for s in found] == ["a scenario.toml", "a scenario.toml", "<text>", "<stdin>"]
    assert {s.digest for s in found} == {hashlib.sha256(content.encode()).hexdigest()}
    assert {s.lines for s in found} == {tuple(content.split("\n"))}
    assert found[0].path == path


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_bytes(b"\xef\xbb\xbf" + text().encode())
    assert len(load(tmp_path / "s.toml").graph) == 3


@pytest.mark.parametrize("raw", [b"\xff", text().encode("utf-16"), b"a = '\xc0\xaf'", b"\n\na = '\xed\xa0\x80'"])
def test_bytes_that_are_no_utf8(raw: bytes, tmp_path: Path) -> None:
    (tmp_path / "s.toml").write_bytes(raw)
    with pytest.raises(BpdebugError) as caught:
        load(tmp_path / "s.toml")
    assert caught.value.code == "E_SYNTAX"
    assert caught.value.where.startswith("s.toml:")


def test_what_is_no_ordinary_file(tmp_path: Path) -> None:
    (tmp_path / "folder.toml").mkdir()
    paths = [tmp_path / "folder.toml", tmp_path / "none.toml", tmp_path / ("x" * 5000), tmp_path / "a\0b"]
    if sys.platform != "win32":
        os.mkfifo(tmp_path / "pipe.toml")
        paths += [tmp_path / "pipe.toml", Path("/dev/zero")]
    for path in paths:
        with pytest.raises(BpdebugError) as caught:
            load(path)
        assert caught.value.code == "E_FILE"
        assert caught.value.hint


def test_the_size_is_known_before_anything_is_read(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text(text(), encoding="utf-8")
    os.truncate(path, 10 << 30)
    with pytest.raises(BpdebugError) as caught:
        load(path)
    assert caught.value.code == "E_LIMIT"
    assert load(text(), limits=Limits({"file": 1000})).name
    with pytest.raises(BpdebugError):
        load(text(), limits=Limits({"file": 100}))


def test_the_work_is_in_proportion_to_the_lines() -> None:
    def opened(lines: int) -> None:
        load(text("h = relu(X)\n" + "h = tanh(h)\n" * lines + "L = mean(h)"))

    opened(10_000)
    assert growth(opened, 1_000) < 2.2  # from there on lines that are alike are parsed once
