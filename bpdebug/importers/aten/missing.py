"""What is said where PyTorch is missing."""

from __future__ import annotations

from bpdebug.errors import InputError


def not_installed() -> InputError:
    """E_FILE with what to install."""
    hint = 'pip install "bpdebug[torch]"'
    return InputError("PyTorch is not installed, and a model of it is given", code="E_FILE", hint=hint)
