"""Small programs in which a number becomes NaN or infinite, and those in which a gradient's cell stays zero.

Of each: the answer, where it is born (PyTorch's, stepped node by node: test_births_against_torch.py), and what must be
named as its cause.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import bpdebug
from bpdebug.scenario import load

INF, NAN = float("inf"), float("nan")
Z, V, U = "zero-times-inf", "overflow", "undefined"


@dataclass(frozen=True)
class Case:
    """Leaves, a program (lines after ';'), what is asked, the answer, where it is born, and words of the evidence.

    `elsewhere`: NaN or infinity appears earlier, too, in cells that do not reach the one asked about.
    """

    leaves: dict[str, Any]
    program: str
    of: str
    answer: str
    born: str
    says: tuple[str, ...]
    dtype: str = "float64"
    elsewhere: bool = False
    never: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.program} | {self.of}"


def session(case: Case, folder: Path) -> Any:
    """A session at the end of the case; arrays that are not finite come from files in a folder."""
    lines, files = [], {}
    for name, value in case.leaves.items():
        array = np.asarray(value)
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            files[name] = folder / f"{name}.npy"
            np.save(files[name], array.astype(case.dtype))
            array = np.zeros_like(array)
        kind = {"f": "", "i": ', dtype = "int64"', "b": ', dtype = "bool"'}[array.dtype.kind]
        text = str(array.tolist()).replace("True", "true").replace("False", "false")
        lines.append(f"{name} = {{ value = {text}{kind} }}")
    program = "\n".join(line.strip() for line in case.program.split(";"))
    text = f"format = 1\ndtype = '{case.dtype}'\n[inputs]\n" + "\n".join(lines)
    text += f"\n[graph]\nloss = 'L'\nprogram = '''\n{program}\n'''\n"
    made = bpdebug.Session(load(text, replace=files))
    made.do("seek end")
    return made


X2 = {"x": [1.0, 2.0]}
ROWS = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
MASKED = [[1.0, 2.0], [-INF, -INF]]
IDS = {"i": [1, 0]}
IMAGE = [[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [7.0, 8.0, 9.0]]]]

FORWARD = [
    # quotients
    Case({"x": [0.0, 1.0]}, "y = x / x; L = sum(y)", "L", U, "forward y", ("0 / 0", "x[0] is 0")),
    Case({"x": [0.0, 1.0]}, "y = x / x; L = sum(y)", "dx", U, "forward y", ("0 / 0", "x[0] is 0")),
    Case({"x": [0.0, 1.0]}, "y = x / 0; L = sum(y)", "L", U, "forward y", ("0 / 0",)),
    Case({"x": [0.0, 1.0]}, "y = 1 / x; L = sum(y)", "L", V, "forward y", ("1 / 0", "divided by x[0]")),
    Case({"x": [3.0, 3.0]}, "d = x - x; y = 2 / d; L = sum(y)", "y", V, "forward y", ("3 - 3", "'d'")),
    Case({"x": [3.0, 3.0]}, "d = x - x; y = d / d; L = sum(y)", "dx", U, "forward y", ("0 / 0", "3 - 3", "'d'")),
    Case(X2, "m = mean(x); d = m - 1.5; y = d / d; L = y + 0", "L", U, "forward y", ("0 / 0", "1.5 - 1.5", "m = ")),
    Case({"u": [100.0, 0.5], "b": [2.0, 0.0]}, "v = u * 10; a = exp(v); y = a / b; L = sum(y)", "db[1]", V,
         "forward y", ("148.4 / 0", "b[1]"), elsewhere=True),
    Case({"u": [100.0, 0.5], "b": [2.0, 0.0]}, "v = u * 10; a = exp(v); y = a / b; L = sum(y)", "db[0]", V,
         "forward a", ("exp(1000) overflows",)),
    Case({"s": 802.0}, "e = exp(s); q = 1 + e; p = e / q; L = p * 2", "L", V, "forward p",
         ("inf / inf", "e = exp(s): exp(802) overflows")),
    Case({"s": 802.0}, "e = exp(s); q = 1 + e; p = e / q; L = p * 2", "ds", V, "forward p",
         ("inf / inf", "exp(802) overflows")),
    Case({"s": 90.0}, "e = exp(s); q = 1 + e; p = e / q; L = p * 2", "L", V, "forward p",
         ("inf / inf", "exp(90) overflows float32"), "float32"),
    Case({"x": [1e-200, 1.0]}, "q = x * x; y = q / q; L = sum(y)", "L", U, "forward y", ("0 / 0", "1e-200 * 1e-200")),
    Case({"x": [3.0, 4.0]}, "c = x - 3; n = sqrt(c); y = c / n; L = sum(y)", "y[0]", U, "forward y", ("0 / 0",
         "3 - 3")),
    # logarithms, roots, powers
    Case({"x": [-1.0, 1.0]}, "y = log(x); L = sum(y)", "L", U, "forward y", ("log(-1)",)),
    Case({"x": [0.0, 1.0]}, "y = log(x); L = sum(y)", "L", V, "forward y", ("log(0)", "x[0] is 0")),
    Case({"x": [2.0, 3.0]}, "c = 2 - x; y = log(c); L = sum(y)", "y[1]", U, "forward y", ("log(-1)", "c[1] = 2 - x")),
    Case({"x": [-4.0, 1.0]}, "y = sqrt(x); L = sum(y)", "L", U, "forward y",
         ("sqrt(-4)", "x[0] is -4 as given")),
    Case({"x": [-4.0, 1.0]}, "y = sqrt(x); L = sum(y)", "dx", U, "forward y", ("sqrt(-4)",)),
    Case({"x": [1.0, 2.0]}, "m = x * x; v = m - 2; y = sqrt(v); L = sum(y)", "L", U, "forward y",
         ("sqrt(-1)", "v[0] = m - 2")),
    Case({"x": [-8.0, 1.0]}, "y = x ** 0.5; L = sum(y)", "L", U, "forward y", ("(-8) ** 0.5",)),
    Case({"x": [0.0, 1.0]}, "y = x ** -1; L = sum(y)", "L", V, "forward y", ("0 ** (-1)", "x[0] is 0")),
    Case({"x": [1e200, 1.0]}, "y = x ** 2; L = sum(y)", "L", V, "forward y", ("1e+200 ** 2 overflows",)),
    Case({"x": [1e200, 1.0]}, "y = square(x); L = sum(y)", "L", V, "forward y", ("square(1e+200) overflows",)),
    Case({"x": [2000.0, 1.0]}, "y = 2 ** x; L = sum(y)", "L", V, "forward y", ("2 ** 2000 overflows",)),
    Case({"a": [2.0, 3.0], "b": [2000.0, 1.0]}, "y = a ** b; L = sum(y)", "L", V, "forward y",
         ("2 ** 2000 overflows",)),
    Case({"x": [-800.0, 0.0]}, "n = -x; e = exp(n); q = 1 + e; p = 1 / q; y = log(p); L = sum(y)", "L", V, "forward y",
         ("log(0)", "1 / inf", "exp(800) overflows"), elsewhere=True),
    Case({"x": [40.0, 0.0]}, "p = sigmoid(x); q = 1 - p; y = log(q); L = sum(y)", "L", V, "forward y",
         ("log(0)", "1 - 1", "sigmoid(40) = 1")),
    Case({"x": [-800.0, 0.0]}, "p = softmax(x); y = log(p); L = sum(y)", "L", V, "forward y", ("log(0)", "'p'")),
    Case({"x": [-800.0, 0.0]}, "p = sigmoid(x); y = log(p); L = sum(y)", "L", V, "forward y", ("log(0)", "exp(-800)")),
    Case({"p": [0.0, 1.0]}, "q = log(p); y = p * q; L = sum(y)", "L", U, "forward y",
         ("0 * (-inf)", "log(0)")),
    Case({"p": [0.0, 1.0]}, "q = log(p); y = q * 0; L = sum(y)", "L", U, "forward y",
         ("(-inf) * 0", "log(0)")),
    # exponentials and sums
    Case({"x": [800.0, 1.0]}, "y = exp(x); L = sum(y)", "L", V, "forward y", ("exp(800) overflows float64",)),
    Case({"x": [90.0, 1.0]}, "y = exp(x); L = sum(y)", "L", V, "forward y", ("exp(90) overflows float32",), "float32"),
    Case({"x": [800.0, 1.0]}, "e = exp(x); s = sum(e); y = e / s; L = sum(y)", "y[0]", V, "forward y",
         ("inf / inf", "exp(800) overflows")),
    Case({"x": [800.0, 900.0]}, "e = exp(x); y = e[0] - e[1]; L = y * 2", "L", V, "forward y",
         ("inf - inf", "exp(800) overflows")),
    Case({"x": [800.0, 900.0]}, "e = exp(x); m = max(e); y = e - m; L = sum(y)", "L", V, "forward y",
         ("inf - inf", "overflows")),
    Case({"x": [INF, -INF]}, "L = sum(x)", "L", U, "forward L", ("inf", "-inf")),
    Case({"x": [INF, 1.0]}, "y = x - x; L = sum(y)", "L", U, "forward y", ("inf - inf", "x[0]")),
    Case({"x": [INF, 1.0]}, "y = x * 0; L = sum(y)", "L", U, "forward y", ("inf * 0", "x[0]")),
    Case({"x": [INF, 1.0]}, "y = sin(x); L = sum(y)", "L", U, "forward y", ("sin(inf)",)),
    Case({"x": [INF, 1.0]}, "y = cos(x); L = sum(y)", "L", U, "forward y", ("cos(inf)",)),
    Case({"x": [1e308, 1e308]}, "L = sum(x)", "L", V, "forward L", ("overflows",)),
    Case({"x": [1e308, 1.0]}, "y = x + x; L = sum(y)", "L", V, "forward y", ("1e+308 + 1e+308 overflows",)),
    Case({"x": [-1e308, 1.0]}, "y = x - 1e308; L = sum(y)", "L", V, "forward y", ("overflows",)),
    Case({"x": [1e200, 1.0]}, "y = x * x; L = sum(y)", "L", V, "forward y", ("1e+200 * 1e+200 overflows",)),
    Case({"x": [1e200, 1.0]}, "y = x / 1e-200; L = sum(y)", "L", V, "forward y", ("1e+200 / 1e-200 overflows",)),
    Case({"x": [1e308, 1e308]}, "L = mean(x)", "L", V, "forward L", ("overflows",)),
    Case({"x": [1e200, 1.0]}, "L = var(x)", "L", V, "forward L", ("overflows",)),
    # products
    Case({"A": [[1e200, 1.0]], "B": [[1e200], [1.0]]}, "Y = A @ B; L = sum(Y)", "Y", V, "forward Y", ("overflows",)),
    Case({"A": [[0.0, 1.0]], "w": [[800.0], [1.0]]}, "h = exp(w); Y = A @ h; L = sum(Y)", "Y", V, "forward Y",
         ("0 * inf", "A[0,0] is 0", "exp(800) overflows")),
    Case({"A": [[0.0, 1.0]], "B": [[-INF], [1.0]]}, "Y = A @ B; L = sum(Y)", "L", U, "forward Y",
         ("0 * (-inf)", "B[0,0] is -inf", "A[0,0] is 0")),
    Case({"A": [[1.0, 1.0]], "B": [[-INF], [INF]]}, "Y = A @ B; L = sum(Y)", "L", U, "forward Y",
         ("inf", "-inf")),
    Case({"P": [[0.0, 1.0]], "v": [[0.0], [2.0]]}, "n = log(v); Y = P @ n; L = sum(Y)", "L", U, "forward Y",
         ("0 * (-inf)", "log(0)")),
    # rows: softmax and its relatives
    Case({"S": MASKED}, "P = softmax(S); L = sum(P)", "P", U, "forward P", ("row 1 of S is -inf throughout",)),
    Case({"S": MASKED}, "P = softmax(S); L = sum(P)", "dS", U, "forward P", ("row 1 of S is -inf throughout",)),
    Case({"S": MASKED}, "P = log_softmax(S); L = sum(P)", "P", U, "forward P", ("row 1 of S is -inf throughout",)),
    Case({"S": [[1.0, INF], [1.0, 2.0]]}, "P = softmax(S); L = sum(P)", "P", U, "forward P", ("S[0,1] is inf",)),
    Case({"x": [[800.0, 1.0]]}, "S = exp(x); P = softmax(S); L = sum(P)", "P", V, "forward P",
         ("S[0,0] is inf", "exp(800) overflows")),
    Case({"S": MASKED, **IDS}, "L = cross_entropy(S, i)", "L", U, "forward L", ("row 1 of S is -inf throughout",)),
    Case({"S": [[1.0, INF], [1.0, 2.0]], **IDS}, "L = cross_entropy(S, i)", "L", U, "forward L", ("S[0,1] is inf",)),
    Case({"S": [[1.0, -INF], [1.0, 2.0]], "t": [[1.0, 0.0], [0.0, 1.0]]}, "L = cross_entropy(S, t)", "L", U,
         "forward L", ("0 * (-inf)", "S[0,1] is -inf")),
    Case({"x": [[800.0, 1.0]], "i": [0]}, "S = exp(x); L = cross_entropy(S, i)", "L", V, "forward L",
         ("exp(800) overflows",)),
    Case({"x": [[800.0, 1.0]], "t": [[1.0, 0.0]]}, "S = exp(x); L = mse(S, t)", "L", V, "forward S",
         ("exp(800) overflows",)),
    Case({"z": [800.0, 1.0], "t": [1.0, 0.0]}, "e = exp(z); L = bce_with_logits(e, t)", "L", V, "forward L",
         ("e[0] is inf", "exp(800) overflows")),
    Case({"p": [0.0, 0.5], "t": [1.0, 1.0]}, "L = bce(p, t)", "L", V, "forward L", ("log(0)",)),
    Case({"p": [0.5, 1.0], "t": [0.5, 0.0]}, "L = bce(p, t)", "L", V, "forward L", ("log1p(-1)", "p[1] is 1 as given")),
    Case({"z": [0.5, 800.0], "t": [0.5, 0.0]}, "p = sigmoid(z); L = bce(p, t)", "L", V, "forward L",
         ("log1p(-1)", "p[1] = sigmoid(z) = sigmoid(800) = 1")),
    Case({"x": [[800.0, 1.0]]}, "e = exp(x); L = logsumexp(e)", "L", V, "forward e", ("exp(800) overflows",)),
    # normalisation
    Case({"X": [[1.0, 1.0], [1.0, 2.0]]}, "Y = layer_norm(X, eps=0); L = sum(Y)", "Y", U, "forward Y", ("0 / 0",)),
    Case({"X": [[0.0, 0.0], [1.0, 2.0]]}, "Y = rms_norm(X, eps=0); L = sum(Y)", "Y", U, "forward Y",
         ("0 / 0", "row 0 of X is 0 throughout")),
    Case({"X": [[1.0, 1.0], [1.0, 2.0]]}, "Y = batch_norm(X, eps=0); L = sum(Y)", "Y[0,0]", U, "forward Y", ("0 / 0",)),
    Case({"x": [1.0, 1.0]}, "m = mean(x); c = x - m; v = var(x); s = sqrt(v); y = c / s; L = sum(y)", "L", U,
         "forward y", ("0 / 0", "1 - 1")),
    Case({"x": [0.0, 0.0]}, "q = square(x); s = sum(q); n = sqrt(s); y = x / n; L = sum(y)", "y", U, "forward y",
         ("0 / 0", "x[0] is 0")),
    Case({"x": [[800.0, 1.0]]}, "e = exp(x); Y = layer_norm(e); L = sum(Y)", "Y", V, "forward Y",
         ("inf - inf", "exp(800) overflows")),
    # moved about, behind another
    Case({"x": [[800.0, 1.0]]}, "e = exp(x); t = e.T; r = reshape(t, (2,)); y = r / r; L = sum(y)", "L", V,
         "forward y", ("inf / inf", "exp(800) overflows")),
    Case({"x": [800.0, 1.0], "z": [1.0, 0.0]}, "e = exp(x); c = concat(e, z); y = c[0] - c[0]; L = y * 1.5", "L", V,
         "forward y", ("inf - inf", "exp(800) overflows")),
    Case({"x": [800.0, 1.0], "i": [1, 1]}, "e = exp(x); y = gather(e, i); L = sum(y) / (e[1] - e[1])", "L", V,
         "forward L", ("/ 0", "2.718 - 2.718"), elsewhere=True),
    Case({"x": IMAGE, "w": [[[[INF]]]]}, "z = x - x; y = conv2d(z, w); L = sum(y)", "L", U, "forward y",
         ("inf * 0", "w[0,0,0,0] is inf")),
    Case({"x": [[[[INF, -INF]]]]}, "y = avg_pool2d(x, (1, 2)); L = sum(y)", "L", U, "forward y", ("-inf",)),
    Case({"x": [800.0, 1.0]}, "e = exp(x); y = silu(-e); L = sum(y)", "L", V, "forward y", ("0", "exp(800) overflows")),
    Case({"x": [-800.0, 1.0]}, "n = -x; e = exp(n); m = -e; y = gelu(m); L = sum(y)", "L", V, "forward y",
         ("exp(800) overflows",)),
]  # fmt: skip

BACKWARD = [
    Case({"x": [0.0, 1.0]}, "y = sqrt(x); L = sum(y)", "dx", V, "backward y", ("divided by (2 * y)", "y[0] is 0")),
    Case({"x": [0.0, 1.0]}, "y = sqrt(x); z = y * 0; L = sum(z)", "dx", Z, "backward y", ("0 / 0", "number 0")),
    Case({"x": [0.0, 1.0]}, "y = sqrt(x); z = where(x > 0, y, 0); L = sum(z)", "dx", Z, "backward y",
         ("0 / 0", "not taken")),
    Case({"x": [-1.0, 1.0]}, "r = relu(x); y = sqrt(r); L = sum(y)", "dr", V, "backward y", ("y[0]", "maximum(-1, 0)")),
    Case({"x": [0.0, 0.0]}, "q = square(x); s = sum(q); n = sqrt(s); L = n * 1.5", "dx", Z, "backward q",
         ("inf", "x[0] is 0")),
    Case({"x": [3.0, 3.0]}, "d = x[0] - x[1]; q = square(d); n = sqrt(q); L = n * 2", "dx", Z, "backward q",
         ("3 - 3",)),
    Case({"x": [0.0, 1.0]}, "q = x * x; y = sqrt(q); L = sum(y)", "dx", Z, "backward q", ("inf * 0", "x[0] is 0")),
    Case({"x": [0.0, 1.0]}, "y = log(x); z = y * 0; L = sum(z)", "dx", Z, "backward y", ("0 / 0", "the number 0"),
         elsewhere=True),
    Case({"x": [0.0, 1.0]}, "y = log(x); L = sum(y)", "dx", V, "backward y", ("divided by x[0]",), elsewhere=True),
    Case({"x": [0.0, 1.0]}, "y = log(x); z = where(x > 0, y, 0); L = sum(z)", "dx", Z, "backward y",
         ("0 / 0", "not taken")),
    Case({"x": [0.0, 1.0]}, "y = 1 / x; z = where(x > 0, y, 0); L = sum(z)", "dx", Z, "backward y",
         ("0 * inf", "not taken")),
    Case({"p": [0.0, 1.0]}, "q = log(p); y = p * q; L = sum(y)", "dp", Z, "backward q", ("0 / 0", "p[0] is 0"),
         elsewhere=True),
    Case({"x": [0.0, 1.0]}, "y = x ** 0.5; L = sum(y)", "dx", V, "backward y", ("0 ** (-0.5)", "x[0] is 0")),
    Case({"x": [0.0, 1.0]}, "y = x ** 0.5; z = y * 0; L = sum(z)", "dx", Z, "backward y", ("0 ** (-0.5)", "0 * inf")),
    Case({"x": [0.0, 1.0]}, "y = x ** -1; L = sum(y)", "dx", V, "backward y", ("0 ** (-2)",), elsewhere=True),
    Case({"x": [40.0, 1.0]}, "p = sigmoid(x); q = 1 - p; y = log(q); L = sum(y)", "dq", V, "backward y",
         ("divided by q[0]", "1 - 1", "sigmoid(40) = 1"), elsewhere=True),
    Case({"x": [-800.0, 1.0]}, "p = sigmoid(x); y = log(p); L = sum(y)", "dx", Z, "backward p",
         ("inf * 0", "log 'y'")),
    Case({"x": [-800.0, 0.0]}, "p = softmax(x); y = log(p); L = sum(y)", "dx", Z, "backward p", ("inf", "log 'y'")),
    Case({"x": [-800.0, 0.0]}, "n = -x; e = exp(n); q = 1 + e; p = 1 / q; y = log(p); L = sum(y)", "dx", Z,
         "backward p", ("exp(800) overflows",)),
    Case({"x": [20.0, 1.0]}, "t = tanh(x); q = 1 - t; y = log(q); L = sum(y)", "dx", Z, "backward t",
         ("(-inf) * 0", "tanh(20) = 1")),
    Case({"x": [1e200, 1.0]}, "y = x * 1e200; L = sum(y)", "dx", "nonzero", "backward y", ("norm",)),
    Case({"x": [1e-300, 2e-300]}, "y = x * 1e200; z = y * 1e200; L = sum(z)", "dx", V, "backward y",
         ("1e+200 * 1e+200 overflows",)),
    Case({"x": [1e-250, 1.0]}, "y = 1 / x; L = sum(y)", "dx", V, "backward y", ("overflows",)),
    Case({"x": [1e-300, 1.0]}, "a = sqrt(x); b = a * 1e300; y = b * 1e200; L = sum(y)", "da", V, "backward b",
         ("overflows",), elsewhere=True),
    Case({"a": [2.0, 1.0], "b": [0.0, 1.0]}, "y = a / b; L = sum(y)", "da", V, "backward y", ("divided by b[0]",),
         elsewhere=True),
    Case({"a": [0.0, 1.0], "b": [0.0, 1.0]}, "y = a / b; L = sum(y)", "db", U, "forward y", ("0 / 0",)),
    Case({"a": [0.0, 1.0], "b": [0.0, 1.0]}, "y = a / b; L = sum(y)", "da", V, "backward y", ("divided by b[0]",),
         elsewhere=True),
    Case({"x": [0.0, 1.0], "w": [1.0, 1.0]}, "y = sqrt(x); z = y * w; v = z - z; L = sum(v)", "dx", Z, "backward y",
         ("0 / 0",)),
    Case({"X": [[1.0, 1.0]], "w": [[0.0], [0.0]]}, "h = X @ w; y = sqrt(h); L = sum(y)", "dw", V, "backward y",
         ("divided by (2 * y)", "w")),
    Case({"X": [[0.0, 1.0]], "w": [[0.0], [0.0]]}, "h = X @ w; y = sqrt(h); L = sum(y)", "dw", Z, "backward h",
         ("0 * inf", "X[0,0] is 0")),
    Case({"X": [[1.0, 1.0]]}, "Y = layer_norm(X, eps=0); Z = where(X > 1, Y, 0); L = sum(Z)", "dX", U, "forward Y",
         ("0 / 0", "1 - 1")),
    Case({"S": MASKED, "v": [1.0, 2.0]}, "P = softmax(S); Q = where(S > 0, P, 0); y = Q * v; L = sum(y)", "dS[1,0]", U,
         "forward P", ("row 1 of S is -inf throughout",)),
    Case({"S": MASKED, "v": [1.0, 2.0]}, "P = softmax(S); Q = where(S > 0, P, 0); y = Q * v; L = sum(y)", "dv",
         "nonzero", "backward y", ("norm",)),
    Case({"x": [[[[0.0, 1.0]]]], "w": [[[[0.0, 1.0]]]]}, "y = conv2d(x, w) - 1; q = sqrt(y); L = sum(q)", "dw", Z,
         "backward conv2d1", ("inf * 0", "x[0,0,0,0]")),
    Case({"E": [[0.0, 1.0], [2.0, 3.0]], "i": [0]}, "r = embedding(E, i); y = sqrt(r); L = sum(y)", "dE", V,
         "backward y", ("divided by (2 * y)", "E[0,0] is 0")),
    Case({"x": [NAN, 1.0, 3.0]}, "m = max(x); L = square(m)", "dx[1]", "masked", "backward m",
         ("NaN was taken: x[0]",)),
    Case({"x": [NAN, 1.0, 3.0]}, "m = max(x); L = square(m)", "dx", U, "forward m", ("x[0] is nan as given",),
         elsewhere=True),
    Case({"x": [[[[NAN, 1.0], [2.0, 3.0]]]]}, "m = max_pool2d(x, 2); L = sum(m)", "dx[0,0,0,1]", "masked", "backward m",
         ("NaN was taken: x[0,0,0,0]",)),
    Case({"x": [2.0, 0.0]}, "r = sqrt(x); s = r[0] + r[0]; t = r[1] * 0; L = s + t", "dx[1]", Z, "backward r",
         ("0 / 0",)),
    Case({"x": [-4.0, 1.0]}, "y = x ** 0.5; L = sum(y)", "dx", U, "forward y", ("(-4) ** 0.5", "no slope at y")),
    Case({"a": [0.0, 1.0], "b": [0.0, 1.0]}, "y = a / b; z = where(b > 0, y, 0); L = sum(z)", "da", U, "forward y",
         ("0 / 0",)),
    Case({"x": [0.0, 4.0]}, "y = abs(x); z = sqrt(y); L = sum(z)", "dx[0]", Z, "backward y", ("inf * 0", "x")),
    Case({"x": [0.0, 4.0]}, "y = relu(x); z = sqrt(y); L = sum(z)", "dx[0]", "masked", "backward y", ("operand is 0",)),
]  # fmt: skip

M, C = "masked", "cancelled"
FOUR = [[[[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 8.0], [9.0, 1.0, 2.0, 3.0], [4.0, 5.0, 6.0, 7.0]]]]
FLAT = [[[1.0, 2.0, 3.0, 4.0]]]


def zero(
    leaves: dict[str, Any], program: str, of: str, born: str, *says: str, answer: str = M, never: str = ""
) -> Case:
    return Case(leaves, program, of, answer, born, says, never=tuple(never.split()))


ZEROS = [
    # nothing reads the cell
    zero({"x": FOUR, "w": [[[[1.0, 2.0], [3.0, 4.0]]]]}, "y = conv2d(x, w, stride=3); L = sum(y)", "dx[0,0,0,2]",
         "backward y", "no window of conv2d 'y'", never="multiplies"),
    zero({"x": FLAT, "w": [[[1.0]]]}, "y = conv1d(x, w, stride=2); L = sum(y)", "dx[0,0,1]", "backward y",
         "no window of conv1d 'y'"),
    zero({"x": FOUR}, "y = max_pool2d(x, 2, stride=3); L = sum(y)", "dx[0,0,0,2]", "backward y", "no window"),
    zero({"x": FOUR}, "y = avg_pool2d(x, 3, stride=3); L = sum(y)", "dx[0,0,0,3]", "backward y", "no window"),
    zero({"x": FOUR}, "y = im2col(x, 3, stride=3); L = sum(y)", "dx[0,0,3,3]", "backward y", "no window"),
    zero({"E": [[1.0, 0.5], [2.0, 0.0], [3.0, 1.0]], "i": [0, 2]}, "y = embedding(E, i); L = sum(y)", "dE[1]",
         "backward y", "no id of embedding 'y'", "row 1", never="operand"),
    zero({"E": [[1.0, 0.5], [2.0, 0.0], [3.0, 1.0]], "i": [0, 0]}, "y = embedding(E, i); L = sum(y)", "dE[1:]",
         "backward y", "rows 1, 2"),
    zero({"x": [1.0, 2.0, 3.0], "i": [0, 2]}, "y = gather(x, i); L = sum(y)", "dx[1]", "backward y", "row 1"),
    zero({"x": ROWS, "i": [0, 2]}, "y = gather(x, i, axis=1); L = sum(y)", "dx[0,1]", "backward y", "1"),
    zero({"x": ROWS, "i": [[0], [1]]}, "y = take_along_axis(x, i, axis=1); L = sum(y)", "dx[0,1]", "backward y",
         "no id of take_along_axis 'y'"),
    zero({"x": [1.0, 2.0]}, "y = x[1] * 3; L = y + 1", "dx[0]", "backward slice1", "x[1]", "does not take this cell"),
    zero({"x": [1.0, 2.0, 3.0, 4.0]}, "y = x[::2]; L = sum(y)", "dx[1]", "backward y", "does not take"),
    zero({"x": [1.0, 2.0, 3.0, 4.0]}, "a, b = split(x, 2); L = sum(b)", "dx[1]", "backward b", "split",
         "does not take"),
    zero({"x": [1.0, 2.0]}, "y = x[0] * 3; z = x[0] * 4; L = y + z", "dx[1]", "backward slice1", "slice1", "slice2"),
    zero({"x": [[[[1.0]]]], "w": [[[[1.0, 2.0, 3.0]] * 3]]}, "y = conv2d(x, w, padding=1); L = sum(y)",
         "dw[0,0,0,0]", "backward y", "only padding"),
    zero({"x": [[[1.0]]], "w": [[[1.0, 2.0, 3.0]]]}, "y = conv1d(x, w, padding=1); L = sum(y)", "dw[0,0,2]",
         "backward y", "only padding"),
    # another one was taken
    zero({"x": [3.0, 7.0, 1.0]}, "y = max(x); L = y * 2", "dx[0]", "backward y", "7 was larger"),
    zero({"x": [3.0, 7.0, 1.0]}, "y = min(x); L = y * 2", "dx[0]", "backward y", "1 was smaller"),
    zero({"x": [[3.0, 7.0], [8.0, 2.0]]}, "y = max(x, 1); L = sum(y)", "dx[1,1]", "backward y", "8 was larger"),
    zero({"x": [3.0, 1.0], "y": [7.0, 0.0]}, "z = maximum(x, y); L = sum(z)", "dx[0]", "backward z", "7 was larger"),
    zero({"x": [3.0, 1.0], "y": [7.0, 0.0]}, "z = minimum(x, y); L = sum(z)", "dy[0]", "backward z", "3 was smaller"),
    zero({"x": [3.0, 1.0]}, "z = maximum(x, 2); L = sum(z)", "dx[1]", "backward z", "2 was larger"),
    zero({"x": FOUR}, "y = max_pool2d(x, 2); L = sum(y)", "dx[0,0,0,0]", "backward y", "6 was larger"),
    zero({"x": FOUR}, "y = max_pool2d(x, 2, stride=1); L = sum(y)", "dx[0,0,0,1]", "backward y", "6 and 7 were larger"),
    zero({"x": [9.0, 1.0]}, "y = clip(x, 0, 5); L = sum(y)", "dx[0]", "backward y", "operand is 9", "held at 5"),
    zero({"x": [-9.0, 1.0]}, "y = clip(x, 0, 5); L = sum(y)", "dx[0]", "backward y", "operand is -9", "held at 0"),
    zero({"x": [-9.0, 1.0]}, "y = relu(x); L = sum(y)", "dx[0]", "backward y", "operand is -9"),
    zero({"x": [0.0, 1.0]}, "y = abs(x); L = sum(y)", "dx[0]", "backward y", "x[0] is 0"),
    zero({"x": [1.0, 2.0], "c": [True, False]}, "y = where(c, x, 5.0); L = sum(y)", "dx[1]", "backward y", "not taken"),
    zero({"S": [[1.0, 2.0], [3.0, 4.0]]}, "y = causal_mask(S); p = softmax(y); L = sum(p * p)", "dS[0,1]",
         "backward y", "mask covers"),
    # a factor is zero
    zero({"x": [1.0, 2.0], "w": [0.0, 3.0]}, "y = x * w; L = sum(y)", "dx[0]", "backward y", "w[0] is 0"),
    zero({"x": [2.0, 3.0], "z": 0.0}, "b = x[1] * z; a = x[0] * 5; L = a + b", "dx[1]", "backward b", "z is 0",
         never="slice2 'a'"),
    zero({"x": [2.0, 3.0], "z": 0.0}, "a = x[0] * 5; b = x[1] * z; L = a + b", "dx[1]", "backward b", "z is 0",
         never="slice1 'a'"),
    zero({"E": [[1.0], [2.0]], "z": 0.0, "i": [0], "j": [1]},
         "a = embedding(E, i); b = embedding(E, j) * z; L = sum(a) + sum(b)", "dE[1]", "backward b", "z is 0",
         never="'a'"),
    zero({"X": [[1.0, 2.0]], "W": [[0.0], [1.0]]}, "Y = X @ W; L = sum(Y)", "dX[0,0]", "backward Y", "W[0,0] is 0"),
    zero({"X": [[0.0, 2.0]], "W": [[3.0], [1.0]]}, "Y = X @ W; L = sum(Y)", "dW[0,0]", "backward Y", "X[0,0] is 0"),
    zero({"X": [[1.0], [2.0]], "W": [[0.0, 1.0]], "m": [5.0, 0.0]}, "Y = X @ W; Z = Y * m; L = sum(Z)", "dX[0,0]",
         "backward Z", "elsewhere W[0,0] is 0", "m[1] is 0"),
    zero({"x": [1.0, 2.0, 3.0], "z": [1.0, 0.0, 1.0]}, "p = x[0] * x[1]; q = p * z[1]; r = x[2] * 1.5; L = q + r",
         "dx[0]",
         "backward q", "slice"),
    zero({"x": [0.0, 2.0]}, "y = square(x); L = sum(y)", "dx[0]", "backward y", "x[0] is 0"),
    zero({"x": [0.0, 2.0]}, "y = x ** 3; L = sum(y)", "dx[0]", "backward y", "x[0] is 0"),
    zero({"x": [1.0, 2.0]}, "y = x * 0; L = sum(y)", "dx", "backward y", "the number 0"),
    zero({"x": [-800.0, 2.0]}, "y = exp(x); L = sum(y)", "dx[0]", "backward y", "y[0] is 0"),
    zero({"x": [40.0, 2.0]}, "y = tanh(x); L = sum(y)", "dx[0]", "backward y", "1 - y ** 2 is 0"),
    zero({"y": [1.0, 2.0], "t": [1.0, 0.0]}, "L = mse(y, t)", "dy[0]", "backward L", "y - t is 0"),
    zero({"z": [[800.0, 0.0]], "i": [0]}, "L = cross_entropy(z, i)", "dz[0,0]", "backward L", "softmax(z) - one_hot"),
    zero({"z": [[-1.0, -2.0]], "i": [0]}, "L = nll(z, i)", "dz[0,1]", "backward L", "another class"),
    zero({"x": [1e-200, 1.0]}, "y = x * 1e-200; z = y * 1e-200; L = sum(z)", "dx", "backward y", "too small"),
    zero({"X": [[1.0, -2.0], [3.0, -4.0]]}, "Y = relu(X); L = sum(Y)", "dX[:,1]", "backward Y", "operand is", "dead"),
    zero({"x": [[[[-1.0, -1.0, -1.0]]]], "w": [[[[1.0]]], [[[-1.0]]]]},
         "c = conv2d(x, w); b = c * 2; Y = relu(b); L = sum(Y)", "dc[0,0,0,1]", "backward Y",
         "nothing through at 3 of 6 cells; 1 of its 2 channels is dead for the whole batch: 0"),
    # terms cancel
    zero({"x": [1.0, 2.0]}, "y = softmax(x); L = sum(y)", "dx", "backward y", "cancel", answer=C),
    zero({"x": [1.0, 2.0]}, "y = x - x; L = sum(y)", "dx", "backward y", "add up to zero", answer=C),
    # values
    zero({"x": [3.0, 2.0]}, "y = x - 3; L = sum(y)", "y[0]", "forward y", "3 - 3", answer=C),
    zero({"x": [-3.0, 2.0]}, "y = relu(x); L = sum(y)", "y[0]", "forward y", "maximum(-3, 0)"),
    zero({"x": [0.0, 2.0]}, "y = x * 5; L = sum(y)", "y[0]", "forward y", "x[0] is 0 as given"),
    zero({"x": [-800.0, 2.0]}, "y = exp(x); L = sum(y)", "y[0]", "forward y", "exp(-800)"),
    zero({"x": [3.0, 2.0]}, "y = x * 5; L = sum(y)", "y", "forward y", "norm", answer="nonzero"),
    zero({"x": [1.0, 2.0]}, "y = pad(x, 1); L = sum(y)", "y[0]", "forward y", "padding"),
]  # fmt: skip
