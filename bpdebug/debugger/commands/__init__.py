"""The commands: one row each, one file a family. Importing this package fills the table."""

from bpdebug.debugger.commands import (  # noqa: F401 - each fills the table
    expecting,
    explaining,
    files,
    looking,
    motion,
    practising,
    recording,
    stops,
    tensors,
    visiting,
    watched,
    watching,
    whatif,
)
from bpdebug.debugger.commands.table import COMMANDS
from bpdebug.translation import N_

FAMILIES = (
    N_("motion"), N_("stops"), N_("looking"), N_("tensors"), N_("explain"), N_("what if"), N_("scripts"), N_("session"),
)  # fmt: skip
"""The order in which help and the foot of the screen show the families."""

_rows = sorted(COMMANDS.values(), key=lambda row: FAMILIES.index(row.family))
COMMANDS.clear()
COMMANDS.update({row.name: row for row in _rows})
