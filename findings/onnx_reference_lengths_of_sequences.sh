#!/usr/bin/env bash
# onnx 1.23.2: the reference evaluator's GRU, LSTM and RNN run on past the end of a sequence.
#
# Guess: the fifth input of these layers, sequence_lens, says how long each sequence of a batch is: behind its end Y is
#        zeros, and Y_h is the state at the end. onnx.reference does so, or refuses the input.
# Fact: it takes the input and never looks at it: the padding is read like any other step. Y_h of a sequence of length 1 in
#       a batch of 3 steps is another one than when the sequence is run alone, here by 0.4 (LSTM) to 1.7 (RNN); with other
#       padding it is another one again. ONNX Runtime has the state of the sequence run alone, to rounding, and zeros
#       behind it.
# Met by: who judges a converter or a runtime of recurrent nets on padded batches by onnx.reference.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'onnxruntime==1.32.0' 'onnx==1.23.2' 'numpy==2.4.6'
"$folder/venv/bin/python" -W ignore - <<'PY'
import numpy as np
import onnx
import onnxruntime
from onnx import helper
from onnx.reference import ReferenceEvaluator

assert onnx.__version__ == "1.23.2"
assert onnxruntime.__version__ == "1.32.0"
print("onnx", onnx.__version__, "onnxruntime", onnxruntime.__version__)
draw = np.random.default_rng(0)
size = 4


def ends(op, feeds):
    """The last states, by ONNX Runtime and by the reference."""
    kinds = {name: helper.np_dtype_to_tensor_dtype(a.dtype) for name, a in feeds.items()}
    inputs = [helper.make_tensor_value_info(name, kinds[name], a.shape) for name, a in feeds.items()]
    names = ["X", "W", "R", "B", "lengths" if "lengths" in feeds else ""]
    node = helper.make_node(op, names, ["Y", "Y_h"], hidden_size=size)
    outputs = [helper.make_tensor_value_info(name, kinds["X"], None) for name in ("Y", "Y_h")]
    model = helper.make_model(
        helper.make_graph([node], "g", inputs, outputs), opset_imports=[helper.make_opsetid("", 21)], ir_version=10
    )
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, feeds), ReferenceEvaluator(model).run(None, feeds)


for op, gates in (("GRU", 3), ("LSTM", 4), ("RNN", 1)):
    shapes = {"X": (3, 2, 5), "W": (1, gates * size, 5), "R": (1, gates * size, size), "B": (1, 2 * gates * size)}
    feeds = {name: draw.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    alone = ends(op, {**feeds, "X": feeds["X"][:1, :1]})
    (y, runtime), (_, reference) = ends(op, {**feeds, "lengths": np.array([1, 3], np.int32)})
    other = feeds["X"].copy()
    other[1:, 0] += 1
    _, (_, padded) = ends(op, {**feeds, "X": other, "lengths": np.array([1, 3], np.int32)})
    off = [float(np.abs(h[0, 0] - alone[0][1][0, 0]).max()) for h in (runtime, reference)]
    print(f"{op}: against the sequence alone ONNX Runtime is off by {off[0]:.1e}, the reference by {off[1]:.3f}")
    assert np.allclose(alone[0][1], alone[1][1], atol=1e-5)
    assert off[0] < 1e-6
    assert off[1] > 0.3
    assert not y[1:, 0, 0].any()
    assert np.abs(padded[0, 0] - reference[0, 0]).max() > 0.01
PY
