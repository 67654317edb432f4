"""A model written as a scenario file loads without the library that it came from, and gives the same bits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bpdebug
from bpdebug import BpdebugError
from bpdebug.cli import main
from bpdebug.graph import PARAMETER
from bpdebug.importers.finish import scenario_of
from bpdebug.importers.lowering import Draft, Lowering
from bpdebug.importers.writing import write_scenario
from bpdebug.limits import Limits
from bpdebug.scenario import Scenario

ODD = "it's '''odd''' \x1b[31m\n["


def odd() -> Scenario:
    """A scenario whose names are words of Python, ops, numbers and calls of a block, on a line of strange source."""
    draft = Draft(source=(f"{ODD}.py:3", ODD))
    x = draft.leaf("", "lambda", np.linspace(-1.0, 2.0, 24).reshape(2, 3, 4).transpose(0, 2, 1), passing=True)
    w = draft.leaf("", "0.weight", np.linspace(1.0, -1.0, 9).reshape(3, 3)[::-1], PARAMETER, passing=True)
    ids = draft.leaf("layer@2", "relu", np.array([[1, 0], [1, 1]]))
    mask = draft.leaf("ﬁ" * 200, "0_weight", np.arange(8).reshape(2, 4, 1) % 3 > 0)
    c = Lowering(draft, "layer@2.0", (), x.dtype, lambda k: np.zeros(()))
    y = c.emit("matmul", c.emit("softmax", x, axis=1), c.emit("transpose", w))
    y = c.emit("max_pool1d", c.emit("masked_fill", y, mask, value=-0.5), size=(2,), name="relu")
    y = c.emit("gather", c.emit("dropout", y, c.emit("greater", y, 0.1), p=0.25), ids, axis=1)
    y = c.emit("div", c.emit("sub", y, 3.0), -7.0)
    y = c.emit("slice", y, key=((None, None, None), 0, (0, 2, None), (None, None, -1)))
    c.block = "last"
    end = c.emit("sum", c.emit("mul", y, y), name="sum")
    return scenario_of(
        draft, end.name, [end], "odd model", Limits(), conventions="torch", remarks=[ODD], classes={"last": "Last"}
    )


def written(scenario: Scenario, folder: Path) -> Scenario:
    """The scenario that is loaded of what was written; its loss and its leaves' gradients are the same bits."""
    path = folder / "model.toml"
    write_scenario(scenario, str(path))
    found = bpdebug.load(path)
    assert len(found.graph) == len(scenario.graph)
    assert found.conventions == scenario.conventions
    a, b = bpdebug.run(scenario), bpdebug.run(found)
    assert a.loss == b.loss
    theirs = [leaf.name for kind in (False, True) for leaf in scenario.graph.leaves if (leaf.kind == PARAMETER) == kind]
    for one, other in zip(theirs, (leaf.name for leaf in found.graph.leaves), strict=True):
        np.testing.assert_array_equal(a.value(one), b.value(other))
        np.testing.assert_array_equal(np.asarray(a.grad(one)), np.asarray(b.grad(other)))
    return found


def test_names_of_any_kind_are_written(tmp_path: Path) -> None:
    found = written(odd(), tmp_path)
    names = [leaf.name for leaf in found.graph.leaves]
    assert names[:2] == ["lambda1", "layer_2_relu"]
    assert names[2].endswith("fi_0_weight")
    assert names[3] == "_0_weight"
    assert {node.block for node in found.graph.nodes} == {"layer_2._0", "last"}
    assert "\x1b" not in (tmp_path / "model.toml").read_text()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "model.toml"
    path.write_text("mine")
    with pytest.raises(BpdebugError) as caught:
        write_scenario(odd(), str(path))
    assert caught.value.code == "E_FILE"
    assert path.read_text() == "mine"


def test_what_is_a_scenario_is_not_imported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", "two_layer", "-o", str(tmp_path / "x.toml")]) == 2
    assert "is no model" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["lenet", "lstm cell", "transformer encoder", "dlrm", "gnn"])
def test_a_model_of_pytorch_is_written(name: str, tmp_path: Path) -> None:
    torch: Any = pytest.importorskip("torch", reason="PyTorch is an optional oracle")
    from tests.importers.zoo.small import SMALL

    torch.manual_seed(0)
    model, args, loss = SMALL[name]()
    written(bpdebug.from_torch(model, args, loss), tmp_path)
