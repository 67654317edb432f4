"""The views of explanations: a table of their own, which nothing needs before one is asked for."""

from __future__ import annotations

from collections.abc import Callable

from bpdebug.views.adjoint import adjoint
from bpdebug.views.candidates import candidates
from bpdebug.views.check import check
from bpdebug.views.compare import compare
from bpdebug.views.contributions import contributions
from bpdebug.views.derivation import derivation
from bpdebug.views.flow import flow
from bpdebug.views.lens import lens
from bpdebug.views.origin import origin, paths
from bpdebug.views.report import Report
from bpdebug.views.why import why

EXPLAINED: dict[str, Callable[..., Report]] = {
    "adjoint": adjoint,
    "candidates": candidates,
    "check": check,
    "compare": compare,
    "contributions": contributions,
    "derivation": derivation,
    "flow": flow,
    "lens": lens,
    "origin": origin,
    "paths": paths,
    "why": why,
}
