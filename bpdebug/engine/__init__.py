"""Running a graph: the timeline of both passes, computed when asked, and kept."""

from bpdebug.engine.events import Assignment, Contribution, Event, Fault, PartView
from bpdebug.engine.optimizers import OPTIMIZERS, Training
from bpdebug.engine.stats import Stats, stats
from bpdebug.engine.timeline import BACKWARD, END, FORWARD, SEED, UPDATE, Place, Timeline

__all__ = [
    "BACKWARD", "END", "FORWARD", "OPTIMIZERS", "SEED", "UPDATE", "Assignment", "Contribution", "Event", "Fault",
    "PartView", "Place", "Stats", "Timeline", "Training", "stats",
]  # fmt: skip
