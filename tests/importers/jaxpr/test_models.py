"""Small models of the kinds that people have: loss and every leaf's gradient are JAX's; and the judge can fail."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from msgspec import structs

import bpdebug
from bpdebug.graph import Step, build

jax = pytest.importorskip("jax", reason="JAX is an optional oracle")
jax.config.update("jax_enable_x64", True)

from tests.importers.jaxpr.judge import compare, judged, judged_nodes  # noqa: E402  # where jax is there
from tests.importers.jaxpr.models import LAYERS, MODELS  # noqa: E402

jnp, lax = jax.numpy, jax.lax


@pytest.mark.parametrize("name", MODELS)
def test_a_model_is_what_jax_computes(name: str) -> None:
    judged(*MODELS[name])


@pytest.mark.parametrize("name", ["mlp", "conv net", "gpt"])
def test_each_node_of_a_model_is_what_jax_computes(name: str) -> None:
    assert judged_nodes(*MODELS[name]) >= 13


KINKS: dict[str, Any] = {
    "relu": jax.nn.relu, "relu6": jax.nn.relu6, "abs": jnp.abs, "clip": lambda x: jnp.clip(x, 0, 6),
    "clamp": lambda x: lax.clamp(0.0, x, 6.0), "maximum": lambda x: jnp.maximum(x, 0), "leaky_relu": jax.nn.leaky_relu,
    "elu": jax.nn.elu, "hard_tanh": lambda x: jax.nn.hard_tanh(x / 6), "hard_swish": lambda x: jax.nn.hard_swish(x - 3),
    "max": lambda x: x.max(1), "min": lambda x: x.min(1), "max_of_all": jnp.max, "sort": jnp.sort,
    "top_k": lambda x: lax.top_k(x, 2)[0], "cumprod": lambda x: jnp.cumprod(x, 1), "prod": lambda x: x.prod(1),
    "pool": lambda x: lax.reduce_window(x, -jnp.inf, lax.max, (1, 2), (1, 2), "VALID"), "sign": jnp.sign,
    "where": lambda x: jnp.where(x > 0, jnp.exp(x), x), "minimum": lambda x: jnp.minimum(x, x.T @ jnp.eye(3)),
}  # fmt: skip


def test_where_there_is_no_derivative_the_answer_is_jax_s() -> None:
    x = np.array([[0.0, 6.0, 0.0], [-1.0, 0.0, 6.0], [6.0, 6.0, -1.0]])

    def loss(params: Any) -> Any:
        outputs = [jnp.ravel(kink(params[name])) for name, kink in KINKS.items()]
        return sum(out @ jnp.arange(1.0, out.size + 1) for out in outputs)

    judged(loss, dict.fromkeys(KINKS, x))


def test_single_precision_stays_single() -> None:
    loss, params, x, y = MODELS["mlp"]
    params, x = jax.tree.map(np.float32, (params, x))
    scenario = judged(loss, params, x, y, rtol=1e-4)
    assert scenario.dtype == np.float32
    timeline = bpdebug.run(scenario)
    dtypes = {timeline.value(node.id).dtype for node in scenario.graph.nodes}
    assert {dtype for dtype in dtypes if dtype.kind == "f"} == {np.dtype(np.float32)}


def test_half_precision_is_cast_and_kept_in_single() -> None:
    loss, params, x, y = MODELS["mlp"]

    def half(params: Any, x: Any) -> Any:
        return loss(jax.tree.map(jnp.bfloat16, params), x.astype(jnp.bfloat16), y).astype(jnp.float32)

    params, x = jax.tree.map(np.float32, (params, x))
    scenario = judged(half, params, x, rtol=3e-2)
    assert [n.op.name for n in scenario.graph.nodes][:2] == ["cast", "cast"]
    assert any("bfloat16 is kept in float32" in said for said in scenario.remarks)


def test_of_leaves_in_half_precision_it_is_said_wherever_their_dtype_is() -> None:
    """They are held in float32, and what they are made of is not rounded."""
    loss, params, x, y = MODELS["mlp"]
    scenario = bpdebug.from_jax(loss, jax.tree.map(jnp.bfloat16, params), np.asarray(x, np.float32), y)
    session, leaf = bpdebug.Session(scenario), next(n.name for n in scenario.graph.leaves if n.kind == "parameter")
    for line in (f"whatis {leaf}", "info parameters"):
        assert "float32, given as bfloat16" in session.do(line).to_text()
    assert "bfloat16" not in session.do(f"whatis d{leaf}").to_text()
    assert "bfloat16" not in session.do("whatis x").to_text()


def test_torch_and_jax_give_the_same_of_the_same_function() -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is an optional oracle")
    loss, params, x, y = MODELS["mlp"]
    linear = [torch.nn.Linear(*layer["w"].shape, dtype=torch.float64) for layer in LAYERS]
    model = torch.nn.Sequential(linear[0], torch.nn.ReLU(), linear[1])
    for module, layer in zip(linear, LAYERS, strict=True):
        module.weight.data, module.bias.data = torch.tensor(layer["w"].T.copy()), torch.tensor(layer["b"])
    theirs = bpdebug.from_torch(
        model, torch.tensor(x), lambda out: torch.nn.functional.cross_entropy(out, torch.tensor(y))
    )
    mine, other = bpdebug.run(bpdebug.from_jax(loss, params, x, y)), bpdebug.run(theirs)
    assert mine.loss is not None
    assert other.loss is not None
    np.testing.assert_allclose(mine.loss, other.loss, rtol=1e-12)
    for ours, name in {"layers.0.w": "0.weight", "layers.1.w": "2.weight"}.items():
        np.testing.assert_allclose(mine.grad(ours), np.transpose(other.grad(name)), rtol=1e-10, atol=1e-14)  # type: ignore[arg-type]  # both are there
    np.testing.assert_allclose(mine.grad("layers.1.b"), other.grad("2.bias"), rtol=1e-10)  # type: ignore[arg-type]  # as above


# --- the judge can fail


def test_the_judge_sees_weights_that_are_shuffled() -> None:
    loss, params, x, y = MODELS["mlp"]
    scenario = judged(loss, params, x, y)
    first, second = params["layers"]
    other = {"layers": [{**first, "w": np.roll(first["w"], 1)}, second]}
    with pytest.raises(AssertionError):
        compare(scenario, loss, other, x, y)


def test_the_judge_sees_a_missing_transpose_of_a_square_matrix() -> None:
    def loss(params: Any, x: Any) -> Any:
        return jnp.sum(jnp.tanh(x @ params["w"].T) @ params["v"])

    params, x = {"w": LAYERS[0]["w"], "v": LAYERS[1]["w"]}, MODELS["mlp"][2]
    scenario = judged(loss, params, x)
    graph = scenario.graph
    turned = [n.id for n in graph.nodes if n.op.name == "transpose"]
    assert turned
    steps = []
    for node in graph.nodes:
        inputs = [graph.names[i] if isinstance(i, int) else i for i in node.inputs]
        inputs = ["w" if i in turned else i for i in inputs]
        steps += [] if node.id in turned else [Step(node.id, node.op.name, tuple(inputs), node.attrs, "", 0)]
    broken = structs.replace(scenario, graph=build(graph.leaves, steps, loss=graph.names[graph.loss]))  # type: ignore[index]  # it has a loss
    with pytest.raises(AssertionError, match=r"[vw]: "):
        compare(broken, loss, params, x)
