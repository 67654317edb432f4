"""A file of torch.export.save opens as the model does that was exported; another process reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bpdebug
from bpdebug import BpdebugError
from bpdebug.cli import main
from bpdebug.frontends.recorder import record
from bpdebug.importers import ModelOptions, open_any
from bpdebug.importers.aten.package import FileAsked
from bpdebug.importers.aten.reader import answer
from bpdebug.importers.packed import pack, unpack
from bpdebug.limits import Limits
from tests.importers.aten.archives import GOOD, MODEL, archive, program

torch = pytest.importorskip("torch", reason="PyTorch is an optional oracle")

nn, F = torch.nn, torch.nn.functional
Module: Any = nn.Module


class Tied(Module):  # type: ignore[misc]  # torch may be missing
    """A model of a module called model, with a weight that is used twice."""

    def __init__(self) -> None:
        super().__init__()
        self.model = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 4))
        self.model[3].weight = self.model[0].weight

    def forward(self, x: Any) -> Any:
        y = torch.softmax(self.model(x), -1).clamp(max=0.9)[:, 1:]
        return {"loss": y.square().mean(), "y": y}


@pytest.fixture(autouse=True)
def _trusting(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the reader's own process does to torch is undone here."""
    monkeypatch.setattr(torch, "load", torch.load)


@pytest.fixture
def saved(tmp_path: Path) -> tuple[Any, Any, Path]:
    torch.manual_seed(0)
    model, x, path = Tied(), torch.randn(5, 4), tmp_path / "m.pt2"
    torch.export.save(torch.export.export(model, (x,)), path)
    return model, x, path


def read(path: Path, **options: Any) -> Any:
    """What the other process reads, in this one."""
    found = answer(FileAsked(str(path), ModelOptions(**options), {}, ""))
    if isinstance(found, BpdebugError):
        raise found
    return found


def same(mine: Any, theirs: Any) -> None:
    """Two scenarios of the same steps, names, places and bits."""
    a, b = bpdebug.run(mine), bpdebug.run(theirs)
    assert [n.id for n in mine.graph.nodes] == [n.id for n in theirs.graph.nodes]
    assert mine.graph.imported == theirs.graph.imported
    assert a.loss == b.loss
    for name in mine.graph.names:
        np.testing.assert_array_equal(a.value(name), b.value(name))
        one, other = a.grad(name), b.grad(name)
        assert (one is None) == (other is None)
        assert one is None or np.array_equal(one, np.asarray(other))


def test_a_file_is_what_the_model_is_and_so_is_its_recording(saved: tuple[Any, Any, Path], tmp_path: Path) -> None:
    model, x, path = saved
    found, wanted = read(path, loss="loss"), bpdebug.from_torch(model, (x,), "loss")
    same(found, wanted)
    assert found.graph.imported.aliases == {"model.3.weight": "model.0.weight"}
    same(unpack(pack(found), Limits()), found)
    record(tmp_path / "kept.bptrace", found, bpdebug.run(found))
    same(bpdebug.load(tmp_path / "kept.bptrace"), found)


def test_the_program_opens_it(saved: tuple[Any, Any, Path], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", str(saved[2]), "--loss", "loss"]) == 0
    said = capsys.readouterr()
    assert "model.0.matmul" in said.out
    assert not said.err.strip() or said.err.startswith("note: ")


def test_ones_come_in_where_it_is_said(saved: tuple[Any, Any, Path]) -> None:
    graph = read(saved[2], incoming=("y",)).graph
    assert [graph.shapes[t] for t in graph.incoming] == [(5, 3)]
    assert len(read(saved[2]).graph.incoming) == 2
    with pytest.raises(BpdebugError, match="no output 'los'") as caught:
        read(saved[2], loss="los")
    assert caught.value.code == "E_LOSS"


@pytest.mark.parametrize(("several", "names"), [(False, ("0", "mean")), (True, ("1", "mean"))])
def test_an_output_without_a_key_is_named_by_its_place(several: bool, names: tuple[str, str], tmp_path: Path) -> None:
    class Lost(nn.Module):  # type: ignore[misc,name-defined]  # as above
        def forward(self, x: Any) -> Any:
            return (x.exp(), x.mean()) if several else x.mean()

    program = torch.export.export(Lost(), (torch.ones(2, 3, requires_grad=True),))
    torch.export.save(program, path := tmp_path / "lost.pt2")
    for name in names:
        graph = read(path, loss=name).graph
        assert graph.names[graph.loss] == "mean"
    with pytest.raises(BpdebugError, match="no output '7'") as caught:
        read(path, loss="7")
    assert str(caught.value.hint) == f"it gives: {'0, 1, exp, mean' if several else '0, mean'}"


def test_everything_may_be_double(saved: tuple[Any, Any, Path]) -> None:
    model, x, path = saved
    found = read(path, loss="loss", double=True)
    assert {dtype.name for dtype in found.graph.dtypes} == {"float64"}
    wanted = model.double()(x.double())["loss"]
    np.testing.assert_allclose(np.asarray(bpdebug.run(found).loss), wanted.item(), rtol=1e-12)


def test_inputs_are_given_by_name(saved: tuple[Any, Any, Path], tmp_path: Path) -> None:
    given = tmp_path / "x.npz"
    np.savez(given, x=np.ones((5, 4)))
    assert (read(saved[2], inputs=str(given)).graph.leaves[0].array == 1).all()
    np.savez(given, x=np.ones((5, 3)))
    with pytest.raises(BpdebugError, match=r"\(5, 3\)"):
        read(saved[2], inputs=str(given))
    np.savez(given, z=np.ones((5, 4)))
    with pytest.raises(BpdebugError, match="no input 'z'"):
        read(saved[2], inputs=str(given))


class Odd(Module):  # type: ignore[misc]  # as above
    def forward(self, x: Any) -> Any:
        return torch.lgamma(x).sum()


def test_what_another_process_refuses_is_said_here(tmp_path: Path) -> None:
    path = tmp_path / "m.pt2"
    torch.export.save(torch.export.export(Odd(), (torch.ones(3),)), path)
    with pytest.raises(BpdebugError, match=r"lgamma\.default") as caught:
        open_any(path)
    assert (caught.value.code, caught.value.where) == ("E_OP", "m.pt2")


def test_a_good_archive_of_nonsense_is_refused_in_words(tmp_path: Path) -> None:
    path = tmp_path / "m.pt2"
    path.write_bytes(archive({**GOOD, MODEL: program({"inputs": [{"arg": {"as_int": 10**15}}]})}))
    with pytest.raises(BpdebugError, match="PyTorch could not read it") as caught:
        read(path)
    assert (caught.value.code, caught.value.where) == ("E_FILE", "m.pt2")
