"""A live session in a notebook: `from bpdebug.widget import Walk` (extra `notebook`)."""

from bpdebug.frontends.notebook.live import Walk

__all__ = ["Walk"]
