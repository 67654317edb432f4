"""What shows the program in another one: an editor, a browser."""

from __future__ import annotations

from types import SimpleNamespace

from bpdebug.errors import InputError
from bpdebug.frontends.options import budget_of, handed_on, limits_of, replaced_by
from bpdebug.importers import open_any


def elsewhere(args: SimpleNamespace) -> int:
    """Carries out `dap`, `vscode` or `serve`; the exit code. InputError where an extra is not installed."""
    if args.verb == "serve":
        try:
            from bpdebug.frontends.browser.serving import serve as serve_browser  # an extra
        except ImportError:
            hint = 'pip install "bpdebug[web]"'
            raise InputError("textual-serve is not installed", code="E_FILE", hint=hint) from None
        limits = limits_of(args)
        budget_of(limits)  # what is wrong with the options, or the file, is said here and not in a page
        if args.file not in (None, "-"):
            open_any(args.file, limits=limits, replace=replaced_by(args))
        return serve_browser(args.file, args.port, handed_on(args), open_it=args.open)
    if args.verb == "vscode":
        from bpdebug.frontends.dap.vscode import write_extension  # only where one is asked for

        return write_extension(args.folder)
    from bpdebug.frontends.dap.serving import serve  # an editor's, as above

    return serve(args.port)
