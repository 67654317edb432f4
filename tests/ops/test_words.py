"""What every check says: what was found, and what to do."""

from __future__ import annotations

from typing import Any

import pytest

from bpdebug.ops import OPS

FULL = (None, None, None)
HUGE = 10**30
CONV = (2, 4, 5, 6)

SHAPE = [
    ("sum", [(2, 3)], {"axis": 2}, "axis 2 is out of range for shape (2, 3)", "from -2 to 1"),
    ("sum", [(2, 3)], {"axis": (1, -1)}, "axis (1, -1) names an axis of (2, 3) twice", "once"),
    ("sum", [()], {"axis": 0}, "axis 0 is out of range for shape ()", "a number has no axes"),
    ("mean", [(0,)], {}, "mean over all axes of (0,) is over no cells, and has no value", "empty"),
    ("max", [(2, 0)], {"axis": 1}, "max over axis 1 of (2, 0) is over no cells, and has no value", "empty"),
    ("var", [(1, 3)], {"axis": 0, "ddof": 1},
     "ddof=1 leaves nothing to divide by: var is over 1 cells of (1, 3)", ""),
    ("softmax", [()], {}, "axis -1 is out of range for shape ()", "a number has no axes"),
    ("reshape", [(2, 3)], {"shape": (4, 2)}, "(2, 3) to (4, 2): 6 cells do not make 8", "the same"),
    ("reshape", [(2, 3)], {"shape": (4, -1)},
     "(2, 3) to (4, -1): 6 cells do not make a multiple of 4", "the same"),
    ("reshape", [(2, 3)], {"shape": (-1, -1)}, "shape (-1, -1) has more than one -1", "one size"),
    ("reshape", [(2, 3)], {"shape": (-2, -3)}, "shape (-2, -3) has a negative size", "only -1"),
    ("reshape", [(0, 3)], {"shape": (0, -1)}, "any size fits in place of -1", "write the size"),
    ("reshape", [(2**32, 2**32)], {"shape": (0,)}, "18446744073709551616 cells do not make 0", "the same"),
    ("flatten", [(2, 3)], {"start": 2}, "axis 2 is out of range", "from -2 to 1"),
    ("squeeze", [(2, 1)], {"axis": 0},
     "axis 0 of (2, 1) has size 2, and only an axis of size 1 can be dropped", "sum"),
    ("squeeze", [(2, 1)], {"axis": 2}, "axis 2 is out of range", ""),
    ("expand_dims", [(2, 3)], {"axis": 7},
     "axis 7 is out of range for the 3 axes that (2, 3) would have", "-3 to 2"),
    ("expand_dims", [(2, 3)], {"axis": (0, -4)}, "axis (0, -4) names an axis twice", "once"),
    ("broadcast_to", [(2, 3)], {"shape": (2, 2)}, "size 3 in axis -1 cannot become 2", "from the right"),
    ("broadcast_to", [(2, 3)], {"shape": (3,)}, "broadcasting takes no axes away", "sum"),
    ("broadcast_to", [(2, 3)], {"shape": (-2, 2, 3)}, "shape (-2, 2, 3) has a negative size", ""),
    ("concat", [(2, 3), (2, 4)], {},
     "(2, 3) and (2, 4) (operand 2) along axis 0: sizes 3 and 4 of axis 1", "axis=1?"),
    ("concat", [(2, 3), (2,)], {}, "(2, 3) and (2,) (operand 2) have not as many axes", "expand_dims"),
    ("concat", [(2, 3)], {"axis": -3}, "axis -3 is out of range", ""),
    ("concat", [(), ()], {}, "a number has none", "stack"),
    ("stack", [(2, 3), (2, 3), (3, 2)], {}, "(2, 3) and (3, 2) (operand 3) are not one shape", "concat"),
    ("stack", [(2, 3)], {"axis": 3}, "axis 3 is out of range for the 3 axes", ""),
    ("split", [(2, 3)], {"sections": 2, "axis": 1},
     "axis 1 of (2, 3) has size 3, which is not 2 equal parts", "[:2]"),
    ("slice", [(2, 3)], {"key": (2,)}, "index 2 is out of range for axis 0 of (2, 3)", "-2 to 1"),
    ("slice", [(2, 3)], {"key": ("...", -4)}, "index -4 is out of range for axis 1 of (2, 3)", "-3 to 2"),
    ("slice", [(0,)], {"key": (0,)}, "index 0 is out of range for axis 0 of (0,)", "no cells"),
    ("slice", [(2, 3)], {"key": (0, 0, FULL)},
     "3 indices for shape (2, 3), which has 2 axes", "one index an axis"),
    ("slice", [(2, 3)], {"key": ("...", 0, "...")}, "one '...' only", ""),
    ("slice", [(2, 3)], {"key": ((None, None, 0),)}, "step 0", "step of 1"),
    ("pad", [(2, 3)], {"widths": ((1, 1),) * 3}, "do not fit the 2 axes of (2, 3)", "one pair an axis"),
    ("pad", [(2, 3)], {"widths": (1, 2, 3)},
     "widths (1, 2, 3) do not fit the 2 axes of (2, 3)", "(before, after)"),
    ("pad", [(2, 3)], {"widths": ()}, "widths () do not fit", ""),
    ("pad", [(2, 3)], {"widths": 2, "mode": "reflect"}, "2 cells to reflect at axis 0 of (2, 3), which has 1", ""),
    ("pad", [(2, 0)], {"widths": 1, "mode": "replicate"}, "at axis 1 of (2, 0), which has 0", ""),
    ("pad", [(2, 3)], {"widths": 3, "mode": "circular"}, "3 cells to circular at axis 0", ""),
    ("flip", [(2, 3)], {"axis": 2}, "axis 2 is out of range", ""),
    ("roll", [(2, 3)], {"shift": 1, "axis": (0, 0)}, "twice", ""),
    ("repeat", [(2, 3)], {"repeats": 1, "axis": 2}, "axis 2 is out of range", ""),
    ("tril", [(3,)], {}, "a triangle is cut from a matrix", ""),
    ("diagonal", [(3,)], {}, "a diagonal is of a matrix", ""),
    ("trace", [(3, 3)], {"axis2": 0}, "are both axis 0", "0, 1"),
    ("dot", [(3,), (4,)], {}, "sizes 3 and 4 differ", ""),
    ("dot", [(2, 3), (3, 2)], {}, "both must be vectors", "a @ b"),
    ("outer", [(2,), ()], {}, "both must be vectors", "a * b"),
    ("take_at", [(2, 3), (2,), (2,), (2,)], {}, "3 indices for shape (2, 3)", "at most one"),
    ("take_at", [(2, 3), (2,), (3,)], {}, "do not broadcast", ""),
    ("take_at", [(2, 3)], {"key": (((0, 2),),)}, "out of range for axis 0 of (2, 3)", "-2 to 1"),
    ("take_at", [(2, 3), (2,)], {"key": (None, 3)}, "index 3 is out of range for axis 1", ""),
    ("take_at", [(2, 3)], {"key": ((((0, 1), (0,)),),)}, "is ragged", ""),
    ("scatter_add", [(2, 3), (3,)], {"size": 4}, "ids of shape (3,) for x of shape (2, 3)", "the sizes (3,)"),
    ("scatter_add", [(3,), (3, 1)], {"size": 4}, "x has fewer axes", ""),
    ("scatter_along_axis", [(2, 3), (2, 2)], {"size": 4, "axis": 1}, "each cell needs an id", ""),
    ("unbind", [(2, 3)], {"parts": 3}, "has size 2, and there are 3 names", ""),
    ("einsum", [(2, 3), (4, 5)], {"equation": "ij,jk->ik"}, "the axes of 'j' have sizes 3 and 4", ""),
    ("einsum", [(2, 3)], {"equation": "ijk->i"}, "'ijk' for shape (2, 3)", "one letter an axis"),
    ("einsum", [(2, 3)], {"equation": "ii->i"}, "the axes of 'i' have sizes 3 and 2", ""),
    ("tensordot", [(2, 3), (4, 5)], {"axes": 1}, "axis 1 of (2, 3) and axis 0 of (4, 5)", ""),
    ("tensordot", [(2, 3), (4,)], {"axes": 2}, "axes=2 for shapes", ""),
    ("gather", [(2, 3), (4,)], {"axis": 2}, "axis 2 is out of range for shape (2, 3)", ""),
    ("embedding", [(3,), (4,)], {}, "a table of shape (3,) has no rows to look up", "gather"),
    ("take_along_axis", [(2, 3), (2,)], {"axis": 0}, "both need as many axes", "expand_dims"),
    ("take_along_axis", [(2, 3), (4, 1)], {"axis": 1}, "sizes 4 and 2 of axis 0 differ", "only axis 1"),
    ("causal_mask", [(3,)], {}, "scores of shape (3,) have no two axes (queries, keys)", "keys.T"),
    ("layer_norm", [(2, 3), (2,)], {}, "gamma of shape (2,) for x of shape (2, 3)", "shape (3,)"),
    ("layer_norm", [(2, 3), (3,), (2, 3)], {}, "beta of shape (2, 3) for x of shape (2, 3)", "shape (3,)"),
    ("layer_norm", [(2, 0)], {}, "shape (2, 0) has no cells along a last axis", ""),
    ("rms_norm", [()], {}, "shape () has no cells along a last axis", ""),
    ("batch_norm", [(2, 3, 4), (4,)], {},
     "gamma of shape (4,) for x of shape (2, 3, 4)", "axis 1: shape (3,)"),
    ("batch_norm", [(3,)], {}, "shape (3,) has no axis 1 of channels", "(batch, channels, ...)"),
    ("batch_norm", [(0, 3)], {}, "shape (0, 3) has no cells a channel", "empty"),
    ("conv2d", [(4, 5, 6), (3, 4, 2, 2)], {}, "x of shape (4, 5, 6) is not (N, C, H, W)", "expand_dims"),
    ("conv1d", [(4, 5, 6, 7), (3, 5, 2)], {}, "is not (N, C, W)", ""),
    ("conv2d", [CONV, (3, 4, 2)], {}, "w of shape (3, 4, 2) is not (out, in/groups, kh, kw)", ""),
    ("conv2d", [CONV, (3, 5, 2, 2)], {},
     "has 4 channels, and w of shape (3, 5, 2, 2) takes 5 x 1 (groups)", ""),
    ("conv2d", [CONV, (3, 2, 2, 2)], {"groups": 2},
     "the 3 outputs of w (3, 2, 2, 2) are not 2 equal groups", ""),
    ("conv2d", [CONV, (3, 4, 2, 2), (4,)], {}, "b of shape (4,) for w of shape (3, 4, 2, 2)", "shape (3,)"),
    ("conv2d", [CONV, (3, 4, 6, 2)], {},
     "a window of (6, 2) with dilation (1, 1) does not fit into (5, 6)", "smaller"),
    ("max_pool2d", [(2, 4, 5)], {"size": 2}, "x of shape (2, 4, 5) is not (N, C, H, W)", ""),
    ("avg_pool2d", [CONV], {"size": 6},
     "a window of (6, 6) with dilation (1, 1) does not fit into (5, 6)", ""),
    ("im2col", [CONV], {"size": 3, "dilation": (1, 3)},
     "with dilation (1, 3) does not fit into (5, 6)", "padding"),
    ("cross_entropy", [(4, 3), (3,)], {},
     "target of shape (3,) for logits of shape (4, 3)", "integer classes (4,)"),
    ("cross_entropy", [(4, 3), (4,), (4,)], {}, "a weight of shape (4,) for 3 classes", "shape (3,)"),
    ("cross_entropy", [(4, 3), (4,)], {"axis": 0}, "target of shape (4,) for logits", "integer classes (3,)"),
    ("multi_margin", [(4, 3), (3,)], {}, "target of shape (3,) for scores of shape (4, 3)", "shape (4,)"),
    ("bce", [(4, 3), (4, 3), (4,)], {}, "a weight of shape (4,) for a prediction of shape (4, 3)", "one a column (3,)"),
    ("cosine_embedding", [(4, 3), (4, 3), (3,)], {}, "target of shape (3,) for rows of shape (4, 3)", "shape (4,)"),
    ("triplet_margin", [(4, 3), (4, 3), (3,)], {}, "rows of shapes (4, 3) and (4, 3) and (3,)", "(..., features)"),
    ("scaled_dot_product_attention", [(3, 4), (5, 3), (5, 2)], {}, "differ in their features", "last axes"),
    ("scaled_dot_product_attention", [(3, 4), (5, 4), (4, 2)], {}, "5 keys and 4 values", "its value"),
    ("scaled_dot_product_attention", [(4,), (5, 4), (5, 2)], {}, "the query of shape (4,)", "(..., positions"),
    ("scaled_dot_product_attention", [(3, 4), (5, 4), (5, 2), (2, 5)], {}, "a mask of shape (2, 5)", "(..., queries"),
    ("embedding", [(4, 3), (2,)], {"padding_idx": 4}, "padding_idx=4 is no row", "4 entries"),
    ("dropout", [(4, 3), (3,)], {}, "a mask of shape (3,) for x of shape (4, 3)", "kept"),
    ("group_norm", [(2,)], {"groups": 1}, "shape (2,) has no axis 1", "(batch, channels"),
    ("instance_norm", [(2, 3)], {}, "no cells behind axis 1", "(batch, channels"),
    ("layer_norm", [(2, 3, 4), (4,)], {"axis": (-2, -1)}, "gamma of shape (4,)", "shape (3, 4)"),
    ("layer_norm", [(2, 3, 4), (3,)], {"axis": 1}, "gamma of shape (3,)", "shape (3, 1)"),
    ("batch_norm", [(2, 3), (3,), (3,), (3,), (2,)], {}, "var of shape (2,)", "shape (3,)"),
    ("cross_entropy", [(), ()], {}, "logits of shape () have no classes", "(..., classes)"),
    ("cross_entropy", [(0, 3), (0,)], {}, "a mean over shape (0,) is over no cells", "sum"),
    ("nll", [(4, 3), (4, 3)], {}, "target of shape (4, 3) for log_probs of shape (4, 3)", "shape (4,)"),
    ("bce", [(4, 1), (4,)], {}, "prediction of shape (4, 1) and target of shape (4,) differ", "reshape"),
    ("mse", [(0,), (0,)], {}, "a mean over shape (0,) is over no cells", "sum"),
]  # fmt: skip

ATTRIBUTES = [
    ("clip", [(2,)], {"min": 1.0, "max": 0.0}, "min=1.0 is greater than max=0.0"),
    ("clip", [(2,)], {"min": None, "max": None}, "neither min nor max"),
    ("var", [(2,)], {"ddof": -1}, "ddof=-1 is negative"),
    ("dropout", [(2,)], {"p": 1.0}, "p=1.0 is no share"),
    ("split", [(4,)], {"sections": 0}, "0 sections"),
    ("pad", [(2,)], {"widths": (-1, 0)}, "widths (-1, 0) are negative"),
    ("cross_entropy", [(4, 3), (4,)], {"label_smoothing": 1.5}, "label_smoothing=1.5 is no share"),
    ("multi_margin", [(4, 3), (4,)], {"p": 3}, "p=3 is neither 1 nor 2"),
    ("huber", [(3,), (3,)], {"delta": 0.0}, "delta=0 is too small"),
    ("smooth_l1", [(3,), (3,)], {"beta": -1.0}, "beta=-1 is too small"),
    ("triplet_margin", [(4, 3)] * 3, {"p": 0.5}, "p=0.5 is no norm"),
    ("pad", [(2,)], {"widths": 1, "mode": "reflect", "value": 2.0}, "value=2.0 for mode='reflect'"),
    ("roll", [(2, 3)], {"shift": (1, 2), "axis": 0}, "2 shifts for 1 axes"),
    ("roll", [(2, 3)], {"shift": 1, "axis": ()}, "names no axis"),
    ("tile", [(2,)], {"reps": (1, -1)}, "reps (1, -1) are negative"),
    ("repeat", [(2,)], {"repeats": -1}, "repeats=-1 is negative"),
    ("scatter_add", [(2,), (2,)], {"size": -1}, "size=-1 is negative"),
    ("arange", [], {"start": 3, "step": 0}, "step=0 goes nowhere"),
    ("full", [], {"shape": (2, -1), "value": 0.0}, "shape (2, -1) has a negative size"),
    ("einsum", [(2, 3)], {"equation": "ij->k"}, "'k' stands in the result alone"),
    ("einsum", [(2, 3)], {"equation": "ij->ii"}, "'i' stands twice in the result"),
    ("einsum", [(2, 3)], {"equation": "i1->i"}, "'1' stands in the equation"),
    ("einsum", [(2, 3)], {"equation": "ij,jk->ik"}, "has letters for 2 operands, and 1 are given"),
    ("tensordot", [(2, 3), (3,)], {"axes": ((0, 1), (0,))}, "2 of a meet 1 of b"),
    ("one_hot", [(2,)], {"depth": 0}, "depth=0 leaves no place for the one"),
    ("layer_norm", [(2,)], {"eps": -1e-5}, "eps=-1e-05 is negative"),
    ("group_norm", [(2, 3)], {"groups": 2}, "groups=2 for 3 channels"),
    ("batch_norm", [(2, 3), (3,), (3,), (3,)], {}, "a mean is given, and no var"),
    ("rms_norm", [(2,)], {"eps": -0.5}, "eps=-0.5 is negative"),
    ("batch_norm", [(2, 3)], {"eps": -1.0}, "eps=-1.0 is negative"),
    ("conv2d", [CONV, (3, 4, 2, 2)], {"stride": 0}, "stride=0 is too small"),
    ("conv2d", [CONV, (3, 4, 2, 2)], {"padding": (0, -1)}, "padding=(0, -1) is too small"),
    ("conv2d", [CONV, (3, 4, 2, 2)], {"dilation": 0}, "dilation=0 is too small"),
    ("conv2d", [CONV, (3, 4, 2, 2)], {"stride": (1, 1, 1)}, "stride=(1, 1, 1) for 2 spatial axes"),
    ("conv2d", [CONV, (3, 4, 2, 2)], {"groups": 0}, "groups=0"),
    ("conv2d", [CONV, (3, 4, 0, 2)], {}, "size=(0, 2) is too small"),
    ("max_pool2d", [CONV], {"size": 0}, "size=0 is too small"),
    ("max_pool2d", [CONV], {"size": 2, "padding": 2}, "padding=2 for size=2 makes windows of padding only"),
    ("avg_pool2d", [CONV], {"size": 2, "stride": -1}, "stride=-1 is too small"),
    ("im2col", [CONV], {"size": (2, 2, 2)}, "size=(2, 2, 2) for 2 spatial axes"),
]


@pytest.mark.parametrize(("name", "shapes", "attrs", "says", "hint"), SHAPE)
def test_a_shape_that_does_not_fit(refusal: Any, name: str, shapes: Any, attrs: Any, says: str, hint: str) -> None:
    error = refusal(name, *shapes, **attrs)
    assert error.code == "E_SHAPE"
    assert says in error.message
    assert error.hint
    assert hint in error.hint


@pytest.mark.parametrize(("name", "shapes", "attrs", "says"), ATTRIBUTES)
def test_an_attribute_that_no_shape_could_make_right(
    refusal: Any, name: str, shapes: Any, attrs: Any, says: str
) -> None:
    error = refusal(name, *shapes, **attrs)
    assert error.code == "E_ATTR"
    assert says in error.message
    assert error.hint


@pytest.mark.parametrize(
    ("name", "shapes", "attrs"),
    [
        ("sum", [(HUGE, HUGE)], {"axis": 0, "keepdims": False}),
        ("var", [(HUGE, 3)], {"axis": None, "keepdims": False, "ddof": 1}),
        ("reshape", [(HUGE, 6)], {"shape": (3, -1)}),
        ("pad", [(HUGE, 3)], {"widths": HUGE, "mode": "constant", "value": 0.0}),
        ("pad", [(HUGE, 3)], {"widths": ((HUGE - 1, 0), (0, 2)), "mode": "reflect", "value": 0.0}),
        ("einsum", [(HUGE, HUGE), (HUGE, HUGE)], {"equation": "ij,jk->ik"}),
        ("take_at", [(HUGE, HUGE), (3, 1), (4,)], {"key": ()}),
        ("scatter_add", [(HUGE, 3), (HUGE,)], {"size": HUGE, "axis": 0}),
        ("arange", [], {"start": 0, "stop": HUGE, "step": 1}),
        ("split", [(0, 3)], {"sections": HUGE, "axis": 0, "part": 7}),
        ("slice", [(HUGE, HUGE)], {"key": ((0, HUGE, 1), HUGE - 1)}),
        ("one_hot", [(HUGE,)], {"depth": HUGE, "dtype": "float64"}),
        ("conv1d", [(1, 1, HUGE), (1, 1, HUGE)], {"stride": 1, "padding": HUGE, "dilation": 1, "groups": 1}),
        ("max_pool2d", [(HUGE, 1, HUGE, 2)], {"size": 2, "stride": None, "padding": 1}),
        ("cross_entropy", [(HUGE, 3), (HUGE,)], {"reduction": "mean"}),
    ],
)
def test_a_check_counts_and_allocates_nothing(name: str, shapes: Any, attrs: dict[str, Any]) -> None:
    OPS[name].check(*shapes, **{**OPS[name].defaults, **attrs})
