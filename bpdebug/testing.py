"""For tests of one's own: `from bpdebug.testing import assert_gradients`."""

from bpdebug.frontends.asserting import assert_gradients

__all__ = ["assert_gradients"]
