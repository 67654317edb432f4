"""Scenarios: the file, its little language, its tensors, and what it expects."""

from bpdebug.scenario.expect import Mismatch, check
from bpdebug.scenario.load import Shipped, expected_error, find, load, read_derivation, rebuild, shipped
from bpdebug.scenario.names import Place
from bpdebug.scenario.program import elaborate
from bpdebug.scenario.rules import as_rule, as_update, read_expression
from bpdebug.scenario.scenario import Derivation, Scenario
from bpdebug.scenario.schema import Expect, Train, json_schema
from bpdebug.scenario.timeline import open_timeline

__all__ = [
    "Derivation", "Expect", "Mismatch", "Place", "Scenario", "Shipped", "Train", "as_rule", "as_update", "check",
    "elaborate", "expected_error", "find", "json_schema", "load", "open_timeline", "read_derivation",
    "read_expression", "rebuild", "shipped",
]  # fmt: skip
