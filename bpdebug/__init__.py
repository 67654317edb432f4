"""bpdebug: a step-through debugger for computational graphs."""

__version__ = "0.1.0"
