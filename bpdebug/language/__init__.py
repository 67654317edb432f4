"""What people type, read: programs, rules, derivations and answers, from text to the steps of a graph."""

from bpdebug.language.names import Place
from bpdebug.language.program import elaborate
from bpdebug.language.written import as_rule, as_update, read_expression

__all__ = ["Place", "as_rule", "as_update", "elaborate", "read_expression"]
