"""What is said of memory and of arrays: every door takes it or refuses it in words, and what is no name is no name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import bpdebug
from bpdebug.cli import main
from bpdebug.errors import BpdebugError, UsageError
from bpdebug.frontends.arguments import parser
from bpdebug.frontends.options import handed_on, limits_of
from bpdebug.importers.trace import open_recording
from tests.frontends.dap.client import connected

SAID = ("--memory", "--spill", "--backend", "--device", "--scheduler")
FILED = ("show", "run", "debug", "replay", "test", "compare", "trace", "import", "export html", "export tex", "serve")


@pytest.mark.parametrize("verb", FILED)
def test_the_help_of_every_command_that_opens_a_file_lists_them(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    main([*verb.split(), "--help"])
    told = capsys.readouterr().out
    assert all(f"{option} " in told for option in SAID)


DOORS: dict[str, Callable[..., Any]] = {
    "load": lambda **said: bpdebug.load("transpose", **said),
    "run": lambda **said: bpdebug.run(bpdebug.load("transpose"), **said),
    "Session": lambda **said: bpdebug.Session(bpdebug.load("transpose"), **said),
    "show": lambda **said: bpdebug.show("transpose", **said),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    ("name", "value"),
    [("memory", -1), ("memory", 1.5), ("memory", "1 X"), ("spill", 3), ("spill", ""), ("backend", 3), ("backend", ""),
     ("device", 0), ("scheduler", b"tcp://host")],
)  # fmt: skip
def test_what_is_no_name_and_no_size_is_refused_in_words(door: str, name: str, value: Any) -> None:
    with pytest.raises(UsageError):
        DOORS[door](**{name: value})


@pytest.mark.parametrize("door", list(DOORS)[1:])
def test_a_backend_that_there_is_not_is_refused_where_it_is_said(door: str) -> None:
    with pytest.raises(UsageError, match="no backend 'turch'") as refused:
        DOORS[door](backend="turch")
    assert str(refused.value.hint) == "one of numpy, torch, jax, dask"
    with pytest.raises(UsageError, match="numpy takes no scheduler"):
        DOORS[door](scheduler="tcp://127.0.0.1:1")


def test_a_session_that_is_shown_has_its_own() -> None:
    for own in (bpdebug.Session(bpdebug.load("transpose")), bpdebug.run(bpdebug.load("transpose"))):
        with pytest.raises(UsageError, match="have their own memory"):
            bpdebug.show(own, memory="1G")


def test_a_widget_takes_them(tmp_path: Path) -> None:
    pytest.importorskip("anywidget", reason="an extra")
    from bpdebug.widget import Walk  # an extra

    walk = Walk(bpdebug.load("transpose"), memory="1G", spill=tmp_path)
    assert walk.session.state.timeline.store.budget.disk is not None
    with pytest.raises(UsageError, match="no backend 'turch'"):
        Walk(bpdebug.load("transpose"), backend="turch")


def test_a_command_that_computes_nothing_refuses_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "made.toml"
    for said in (["--backend", "numpy"], ["--spill", str(tmp_path)]):
        assert main(["import", "transpose", "-o", str(out), *said]) == 2
        assert f"import computes nothing: {said[0]}" in capsys.readouterr().err
    assert main(["run", "transpose", "--spill="]) == 2
    assert "spill takes a name, not ''" in capsys.readouterr().err


@pytest.mark.parametrize("door", DOORS)
def test_dask_takes_no_folder(door: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="dask takes no folder"):
        DOORS[door](backend="dask", spill=str(tmp_path))


def test_half_precision_is_not_compared_with_numpys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("torch", reason="an extra")
    path = tmp_path / "half.toml"
    path.write_text(
        "format = 1\ndtype = 'bfloat16'\n[parameters]\nW = [1.0]\n[graph]\nloss = 'L'\nprogram = 'L = sum(W)'\n"
    )
    assert main(["compare", str(path), "--backend", "torch"]) == 3
    assert "one side is computed on NumPy, which does not compute in bfloat16" in capsys.readouterr().err


def test_a_recording_in_half_precision_opens_anywhere_and_is_computed_again_in_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Reading one computes nothing; a model's was computed again in float32, as if that were the same."""
    torch = pytest.importorskip("torch", reason="an extra")
    torch.manual_seed(0)
    model, path = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh()).bfloat16(), str(tmp_path / "m.bptrace")
    scenario = bpdebug.from_torch(model, (torch.randn(5, 3).bfloat16(),), loss=lambda out: (out * out).mean())
    bpdebug.Session(scenario, backend="torch").do(f"record {path}")
    assert main(["run", path]) == 0
    assert main(["compare", path, "--backend", "torch"]) == 0
    capsys.readouterr()
    assert main(["compare", path]) == 3
    assert "NumPy does not compute in bfloat16" in capsys.readouterr().err


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_recordings_on_two_libraries_are_compared_but_for_rounding(
    dtype: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a scenario is on two of them; two on one library are the same bit for bit, or said to differ."""
    pytest.importorskip("torch", reason="an extra")
    half = dtype == "bfloat16"
    if half:
        pytest.importorskip("jax", reason="an extra")
    text = f"""
format = 1
dtype = "{dtype}"
[inputs]
X = {{ shape = [16, 33], init = "normal" }}
[parameters]
W = {{ shape = [33, 20], init = "normal" }}
[graph]
loss = "L"
program = '''
Y = X @ W
L = mean(softmax(Y) * tanh(Y))
'''
"""
    kept = {}
    for name, library, rule in (
        ("a", "jax" if half else "numpy", ""), ("b", "torch", ""), ("c", "torch", "set rule tanh1@bwd Y = dtanh1"),
    ):  # fmt: skip
        session = bpdebug.Session(bpdebug.load(text), backend=library)
        if rule:
            session.do(rule)
        session.do(f"record {(path := str(tmp_path / f'{name}.bptrace'))}")
        kept[name] = path
        assert open_recording(path).recording.library.partition(" ")[0] == library  # type: ignore[union-attr]
        assert main(["compare", path, path]) == 0
        assert "bit for bit" in capsys.readouterr().out
    assert main(["compare", kept["a"], kept["b"]]) == 0
    assert "but for rounding" in capsys.readouterr().out
    assert main(["compare", kept["a"], kept["c"]]) == 1
    assert "the first difference beyond rounding is" in capsys.readouterr().out
    assert main(["compare", kept["b"], kept["c"]]) == 1
    assert "the first difference is" in capsys.readouterr().out


def test_what_a_page_of_a_browser_is_started_with_says_the_same() -> None:
    words = ["--memory", "1G", "--spill", "/scratch", "--backend", "torch", "--device", "cpu", "--set", "W=a b.npy",
             "--limit", "nodes=7", "--fresh"]  # fmt: skip
    served = parser().parse_args(["serve", "transpose", *words], SimpleNamespace())
    again = parser().parse_args(["show", *handed_on(served), "transpose"], SimpleNamespace())
    assert limits_of(again) == limits_of(served)
    assert (again.set, again.fresh, again.file) == (["W=a b.npy"], True, "transpose")
    bare = parser().parse_args(["serve"], SimpleNamespace())
    assert handed_on(bare) == []


def test_an_editor_says_them_at_the_launch(tmp_path: Path) -> None:
    with connected() as client:
        for said, words in (
            ({"backend": "turch"}, "no backend 'turch'"),
            ({"device": "cpu"}, "numpy takes no device"),
            ({"spill": str(tmp_path / "none")}, "cannot write to"),
            ({"memory": "much"}, "'much' is no size"),
        ):
            refused = client.answer("launch", program="transpose", **said)
            assert not refused["success"]
            assert words in refused["body"]["error"]["format"]
        assert client.start("transpose", memory="1G", spill=str(tmp_path))["reason"] == "entry"


def test_errors_are_those_of_bpdebug() -> None:
    with pytest.raises(BpdebugError):
        bpdebug.run(bpdebug.load("transpose"), backend="dask", device="cpu")
