"""What an imported function says of itself: names, blocks, lines, what is folded, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from typing import Any

import numpy as np
import pytest

import bpdebug
from bpdebug import BpdebugError, Session
from bpdebug.limits import Limits

jax = pytest.importorskip("jax", reason="JAX is an optional oracle")
jax.config.update("jax_enable_x64", True)
jnp, lax = jax.numpy, jax.lax

X, W = np.arange(6.0).reshape(2, 3), np.eye(3)
OFFSET = np.array([0.5, 1.5, 2.5])


def leaves(scenario: Any) -> list[str]:
    return [leaf.name for leaf in scenario.graph.leaves]


def ids(scenario: Any) -> list[str]:
    return [node.id for node in scenario.graph.nodes]


def layer(w: Any, x: Any) -> Any:
    return jnp.tanh(x @ w)


def test_leaves_are_named_by_their_paths_and_the_signature() -> None:
    def loss(params: Any, batch: Any, *rest: Any) -> Any:
        h = batch["x"] @ params["layers"][0]["w"] + params["deep/b"]
        return jnp.sum(h[jnp.arange(2), batch["y"]]) * rest[0].sum()

    params = {"layers": [{"w": W}], "deep/b": OFFSET}
    scenario = bpdebug.from_jax(loss, params, {"x": X, "y": np.array([0, 2])}, np.ones(2))
    assert leaves(scenario)[:4] == ["deep_b", "layers.0.w", "batch.x", "rest.0"]
    assert [leaf.kind for leaf in scenario.graph.leaves[:4]] == ["parameter", "parameter", "input", "input"]
    assert scenario.conventions == "jax"


def test_a_jitted_function_is_no_block_of_its_own() -> None:
    assert ids(bpdebug.from_jax(jax.jit(lambda w, x: jnp.sum(layer(w, x))), W, X)) == ["matmul", "tanh", "sum"]


def test_what_is_not_named_is_counted() -> None:
    def loss(weights: Any) -> Any:
        return jnp.sum(weights[0] @ weights[1])

    assert leaves(bpdebug.from_jax(loss, (X, W))) == ["weights.0", "weights.1"]


def test_one_array_is_named_as_the_argument() -> None:
    assert leaves(bpdebug.from_jax(lambda w, x: jnp.sum(x @ w), W, X)) == ["w", "x"]


def test_integers_that_are_looked_up_are_the_array_that_was_given() -> None:
    rows, classes = np.array([1, 0, 1]), np.array([0, 2])
    scenario = bpdebug.from_jax(lambda w, rows: jnp.sum(w[rows]), W, rows)
    assert leaves(scenario) == ["w", "rows"]
    scenario = bpdebug.from_jax(lambda x, y: jnp.sum(jnp.take_along_axis(x, y[:, None], 1)), X, classes)
    assert leaves(scenario) == ["x", "y"]


def test_what_stands_around_a_function_bears_its_name() -> None:
    around = jnp.asarray(OFFSET)
    assert leaves(bpdebug.from_jax(lambda w: jnp.sum(w * OFFSET * around), W)) == ["w", "OFFSET", "around"]


def test_a_call_of_a_function_is_a_block_and_so_is_a_scope() -> None:
    jitted = jax.jit(layer)

    def loss(params: Any, x: Any) -> Any:
        h = jitted(params["a"], jitted(params["a"], x))
        with jax.named_scope("head"):
            return jnp.sum(jnp.sin(h) * h)

    scenario = bpdebug.from_jax(loss, {"a": W}, X)
    assert ids(scenario)[:4] == ["layer.matmul", "layer.tanh", "layer@2.matmul", "layer@2.tanh"]
    assert ids(scenario)[4:] == ["head.sin", "head.mul", "head.sum"]


def test_a_step_stands_behind_the_line_of_the_source() -> None:
    def loss(w: Any, x: Any) -> Any:
        h = jax.nn.silu(x @ w)
        return jnp.sum(jax.nn.silu(h))

    lines = bpdebug.from_jax(loss, W, X).lines
    said = [line.partition(": ")[2] for line in lines if line.startswith("# test_reading.py:")]
    assert said == ["h = jax.nn.silu(x @ w)", "return jnp.sum(jax.nn.silu(h))"]


def test_dimension_numbers_are_steps() -> None:
    loss = lambda p: jnp.sum(jnp.einsum("bqd,bkd->bqk", p["q"], p["k"]))  # noqa: E731  # as people write it
    scenario = bpdebug.from_jax(loss, {"q": np.ones((2, 3, 4)), "k": np.ones((2, 5, 4))})
    assert [n.op.name for n in scenario.graph.nodes] == ["transpose", "matmul", "sum"]
    scenario = bpdebug.from_jax(lambda w, x: jnp.sum(x @ w.T), W, X)
    assert [n.op.name for n in scenario.graph.nodes] == ["transpose", "matmul", "sum"]


def test_what_no_gradient_passes_through_is_an_input() -> None:
    def loss(w: Any, x: Any, key: Any) -> Any:
        keep = jax.random.bernoulli(key, 0.5, x.shape)
        return jnp.sum(jnp.where(keep & (x > 0), x @ w, 0.0))

    scenario = bpdebug.from_jax(loss, W, X, jax.random.key(1))
    assert [n.op.name for n in scenario.graph.nodes] == ["matmul", "where", "sum"]
    assert scenario.remarks == (
        "tensors that JAX computed beforehand, inputs here, since no gradient passes through them: 1",
    )


def test_a_branch_that_is_known_is_taken() -> None:
    def loss(w: Any, x: Any) -> Any:
        return lax.cond(x[0, 1] > 0, jnp.sin, jnp.cos, w).sum()

    assert [n.op.name for n in bpdebug.from_jax(loss, W, X).graph.nodes] == ["sin", "sum"]


def test_a_scan_is_its_steps() -> None:
    def step(h: Any, x: Any) -> tuple[Any, None]:
        return jnp.tanh(h * x), None

    scenario = bpdebug.from_jax(lambda w, x: lax.scan(step, w, x)[0].sum(), OFFSET, X)
    assert ids(scenario) == ["step.row", "step.mul", "step.tanh", "step@2.row", "step@2.mul", "step@2.tanh", "sum"]


@jax.custom_vjp  # type: ignore[untyped-decorator]  # JAX may be missing
def straight_through(x: Any) -> Any:
    return jnp.floor(x)


straight_through.defvjp(lambda x: (straight_through(x), None), lambda _, g: (g,))


@jax.custom_jvp  # type: ignore[untyped-decorator]  # as above
def squared(x: Any) -> Any:
    return x * x


squared.defjvps(lambda t, _, x: 2 * x * t)


def test_a_custom_derivative_is_told_and_so_is_one_that_is_another() -> None:
    scenario = bpdebug.from_jax(lambda w: jnp.sum(squared(straight_through(w)) * w), W)
    assert any(said.endswith("what their forward does: straight_through, squared") for said in scenario.remarks)
    assert any(said.endswith("another than their forward's, and JAX's: straight_through") for said in scenario.remarks)


def test_a_pair_is_the_loss_and_what_is_left_aside() -> None:
    scenario = bpdebug.from_jax(lambda w, x: (jnp.sum(x @ w), {"logits": x}), W, X)
    assert float(bpdebug.run(scenario).loss) == X.sum()  # type: ignore[arg-type]  # it has one


def test_numbers_among_the_arguments_stay_numbers() -> None:
    def loss(w: Any, x: Any, scale: float, train: bool) -> Any:
        return jnp.sum(x @ w * scale) if train else 0.0

    assert any("0.1" in line for line in bpdebug.from_jax(loss, W, X, 0.1, True).lines)


def test_all_primitives_without_a_rule_are_named_at_once_with_their_counts() -> None:
    def loss(w: Any) -> Any:
        other = lax.while_loop(lambda v: v.sum() < 9, lambda v: v * 2, w)
        return jnp.sum(lax.lgamma(w) + lax.lgamma(w + 1) + lax.digamma(w) + other)

    with pytest.raises(BpdebugError, match=r"lgamma \(2x, test_reading\.py:\d+\)") as caught:
        bpdebug.from_jax(loss, W + 1)
    assert caught.value.code == "E_OP"
    assert "digamma (1x" in caught.value.message
    assert "while: a loop whose length depends on values" in caught.value.message


def concrete(w: Any) -> Any:
    return w.sum() if w.sum() > 0 else w.mean()


@pytest.mark.parametrize(
    ("loss", "params", "code", "said"),
    [
        (W, W, "E_LOSS", "no function but of type ndarray"),
        (jnp.sin, W, "E_LOSS", r"the loss has shape \(3, 3\)"),
        (lambda w: {"loss": w.sum()}, W, "E_LOSS", "gives a dict"),
        (lambda w: None, W, "E_LOSS", "gives a NoneType"),
        (lambda w: w.argmax(), W, "E_LOSS", "no gradient"),
        (lambda w: jnp.sum(w) * 2, np.arange(3), "E_LOSS", "no gradient"),
        (lambda w: 1.0, W, "E_LOSS", "no gradient"),
        (concrete, W, "E_FILE", "Attempted boolean conversion"),
        (lambda w: np.sin(w).sum(), W, "E_FILE", "__array__"),
        (lambda w: jnp.sum(w @ np.ones(4)), W, "E_FILE", "shape"),
        (lambda w, x: jnp.sum(w), W, "E_FILE", "missing 1 required positional argument"),
        (lambda w: w["b"], {"a": W}, "E_FILE", "KeyError: 'b'"),
        (lambda w: jnp.abs(jnp.fft.fft(w)).sum(), W, "E_OP", "fft"),
        (lambda w: jnp.abs(w * 1j).sum(), W, "E_OP", "complex"),
    ],
)
def test_what_cannot_be_opened_is_refused(loss: Any, params: Any, code: str, said: str) -> None:
    with pytest.raises(BpdebugError, match=said) as caught:
        bpdebug.from_jax(loss, params)
    assert caught.value.code == code
    assert caught.value.hint


def test_the_line_that_cannot_be_traced_is_named() -> None:
    with pytest.raises(BpdebugError) as caught:
        bpdebug.from_jax(concrete, W)
    assert caught.value.where == f"concrete (test_reading.py:{concrete.__code__.co_firstlineno + 1})"


def test_a_scan_that_is_too_long_is_refused() -> None:
    loss = partial(lax.fori_loop, 0, 1000, lambda _, w: jnp.sin(w))
    with pytest.raises(BpdebugError, match=r"a scan of 1,?000 steps") as caught:
        bpdebug.from_jax(lambda w: loss(w).sum(), W, limits=Limits({"nodes": 500}))
    assert caught.value.code == "E_LIMIT"


def test_an_imported_function_is_stepped_through() -> None:
    session = Session(bpdebug.from_jax(lambda w, x: jnp.sum(layer(w, x) ** 2), W, X))
    session.do("break matmul@bwd")
    session.do("continue")
    assert session.state.event is not None
    assert session.state.event.name == "matmul"
    assert session.do("lens").to_text()


def test_without_jax_a_function_is_refused_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jax", None)
    with pytest.raises(BpdebugError, match="not installed") as caught:
        bpdebug.from_jax(layer, ())
    assert caught.value.code == "E_FILE"
    assert 'pip install "bpdebug[jax]"' in caught.value.hint


def test_importing_bpdebug_loads_no_jax() -> None:
    code = "import sys, bpdebug; bpdebug.from_jax; print('jax' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout.strip() == "False"
