"""A number's colour, at the ends of the range of floats too."""

from __future__ import annotations

import math
import sys

import pytest

from bpdebug.frontends.tui.palette import NEGATIVE, POSITIVE, WARNING, ZERO, value_style

MOST = sys.float_info.max


@pytest.mark.parametrize("top", [5e-324, 1.0, MOST])
def test_the_nearer_to_the_largest_the_brighter(top: float) -> None:
    assert value_style(top, top) is POSITIVE[3]
    assert value_style(-top, top) is NEGATIVE[3]
    assert value_style(0.0, top) is ZERO
    assert {value_style(x, top) for x in (math.nan, math.inf, -math.inf)} == {WARNING}
