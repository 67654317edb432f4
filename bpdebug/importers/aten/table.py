"""The table of aten's ops: each with the rule that says it in steps, for exported programs and live ones alike."""

from __future__ import annotations

from bpdebug.importers.lowering import Rule, putting_into

RULES: dict[str, Rule] = {}
rule = putting_into(RULES)
"""Puts a rule into the table, for these overloads (linear.default)."""
