"""Where a pass finds what it need not compute."""

from __future__ import annotations

from bpdebug.arrays import Array


class ArraySource:
    """Arrays of one iteration, of their tensors' shapes; None is what is not there, as here where nothing is."""

    whole = False
    """Whether it has everything, read when somebody looks at it: there is nothing to compute in advance."""

    def value(self, tensor: int) -> Array | None:
        """A tensor's value."""
        return None

    def gradient(self, tensor: int) -> Array | None:
        """A tensor's whole gradient."""
        return None

    def seed(self, tensor: int) -> Array | None:
        """The gradient that comes in at an output."""
        return None

    def sole(self, tensor: int) -> bool:
        """Whether a tensor's gradient is known to be what a single edge adds."""
        return False

    def contribution(self, k: int, position: int) -> Array | None:
        """What node k's operand at `position` gets from it."""
        return None


COMPUTE = ArraySource()
