"""A part of ONNX's own node tests, those of ops that models are made of; `backend.py` runs all of them, by hand."""

from __future__ import annotations

import warnings
from importlib import import_module

import pytest

pytest.importorskip("onnx", reason="onnx is an optional oracle")

from tests.importers.onnx_graph.backend import usable, verdict  # where onnx is there

OPS = """
add batch_normalization clip concat conv convtranspose cumsum einsum elu expand flatten gather gatherelements gathernd
gelu gemm globalaveragepool groupnormalization gru hardswish instance_normalization layernormalization leakyrelu lrn
lstm matmul pad pow prelu reducel2 reduce_log_sum_exp reducemean reducesum reshape resize rmsnormalization rnn
rotaryembedding scatterelements scatternd slice softmax split squeeze tile topk transpose unsqueeze where
"""
OWNERS: dict[str, str] = {}
"""Which op's module made a test."""


@pytest.mark.parametrize("op", OPS.split())
def test_node_tests_agree(op: str) -> None:
    """Those of an op with a float input: none is wrong, and some agree."""
    home = "onnx.backend.test.case.node"
    nodes = import_module(home)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = import_module(f"{home}.{op}")
    assert module
    OWNERS.update({case.name: op for case in nodes._NodeTestCases if case.name not in OWNERS})
    mine = [case for case in nodes._NodeTestCases if OWNERS[case.name] == op]
    said = {case.name: verdict(case) for case in usable(mine)}
    assert [name for name, word in said.items() if word.startswith("!")] == []
    assert "" in said.values()
