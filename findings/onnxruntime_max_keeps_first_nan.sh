#!/usr/bin/env bash
# ONNX Runtime 1.32.0 (CPU): a largest cell is NaN if the NaN comes first, and the other cells' largest if it comes later.
#
# Guess: a NaN among the cells is handed on by a maximum wherever it stands, as by torch.amax and torch.max_pool2d, from
#        which ReduceMax and MaxPool are exported, and by NumPy; or, if it is passed over, it is so at every place.
# Fact: ReduceMax of NaN, 1, 2 is NaN, of 1, NaN, 2 it is 2; ReduceMin and float64 alike. MaxPool and GlobalMaxPool pass
#       every NaN over, and a window of nothing else is float32's least number, -3.4e38, which then goes on through the net.
#       ArgMax says the place of 2. ReduceSum, ReduceMean, Softmax, and Max of two tensors have the NaN.
# Met by: who looks in a deployed model for where a NaN came from: behind the first pool there is none, and whether the
#         check "is the largest cell finite" finds one hangs on where it lies.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'onnxruntime==1.32.0' 'onnx==1.23.2' 'numpy==2.4.6'
"$folder/venv/bin/python" -W ignore - <<'PY'
import numpy as np
import onnx
import onnxruntime
from onnx import helper

assert onnxruntime.__version__ == "1.32.0"
print("onnxruntime", onnxruntime.__version__, "onnx", onnx.__version__, "numpy", np.__version__)


def run(op, *arrays, **attrs):
    names = [f"x{n}" for n in range(len(arrays))]
    inputs = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(a.dtype), a.shape)
        for name, a in zip(names, arrays)
    ]
    node = helper.make_node(op, names, ["y"], **attrs)
    graph = helper.make_graph([node], "g", inputs, [helper.make_empty_tensor_value_info("y")])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    session = onnxruntime.InferenceSession(
        onnx.shape_inference.infer_shapes(model).SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, dict(zip(names, arrays)))[0]


nan, last = np.nan, np.array([1])
for dtype in (np.float32, np.float64):
    for row in ([nan, 1, 2], [1, nan, 2], [1, 2, nan]):
        x = np.array([row], dtype)
        largest, smallest = run("ReduceMax", x, last).item(), run("ReduceMin", x, last).item()
        print(dtype.__name__, row, "largest", largest, "smallest", smallest, "NumPy", np.max(x))
        assert np.isnan(np.max(x))
        assert (np.isnan(largest) and np.isnan(smallest)) if np.isnan(row[0]) else (largest, smallest) == (2, 1)

x = np.array([[[1, nan, 2]]], np.float32)
pooled, alone = run("MaxPool", x, kernel_shape=[3]).item(), run("MaxPool", np.full_like(x, nan), kernel_shape=[3]).item()
print("MaxPool", pooled, "of NaN alone", alone)
assert (pooled, alone) == (2, float(np.finfo(np.float32).min))
assert run("GlobalMaxPool", x).item() == 2
assert run("ArgMax", x[0], axis=1).item() == 2
for op, more in (("ReduceSum", (last,)), ("ReduceMean", (last,)), ("Softmax", ()), ("Max", (x[0] * 0 + 1,))):
    assert np.isnan(run(op, x[0], *more)).any(), op
PY
