"""Running a graph: the timeline of both passes, computed when asked, and kept."""

from bpdebug.engine.optimizers import OPTIMIZERS, Training
from bpdebug.engine.parts import Assignment, Contribution, Fault, PartView
from bpdebug.engine.schedule import BACKWARD, END, FORWARD, SEED, UPDATE, Moment, Schedule
from bpdebug.engine.stats import Stats, stats
from bpdebug.engine.timeline import Event, LeafEvent, NodeEvent, Timeline

__all__ = [
    "BACKWARD", "END", "FORWARD", "OPTIMIZERS", "SEED", "UPDATE", "Assignment", "Contribution", "Event", "Fault",
    "LeafEvent", "Moment", "NodeEvent", "PartView", "Schedule", "Stats", "Timeline", "Training", "stats",
]  # fmt: skip
