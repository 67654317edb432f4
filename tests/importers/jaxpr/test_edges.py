"""Where a plain formula overflows, cancels or divides 0 by 0: imported functions still have JAX's values and slopes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf

jax = pytest.importorskip("jax", reason="JAX is an optional oracle")
jax.config.update("jax_enable_x64", True)

import jax.numpy as jnp  # noqa: E402  # where JAX is there
from jax import lax  # noqa: E402

import bpdebug  # noqa: E402
from bpdebug import BpdebugError  # noqa: E402

AWAY = lax.RoundingMethod.AWAY_FROM_ZERO
EXACT: dict[str, tuple[Callable[..., Any], Callable[..., Any], list[float]]] = {
    "erfc": (lax.erfc, mp.erfc, [-3.0, 0.4, 6.0, 20.0]),
    "gelu": (lambda x: jax.nn.gelu(x, approximate=False), lambda x: x * mp.ncdf(x), [-9.0, -4.0, 0.4]),
    "log_ndtr": (jax.scipy.special.log_ndtr, lambda x: mp.log(mp.ncdf(x)), [-9.0, 0.4, 9.0]),
    "asinh": (lax.asinh, mp.asinh, [1e200, -1e200, 1e-20, 0.0, 0.4, -3.0]),
    "acosh": (lax.acosh, mp.acosh, [1e200, 1.0 + 1e-6, 1.5]),
    "asin": (lax.asin, mp.asin, [1e-20, 0.999999, -0.999999]),
    "acos": (lax.acos, mp.acos, [1e-20, 0.999999, -0.999999]),
    "atanh": (lax.atanh, mp.atanh, [1e-20, 0.999999, -0.4]),
    "cbrt": (lax.cbrt, lambda x: mp.sign(x) * mp.cbrt(abs(x)), [-8.0, 1e-30, 1e30]),
}
"""A function, the same in many digits, and numbers."""
SAME: dict[str, tuple[Callable[..., Any], list[float], type]] = {
    "asin": (lax.asin, [1.0, -1.0], np.float64),
    "acos": (lax.acos, [1.0, -1.0], np.float64),
    "acosh": (lax.acosh, [1.0], np.float64),
    "cbrt": (lax.cbrt, [0.0], np.float64),
    "round": (lambda x: x * lax.round(x, AWAY), [0.49999999999999994, 0.5, -2.5, 2.4, 1e100], np.float64),
    "cumlogsumexp": (lax.cumlogsumexp, [-1000.0, 0.0, 3.0, 1000.0, 990.0], np.float64),
    "cumlogsumexp-nothing": (lambda x: lax.cumlogsumexp(x)[1:], [-np.inf, 0.0, 1.0], np.float64),
    "bfloat16": (lambda x: lax.reduce_precision(x, 8, 7), [1 / 3, -1e30], np.float32),
    "float16": (lambda x: lax.reduce_precision(x, 5, 10), [1 / 3, -1e3], np.float64),
    "float32": (lambda x: lax.reduce_precision(x, 8, 23), [1 / 3, -1e30], np.float64),
    "no-less": (lambda x: lax.reduce_precision(x, 8, 23), [1 / 3, -1e30], np.float32),
}
"""A function, numbers, and the precision: what comes out is what JAX has."""


def found(function: Callable[..., Any], *arrays: Any) -> tuple[Any, list[Any]]:
    """The loss and the gradients that the graph of a function has."""
    params = {f"p{n}": array for n, array in enumerate(arrays)}
    timeline = bpdebug.run(bpdebug.from_jax(lambda params: function(*params.values()), params))
    return timeline.loss, [timeline.grad(name) for name in params]


@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-13), (np.float32, 1e-5)], ids=["double", "single"])
@pytest.mark.parametrize("case", EXACT)
def test_no_digits_are_lost(case: str, dtype: Any, rtol: float) -> None:
    """Each number alone: among others a small value would not count."""
    function, exact, numbers = EXACT[case]
    for x in np.clip(numbers, -1e20, 1e20 if dtype is np.float32 else 1e200).astype(dtype):
        value, (slope,) = found(lambda x: function(x)[0], jnp.asarray([x]))
        with mp.workdps(60):
            point = mpf(float(x))
            wanted = [
                float(exact(point)),
                float(mp.diff(exact, point, h=abs(point) * mpf(10) ** -30 or mpf(10) ** -30)),
            ]
        np.testing.assert_allclose(
            [value, slope[0]], np.array(wanted, dtype), rtol * (1 + (x * x if "er" in case else 0))
        )


@pytest.mark.parametrize("case", SAME)
def test_an_end_is_jax_s(case: str) -> None:
    function, numbers, dtype = SAME[case]
    whole = "cumlogsumexp" in case
    for n in [numbers] if whole else [[n] for n in numbers]:
        x = jnp.asarray(n, dtype)
        loss = lambda x: jnp.sum(function(x) * jnp.arange(1.0, len(function(x)) + 1))  # noqa: E731 - used at once
        value, slope = jax.value_and_grad(loss)(x)
        mine, (gradient,) = found(loss, x)
        np.testing.assert_allclose(mine, value, 1e-12)
        np.testing.assert_allclose(gradient, slope, 1e-12)


def test_a_remainder_is_exact() -> None:
    """JAX's value is; its slope counts the divisor once more, for a quotient that is rounded to 10."""
    a, b = jnp.asarray([1.0, -1.0, 1e300, 7.0]), jnp.asarray([0.1, 0.3, 0.7, -2.0])
    for n in range(4):
        value, (da, db) = found(lambda a, b: jnp.sum(lax.rem(a, b)), a[n : n + 1], b[n : n + 1])
        assert float(value) == np.fmod(a[n], b[n])
        np.testing.assert_allclose(da, [1.0])
        np.testing.assert_allclose(db, [-(float(a[n]) - np.fmod(a[n], b[n])) / float(b[n])], 1e-15)


def test_a_precision_that_no_dtype_has_is_refused() -> None:
    with pytest.raises(BpdebugError, match="4 bits of exponents and 3 of digits"):
        bpdebug.from_jax(lambda x: jnp.sum(lax.reduce_precision(x, 4, 3)), jnp.ones(2))
