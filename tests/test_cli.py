"""The command line: exit codes, what goes to which stream, options, and that nobody ever sees a traceback."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bpdebug
from bpdebug import __version__
from bpdebug.cli import VERBS, main, plain
from bpdebug.errors import BpdebugError
from bpdebug.frontends.arguments import parser
from bpdebug.limits import TABLE
from bpdebug.ops import OPS
from bpdebug.scenario import find, shipped
from bpdebug.scenario.json_schema import json_schema
from tests.lessons import FAULTY, HOSTILE, NAMES, PLAIN

REFUSAL = re.compile(r"error\[(E_[A-Z]+)\](?: [^\n]+?)?: [^\n]+\n  help: [^\n]+\n")
SMALL = 'format = 1\n[inputs]\nX = [1.0, 2.0]\n[graph]\nincoming = { Y = "ones" }\nprogram = "Y = X * 2"\n'


@dataclass
class Run:
    """What a command line did."""

    code: int
    out: str
    err: str


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Run]:
    """Runs a command line in this process; `typed` is standard input."""

    def go(*argv: str, typed: str | bytes = b"") -> Run:
        raw = typed.encode() if isinstance(typed, str) else typed
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw), encoding="utf-8"))
        capsys.readouterr()
        code = main(argv)
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        assert "Traceback" not in said.out
        return Run(code, said.out, said.err)

    return go


Runner = Callable[..., Run]


def refused(found: Run, exit_code: int, code: str = "") -> str:
    """A refusal: nothing on standard output, one message with a line of help on the other."""
    assert found.code == exit_code
    assert found.out == ""
    match = REFUSAL.fullmatch(found.err)
    assert match, found.err
    assert not code or match[1] == code
    return found.err


def put(folder: Path, text: str, name: str = "my.toml") -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


# --- good: 0


@pytest.mark.parametrize(
    "argv",
    [
        ["run", "transpose"], ["run", "transpose", "--json"], ["list"], ["list", "--json"], ["ops"], ["ops", "matmul"],
        ["ops", "--json"], ["schema"],
    ],
)  # fmt: skip
def test_data_goes_to_standard_output_and_the_exit_code_is_0(argv: list[str], run: Runner) -> None:
    found = run(*argv)
    assert found.code == 0
    assert found.err == ""
    assert found.out.endswith("\n")


@pytest.mark.parametrize(
    "argv", [["--help"], ["-h"], ["run", "--help"], ["debug", "--help"], ["list", "-h"], ["help", "show"]]
)
def test_help_is_data_and_good(argv: list[str], run: Runner) -> None:
    found = run(*argv)
    assert found.code == 0
    assert found.err == ""
    assert found.out.startswith("usage: bpdebug")


def test_help_names_every_verb_and_how_to_start_the_screen(run: Runner) -> None:
    said = run("--help").out
    for verb in VERBS:
        assert re.search(rf"^    {verb} ", said, re.MULTILINE)
    assert "bpdebug [FILE]" in said


def test_version(run: Runner) -> None:
    found = run("--version")
    assert (found.code, found.out, found.err) == (0, f"bpdebug {__version__}\n", "")


@pytest.mark.parametrize("name", NAMES)
def test_run_prints_every_event_and_the_end(name: str, run: Runner) -> None:
    count = json.loads(run("run", name, "--json").out.splitlines()[0])["events"]
    lines = run("run", name).out.splitlines()
    headings = [line for line in lines if re.match(rf"event \d+/{count}  ", line)]
    assert [int(re.split(r"[ /]", line)[1]) for line in headings] == list(range(count))
    assert "the end: everything is done" in lines
    assert not [line for line in lines if line != line.rstrip()]


def test_a_lesson_is_found_by_its_name_from_any_folder(
    run: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in NAMES:
        assert run("run", name, "--json").code == 0
    assert run("debug", "mlp").code == 0


def test_a_file_is_found_by_its_path(run: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = put(tmp_path, SMALL)
    wanted = run("run", path, "--json")
    assert wanted.code == 0
    monkeypatch.chdir(tmp_path)
    for spelt in ("my.toml", "./my.toml", "../" + tmp_path.name + "/my.toml"):
        assert run("run", spelt, "--json").out == wanted.out


@pytest.mark.skipif(sys.platform == "win32", reason="no file there has a line feed in its name")
def test_a_file_with_a_line_feed_in_its_name_is_a_file(run: Runner, tmp_path: Path) -> None:
    path = put(tmp_path, SMALL, "a\nb.toml")
    assert run("run", path).code == 0
    assert run("compare", path, path).code == 0
    refused(run("run", "a = 1\nb = 2"), 3, "E_FILE")


def test_a_file_without_an_ending_goes_before_a_lesson_of_its_name(
    run: Runner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, SMALL, "transpose")
    monkeypatch.chdir(tmp_path)
    assert json.loads(run("run", "transpose", "--json").out.splitlines()[0])["title"] == ""


def test_a_scenario_comes_from_standard_input(run: Runner) -> None:
    text = find("bias").read_text(encoding="utf-8")
    assert run("run", "-", "--json", typed=text).out == run("run", "bias", "--json").out
    assert run("debug", "-", typed=text).code == 0
    assert "<stdin>" in refused(run("run", "-", typed="format = 2"), 3, "E_SCHEMA")


def test_all_values_are_printed_when_asked_for(run: Runner, tmp_path: Path) -> None:
    path = put(tmp_path, SMALL.replace("[1.0, 2.0]", '{ shape = [10001], init = "ones" }'))
    some = [json.loads(line) for line in run("run", path, "--json").out.splitlines()]
    full = [json.loads(line) for line in run("run", path, "--json", "--values", "full").out.splitlines()]
    assert some[1]["output"]["value"] is None
    assert full[1]["output"]["value"] == [2.0] * 10001
    assert some[1]["output"]["stats"] == full[1]["output"]["stats"]
    assert run("run", path, "--values", "some", "--json").out.splitlines()[1] == json.dumps(
        some[1], separators=(",", ":"), ensure_ascii=False
    )


def test_a_run_with_a_fault_is_good_and_says_so(run: Runner) -> None:
    found = run("run", "-", "--json", typed=FAULTY)
    assert found.code == 0
    assert json.loads(found.out.splitlines()[-1])["ok"] is False
    assert "infinity appears here first: 1 cell of u, first at [1]" in run("run", "-", typed=FAULTY).out


def test_run_does_not_check_what_is_expected(run: Runner) -> None:
    assert run("run", "-", typed=SMALL + "[expect]\nvalues.Y = [7.0, 7.0]\n").code == 0


# --- options that move things


def test_set_replaces_a_tensor(run: Runner, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([10.0, 20.0]))
    found = run("run", "-", "--json", "--set", f"X={tmp_path / 'x.npy'}", typed=SMALL)
    assert json.loads(found.out.splitlines()[1])["output"]["value"] == [20.0, 40.0]
    for verb in ("run", "debug"):
        assert run(verb, put(tmp_path, SMALL), "--set", f"X={tmp_path / 'x.npy'}").code == 0


@pytest.mark.parametrize("word", ["X", "X=", "=x.npy", ""])
def test_set_without_a_name_or_a_file_is_wrong_usage(word: str, run: Runner) -> None:
    assert "--set NAME=FILE.npy" in refused(run("run", "transpose", "--set", word), 2)


def test_set_of_what_is_not_there_is_refused(run: Runner, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([10.0, 20.0]))
    assert "did you mean X?" in refused(run("run", "-", "--set", f"x={tmp_path / 'x.npy'}", typed=SMALL), 3, "E_NAME")
    refused(run("run", "-", "--set", f"X={tmp_path / 'none.npy'}", typed=SMALL), 3, "E_FILE")


def test_a_limit_is_named_where_it_is_passed_and_moved_by_its_option(run: Runner) -> None:
    said = refused(run("run", "mlp", "--limit", "nodes=3"), 3, "E_LIMIT")
    assert "--limit nodes=N" in said
    assert run("run", "mlp", "--limit", "nodes=100").code == 0
    assert run("run", "mlp", "--limit", "nodes=3", "--limit", "nodes=100").code == 0
    said = refused(run("run", "mlp", "--memory", "100"), 3, "E_LIMIT")
    assert "--memory 3K" in said
    assert run("run", "mlp", "--memory", "3K").code == 0


@pytest.mark.parametrize("name", TABLE)
def test_every_limit_of_the_table_can_be_moved(name: str, run: Runner) -> None:
    assert run("run", "transpose", "--limit", f"{name}={TABLE[name].default}").code == 0


@pytest.mark.parametrize("word", ["nodse=3", "nodes", "nodes=", "nodes=x", "nodes=-1", "=3", "nodes=1e3"])
def test_a_limit_that_is_none_is_wrong_usage(word: str, run: Runner) -> None:
    said = refused(run("run", "transpose", "--limit", word), 2)
    assert "did you mean nodes?" in said or not word.startswith("nodse")


@pytest.mark.parametrize("size", ["x", "", "-1", "4X", "4GG", "1.5", "²G"])
def test_a_size_that_is_none_is_wrong_usage(size: str, run: Runner) -> None:
    refused(run("run", "transpose", f"--memory={size}"), 2)


def test_fresh_is_understood(run: Runner) -> None:
    assert run("run", "transpose", "--fresh").code == 0
    assert run("debug", "transpose", "--fresh").code == 0


# --- wrong usage: 2


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["run"], "FILE"),
        (["debug"], "FILE"),
        (["run", "transpose", "bias"], "bias"),
        (["list", "x"], "x"),
        (["run", "transpose", "--nope"], "--nope"),
        (["--nope"], "--nope"),
        (["run", "transpose", "--values", "all"], "all"),
        (["run", "transpose", "--set"], "--set"),
        *((["run", "transpose", f"--{name}=--"], f"--{name}=--") for name in ("memory", "limit", "set", "values")),
        *((["test", "transpose", f"--{name}=--"], f"--{name}=--") for name in ("jobs", "junitxml")),
        (["run", "transpose", "--record=--"], "--record=--"),
        (["run", "transpose", "--limit", "rank=33"], "rank=33"),
        (["ops", "quux"], "bpdebug ops lists the ops"),
        (["ops", "clamp"], "write clip(x, 0, 1)"),
        (["ops", "matmull"], "did you mean matmul?"),
        (["ops", "Relu"], "did you mean relu?"),
        (["rnu"], "did you mean run?"),
        (["rnu", "transpose"], "did you mean run?"),
        (["debgu", "transpose"], "did you mean debug?"),
        (["shcema"], "did you mean schema?"),
        (["lst"], "did you mean list?"),
        (["transpose", "bias"], "bias"),
    ],
)
def test_wrong_usage_is_said_with_help(argv: list[str], says: str, run: Runner) -> None:
    assert says in refused(run(*argv), 2, "E_USAGE")


@pytest.mark.parametrize("argv", [[], ["transpose"], ["show", "transpose"]])
def test_the_screen_without_a_terminal_says_what_to_do_instead(argv: list[str], run: Runner) -> None:
    said = refused(run(*argv), 2)
    assert "the screen needs a terminal" in said
    assert "bpdebug run FILE" in said
    assert "bpdebug debug FILE" in said


# --- refused or missing: 3


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("format = ", "E_SYNTAX"),
        ("format = 2", "E_SCHEMA"),
        (SMALL.replace("Y = X * 2", "Y = X @ X"), "E_SHAPE"),
        (SMALL.replace("Y = X * 2", "Y = nosuch(X)"), "E_OP"),
        (SMALL.replace("Y = X * 2", "Y = Z * 2"), "E_NAME"),
        (SMALL.replace("Y = X * 2", "Y = sum(X, ax=0)"), "E_ATTR"),
        (SMALL.replace("Y = X * 2", "Y = one_hot(X, depth=2)"), "E_DTYPE"),
        (SMALL.replace('incoming = { Y = "ones" }', ""), "E_LOSS"),
        (SMALL.replace("[1.0, 2.0]", '{ file = "none.npy" }'), "E_FILE"),
        (SMALL + '[notes]\n"nosuch@bwd" = "x"\n', "E_NAME"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_refused_with_its_code_and_its_place(
    text: str, code: str, run: Runner, tmp_path: Path
) -> None:
    path = put(tmp_path, text)
    for verb in ("run", "debug"):
        assert "my.toml" in refused(run(verb, path), 3, code)


def test_a_refusal_of_the_readme_word_for_word(run: Runner, tmp_path: Path) -> None:
    text = SMALL.replace("[1.0, 2.0]", "[[1.0, 2.0]]").replace("Y = X * 2", "Y = X @ X")
    assert refused(run("run", put(tmp_path, text, "two_layer.toml")), 3).startswith(
        "error[E_SHAPE] two_layer.toml:6: matmul 'Y': (1, 2) @ (1, 2): inner sizes 2 and 1 differ\n  help: "
    )


def test_a_file_that_is_not_there_is_refused_with_the_nearest_lesson(run: Runner, tmp_path: Path) -> None:
    assert "did you mean two_layer?" in refused(run("run", "two_layr"), 3, "E_FILE")
    refused(run("run", str(tmp_path / "none.toml")), 3, "E_FILE")
    refused(run("run", str(tmp_path)), 3, "E_FILE")
    refused(run("run", ""), 3, "E_FILE")
    refused(run("debug", "nosuch.toml"), 3, "E_FILE")
    refused(run("nosuch.toml"), 3, "E_FILE")


def test_a_file_name_cannot_steer_the_terminal(run: Runner, tmp_path: Path) -> None:
    said = refused(run("run", "\x1b]0;x\x07\x9b.toml"), 3)
    assert said.replace("\n", "").isprintable()
    path = put(tmp_path, "format = 2", "\x1b[2J.toml")
    assert refused(run("run", path), 3).replace("\n", "").isprintable()


def test_what_a_file_says_cannot_steer_the_terminal(run: Runner) -> None:
    for argv in (["run", "-"], ["run", "-", "--json"], ["debug", "-"]):
        found = run(*argv, typed=HOSTILE)
        assert found.code == 0
        assert found.out.replace("\n", "").isprintable()
        assert "[bold]" in found.out or argv[0] == "debug"


# --- a command that failed: 1


def test_commands_from_a_pipe_are_carried_out_and_a_failed_one_makes_the_exit_code_1(run: Runner) -> None:
    found = run("debug", "transpose", typed="step\nprint nosuch\nwhen\n")
    assert found.code == 1
    assert found.err.startswith("error[E_EXPR]: no tensor 'nosuch'\n  help: ")
    assert found.out.endswith("event 1/3 seed Y matmul\n")


def test_commands_that_work_are_good(run: Runner) -> None:
    found = run("debug", "transpose", typed="break Y@bwd ;; continue ;; print dW\n")
    assert found.code == 0
    assert found.err == ""
    assert run("debug", "transpose", typed="").code == 0
    assert run("debug", "transpose", typed="quit\nnosuch\n").code == 0


# --- a bug: 4; interrupted: 130; no memory


def boom(error: BaseException) -> Callable[..., Any]:
    def run(*_: object, **__: object) -> None:
        raise error

    return run


@pytest.mark.parametrize(
    "error", [RuntimeError("it \x1b[2Jbroke"), RecursionError(), AssertionError(), KeyError("x"), IndexError()]
)
def test_a_bug_asks_to_be_reported(error: Exception, run: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BPDEBUG_TRACEBACK", raising=False)
    monkeypatch.setattr("bpdebug.frontends.pages.run", boom(error))
    found = run("run", "transpose")
    assert found.code == 4
    assert found.out == ""
    assert found.err.startswith(f"bpdebug {__version__} has a bug: {type(error).__name__}")
    assert "report" in found.err
    assert found.err.replace("\n", "").isprintable()


def test_a_bug_shows_where_it_happened_when_asked(run: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BPDEBUG_TRACEBACK", "1")
    monkeypatch.setattr("bpdebug.frontends.pages.run", boom(RuntimeError("broke")))
    with pytest.raises(RuntimeError, match="broke"):
        run("run", "transpose")


def test_an_interrupt_is_130(run: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bpdebug.frontends.pages.run", boom(KeyboardInterrupt()))
    assert run("run", "transpose").code == 130


def test_no_memory_is_refused(run: Runner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bpdebug.frontends.pages.run", boom(MemoryError()))
    assert "memory" in refused(run("run", "transpose"), 3, "E_LIMIT")


# --- a process of its own


def process(
    *argv: str, typed: bytes = b"", env: dict[str, str] | None = None, **options: Any
) -> subprocess.CompletedProcess[bytes]:
    """A command line in a process of its own, its output not unbuffered whatever the environment says."""
    clean = {k: v for k, v in os.environ.items() if k not in ("PYTHONUNBUFFERED", "PYTHONIOENCODING", "PYTHONUTF8")}
    return subprocess.run(
        [sys.executable, "-m", "bpdebug.cli", *argv],
        input=typed, stderr=subprocess.PIPE, env={**clean, **(env or {})}, timeout=60, check=False,
        **{"stdout": subprocess.PIPE, **options},
    )  # fmt: skip


@pytest.mark.parametrize("argv", [["list"], ["run", "mlp_spelled"], ["--help"]])
def test_a_reader_that_went_away_is_no_error(argv: list[str]) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        found = process(*argv, stdout=write)
    finally:
        os.close(write)
    assert (found.returncode, found.stderr) == (0, b"")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
@pytest.mark.parametrize("argv", [["list"], ["run", "mlp_spelled", "--json"], ["--version"]])
def test_a_full_disk_is_no_bug(argv: list[str]) -> None:
    with open("/dev/full", "wb") as full:
        found = process(*argv, stdout=full)
    assert found.returncode == 3
    assert REFUSAL.fullmatch(found.stderr.decode())
    assert b"No space left" in found.stderr


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252:strict"])
def test_data_is_utf_8_whatever_the_locale(encoding: str) -> None:
    wanted = process("run", "transpose", "--json").stdout
    found = process("run", "transpose", "--json", env={"PYTHONIOENCODING": encoding})
    assert (found.returncode, found.stderr) == (0, b"")
    assert found.stdout == wanted
    assert "Wᵀ" in wanted.decode()


@pytest.mark.parametrize("argv", [["debug", "transpose"], ["debug", "transpose", "--json"]])
def test_bytes_that_are_no_text_are_a_bad_command_and_the_next_one_works(argv: list[str]) -> None:
    found = process(*argv, typed=b"step\n\xff\xfe\nprint \xff\nwhen\n", env={"PYTHONIOENCODING": "utf-8:strict"})
    assert found.returncode == (1 if len(argv) == 2 else 0)
    assert b"seed" in found.stdout.splitlines()[-1]
    assert b"Traceback" not in found.stderr
    assert b"has a bug" not in found.stderr


def test_plain_text_has_no_colour(tmp_path: Path) -> None:
    for env in ({"NO_COLOR": "1"}, {"FORCE_COLOR": "1"}, {"TERM": "xterm-256color"}):
        found = process("run", "transpose", env=env)
        assert b"\x1b" not in found.stdout


def test_a_signal_interrupts_a_session_that_waits() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # jobs in a shell's background ignore it
    child = subprocess.Popen(
        [sys.executable, "-m", "bpdebug.cli", "debug", "transpose"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    assert child.stdout is not None
    child.stdout.readline()  # it has begun, and will wait for a command
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=30)
    assert child.returncode == 130
    assert b"Traceback" not in err


# --- list, ops, schema


def test_the_list_has_every_lesson_with_its_title(run: Runner) -> None:
    lines = run("list").out.splitlines()
    names = [s.name for s in shipped()]
    assert [line.split()[0] for line in lines[1:]] == names
    data = json.loads(run("list", "--json").out)
    assert [entry["name"] for entry in data] == names
    assert all(set(entry) == {"name", "title", "about"} and entry["about"] for entry in data)


def test_the_ops_are_all_listed(run: Runner) -> None:
    said = run("ops").out
    lines = said.splitlines()[1:]
    assert [re.split(r"\W", line.strip())[0] for line in lines] == [*OPS, "grad"]
    assert "object at" not in said
    data = json.loads(run("ops", "--json").out)
    assert [op["name"] for op in data] == [*OPS, "grad"]
    for op in data:
        assert list(op) == ["name", "says", "operands", "attributes", "gradients", "kink", "conventions"]
        assert set(op["gradients"]) <= {o.strip("?*") for o in op["operands"]} | {f"x{i}" for i in range(1, 9)}


def test_grad_has_a_page_though_it_is_no_op(run: Runner) -> None:
    said = run("ops", "grad").out
    assert said.startswith("grad(y, x, incoming=1): ")
    assert "incoming=V" in said
    assert [op["name"] for op in json.loads(run("ops", "grad", "--json").out)] == ["grad"]
    assert "dX is the gradient of X" in run("debug", "transpose", typed="print grad(Y, X)").err


@pytest.mark.parametrize("name", OPS)
def test_every_op_has_a_page(name: str, run: Runner) -> None:
    said = run("ops", name).out
    op = OPS[name]
    assert said.startswith(f"{name}(")
    assert op.says in said
    assert "as NumPy" in said
    assert "object at" not in said
    assert op.kink in said
    assert json.loads(run("ops", name, "--json").out)[0]["name"] == name
    for attr in op.attrs:
        assert attr in said.splitlines()[0]


def test_the_page_of_an_op_says_what_may_be_chosen_and_who_answers_what(run: Runner) -> None:
    said = run("ops", "max_pool2d").out
    assert 'to choose: ties="share" | "first" | "last" | "all"' in said
    assert "a window of 2, 2, 1  0.5, 0.5, 0  bpdebug, mlx, tinygrad\n" in said
    assert "1, 0, 0      torch, jax, tensorflow, keras, paddle\n" in said
    assert "torch 2.13.0, jax 0.10.2" in said
    assert "x = 0, alpha 2, where it has a derivative" in run("ops", "celu").out
    (found,) = json.loads(run("ops", "abs", "--json").out)
    assert found["conventions"]["attributes"] == {"at_zero": {"default": "zero", "choices": ["zero", "left", "right"]}}
    assert found["conventions"]["answers"][0]["jax"] == [1.0]
    assert json.loads(run("ops", "matmul", "--json").out)[0]["conventions"] is None


def test_the_page_of_matmul(run: Runner) -> None:
    assert run("ops", "matmul").out == (
        f"matmul(a, b): {OPS['matmul'].says}\n\n  ∂a = ∂y @ bᵀ\n  ∂b = aᵀ @ ∂y\n\n"
        "  as NumPy, for the operands of its first sample:\n    y = a @ b\n    da = g @ b.mT\n    db = a.mT @ g\n"
    )


def test_the_schemas_and_their_settings_are_printed(run: Runner) -> None:
    assert json.loads(run("schema").out) == json.loads(json.dumps(json_schema()))
    assert json.loads(run("schema", "--translation").out)["$ref"] == "#/$defs/LanguageFile"
    assert {"path": "./bpdebug.schema.json"} in [
        rule["schema"] for rule in tomllib.loads(run("schema", "--taplo").out)["rule"]
    ]


def test_a_scenario_with_everything_in_it_runs(run: Runner) -> None:
    assert run("run", "-", typed=PLAIN).code == 0


# --- the same refusal at every door

NOTED = """format = 1
[inputs]
X = [[1.0, 2.0]]
[graph]
loss = "L"
program = "L = sum(X)"
[notes]
"nowhere@bwd" = "x"
"""


@pytest.mark.parametrize("argv", [["run"], ["run", "--json"], ["debug"], ["debug", "--json"], ["compare", "transpose"]])
def test_a_note_with_an_unknown_place_is_refused_at_every_door(argv: list[str], run: Runner, tmp_path: Path) -> None:
    path = tmp_path / "noted.toml"
    path.write_text(NOTED)
    said = refused(run(*argv, str(path)), 3, "E_NAME")
    assert 'the note "nowhere@bwd" has no place' in said
    with pytest.raises(BpdebugError, match="has no place"):
        bpdebug.run(bpdebug.load(path))


def test_a_long_line_of_a_script_is_not_echoed_in_full(run: Runner, tmp_path: Path) -> None:
    length = 2_000_000
    path = tmp_path / "long.bpd"
    path.write_text(f"load transpose\nprint {'x' * length}\n")
    found = run("replay", str(path))
    assert found.code == 1
    assert len(found.out) + len(found.err) < 8000
    assert f"({length + 6:,} characters)" in found.out


@pytest.mark.parametrize("verb", ["show", "run", "debug"])
@pytest.mark.parametrize("file", ["mlp", "show", "run", "a b.toml", "@a", ""])
def test_a_plain_command_line_is_what_the_parser_makes_of_it(verb: str, file: str) -> None:
    made = plain([verb, file])
    assert made is not None
    assert vars(parser().parse_args([verb, file])).items() <= vars(made).items()


@pytest.mark.parametrize("words", [[], ["run"], ["run", "-"], ["run", "--json"], ["run", "a", "b"], ["list", "a"]])
def test_other_command_lines_are_the_parsers(words: list[str]) -> None:
    assert plain(words) is None


def test_what_the_first_screen_does_not_need_is_not_imported() -> None:
    code = """
import asyncio, sys
from bpdebug.debugger import open_session
from bpdebug.frontends.tui.app import BpdebugApp
from bpdebug.scenario import find, load
async def main():
    app = BpdebugApp(open_session(load(find("transpose"))))
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause()
        screens = ["help", "heat", "laned", "menu", "offers", "playing", "prompt", "sourced", "tour"]
        views = ["lists", "practice", "source", "tensors"]
        late = ("numpy.ma", "argparse", "hashlib", "bpdebug.explain", "bpdebug.checks", "bpdebug.frontends.session",
            "bpdebug.frontends.clipboard", *(f"bpdebug.frontends.tui.{name}" for name in screens),
            *(f"bpdebug.views.{name}" for name in views))
        print([name for name in sys.modules if f"{name}.".startswith(tuple(f"{each}." for each in late))])
        await pilot.press("question_mark")
        print("bpdebug.frontends.tui.help" in sys.modules)
asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.split("\n")[:2] == ["[]", "True"]


def test_what_a_plain_run_does_not_need_is_not_imported() -> None:
    code = """
import sys
from bpdebug.cli import main
main(["run", "transpose"])
late = ("argparse", "pathlib", "hashlib", "shutil", "bpdebug.debugger.commands", "bpdebug.explain")
print([name for name in sys.modules if name.startswith(late)])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.split("\n")[-2] == "[]"
