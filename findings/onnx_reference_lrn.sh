#!/usr/bin/env bash
# onnx 1.23.2 and NumPy 2.4.6: the reference evaluator's LRN goes over as many channels as there are images.
# Guess: onnx.reference is what runtimes are judged by, so on a valid LRN it gives what the operator's page defines:
#   each cell over a power of the squares of the channels beside it, in every image.
# Seen: its loop runs over range(x.shape[0]), the batch: with 2 images of 5 channels only the channels 0 and 1 have a
#   sum of squares, the others are divided by bias ** beta alone; with more images than channels it fails (IndexError).
#   ONNX's own node tests have 5 images of 5 channels, where it is right. LpNormalization with p = 1 sums cells and
#   not their sizes: 3, -1 is divided by 2, and 1, -1 becomes zeros.
#   Met by: who judges a converter or a runtime by onnx.reference finds fault with one that is right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv v
v/bin/pip install -q "onnx==1.23.2" "numpy==2.4.6"
v/bin/python - <<'PYTHON'
import numpy as np
import onnx
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

print("onnx", onnx.__version__, "numpy", np.__version__)


def computed(op, x, **attrs):
    info = helper.make_tensor_value_info("x", TensorProto.FLOAT, x.shape)
    graph = helper.make_graph([helper.make_node(op, ["x"], ["y"], **attrs)], "g", [info], [helper.make_empty_tensor_value_info("y")])
    return ReferenceEvaluator(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)])).run(None, {"x": x})[0]


x = np.arange(1, 11, dtype=np.float32).reshape(2, 5, 1, 1)
mine = np.empty_like(x)
for channel in range(5):
    squares = (x[:, max(0, channel - 1) : channel + 2] ** 2).sum(axis=1)
    mine[:, channel] = x[:, channel] / (1 + 1 / 3 * squares) ** 0.75
theirs = computed("LRN", x, size=3, alpha=1.0, beta=0.75, bias=1.0)
print("the page: ", mine.ravel().round(3))
print("reference:", theirs.ravel().round(3))
assert np.allclose(theirs[:, :2], mine[:, :2], rtol=1e-5)
assert np.array_equal(theirs[:, 2:], x[:, 2:]), "divided by 1 alone"

try:
    computed("LRN", np.ones((3, 2, 1, 1), np.float32), size=3)
    raise SystemExit("three images of two channels have an answer")
except IndexError as error:
    print("IndexError", error)

row = computed("LpNormalization", np.array([[3, -1]], np.float32), p=1)
print("LpNormalization, p = 1, of 3, -1:", row)
assert np.array_equal(row, [[1.5, -0.5]])  # 0.75, -0.25 by its page
assert not computed("LpNormalization", np.array([[1, -1]], np.float32), p=1).any()
PYTHON
