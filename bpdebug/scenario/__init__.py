"""Scenarios: the file, and its tensors."""

from bpdebug.scenario.load import Shipped, expected_error, find, load, meant, read_derivation, rebuild, shipped
from bpdebug.scenario.scenario import Derivation, Scenario
from bpdebug.scenario.schema import Expect, Train, json_schema
from bpdebug.scenario.training import open_timeline

__all__ = [
    "Derivation", "Expect", "Scenario", "Shipped", "Train", "expected_error", "find",
    "json_schema", "load", "meant", "open_timeline", "read_derivation", "rebuild", "shipped",
]  # fmt: skip
