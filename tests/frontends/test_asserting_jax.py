"""assert_gradients on functions of JAX: a derivative of one's own is held against that of what it computes."""

from __future__ import annotations

from typing import Any

import pytest

from bpdebug.testing import assert_gradients

jax = pytest.importorskip("jax", reason="JAX is an optional oracle")
jnp = jax.numpy


def test_a_right_function_passes_and_a_wrong_derivative_is_found() -> None:
    sine: Any = jax.custom_vjp(lambda x: jnp.sin(x))
    sine.defvjp(lambda x: (jnp.sin(x), x), lambda x, g: (g * jnp.sin(x),))
    params, x = {"b": jnp.array(3.0), "w": jnp.array([1.0, 2.0])}, jnp.array([1.0, 4.0])
    assert_gradients(lambda p, x: jnp.sum(p["w"] * x + p["b"]), params, x)
    assert_gradients(lambda p, x: (jnp.sum(p["w"] * x + p["b"]), x), params, x)

    def wrong(p: Any, x: Any) -> Any:
        return jnp.sum(sine(p["w"]) * x + p["b"])

    with pytest.raises(AssertionError) as caught:
        assert_gradients(wrong, params, x)
    assert str(caught.value).startswith("the gradient ∂w is wrong")
    assert_gradients(wrong, params, x, wrt="b")
