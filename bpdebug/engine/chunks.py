"""Code generated for a whole graph, for where many runs of one graph come: training, checks, what-ifs."""

from __future__ import annotations

from bpdebug.engine.run import Code


class ChunkedCode(Code):
    """To come: straight-line functions over some 500 nodes each."""
