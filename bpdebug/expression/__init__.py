"""What only a debugger asks: values at a place in time, conditions and locations; compiled once for a graph."""

from bpdebug.expression.evaluate import Scope, Value, check, evaluate, hex_cells, holds, truth
from bpdebug.expression.location import Location, parse_location
from bpdebug.expression.names import Reference, names_in
from bpdebug.expression.parse import Expression, parse
from bpdebug.expression.stops import Stops, resolve
from bpdebug.expression.target import Target, target

__all__ = [
    "Expression", "Location", "Reference", "Scope", "Stops", "Target", "Value", "check", "evaluate", "hex_cells",
    "holds", "names_in", "parse", "parse_location", "resolve", "target", "truth",
]  # fmt: skip
