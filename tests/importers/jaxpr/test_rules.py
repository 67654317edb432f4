"""Every rule of the table against JAX's own value and gradients of functions that hold its primitive, in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

jax = pytest.importorskip("jax", reason="JAX is an optional oracle")
jax.config.update("jax_enable_x64", True)

from bpdebug.importers.jaxpr.reading import FAMILIES  # noqa: E402  # where jax is there
from bpdebug.importers.jaxpr.table import RULES  # noqa: E402
from bpdebug.importers.jaxpr.tracing import traced  # noqa: E402
from bpdebug.limits import Limits  # noqa: E402
from tests.importers.jaxpr.cases import CASES  # noqa: E402
from tests.importers.jaxpr.judge import judged  # noqa: E402

assert FAMILIES  # the files of rules, which fill the table
ELSEWHERE = {
    "copy_p",
    "pvary",
    "scatter_add",
    "scatter_mul",
    "scatter_max",
    "scatter_min",
    "expand_dims",
    "tile",
    "stack",
}
"""Names that primitives have in other versions of JAX."""
SMALL = [name for name in CASES if len(CASES[name]) < 5]
GROUPS = [*(SMALL[n : n + 6] for n in range(0, len(SMALL), 6)), *([name] for name in CASES if name not in SMALL)]
"""Primitives whose cases JAX compiles together, for its time."""


def test_every_rule_has_a_case() -> None:
    assert set(CASES) | ELSEWHERE == set(RULES)


@pytest.mark.parametrize("names", GROUPS, ids="-".join)
def test_a_rule_is_what_jax_computes(names: list[str]) -> None:
    cases = {f"{name.replace('-', '_')}{n}": case for name in names for n, case in enumerate(CASES[name])}
    rng, weights = np.random.default_rng(3), {}
    for key, (function, *arrays) in cases.items():
        weights[key] = rng.normal(size=jax.eval_shape(function, *arrays).shape)

    def loss(params: dict[str, Any]) -> Any:
        """Each output's cells times random ones, added up."""
        return sum((weights[key] * cases[key][0](*params[key])).sum() for key in cases)

    params = {key: arrays for key, (_, *arrays) in cases.items()}
    equations = traced(loss, params, (), Limits()).equations
    assert set(names) - ELSEWHERE <= {e.name for e in equations if any(v.passing for v in e.outputs)}
    judged(loss, params)
