"""Other people's arrays: the same traced rules, run by PyTorch, JAX or Dask, where their values stay."""

from __future__ import annotations

import importlib
from functools import cache

from bpdebug.backends.backend import Backend
from bpdebug.errors import InputError, UsageError, did_you_mean

__all__ = ["BACKENDS", "Backend", "backend"]

BACKENDS = {"numpy": "numpy", "torch": "torch", "jax": "jax", "dask": "dask", "strict": "array_api_strict"}
"""By the name that is typed, the package that has to be there."""
EXTRAS = {"torch": "torch", "jax": "jax", "dask": "dask", "strict": "oracle"}


@cache
def backend(name: str, device: str | None = None, scheduler: str | None = None) -> Backend | None:
    """The backend of a name, one for each device; None is NumPy. Nothing is imported but what is asked for.

    `device` is the library's own name of one (`cuda:0`), `scheduler` the address of Dask's, which no pass goes to yet.
    Raises UsageError where they are no such names, and for a scheduler, InputError (E_FILE) where the library is not
    installed, or has no such device.
    """
    if name not in BACKENDS:
        raise UsageError(f"no backend {name!r}", hint=did_you_mean(name, BACKENDS) or f"one of {', '.join(BACKENDS)}")
    if (device is not None and name not in ("torch", "jax")) or (scheduler is not None and name != "dask"):
        wrong = "device" if device is not None else "scheduler"
        raise UsageError(f"{name} takes no {wrong}", hint="device=... is for torch and jax, scheduler=... for dask")
    if scheduler is not None:  # better than to compute here in silence what was meant for a cluster
        raise UsageError(f"no scheduler can be used yet: {scheduler!r}", hint="dask runs on this machine, without it")
    if name == "numpy":
        return None
    options = {} if device is None else {"device": device}
    try:
        importlib.import_module(BACKENDS[name])
        make = getattr(importlib.import_module(f"bpdebug.backends.on_{name}"), name)
        found: Backend = make(**options)
    except ImportError as error:
        hint = f'pip install "bpdebug[{EXTRAS[name]}]"'
        raise InputError(f"{BACKENDS[name]} cannot be imported: {error}", code="E_FILE", hint=hint) from None
    except (RuntimeError, IndexError, AssertionError, OSError) as error:
        raise InputError(f"{name} has no {device}: {error}", code="E_FILE", hint="see what is there") from None
    return found
