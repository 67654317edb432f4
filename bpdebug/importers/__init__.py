"""Reading what other programs, and bpdebug itself, wrote."""
