"""Bad input, built from causes: every file and every generated case is refused quickly and with its code.

The first line of a file in bad_input/ says what it must give: # E_SHAPE line=7 says="inner sizes" hint="W.T".
What is too large, too deep or too odd to be stored is written by a `bad_...` function of this module.
"""

from __future__ import annotations

import io
import json
import os
import re
import signal
import struct
import subprocess
import sys
import tracemalloc
import unicodedata
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import bpdebug
from bpdebug.errors import BpdebugError
from tests.counting import work

if sys.platform != "win32":
    import resource

HERE = Path(__file__).parent / "bad_input"
CODES = {
    "E_SYNTAX", "E_SCHEMA", "E_NAME", "E_OP", "E_ATTR", "E_SHAPE", "E_DTYPE", "E_CYCLE", "E_LOSS", "E_FILE",
    "E_LIMIT",
}  # fmt: skip
MOST_LINES, PEAK, LONGEST = 3_000_000, 64 << 20, 1000
"""Lines of Python that a refusal carries out, bytes that it takes, characters that it says."""
HEADER = re.compile(r'# (E_[A-Z]+)(?: line=(\d+))?(?: says="([^"]+)")?(?: hint="([^"]+)")?')

Write = Callable[[Path], Path]


@dataclass(frozen=True)
class Case:
    """A bad input: how to get at it, and what its refusal must say."""

    name: str
    write: Write
    code: str
    line: int | None = None
    says: str = ""
    hint: str = ""


# ------------------------------------------------------------------------------------------ the stored files


def stored(path: Path) -> Case:
    """The case a file of the corpus describes in its first line."""
    with path.open(encoding="utf-8") as file:
        found = HEADER.fullmatch(file.readline().rstrip("\n"))
    assert found, f"{path.name}: its first line must be like: # E_SHAPE line=7 says=... hint=..."
    code, line, says, hint = found.groups(default="")
    return Case(path.stem, lambda _: path, code, int(line) if line else None, says, hint)


# --------------------------------------------------------------------------------------- the generated cases

GENERATED: list[Case] = []


def bad(code: str, *, line: int | None = None, says: str = "", hint: str = "") -> Callable[[Write], Write]:
    """Enters a function that writes a bad input below a folder, and returns its path, into the table."""

    def enter(write: Write) -> Write:
        name = write.__name__.removeprefix("bad_")
        GENERATED.append(Case(name, write, code, line, says, hint))
        return write

    return enter


def text(program: str = "Y = X @ W\nL = mean(Y ** 2)", top: str = "", w: str = "", more: str = "") -> str:
    """A good scenario, one part of which may be replaced; `program` begins on line 13."""
    w = w or '{ shape = [3, 2], init = "normal" }'
    return (
        f"format = 1\n{top}\n\n[inputs]\nX = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]\n\n[parameters]\nW = {w}\n\n"
        f"[graph]\nloss = \"L\"\nprogram = '''\n{program}\n'''\n{more}"
    )


def put(folder: Path, content: str | bytes, name: str = "scenario.toml") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def put_tensor(folder: Path, name: str, content: bytes, member: str = "W") -> Path:
    """A scenario whose parameter W comes from a tensor file with this content."""
    put(folder, content, name)
    which = f', name = "{member}"' if member else ""
    return put(folder, text(w=f'{{ file = "{name}"{which} }}'))


def scenario(content: str) -> Write:
    return lambda folder: put(folder, content)


def tensor(name: str, content: bytes, member: str = "W") -> Write:
    return lambda folder: put_tensor(folder, name, content, member)


def generate(name: str, code: str, write: Write) -> None:
    GENERATED.append(Case(name, write, code))


# deep and large texts: RecursionError is no ValueError, and Python's parser answers with MemoryError, too

DEEP = 100_000
DEEP_TOML = {
    "arrays": "[" * DEEP + "]" * DEEP,
    "arrays_never_closed": "[" * DEEP,
    "inline_tables": "{ a = " * DEEP + "1" + " }" * DEEP,
    "arrays_and_inline_tables": "[{a=" * DEEP + "1" + "}]" * DEEP,
}
DEEP_PROGRAMS = {
    "parentheses": "(" * DEEP + "X" + ")" * DEEP,
    "parentheses_never_closed": "(" * DEEP,
    "unary_minus": "-" * DEEP + "X",
    "powers": "X" + "**X" * DEEP,
    "attribute_chain": "X" + ".T" * DEEP,
    "binary_chain": "X" + " + X" * DEEP,
    "subscripts": "X" + "[0]" * DEEP,
    "calls": "relu(" * DEEP + "X" + ")" * DEEP,
    "call_chain": "relu" + "(X)" * DEEP,
    "tuples": "reshape(X, " + "(" * DEEP + "1" + ",)" * DEEP + ")",
    "comparison_chain": "X" + " < X" * DEEP,
    "indices": "X[" + "(" * DEEP + "0" + ")" * DEEP + "]",
}
for deep_name, deep_text in DEEP_TOML.items():
    generate(f"deep_toml_{deep_name}", "E_LIMIT", scenario(text(top=f"title = {deep_text}")))
for deep_name, deep_text in DEEP_PROGRAMS.items():
    deep_program = text(program=f"Z = {deep_text}\nY = X @ W\nL = mean(Y ** 2)")
    generate(f"deep_program_{deep_name}", "E_LIMIT", scenario(deep_program))


@bad("E_LIMIT")
def bad_deep_toml_dotted_key(folder: Path) -> Path:
    return put(folder, text(top="a" + ".a" * DEEP + " = 1"))


@bad("E_LIMIT")
def bad_deep_toml_table_header(folder: Path) -> Path:
    return put(folder, text(more="[a" + ".a" * DEEP + "]"))


@bad("E_LIMIT")
def bad_deep_program_indentation(folder: Path) -> Path:
    loops = "".join(" " * depth + "for t in range(1):\n" for depth in range(1000))
    return put(folder, text(program=loops + " " * 1000 + "Y = X @ W\nL = mean(Y ** 2)"))


@bad("E_LIMIT")
def bad_deep_derivation(folder: Path) -> Path:
    return put(folder, text(more="[derivation]\nprogram = 'dY = " + "(" * DEEP + "Y" + ")" * DEEP + "'\n"))


@bad("E_LIMIT")
def bad_file_over_8_mib(folder: Path) -> Path:
    return put(folder, text() + "# " + "x" * (8 << 20) + "\n")


@bad("E_LIMIT")
def bad_file_of_10_gib_with_holes(folder: Path) -> Path:
    path = put(folder, text())
    os.truncate(path, 10 << 30)
    return path


@bad("E_LIMIT")
def bad_hex_digits_in_toml(folder: Path) -> Path:
    """Hexadecimal digits pass Python's own limit of 4,300 (CVE-2020-10735)."""
    return put(folder, text(top="seed = 0x" + "f" * 50_000))


@bad("E_LIMIT")
def bad_hex_digits_in_the_program(folder: Path) -> Path:
    return put(folder, text(program="Y = X @ W * 0x" + "f" * 50_000 + "\nL = mean(Y ** 2)"))


@bad("E_LIMIT")
def bad_many_statements(folder: Path) -> Path:
    return put(folder, text(program="Y = X @ W\n" + "Y = relu(Y)\n" * 600_000 + "L = mean(Y)"))


@bad("E_SCHEMA")
def bad_long_key(folder: Path) -> Path:
    return put(folder, text(top="x" * 100_000 + " = 1"))


@bad("E_NAME")
def bad_long_name_of_a_leaf(folder: Path) -> Path:
    return put(folder, text().replace("X =", "x" * 100_000 + " ="))


@bad("E_NAME")
def bad_long_name_in_the_program(folder: Path) -> Path:
    return put(folder, text(program="Y = " + "x" * 100_000 + " @ W\nL = mean(Y ** 2)"))


@bad("E_OP")
def bad_long_name_of_an_op(folder: Path) -> Path:
    return put(folder, text(program="Y = " + "x" * 100_000 + "(X)\nL = mean(Y ** 2)"))


@bad("E_LOSS")
def bad_long_name_of_the_loss(folder: Path) -> Path:
    return put(folder, text().replace('loss = "L"', f'loss = "{"x" * 100_000}"'))


@bad("E_LIMIT")
def bad_long_shape(folder: Path) -> Path:
    """The refusal may not repeat it all."""
    return put(folder, text(program=f"Y = X @ W\nL = mean(reshape(Y, (2, 2, {'1, ' * 5_000})))"))


@bad("E_LIMIT")
def bad_many_operands(folder: Path) -> Path:
    return put(folder, text(program=f"Y = concat({'X, ' * 200_000})\nL = mean(Y @ W)"))


@bad("E_LIMIT")
def bad_many_numbers_in_a_tuple(folder: Path) -> Path:
    return put(folder, text(program=f"Y = X @ W\nL = mean(reshape(Y, ({'1, ' * 500_000})))"))


# bytes that are no text


@bad("E_SYNTAX")
def bad_invalid_utf8(folder: Path) -> Path:
    return put(folder, text(top='title = "?"').encode().replace(b"?", b"\xff\xfe"))


@bad("E_SYNTAX")
def bad_overlong_utf8(folder: Path) -> Path:
    return put(folder, text(top='title = "?"').encode().replace(b"?", b"\xc0\xaf"))


@bad("E_SYNTAX")
def bad_surrogate_in_utf8(folder: Path) -> Path:
    return put(folder, text(top='title = "?"').encode().replace(b"?", b"\xed\xa0\x80"))


@bad("E_SYNTAX")
def bad_utf16(folder: Path) -> Path:
    return put(folder, text().encode("utf-16"))


@bad("E_SYNTAX")
def bad_nul_bytes(folder: Path) -> Path:
    return put(folder, text(top="\0\0\0"))


@bad("E_SYNTAX", line=13)
def bad_nul_in_the_program(folder: Path) -> Path:
    """TOML refuses it; where it comes in by an escape, ast.parse raises ValueError, no SyntaxError."""
    return put(folder, text().replace("'''", '"""').replace("Y = X @ W", "Y = X @ W \\u0000"))


@bad("E_SYNTAX")
def bad_lone_carriage_returns(folder: Path) -> Path:
    return put(folder, text().replace("\n", "\r"))


@bad("E_SYNTAX", line=2)
def bad_raw_escape_sequence(folder: Path) -> Path:
    return put(folder, text(top='title = "\x1b]0;owned\x07"'))


@bad("E_SYNTAX", line=13)
def bad_bidi_override_in_the_program(folder: Path) -> Path:
    """CVE-2021-42574: TOML lets it pass, and it would show another program than the one that runs."""
    return put(folder, text(program="Y = X \u202e@ W\nL = mean(Y ** 2)"))


@bad("E_SYNTAX", line=13)
def bad_zero_width_space_in_the_program(folder: Path) -> Path:
    return put(folder, text(program="Y\u200b = X @ W\nL = mean(Y ** 2)"))


@bad("E_SCHEMA", says="format")
def bad_empty_file(folder: Path) -> Path:
    return put(folder, b"")


@bad("E_SYNTAX")
def bad_random_bytes(folder: Path) -> Path:
    return put(folder, np.random.default_rng(0).bytes(4096))


@bad("E_SYNTAX")
def bad_pickle_as_a_scenario(folder: Path) -> Path:
    return put(folder, PICKLE)


# paths of scenarios


@bad("E_FILE")
def bad_path_is_a_folder(folder: Path) -> Path:
    (folder / "folder.toml").mkdir()
    return folder / "folder.toml"


@bad("E_FILE", says="missing.toml")
def bad_path_is_missing(folder: Path) -> Path:
    return folder / "missing.toml"


@bad("E_FILE")
def bad_path_with_nul(folder: Path) -> Path:
    return folder / "a\0b.toml"


@bad("E_FILE")
def bad_path_too_long(folder: Path) -> Path:
    return folder / ("x" * 5000 + ".toml")


@bad("E_FILE")
def bad_path_below_a_file(folder: Path) -> Path:
    return put(folder, text()) / "scenario.toml"


@bad("E_SCHEMA")
def bad_path_with_an_escape_sequence(folder: Path) -> Path:
    return put(folder, "", "\x1b]0;owned\x07\u202e.toml")


@bad("E_SCHEMA")
def bad_path_with_a_line_feed(folder: Path) -> Path:
    return put(folder, "", "x\nerror[E_BUG] y.toml")


if sys.platform == "linux":

    @bad("E_SCHEMA")
    def bad_path_that_is_no_utf8(folder: Path) -> Path:
        return put(folder, "", os.fsdecode(b"x\xff.toml"))

    @bad("E_FILE")
    def bad_path_is_a_device(folder: Path) -> Path:
        return Path("/dev/zero")


if sys.platform != "win32":

    @bad("E_FILE")
    def bad_path_is_a_pipe(folder: Path) -> Path:
        """Nobody writes to it: opening it would wait for ever."""
        os.mkfifo(folder / "pipe.toml")
        return folder / "pipe.toml"

    @bad("E_FILE")
    def bad_path_is_a_link_to_itself(folder: Path) -> Path:
        """Path.resolve raises RuntimeError for it on Python 3.11."""
        (folder / "loop.toml").symlink_to("loop.toml")
        return folder / "loop.toml"

    @bad("E_FILE")
    def bad_tensor_is_a_pipe(folder: Path) -> Path:
        os.mkfifo(folder / "w.npy")
        return put(folder, text(w='{ file = "w.npy" }'))

    @bad("E_FILE")
    def bad_tensor_is_a_link_to_itself(folder: Path) -> Path:
        (folder / "w.npy").symlink_to("w.npy")
        return put(folder, text(w='{ file = "w.npy" }'))

    @bad("E_FILE")
    def bad_tensor_is_a_link_to_nothing(folder: Path) -> Path:
        (folder / "w.npy").symlink_to("nothing.npy")
        return put(folder, text(w='{ file = "w.npy" }'))

    @bad("E_FILE")
    def bad_tensor_is_a_link_out_of_the_folder(folder: Path) -> Path:
        (good_npy(folder, "w.npy").parent / "inside").mkdir()
        (folder / "inside" / "w.npy").symlink_to(folder / "w.npy")
        return put(folder / "inside", text(w='{ file = "w.npy" }'))

    @bad("E_FILE")
    def bad_tensor_is_a_relative_link_out_of_the_folder(folder: Path) -> Path:
        (good_npy(folder, "w.npy").parent / "inside").mkdir()
        (folder / "inside" / "w.npy").symlink_to("../w.npy")
        return put(folder / "inside", text(w='{ file = "w.npy" }'))

    @bad("E_FILE")
    def bad_tensor_is_a_link_to_a_device(folder: Path) -> Path:
        (folder / "w.npy").symlink_to("/dev/zero")
        return put(folder, text(w='{ file = "w.npy" }'))

    @bad("E_FILE")
    def bad_tensor_in_a_linked_folder(folder: Path) -> Path:
        """The file itself is no link: CVE-2026-34446."""
        for name in ("inside", "outside"):
            (folder / name).mkdir()
        good_npy(folder / "outside", "w.npy")
        (folder / "inside" / "data").symlink_to(folder / "outside", target_is_directory=True)
        return put(folder / "inside", text(w='{ file = "data/w.npy" }'))

    @bad("E_FILE")
    def bad_tensor_above_a_linked_folder(folder: Path) -> Path:
        """`data/..` is the parent of the link's target, and not the scenario's folder."""
        (folder / "outside" / "deep").mkdir(parents=True)
        (folder / "inside").mkdir()
        good_npy(folder / "outside", "w.npy")
        (folder / "inside" / "data").symlink_to(folder / "outside" / "deep", target_is_directory=True)
        return put(folder / "inside", text(w='{ file = "data/../w.npy" }'))


# tensor files in places where they are not looked for


def good_npy(folder: Path, name: str) -> Path:
    np.save(folder / name, np.ones((3, 2)))
    return folder / name


def outside(file: str) -> Write:
    """A scenario in `inside/` that names a good file outside of it."""

    def write(folder: Path) -> Path:
        good_npy(folder, "w.npy")
        (folder / "inside" / "a").mkdir(parents=True)
        return put(folder / "inside", text(w=f"{{ file = {json.dumps(file.format(folder.as_posix()))} }}"))

    return write


generate("tensor_above_the_folder", "E_FILE", outside("../w.npy"))
generate("tensor_above_the_folder_by_a_detour", "E_FILE", outside("a/../../w.npy"))
generate("tensor_above_the_folder_and_back", "E_FILE", outside("../inside/../w.npy"))
generate("tensor_absolute", "E_FILE", outside("{}/w.npy"))
generate("tensor_absolute_twice", "E_FILE", outside("/{}/w.npy"))
generate("tensor_as_a_file_url", "E_FILE", outside("file://{}/w.npy"))


@bad("E_FILE")
def bad_tensor_is_a_folder(folder: Path) -> Path:
    (folder / "w.npy").mkdir()
    return put(folder, text(w='{ file = "w.npy" }'))


# tensor files: .npy

PICKLE = b"cos\nmkdir\n(S'owned'\ntR."
"""Makes a folder `owned` in the current one, once it is unpickled."""


def npy(header: str, data: bytes = b"", *, version: int = 1, length: int | None = None) -> bytes:
    """An .npy file with any header text, and, where asked, with a length of the header that is not true."""
    raw = header.encode("latin-1") + b"\n"
    size = len(raw) if length is None else length
    return b"\x93NUMPY" + bytes((version, 0)) + struct.pack("<H" if version == 1 else "<I", size) + raw + data


def header(descr: str = "'<f8'", shape: str = "(3, 2)", order: str = "False", more: str = "") -> str:
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}{more}}}"


CELLS = np.ones((3, 2)).tobytes()
NPY: dict[str, tuple[str, bytes]] = {
    "empty": ("E_FILE", b""),
    "only_the_magic": ("E_FILE", b"\x93NUMPY"),
    "a_text": ("E_FILE", b"1.0 2.0 3.0\n"),
    "a_pickle": ("E_FILE", PICKLE),
    "a_pickle_of_protocol_4": ("E_FILE", b"\x80\x04" + PICKLE),
    "object_dtype": ("E_FILE", npy(header("'|O'"), PICKLE)),
    "object_in_a_structure": ("E_FILE", npy(header("[('a', '|O')]"), PICKLE)),
    "structured_dtype": ("E_FILE", npy(header("[('a', '<f8'), ('b', '<f8')]", "(3,)"), CELLS)),
    "complex_dtype": ("E_FILE", npy(header("'<c16'", "(3,)"), CELLS)),
    "dates": ("E_FILE", npy(header("'<M8[s]'"), CELLS)),
    "strings": ("E_FILE", npy(header("'<U2'"), CELLS)),
    "strings_of_no_length": ("E_FILE", npy(header("'|S0'", "(1000000000000,)"))),
    "void": ("E_FILE", npy(header("'|V8'"), CELLS)),
    "void_of_no_length": ("E_FILE", npy(header("'|V0'", "(1000000000000,)"))),
    "unknown_dtype": ("E_FILE", npy(header("'<q17'"), CELLS)),
    "void_of_2_bytes": ("E_FILE", npy(header("'<V2'"), bytes(12))),
    "float_of_1_byte_beyond_the_file": ("E_FILE", npy(header("'<f1'"), bytes(5))),
    "dtype_is_a_comma_string": ("E_FILE", npy(header("'f8,f8'"), CELLS)),
    "dtype_is_a_number": ("E_FILE", npy(header("8"), CELLS)),
    "dtype_with_an_escape_sequence": ("E_FILE", npy(header("'\\x1b]0;owned\\x07'"), CELLS)),
    "dtype_with_a_raw_escape_sequence": ("E_FILE", npy(header("'\x1b]0;owned\x07'"), CELLS)),
    "product_wraps_to_0": ("E_LIMIT", npy(header(shape="(4294967296, 4294967296)"))),
    "product_wraps_to_6": ("E_LIMIT", npy(header(shape="(3, 4398046511434, 4569846295791920941)"), CELLS)),
    "zero_with_huge": ("E_LIMIT", npy(header(shape="(0, 1000000000000, 1000000000000)"))),
    "more_cells_than_bytes": ("E_FILE", npy(header(shape="(3, 3)"), CELLS)),
    "fewer_cells_than_bytes": ("E_FILE", npy(header(shape="(3, 1)"), CELLS)),
    "far_more_cells_than_bytes": ("E_LIMIT", npy(header(shape="(1000000, 1000000)"), CELLS)),
    "dims_negative": ("E_FILE", npy(header(shape="(-3, -2)"), CELLS)),
    "dim_unknown": ("E_FILE", npy(header(shape="(-1, 2)"), CELLS)),
    "dims_beyond_64_bit": ("E_LIMIT", npy(header(shape="(18446744073709551619, 2)"), CELLS)),
    "dim_is_true": ("E_FILE", npy(header(shape="(True, 6)"), CELLS)),
    "dim_is_a_float": ("E_FILE", npy(header(shape="(3.0, 2)"), CELLS)),
    "dim_is_a_text": ("E_FILE", npy(header(shape="('3', 2)"), CELLS)),
    "shape_is_a_list": ("E_FILE", npy(header(shape="[3, 2]"), CELLS)),
    "shape_of_65_axes": ("E_LIMIT", npy(header(shape="(" + "1," * 65 + ")"), CELLS[:8])),
    "order_is_a_text": ("E_FILE", npy(header(order="'False'"), CELLS)),
    "key_twice": ("E_FILE", npy(header(more=", 'shape': (2, 3)"), CELLS)),
    "key_unknown": ("E_FILE", npy(header(more=", 'allow_pickle': True"), CELLS)),
    "key_missing": ("E_FILE", npy("{'descr': '<f8', 'shape': (3, 2)}", CELLS)),
    "header_with_a_call": ("E_FILE", npy(header(shape="(__import__('os').mkdir('owned'), 2)"), CELLS)),
    "header_is_a_call": ("E_FILE", npy("__import__('os').mkdir('owned')", CELLS)),
    "header_is_no_literal": ("E_FILE", npy("{'descr': ", CELLS)),
    "header_is_a_list": ("E_FILE", npy("['<f8', False, (3, 2)]", CELLS)),
    "header_with_a_power": ("E_FILE", npy(header(shape="(9**9**9, 2)"), CELLS)),
    "header_with_5000_digits": ("E_FILE", npy(header(shape=f"({'9' * 5000}, 2)"), CELLS)),
    "header_with_nul": ("E_FILE", npy(header() + "\0", CELLS)),
    "header_deep": ("E_FILE", npy(header(shape="(" * 9_000 + "3" + ",)" * 9_000), CELLS)),
    "header_very_deep": ("E_FILE", npy(header(shape="(" * DEEP + "3" + ",)" * DEEP), CELLS, version=2)),
    "header_of_minus_signs": ("E_FILE", npy(header(shape="(" + "-" * 60_000 + "3, 2)"), CELLS)),
    "header_longer_than_the_file": ("E_FILE", npy(header(), CELLS, length=60_000)),
    "header_of_4_gib": ("E_FILE", npy(header(), CELLS, version=2, length=2**32 - 1)),
    "header_of_no_length": ("E_FILE", npy(header(), CELLS, length=0)),
    "version_9": ("E_FILE", npy(header(), CELLS, version=9)),
    "version_3_with_bad_utf8": ("E_FILE", npy(header(more=", '\xff': 0"), CELLS, version=3)),
}
for npy_name, (npy_code, npy_bytes) in NPY.items():
    generate(f"npy_{npy_name}", npy_code, tensor("w.npy", npy_bytes, ""))


@bad("E_LIMIT")
def bad_npy_honest_but_huge(folder: Path) -> Path:
    """As many cells as the header says, 20 GB of them, and no block of them on the disk."""
    path = put_tensor(folder, "w.npy", npy(header(shape="(50000, 50000)")), "")
    os.truncate(folder / "w.npy", (folder / "w.npy").stat().st_size + 8 * 50_000**2)
    return path


@bad("E_SHAPE")
def bad_npy_of_another_shape_than_declared(folder: Path) -> Path:
    good_npy(folder, "w.npy")
    return put(folder, text(w='{ file = "w.npy", shape = [2, 3] }'))


# tensor files: .npz


def npz(*members: tuple[str, bytes], spoil: Callable[[zipfile.ZipInfo], None] | None = None) -> bytes:
    """An archive with these members; `spoil` may change what its directory says of the first."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile warns of a second member of one name
        for name, content in members:
            archive.writestr(name, content)
        if spoil:
            spoil(archive.filelist[0])
    return file.getvalue()


def zeros(shape: str, size: int) -> bytes:
    """An archive of zeros, packed about 1000:1: whole blocks are packed once, and repeated."""
    block, whole = 1 << 20, npy(header(shape=shape))
    packer = zlib.compressobj(wbits=-15)
    start = packer.compress(whole) + packer.flush(zlib.Z_FULL_FLUSH)
    middle = packer.compress(bytes(block)) + packer.flush(zlib.Z_FULL_FLUSH)
    end = packer.compress(bytes(size % block)) + packer.flush()

    def spoil(info: zipfile.ZipInfo) -> None:
        info.compress_type, info.file_size = zipfile.ZIP_DEFLATED, len(whole) + size

    return npz(("W.npy", start + middle * (size // block) + end), spoil=spoil)


def encrypted(info: zipfile.ZipInfo) -> None:
    info.flag_bits |= 1


def packed_by_an_unknown_method(info: zipfile.ZipInfo) -> None:
    info.compress_type = 97


def packed_in_name_only(info: zipfile.ZipInfo) -> None:
    info.compress_type = zipfile.ZIP_DEFLATED


def with_another_checksum(info: zipfile.ZipInfo) -> None:
    info.CRC ^= 1


def with_a_member_that_lies_elsewhere(info: zipfile.ZipInfo) -> None:
    info.header_offset = 10_000_000


def with_a_size_that_lies(info: zipfile.ZipInfo) -> None:
    info.file_size = 10


GOOD = npy(header(), CELLS)
NPZ: dict[str, tuple[str, bytes]] = {
    "empty": ("E_FILE", b""),
    "a_pickle": ("E_FILE", PICKLE),
    "an_npy": ("E_FILE", GOOD),
    "without_members": ("E_FILE", npz()),
    "truncated": ("E_FILE", npz(("W.npy", GOOD))[:-30]),
    "member_missing": ("E_FILE", npz(("V.npy", GOOD))),
    "two_members_of_one_name": ("E_FILE", npz(("W.npy", GOOD), ("W.npy", npy(header("'<f8'"), bytes(48))))),
    "two_members_of_one_name_but_for_the_ending": ("E_FILE", npz(("W", GOOD), ("W.npy", GOOD))),
    "member_above_the_folder": ("E_FILE", npz(("../evil.npy", GOOD))),
    "member_above_the_folder_beside_a_good_one": ("E_FILE", npz(("W.npy", GOOD), ("../evil.npy", GOOD))),
    "member_is_a_pickle": ("E_FILE", npz(("W.npy", PICKLE))),
    "member_of_objects": ("E_FILE", npz(("W.npy", npy(header("'|O'"), PICKLE)))),
    "member_with_a_call": ("E_FILE", npz(("W.npy", npy("__import__('os').mkdir('owned')")))),
    "member_too_short": ("E_FILE", npz(("W.npy", npy(header(shape="(3, 3)"), CELLS)))),
    "member_wraps": ("E_LIMIT", npz(("W.npy", npy(header(shape="(4294967296, 4294967296)"))))),
    "member_encrypted": ("E_FILE", npz(("W.npy", GOOD), spoil=encrypted)),
    "member_packed_by_an_unknown_method": ("E_FILE", npz(("W.npy", GOOD), spoil=packed_by_an_unknown_method)),
    "member_packed_in_name_only": ("E_FILE", npz(("W.npy", GOOD), spoil=packed_in_name_only)),
    "member_with_another_checksum": ("E_FILE", npz(("W.npy", GOOD), spoil=with_another_checksum)),
    "member_elsewhere": ("E_FILE", npz(("W.npy", GOOD), spoil=with_a_member_that_lies_elsewhere)),
    "member_with_a_size_that_lies": ("E_FILE", npz(("W.npy", GOOD), spoil=with_a_size_that_lies)),
    "bomb": ("E_LIMIT", zeros("(20000, 20000)", 8 * 20_000**2)),
    "bomb_that_is_declared_small": ("E_FILE", zeros("(3, 2)", 400 << 20)),
}
for npz_name, (npz_code, npz_bytes) in NPZ.items():
    generate(f"npz_{npz_name}", npz_code, tensor("w.npz", npz_bytes))


@bad("E_FILE")
def bad_npz_asked_for_a_member_above_the_folder(folder: Path) -> Path:
    return put_tensor(folder, "w.npz", npz(("../evil.npy", GOOD)), "../evil")


@bad("E_FILE")
def bad_npz_without_a_name_of_a_member(folder: Path) -> Path:
    return put_tensor(folder, "w.npz", npz(("W.npy", GOOD), ("V.npy", GOOD)), "")


# tensor files: .safetensors


def safetensors(head: object, data: bytes = CELLS, *, length: int | None = None) -> bytes:
    text = head if isinstance(head, str | bytes) else json.dumps(head)
    raw = text.encode() if isinstance(text, str) else text
    return struct.pack("<Q", len(raw) if length is None else length) + raw + data


def entry(dtype: object = "F64", shape: object = (3, 2), offsets: object = (0, 48)) -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


ONE = json.dumps(entry())
SAFETENSORS: dict[str, tuple[str, bytes]] = {
    "empty": ("E_FILE", b""),
    "a_pickle": ("E_FILE", PICKLE),
    "header_beyond_the_file": ("E_FILE", safetensors({"W": entry()}, length=2**63)),
    "header_is_no_json": ("E_FILE", safetensors("{'W': 1}")),
    "header_is_a_list": ("E_FILE", safetensors([1, 2])),
    "header_deep": ("E_FILE", safetensors("[" * DEEP + "]" * DEEP)),
    "key_twice": ("E_FILE", safetensors(f'{{"W": {ONE}, "W": {ONE}}}')),
    "member_missing": ("E_FILE", safetensors({"V": entry()})),
    "dtype_unknown": ("E_FILE", safetensors({"W": entry("F63")})),
    "shape_wraps": ("E_LIMIT", safetensors({"W": entry(shape=[2**32, 2**32], offsets=[0, 0])}, b"")),
    "dims_negative": ("E_FILE", safetensors({"W": entry(shape=[-3, -2])})),
    "dim_is_true": ("E_FILE", safetensors({"W": entry(shape=[True, 6])})),
    "dim_is_nan": ("E_FILE", safetensors({"W": entry(shape=[float("nan"), 2])})),
    "offsets_beyond_the_file": ("E_FILE", safetensors({"W": entry(shape=[30, 2], offsets=[0, 480])})),
    "offsets_negative": ("E_FILE", safetensors({"W": entry(offsets=[-48, 0])})),
    "offsets_backwards": ("E_FILE", safetensors({"W": entry(offsets=[48, 0])})),
    "offsets_do_not_fit_the_shape": ("E_FILE", safetensors({"W": entry(offsets=[0, 40])})),
    "offsets_overlap": ("E_FILE", safetensors({"W": entry(), "V": entry()})),
    "lone_surrogate": ("E_FILE", safetensors('{"\\ud800": ' + ONE + "}")),
    "header_in_utf_16": ("E_FILE", safetensors(json.dumps({"W": entry()}).encode("utf-16"))),
    "header_in_utf_32": ("E_FILE", safetensors(json.dumps({"W": entry()}).encode("utf-32-le"))),
    "header_in_latin_1": ("E_FILE", safetensors(b'{"W": ' + ONE.encode() + b', "__metadata__": {"a": "\xe9"}}')),
    "header_with_a_byte_order_mark": ("E_FILE", safetensors(b"\xef\xbb\xbf" + json.dumps({"W": entry()}).encode())),
}
SAFETENSORS |= {
    f"{kind}_of_another_size": ("E_FILE", safetensors({"W": entry(kind)}))
    for kind in ("BF16", "F16", "F8_E4M3", "F8_E5M2")
}
for st_name, (st_code, st_bytes) in SAFETENSORS.items():
    generate(f"safetensors_{st_name}", st_code, tensor("w.safetensors", st_bytes))


# shards by an index


def index(weight_map: object) -> bytes:
    return json.dumps({"metadata": {}, "weight_map": weight_map}).encode()


INDICES: dict[str, bytes] = {
    "empty": b"", "a_pickle": PICKLE, "a_list": b"[]", "without_a_map": b"{}", "map_is_a_list": index([]),
    "map_of_numbers": index({"W": 1}), "key_twice": b'{"weight_map": {"W": "a.safetensors", "W": "b.safetensors"}}',
    "deep": b"[" * DEEP + b"]" * DEEP, "member_missing": index({"V": "a.safetensors"}), "huge": b" " * (17 << 20),
    "shard_missing": index({"W": "a.safetensors"}), "shard_is_itself": index({"W": "w.safetensors.index.json"}),
    "shard_above_the_folder": index({"W": "../w.safetensors"}), "shard_absolute": index({"W": "/etc/w.safetensors"}),
    "shard_with_an_escape_sequence": index({"W": "\x1b]0;owned\x07.safetensors"}), "in_utf_16": "{}".encode("utf-16"),
}  # fmt: skip
for index_name, index_bytes in INDICES.items():
    generate(f"index_{index_name}", "E_FILE", tensor("w.safetensors.index.json", index_bytes))


# ------------------------------------------------------------------------------------------------- the tests

STORED = [stored(path) for path in sorted(HERE.glob("*.toml"))]
CASES = STORED + GENERATED
SAMPLE = [
    "toml_duplicate_key", "unknown_key_with_an_escape_sequence", "unknown_key_with_a_line_feed",
    "name_with_click_markup", "block_name_with_a_lone_surrogate", "block_name_with_a_bad_escape",
    "py_dunder_chain", "op_os_system", "shape_matmul_inner", "cycle_of_two_blocks", "file_above_the_folder",
    "limit_shape_bomb", "npz_a_pickle", "deep_program_unary_minus", "path_is_missing",
]  # fmt: skip
BIDI = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


def unsafe(shown: str) -> list[str]:
    """The control, surrogate and bidirectional characters of what would go to a terminal."""
    return [hex(ord(c)) for c in shown if c in BIDI or unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")]


@contextmanager
def little_memory(extra: int = 1 << 30) -> Iterator[None]:
    """At most `extra` bytes of new address space, so that a bomb is an error and not the machine's end."""
    if sys.platform != "linux":
        yield
        return
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + extra, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


@contextmanager
def no_hang(seconds: int = 120) -> Iterator[None]:
    """A hang (on a pipe, in a loop of C's) is an error after so long that no busy machine is taken for one."""
    if sys.platform == "win32":
        yield
        return

    def ring(*_: object) -> None:
        raise TimeoutError(f"not refused within {seconds} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def refusal(path: Path) -> BpdebugError:
    """The error that loading raises."""
    with little_memory(), no_hang(), pytest.raises(BpdebugError) as caught:
        bpdebug.load(path)
    return caught.value


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is the current one, so that it shows when something is run or written."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bad_input_is_refused_with_its_code_its_place_and_help(case: Case, here: Path) -> None:
    path = case.write(here)
    before = sorted(here.rglob("*"))
    error = refusal(path)
    assert error.code == case.code, str(error)
    assert case.says in error.message, str(error)
    assert case.hint in error.hint, str(error)
    assert error.hint, str(error)
    if case.line is not None:
        assert error.where == f"{path.name}:{case.line}", str(error)
    for shown in (error.message, error.hint, error.where):
        assert not unsafe(shown), ascii(shown)
        assert len(shown) <= LONGEST, f"{len(shown)} characters: {shown[:200]}"
    assert not unsafe(str(error).replace("\n", "")), ascii(str(error))
    assert sorted(here.rglob("*")) == before


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bad_input_is_refused_with_little_work_and_memory(case: Case, here: Path) -> None:
    path = case.write(here)
    assert work(lambda: refusal(path)).lines < MOST_LINES
    tracemalloc.start()
    try:
        refusal(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < PEAK, f"{peak >> 20} MiB"


@pytest.mark.parametrize("name", SAMPLE)
def test_the_command_refuses_bad_input_with_one_message_and_exit_code_3(name: str, here: Path) -> None:
    (case,) = (case for case in CASES if case.name == name)
    command = [sys.executable, "-m", "bpdebug.cli", "run", str(case.write(here))]
    env = {**os.environ, "PYTHONPATH": str(Path(bpdebug.__file__).parent.parent)}
    done = subprocess.run(
        command, check=False, cwd=here, env=env, stdin=subprocess.DEVNULL, capture_output=True, timeout=60
    )
    shown = done.stderr.decode()
    assert done.returncode == 3, shown
    assert done.stdout == b""
    assert re.findall(r"^error\[(\w+)\]", shown, re.MULTILINE) == [case.code], shown
    assert len(shown.splitlines()) == 2, shown
    assert "Traceback" not in shown
    assert case.says in shown
    assert not unsafe(shown.replace("\n", "")), ascii(shown)


def test_the_corpus_has_every_code_a_scenario_can_be_refused_with() -> None:
    assert len(STORED) >= 90
    assert {case.code for case in STORED} == CODES
    assert len({case.name for case in CASES}) == len(CASES)
    assert {case.name for case in CASES} >= set(SAMPLE)


def test_the_scenario_that_the_generated_cases_spoil_is_good(here: Path) -> None:
    bpdebug.load(put(here, text()))


@pytest.mark.parametrize("name", ["w.npy", "w.npz", "w.safetensors"])
def test_the_tensor_files_that_the_generated_cases_spoil_are_good(name: str, here: Path) -> None:
    contents = {"w.npy": GOOD, "w.npz": npz(("W.npy", GOOD)), "w.safetensors": safetensors({"W": entry()})}
    content = contents[name]
    bpdebug.load(put_tensor(here, name, content, "" if name == "w.npy" else "W"))


def test_brackets_and_escapes_in_a_title_or_a_comment_are_only_text(here: Path) -> None:
    title = f'title = "{"[({" * 5000}\\u001b]0;x\\u0007"'
    bpdebug.load(put(here, text(top=title, program="# " + "(" * 5000 + "\nL = mean(X)")))
