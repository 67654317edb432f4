"""Other people's arrays: the same traced rules, run by PyTorch, JAX or Dask, where their values stay."""

from __future__ import annotations

import importlib
from functools import cache

from bpdebug.backends.backend import Backend
from bpdebug.errors import InputError, UsageError

__all__ = ["BACKENDS", "Backend", "backend"]

BACKENDS = {"numpy": "numpy", "torch": "torch", "jax": "jax", "dask": "dask", "strict": "array_api_strict"}
"""By the name that is typed, the package that has to be there; `strict` is a judge for tests, and not offered."""
DEVICES = {"torch": "cpu, or one of torch.cuda.device_count(): cuda:0", "jax": "one of jax.devices(): cpu, or gpu:0"}
EXTRAS = {"torch": "torch", "jax": "jax", "dask": "dask", "strict": "oracle"}


def backend(name: str, device: str | None = None, scheduler: str | None = None) -> Backend | None:
    """The backend of a name, one for each device; None is NumPy. Nothing is imported but what is asked for.

    `device` is the library's own name of one (`cuda:0`), `scheduler` the address of Dask's (`tcp://host:8786`).
    Raises UsageError where they are no such names, InputError (E_FILE) where the library is not installed, or has no
    such device, or where no scheduler answers.
    """
    if name not in BACKENDS:
        raise UsageError(f"no backend {name!r}", hint=f"one of {', '.join(b for b in BACKENDS if b != 'strict')}")
    if (device is not None and name not in ("torch", "jax")) or (scheduler is not None and name != "dask"):
        wrong = "device" if device is not None else "scheduler"
        raise UsageError(
            f"{name} takes no {wrong}", hint="a device is for --backend torch or jax, a scheduler for dask"
        )
    if name == "numpy":
        return None
    try:
        return _once(name, device) if scheduler is None else _made(name, scheduler=scheduler)
    except ImportError as error:
        hint = f'pip install "bpdebug[{EXTRAS[name]}]"'
        raise InputError(f"{BACKENDS[name]} cannot be imported: {error}", code="E_FILE", hint=hint) from None
    except (RuntimeError, IndexError, AssertionError, OSError) as error:
        raise InputError(f"{name} has no {device}: {error}", code="E_FILE", hint=DEVICES[name]) from None


def _made(name: str, device: str | None = None, scheduler: str | None = None) -> Backend:
    options = {key: said for key, said in (("device", device), ("scheduler", scheduler)) if said is not None}
    importlib.import_module(BACKENDS[name])
    found: Backend = getattr(importlib.import_module(f"bpdebug.backends.on_{name}"), name)(**options)
    return found


_once = cache(_made)
