"""The little language: what its statements mean, and the names that nodes get."""

from __future__ import annotations

import gc
import math

import pytest

from bpdebug.graph import Lit
from bpdebug.language import Place, elaborate
from bpdebug.limits import Limits
from tests.counting import growth, work
from tests.language.writing import LEAVES, ids, one, refused, steps

# --- names (the contract, line by line)


def test_a_node_bears_the_name_it_is_assigned_to() -> None:
    assert ids("Y = X @ W\nZ = relu(Y)") == ["Y", "Z"]


def test_assigned_again_the_next_nodes_are_h_1_h_2() -> None:
    assert ids("h = relu(X)\nh = relu(h)\nh = relu(h)") == ["h", "h.1", "h.2"]


def test_inside_the_program_a_name_means_its_newest_node() -> None:
    assert [s.inputs for s in steps("h = relu(X)\nh = tanh(h)\nY = exp(h)")] == [("X",), ("h",), ("h.1",)]


@pytest.mark.parametrize("assignment", ["X = relu(W)", "a, X = W, W", "X = 2", "X = W", "a = X = relu(W)"])
def test_a_leaf_cannot_be_assigned(assignment: str) -> None:
    assert refused(assignment).code == "E_NAME"


def test_a_leaf_cannot_be_assigned_in_a_block_but_a_parameter_may_bear_its_name() -> None:
    assert refused("def f(a):\n    X = relu(a)\n    return X\nY = f(W)").code == "E_NAME"
    assert ids("def f(x):\n    x = relu(x)\n    return tanh(x)\nY = f(W)") == ["f1.x", "Y"]


def test_an_alias_makes_no_node_and_counts_no_version() -> None:
    found = steps("h = h0\nfor t in range(3):\n    h = tanh(h)\nY = relu(h)")
    assert [s.id for s in found] == ["h", "h.1", "h.2", "Y"]
    assert [s.inputs for s in found] == [("h0",), ("h",), ("h.1",), ("h.2",)]


def test_an_alias_between_two_assignments_leaves_the_count_alone() -> None:
    found = steps("h = relu(X)\nh = W\nh = tanh(h)")
    assert [(s.id, s.inputs) for s in found] == [("h", ("X",)), ("h.1", ("W",))]


def test_unnamed_nodes_are_called_by_op_and_counted_named_ones_not() -> None:
    assert ids("Y = relu(X @ W + b)\nZ = X + X\nL = mean((Y + Z) ** 2)") == [
        "matmul1", "add1", "Y", "Z", "add2", "pow1", "L",
    ]  # fmt: skip


def test_a_number_that_is_taken_is_skipped_also_by_a_later_assignment() -> None:
    assert ids("Y = exp(X + X) + exp(X + W)\nadd1 = X + X\nexp2 = relu(X)") == [
        "add2", "exp1", "add3", "exp3", "Y", "add1", "exp2",
    ]  # fmt: skip
    assert ids("Y = exp(add1 + X)", ("X", "add1")) == ["add2", "Y"]


def test_unnamed_nodes_are_counted_per_block() -> None:
    program = "def f(x):\n    return relu(x @ W + b)\nA = exp(X @ W)\nB = f(X)\nC = f(B)\nD = exp(X @ W)"
    assert ids(program) == [
        "matmul1", "A", "f1.matmul1", "f1.add1", "B", "f2.matmul1", "f2.add1", "C", "matmul2", "D",
    ]  # fmt: skip


def test_a_def_is_a_numbered_block_and_what_it_returns_bears_the_callers_name() -> None:
    found = steps("def layer(x, w):\n    z = x @ w\n    return relu(z)\nH = layer(X, W)\nY = layer(H, W)")
    assert [(s.id, s.block) for s in found] == [
        ("layer1.z", "layer1"), ("H", "layer1"), ("layer2.z", "layer2"), ("Y", "layer2"),
    ]  # fmt: skip


def test_a_named_result_of_a_def_bears_the_callers_name_too() -> None:
    program = "def f(x):\n    h = relu(x)\n    h = tanh(h)\n    return h\nY = f(X)"
    assert ids(program) == ["f1.h", "Y"]


def test_a_result_that_is_not_the_last_of_its_name() -> None:
    program = "def f(x):\n    h = relu(x)\n    r = h\n    h = tanh(h)\n    return r\nY = f(X)"
    assert ids(program) == ["Y", "f1.h"]


def test_a_result_that_nobody_names_keeps_the_name_it_has_in_the_block() -> None:
    assert ids("def f(x):\n    h = relu(x)\n    return h\nY = f(X) + W") == ["f1.h", "Y"]
    assert ids("def f(x):\n    return relu(x)\nY = f(X) + W") == ["f1.relu1", "Y"]


def test_a_result_goes_through_nested_defs_to_the_outermost_caller() -> None:
    program = "def g(x):\n    return relu(x)\ndef f(x):\n    y = g(x @ W)\n    return y\nY = f(X)"
    found = steps(program)
    assert [(s.id, s.block) for s in found] == [("f1.matmul1", "f1"), ("Y", "f1.g1")]


def test_blocks_in_blocks_are_counted_in_the_block_around_them() -> None:
    program = "def g(x):\n    return relu(x @ W)\ndef f(x):\n    return tanh(g(x)) + g(x)\nA = f(X)\nB = g(A)\nC = f(B)"
    blocks = list(dict.fromkeys(s.block for s in steps(program)))
    assert blocks == ["f1.g1", "f1", "f1.g2", "g1", "f2.g1", "f2", "f2.g2"]


def test_an_argument_is_entered_before_the_call_it_is_for() -> None:
    assert [s.block for s in steps("def f(x):\n    return relu(x)\nY = f(f(X))")] == ["f1", "f2"]


def test_a_def_that_returns_what_it_was_given_makes_an_alias() -> None:
    assert ids("def f(x):\n    return x\nY = f(X)\nZ = relu(Y)") == ["Z"]
    assert ids("def f(x):\n    return x\nY = f(exp(X))\nZ = relu(Y)") == ["Y", "Z"]


def test_a_def_returns_several() -> None:
    program = "def f(x):\n    a = relu(x)\n    return a, exp(a), x\nP, Q, R = f(X)\nS = R + P"
    found = steps(program)
    assert [s.id for s in found] == ["P", "Q", "S"]
    assert found[-1].inputs == ("X", "P")


def test_one_node_returned_twice_bears_the_first_name() -> None:
    found = steps("def f(x):\n    a = relu(x)\n    return a, a\nP, Q = f(X)\nS = Q + P")
    assert [s.id for s in found] == ["P", "S"]
    assert found[-1].inputs == ("P", "P")


@pytest.mark.parametrize(
    ("index", "ids", "key"),
    [
        ("I, J", ("I", "J"), ()), ("I", ("I",), ()), ("I, :, J", ("I", "J"), (None, (None, None, None), None)),
        ("[0, 2]", (), (((0, 2),),)), ("..., [[0], [1]], -1", (), ("...", (((0,), (1,)),), -1)),
        ("0, I", ("I",), (0, None)), ("[], I", ("I",), (((),), None)),
    ],
)  # fmt: skip
def test_an_index_of_tensors_and_lists(index: str, ids: tuple[str, ...], key: tuple[object, ...]) -> None:
    (made,) = steps(f"Y = X[{index}]", ("X", "I", "J"))
    assert (made.op, made.inputs, made.attrs) == ("take_at", ("X", *ids), {"key": key})


def test_an_index_may_be_computed_and_a_condition_may_not() -> None:
    assert [s.op for s in steps("Y = X[argmax(X, axis=1), I]", ("X", "I"))] == ["argmax", "take_at"]
    assert steps("for t in range(2):\n    Y = X[t]")[0].op == "slice"
    for wrong in ("Y = X[X > 0]", "Y = X[[X]]", "Y = X[[0.5]]", "Y = X[['a']]", "Y = [0, 1]", "Y = relu([X])"):
        assert refused(wrong).code == "E_SYNTAX"
    assert refused("Y = X[0, (1, 2)]").code == "E_SYNTAX"


def test_with_block_groups_without_renaming_what_is_assigned() -> None:
    found = steps('with block("head"):\n    L = mean((X - T) ** 2)\nM = mean(X - T)')
    assert [(s.id, s.block) for s in found] == [
        ("head.sub1", "head"), ("head.pow1", "head"), ("L", "head"), ("sub1", ""), ("M", ""),
    ]  # fmt: skip


def test_with_block_in_a_def_and_a_def_in_with_block() -> None:
    block = 'def f(x):\n    with block("in"):\n        h = relu(x + x)\n    return exp(h)\n'
    program = f'{block}with block("out"):\n    Y = f(X)'
    assert [(s.id, s.block) for s in steps(program)] == [
        ("out.f1.in.add1", "out.f1.in"), ("out.f1.h", "out.f1.in"), ("Y", "out.f1"),
    ]  # fmt: skip


def test_a_block_entered_again_goes_on_counting() -> None:
    program = 'for t in range(2):\n    with block("step"):\n        h = relu(X + X)'
    assert ids(program) == ["step.add1", "h", "step.add2", "h.1"]


def test_a_def_skips_a_number_that_a_group_has() -> None:
    program = 'def f(x):\n    return relu(x + x)\nwith block("f1"):\n    A = exp(X + X)\nB = f(X)'
    assert [s.block for s in steps(program)] == ["f1", "f1", "f2", "f2"]


def test_names_in_a_block_are_its_own() -> None:
    program = "h = exp(X)\ndef f(x):\n    h = relu(x)\n    return tanh(h)\nY = f(X)\nZ = h + Y"
    assert steps(program)[-1].inputs == ("h", "Y")


def test_a_block_reads_the_program_around_it_as_it_is_when_it_is_called() -> None:
    program = "h = exp(X)\ndef f(x):\n    return x + h\nA = f(X)\nh = relu(h)\nB = f(X)"
    assert [s.inputs for s in steps(program) if s.op == "add"] == [("X", "h"), ("X", "h.1")]


def test_blocks_do_not_see_the_names_of_the_block_that_calls_them() -> None:
    program = "def g(x):\n    return x + mine\ndef f(x):\n    mine = relu(x)\n    return g(mine)\nY = f(X)"
    assert refused(program).code == "E_NAME"


def test_a_def_may_stand_below_its_call() -> None:
    assert ids("Y = f(X)\ndef f(x):\n    return relu(x)") == ["Y"]


# --- statements and values


def test_for_is_unrolled_and_its_variable_is_a_number() -> None:
    found = steps("for t in range(1, 6, 2):\n    y = x[t] * t")
    assert [s.attrs["key"] for s in found if s.op == "slice"] == [(1,), (3,), (5,)]
    assert [s.inputs[1] for s in found if s.op == "mul"] == [Lit(1), Lit(3), Lit(5)]
    assert ids("for t in range(3):\n    pass_by = X\ny = relu(x[t])") == ["slice1", "y"]


def test_a_loop_over_nothing_does_nothing() -> None:
    assert ids("for t in range(0):\n    y = relu(x)\nz = relu(x)") == ["z"]


def test_tuples_are_unpacked_after_the_right_side_is_done() -> None:
    found = steps("a, c = relu(X), exp(X)\na, c = c, a\nd = a - c")
    assert [s.id for s in found] == ["a", "c", "d"]
    assert found[-1].inputs == ("c", "a")


def test_one_value_may_get_two_names() -> None:
    assert ids("a = c = relu(X)\nd = a + c") == ["a", "d"]


def test_split_gives_a_node_for_each_part() -> None:
    found = steps("a, c, d = split(X, 3, axis=1)")
    assert [(s.id, s.op, dict(s.attrs)) for s in found] == [
        (name, "split", {"sections": 3, "axis": 1, "part": i}) for i, name in enumerate("acd")
    ]
    assert len(steps("p = split(X, (1, 2))\nq = p[2] + p[-3]")) == 4
    assert steps("p = split(X, (1, 2))\nq = p[2] + p[-3]")[-1].inputs == ("split3", "split1")


def test_docstrings_and_comments_are_allowed_everywhere() -> None:
    program = '"""what it is"""\n# comment\ndef f(x):\n    "a block"\n    return relu(x)  # of x\nY = f(X)\n"end"'
    assert ids(program) == ["Y"]


def test_numbers_may_have_names_and_are_folded() -> None:
    assert one("n = 2\nm = n ** 3 - 1 / 4\nY = X * m").inputs == ("X", Lit(7.75))
    assert one("size = (2, 3)\nY = reshape(X, size)").attrs["shape"] == (2, 3)
    assert one("n = 3\nfor t in range(n - 1):\n    Y = X * -t").inputs == ("X", Lit(-1))
    assert one("Y = -(2 + 3) * X").inputs == (Lit(-5), "X")
    assert one("c = 1 < 2\nY = where(c, X, W)").inputs == (Lit(True), "X", "W")


def test_minus_before_a_number_keeps_the_sign_of_zero() -> None:
    value = one("Y = X * -0.0").inputs[1]
    assert isinstance(value, Lit)
    assert str(value.value) == "-0.0"


@pytest.mark.parametrize(
    ("written", "op", "inputs"),
    [
        ("X @ W", "matmul", ("X", "W")),
        ("X + 1", "add", ("X", Lit(1))),
        ("1 - X", "sub", (Lit(1), "X")),
        ("X * 0.5", "mul", ("X", Lit(0.5))),
        ("X / W", "div", ("X", "W")),
        ("X ** 2", "pow", ("X", Lit(2))),
        ("-X", "neg", ("X",)),
        ("X.T", "transpose", ("X",)),
        ("X < W", "less", ("X", "W")),
        ("X <= 0", "less_equal", ("X", Lit(0))),
        ("0 > X", "greater", (Lit(0), "X")),
        ("X >= W", "greater_equal", ("X", "W")),
        ("X == W", "equal", ("X", "W")),
        ("X != W", "not_equal", ("X", "W")),
    ],
)
def test_operators(written: str, op: str, inputs: tuple[object, ...]) -> None:
    step = one(f"Y = {written}")
    assert (step.op, step.inputs) == (op, inputs)


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("0", (0,)),
        ("-1", (-1,)),
        ("1, :, 0:2", (1, (None, None, None), (0, 2, None))),
        ("..., ::-1", ("...", (None, None, -1))),
        ("(1, 2)", (1, 2)),
        ("n + 1, 2 * n:", (4, (6, None, None))),
    ],
)
def test_indices(written: str, key: tuple[object, ...]) -> None:
    assert one(f"n = 3\nY = X[{written}]").attrs["key"] == key


@pytest.mark.parametrize(
    ("copied", "plain"),
    [
        ("A = ∂Y @ W2ᵀ", "A = dY @ W2.T"),
        ("A = (X @ W2)ᵀ", "A = (X @ W2).T"),
        ("∂Y = X @ W2  # ∂Y is Wᵀ, and H² is no name", "dY = X @ W2"),
        ('"the ﬁ ligature ∂"\nA = X', '"x"\nA = X'),
    ],
)
def test_what_is_copied_from_the_screen_is_accepted(copied: str, plain: str) -> None:
    def nodes(program: str) -> list[tuple[object, ...]]:
        return [(s.id, s.op, s.inputs) for s in steps(program, ("X", "W2"), known=["dY"])]

    assert nodes(copied) == nodes(plain)


def test_gradients_may_be_read_before_and_after_they_are_assigned_in_a_derivation() -> None:
    found = steps("dY = 2 * dY\ndW = X.T @ dY", ("X", "W"), known=["dY", "dW"])
    assert [(s.id, s.inputs) for s in found] == [
        ("dY", (Lit(2), "dY")), ("transpose1", ("X",)), ("dW", ("transpose1", "dY")),
    ]  # fmt: skip


def test_lines_are_those_of_the_file() -> None:
    program = "Y = relu(\n    X @ W\n    + b)\ndef f(x):\n    return exp(x)\nZ = f(Y)"
    assert [(s.id, s.line) for s in steps(program, place=Place("x.toml", 20))] == [
        ("matmul1", 21), ("add1", 21), ("Y", 20), ("Z", 24),
    ]  # fmt: skip
    assert {s.line for s in steps(program, place=Place("x.toml", 7, 0))} == {7}


# --- size and speed


@pytest.mark.parametrize("term", ["X", "X * W", "relu(X)", "X[0] @ W.T", "(X - 1)", "-X ** 2"])
@pytest.mark.parametrize("count", [100, 1_500, 3_300])
def test_long_chains_group_to_the_left_like_short_ones(term: str, count: int) -> None:
    short = steps("Y = " + " + ".join([term] * 7))
    per_term = (len(short) - 6) // 7
    found = steps("Y = mean(" + " + ".join([term] * count) + ")\nZ = exp(Y)")
    assert len(found) == per_term * count + count - 1 + 2
    adds = [s for s in found if s.op == "add"]
    assert [s.inputs[0] for s in adds[1:]] == [s.id for s in adds[:-1]]
    assert {s.line for s in found} == {1, 2}


def test_chains_of_ten_thousand_terms() -> None:
    assert len(steps("Y = X" + " + X" * 9_999)) == 9_999
    assert refused("Y = X" + " + X" * 10_000).code == "E_LIMIT"
    assert len(steps("Y = X" + " @ X" * 4_000 + " - X" * 4_000)) == 8_000


def test_a_long_chain_over_several_lines_keeps_its_lines() -> None:
    lines = "\n".join(["    + relu(X)"] * 2_000)
    found = steps(f"Y = (X\n{lines}\n    )\nZ = exp(Y)")
    assert [s.line for s in found if s.op == "relu"] == list(range(2, 2_002))
    assert found[-1].line == 2_003


def test_names_and_numbers_take_few_calls_of_ours() -> None:
    def calls(line: str) -> float:
        def read(times: int) -> None:
            elaborate(f"def f(x):\n    y = {line}\n    return y\nh = X\n" + "h = f(h)\n" * times, LEAVES)

        return (work(lambda: read(300)).calls - work(lambda: read(100)).calls) / 200

    one = calls("x + x")
    assert calls("x + W") <= one + 2
    assert calls("0.1 * x") <= one + 12


def test_the_work_is_in_proportion_to_the_lines() -> None:
    assert len(steps("h = relu(X)\n" * 10_000)) == 10_000
    assert growth(lambda n: steps("h = relu(X)\n" * n), 1000) < 2.2


def test_a_program_that_was_read_leaves_nothing_to_the_garbage_collector() -> None:
    steps("Y = relu(X) @ W")
    gc.collect()
    running = gc.isenabled()
    gc.disable()
    try:
        steps("def f(x):\n    return x[0] + 2\nfor i in range(3):\n    Y = -f(sum(X, axis=i) < W.T)")
        assert gc.collect() == 0, "its tree is freed when it is read, not walked through first"
    finally:
        if running:
            gc.enable()


@pytest.mark.parametrize(
    ("program", "says"),
    [
        ("Y = " + "(" * 70 + "X" + ")" * 70, "nesting"),
        ("Y = " + "(\n" * 64 + "X[0]\n" + ")" * 64, "depth of the brackets: 65"),
        ("Y = " + "relu(" * 70 + "X" + ")" * 70, "nesting"),
        ("Y = " + "-" * 70 + "X", "nesting"),
        ("Y = X" + ".T" * 70, "nesting"),
        ("Y = X" + "[0]" * 70, "nesting"),
        ("".join(" " * i + f"for t{i} in range(1):\n" for i in range(70)) + " " * 70 + "Y = X", "nesting"),
        ("def f0(x): return x\n" + "".join(f"def f{i}(x): return f{i - 1}(x)\n" for i in range(1, 70)), "nesting"),
        ("for t in range(2 ** 40):\n    Y = relu(X)", "calls"),
        ("for a in range(2000):\n    for c in range(2000):\n        Y = relu(X)", "calls"),
        ("Y = X * " + "9" * 500, "digits"),
        ("Y = X * 7 ** 7 ** 7", "digits"),
        ("Y = " + "-" * 5000 + "X", "nesting"),
        ("Y = X" + " ** X" * 2000, "nesting"),
        ("Y = relu(X)\n" * 200_001, "nodes"),
        ("p = split(X, 200001)", "nodes"),
        ("Y = concat(" + "X, " * 10_001 + ")", "terms"),
        ("Y = reshape(X, (" + "1, " * 10_001 + "))", "terms"),
    ],
)
def test_limits(program: str, says: str) -> None:
    error = refused(program)
    assert error.code == "E_LIMIT"
    assert says in error.message or "deep" in error.message


def test_limits_can_be_moved() -> None:
    program = "Y = " + "-" * 100 + "X"
    assert len(steps(program, limits=Limits({"nesting": 200}))) == 100
    assert refused("Y = X + X + X", limits=Limits({"terms": 2})).code == "E_LIMIT"


@pytest.mark.parametrize("depth", [5, 20, 40, 63])
def test_exponential_blocks_are_weighed_before_they_are_unrolled(depth: int) -> None:
    program = "def f0(x):\n    return x\n" + "".join(
        f"def f{i}(x):\n    return f{i - 1}(f{i - 1}(x))\n" for i in range(1, depth)
    )

    def read() -> None:
        if depth == 5:
            assert ids(f"{program}Y = relu(f4(X))") == ["Y"]
        else:
            assert refused(f"{program}Y = f{depth - 1}(X)").code == "E_LIMIT"

    assert work(read).lines < 10_000 * depth


def test_minus_infinity_may_be_written_for_a_softmax() -> None:
    made = steps("Y = where(X > 0, X, -inf)")
    assert made[-1].inputs[-1].value == -math.inf  # type: ignore[union-attr]
    for wrong in ("Y = X + inf", "Y = X * nan", "inf = X", "nan = X"):
        assert refused(wrong).code == "E_NAME"
    assert steps("Y = norm(X, p=inf)")[-1].attrs["p"] == math.inf
    assert refused("Y = max(X, axis=-inf)").code == "E_ATTR"
    for wrong in ("Y = X[-inf]", "Y = X[inf:]", "Y = X + (-inf) * 2", "Y = X + 1 / -inf", "Y = X + -(-inf)"):
        assert refused(wrong).code == "E_SYNTAX"
