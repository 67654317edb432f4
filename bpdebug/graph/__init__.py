"""Nodes, blocks and the graph: order, names, shapes and sizes, all checked before any value exists."""

from bpdebug.graph.build import build
from bpdebug.graph.dtypes import check_dtypes
from bpdebug.graph.graph import Graph, frames
from bpdebug.graph.nodes import DRAWN, INPUT, NODE, PARAMETER, STATE, Imported, Leaf, Lit, NewNode, Node, Step, Steps
from bpdebug.graph.outputs import Incoming
from bpdebug.graph.subject import Site, Subject, sites, subject_among, subjects

__all__ = [
    "DRAWN", "INPUT", "NODE", "PARAMETER", "STATE", "Graph", "Imported", "Incoming", "Leaf", "Lit", "NewNode",
    "Node", "Site", "Step", "Steps", "Subject", "build", "check_dtypes", "frames", "sites", "subject_among", "subjects",
]  # fmt: skip
