"""Scenarios: the file, and its tensors."""

from bpdebug.scenario.lessons import Shipped, lesson_after, lesson_of, shipped
from bpdebug.scenario.load import expected_error, find, load, meant, read_derivation, rebuild
from bpdebug.scenario.scenario import Derivation, Scenario
from bpdebug.scenario.schema import Expect, Train
from bpdebug.scenario.training import open_timeline

__all__ = [
    "Derivation", "Expect", "Scenario", "Shipped", "Train", "expected_error", "find",
    "lesson_after", "lesson_of", "load", "meant", "open_timeline", "read_derivation", "rebuild",
    "shipped",
]  # fmt: skip
