"""Graphs of many nodes, as a person writes them."""

from __future__ import annotations

import bpdebug
from bpdebug.scenario import Scenario

HEAD = """format = 1
[inputs]
X = [[0.3, -0.2], [0.5, 0.1]]
[parameters]
W = [[0.9, -0.4], [0.3, 0.8]]
b = [[0.1, 0.2], [-0.1, 0.3]]
[graph]
loss = "L"
program = '''
"""


def chain_text(turns: int, more: str = "") -> str:
    """h = tanh(h @ W + b), so many times: three nodes each, and the loss; `more` stands behind the program."""
    return f"{HEAD}h = X\nfor i in range({turns}):\n    h = tanh(h @ W + b)\nL = sum(h)\n'''\n{more}"


def chain(turns: int, more: str = "") -> Scenario:
    """The same, opened."""
    return bpdebug.load(chain_text(turns, more))
