#!/usr/bin/env bash
# onnx 1.23.2: LogSoftmax of the reference evaluator is -inf from 104 below the largest cell on, and inexact before.
#
# Guess: LogSoftmax exists for the digits that the logarithm of a softmax loses; its page defines it by a function of
#        ReduceMax, Sub, Exp, ReduceSum, Log and Sub, and the reference evaluator gives what that gives: -200 for 200 and 0.
# Fact: it takes the logarithm of a softmax. In float32, 200 and 0 give 0 and -inf, and 100 and 0 give -99.983. The same
#       evaluator, given the function that onnx itself has for the op, says -200 and -100; so does ONNX Runtime.
# Met by: who compares the losses of an exported classifier with the reference: a confident wrong answer costs infinity.
set -euo pipefail
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q 'onnxruntime==1.32.0' 'onnx==1.23.2' 'numpy==2.4.6'
"$folder/venv/bin/python" -W ignore - <<'PY'
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator

assert onnx.__version__ == "1.23.2"
assert onnxruntime.__version__ == "1.32.0"


def model(nodes):
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 2]) for name in ("x", "y"))
    graph = helper.make_graph(nodes, "g", [x], [y])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


node = helper.make_node("LogSoftmax", ["x"], ["y"], axis=1)
one = model([node])
schema = onnx.defs.get_schema("LogSoftmax", 18)
kind = helper.make_tensor_type_proto(TensorProto.FLOAT, [1, 2]).SerializeToString()
version = max(v for v in schema.context_dependent_function_opset_versions if v <= 18)
body = onnx.FunctionProto.FromString(
    schema.get_context_dependent_function_with_opset_version(version, node.SerializeToString(), [kind])
)
outer = {body.input[0]: "x", body.output[0]: "y"}
for inner in body.node:
    inner.input[:] = [outer.get(n, n) for n in inner.input]
    inner.output[:] = [outer.get(n, n) for n in inner.output]
written = model(list(body.node))
print("by its function:", *(n.op_type for n in body.node))
session = onnxruntime.InferenceSession(one.SerializeToString(), providers=["CPUExecutionProvider"])
for far in (10.0, 100.0, 200.0):
    feed = {"x": np.array([[far, 0.0]], np.float32)}
    reference, function = (float(ReferenceEvaluator(m).run(None, feed)[0][0, 1]) for m in (one, written))
    runtime = float(session.run(None, feed)[0][0, 1])
    print(f"{far}, 0: reference {reference}, its function {function}, ONNX Runtime {runtime}")
    assert abs(function + far) < 1e-3
    assert abs(runtime + far) < 1e-3
    assert abs(reference + far) < 1e-3 if far == 10 else abs(reference + far) > 0.01 if far == 100 else reference == -np.inf
PY
