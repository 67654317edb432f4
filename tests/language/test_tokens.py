"""What is typed or copied from the screen, in Python's spelling."""

from __future__ import annotations

import pytest

from bpdebug.language.tokens import respelt

WORDS = {
    "h.1": "h_1",
    "∂h.1": "gh_1",
    "dh.1": "gh_1",
    "∂Y": "gY",
    "enc.q": "enc_q",
    "0.w": "w_0",
    "∂0.w": "gw_0",
    "e@2.q": "e_2",
}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Y = h.1 @ Wᵀ", "Y = h_1 @ W.T"),
        ("h.1.T + ∂h.1ᵀ", "h_1.T + gh_1.T"),
        ("dh.1 * dh", "gh_1 * dh"),
        ("∂Y − ∂Z", "gY - dZ"),
        ("a × b ≤ 2 · c", "a * b <= 2 * c"),
        ("h.12 + xh.1", "h.12 + xh.1"),
        ("1.5e−3 * enc.q[0]", "1.5e-3 * enc_q[0]"),
        ('with block("h.1 −"):  # ∂Y, h.1', 'with block("h.1 −"):  # ∂Y, h.1'),
        ("'''h.1\n∂Y''' h.1", "'''h.1\n∂Y''' h_1"),
        ("a·b = größe", "a·b = größe"),
        ("∂(Y)", "∂(Y)"),
        ("'h.1", "'h_1"),
        ("0.wᵀ @ ∂0.w * 0.5", "w_0.T @ gw_0 * 0.5"),
        ("e@2.q @ e@2.5", "e_2 @ e@2.5"),
        ("1.e5 + 10.25 * 2.e-3", "1.e5 + 10.25 * 2.e-3"),
    ],
)
def test_names_and_signs_line_for_line(text: str, wanted: str) -> None:
    assert respelt(text, WORDS) == wanted


def test_plain_text_is_left_alone() -> None:
    text = "Y = h.1 @ W"
    assert respelt(text, {}) is text
