"""Scenarios for the tests of the debugger, the views and the front ends: the shipped ones, and a few small ones."""

from __future__ import annotations

from functools import cache

from bpdebug.debugger import State, open_session, update
from bpdebug.scenario import Scenario, expected_error, find, load, shipped
from bpdebug.views import view

REFUSED = {s.name: code for s in shipped() if (code := expected_error(find(s.name))) is not None}
"""Lessons that must not open, with the code they are refused with."""
NAMES = tuple(s.name for s in shipped() if s.name not in REFUSED)

WALK = """
format = 1
title = "Nested blocks, a loop, fan-out and training"

[inputs]
X = [[1, 2], [3, 4], [5, 6]]

[parameters]
W1 = [[0.5, -0.25], [0.25, 0.5]]
W2 = [[1, 0.5], [-0.5, 1]]
unused = [1]

[graph]
loss = "L"
program = '''
def inner(a, w):
    p = a @ w
    return tanh(p)

def above(a, w):
    q = inner(a, w)
    r = inner(q, w)
    return r + a

H = above(X, W1)
h = H
for t in range(2):
    h = h @ W2
with block("head"):
    L = mean(h * H)
'''

[train]
lr = 0.1
steps = 2
"""
"""Its events, of iteration 0; iteration 1 follows with 21 to 41, and 42 is the end.

    0 above1.inner1.p   5 h            9 L (seed)       14 H                  19 W1 (update)
    1 above1.q          6 h.1         10 L (backward)   15 above1.r           20 W2 (update)
    2 above1.inner2.p   7 head.mul1   11 head.mul1      16 above1.inner2.p
    3 above1.r          8 L           12 h.1            17 above1.q
    4 H                               13 h              18 above1.inner1.p
"""

PLAIN = """
format = 1
title = "Broadcasting, integers, a mask, and what has no gradient"

[inputs]
X = [[1, 2, 3], [4, 5, 6]]
ids = { value = [0, 1, 1], dtype = "int64" }
alone = [1.0, 2.0]

[parameters]
W = [[1, 0], [0, 1], [1, 1]]
b = [0.5, -0.5]

[graph]
loss = "L"
program = '''
Z = X @ W
Y = Z + b
D = dropout(Y, p=0.5)
seen = sigmoid(Z)
L = sum(D)
'''

[notes]
"Y@bwd" = "One b for two rows."
"""

MOMENTUM = """
format = 1
title = "Momentum, four steps: the velocity is part of what happens"
[inputs]
t = [2.0, -1.0]
[parameters]
w = [0.0, 0.5]
[graph]
loss = "L"
program = "L = 0.5 * sum((w - t) ** 2)"
[train]
optimizer = "momentum"
lr = 0.1
momentum = 0.9
steps = 4
"""
"""Ten events a step: 0 to 3 forward, 4 the seed, 5 to 8 backward, 9 w (update)."""

FAULTY = """
format = 1
title = "A division by zero"

[inputs]
x = [1, 0, 2]

[graph]
loss = "L"
program = '''
u = 1 / x
v = u - u
L = sum(v)
'''
"""

HOSTILE = '''
format = 1
title = "\\u001b]0;pwned\\u0007 [bold]x[/] [@click=app.quit]y[/] \\u202eabc \\u009b31m"
about = "\\u001b[31mred [/bold"

[inputs]
X = [[1, 2], [3, 4]]
"ünï" = [1.0, 2.0]

[graph]
incoming = { Y = "ones" }
program = """
Y = X * ünï     # \\u001b[2J
"""

[notes]
"Y@bwd" = "\\u001b[2J \\u0007 [/] \\u2066note"
'''


@cache
def scenario(name: str) -> Scenario:
    """A shipped scenario by name, or one from its text; graphs are built once."""
    return load(name)


def session(name: str, *lines: str) -> State:
    """A session after some commands."""
    state = open_session(scenario(name))
    for line in lines:
        state = update(state, line)
    return state


def said(name: str, *lines: str) -> str:
    """What is shown after some commands."""
    return view(session(name, *lines)).to_text()
