"""What shows the program in another one: an editor, a browser."""

from __future__ import annotations

from types import SimpleNamespace

from bpdebug.errors import InputError


def elsewhere(args: SimpleNamespace) -> int:
    """Carries out `dap`, `vscode` or `serve`; the exit code. InputError where an extra is not installed."""
    if args.verb == "serve":
        try:
            from bpdebug.frontends.browser.serving import serve as serve_browser  # an extra
        except ImportError:
            hint = 'pip install "bpdebug[web]"'
            raise InputError("textual-serve is not installed", code="E_FILE", hint=hint) from None
        return serve_browser(args.file, args.port, open_it=args.open)
    if args.verb == "vscode":
        from bpdebug.frontends.dap.vscode import write_extension  # only where one is asked for

        return write_extension(args.folder)
    from bpdebug.frontends.dap.serving import serve  # an editor's, as above

    return serve(args.port)
