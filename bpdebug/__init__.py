"""bpdebug: a step-through debugger for computational graphs.

The public face, and nothing else: `load` a scenario, `run` it into a timeline, or open a `Session` on it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bpdebug.errors import BpdebugError
    from bpdebug.frontends.notebook import show
    from bpdebug.frontends.python import Session, load, run
    from bpdebug.frontends.watched import watch
    from bpdebug.importers.aten import from_torch, register_torch_op
    from bpdebug.importers.jaxpr import from_jax
    from bpdebug.importers.onnx_graph import from_onnx
    from bpdebug.scenario import Scenario
    from bpdebug.translation import speak

__version__ = "0.1.0"
__all__ = [
    "BpdebugError", "Scenario", "Session", "__version__", "from_jax", "from_onnx", "from_torch", "load",
    "register_torch_op", "run", "show", "speak", "watch",
]  # fmt: skip

_HOMES = {
    "BpdebugError": "bpdebug.errors",
    "Scenario": "bpdebug.scenario",
    "Session": "bpdebug.frontends.python",
    "from_jax": "bpdebug.importers.jaxpr",
    "from_onnx": "bpdebug.importers.onnx_graph",
    "from_torch": "bpdebug.importers.aten",
    "load": "bpdebug.frontends.python",
    "register_torch_op": "bpdebug.importers.aten",
    "run": "bpdebug.frontends.python",
    "show": "bpdebug.frontends.notebook",
    "speak": "bpdebug.translation",
    "watch": "bpdebug.frontends.watched",
}


def __getattr__(name: str) -> Any:
    """The public names, imported when first used, so that `bpdebug --help` does not wait for NumPy."""
    if name not in _HOMES:
        raise AttributeError(f"module 'bpdebug' has no attribute {name!r}")
    if name not in ("BpdebugError", "speak"):
        import_module("bpdebug.frontends.notebook")  # from here on notebooks can show what they are given
    found = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return found
