"""The numbering of events: both ways, and where a recording ends early."""

from __future__ import annotations

from bpdebug.engine import BACKWARD, END, FORWARD, SEED, UPDATE, Schedule, Training
from tests.engine.test_timeline import layer


def test_places_and_numbers_are_inverse() -> None:
    timeline = layer(training=Training("sgd", 3, {"lr": 0.1}))
    for event in timeline:
        place = timeline.schedule.place(event.index)
        assert (place.iteration, place.phase) == (event.iteration, event.phase)
        assert timeline.schedule.tensor_at(event.index) == event.tensor
        assert timeline.schedule.index_of(event.phase, event.tensor, event.iteration) == event.index
    end = timeline.schedule.place(len(timeline))
    assert (end.iteration, end.phase) == (2, END)


def test_what_has_no_event_has_no_number() -> None:
    timeline = layer()
    n = timeline.graph.index
    assert timeline.schedule.index_of(FORWARD, n["X"]) is None
    assert timeline.schedule.index_of(SEED, n["Y"]) is None
    assert timeline.schedule.index_of(BACKWARD, n["W"]) is None
    assert timeline.schedule.index_of(UPDATE, n["W"]) is None


def test_a_schedule_that_ends_early_is_the_whole_one_up_to_there() -> None:
    whole = layer(training=Training("sgd", 3, {"lr": 0.1})).schedule
    graph = whole.graph
    for events in range(whole.events + 2):
        cut = Schedule(graph, whole.trained, whole.iterations, events)
        assert (cut.events, cut.planned) == (min(events, whole.events), whole.events)
        assert [cut.place(k) for k in range(cut.events)] == [whole.place(k) for k in range(cut.events)]
        end = cut.place(cut.events)
        assert (end.phase, end.iteration) == (END, whole.place(max(cut.events - 1, 0)).iteration)
        last = cut.events - 1
        for tensor in range(len(graph.names)) if events else ():
            assert cut.grad_status(tensor, cut.events) == whole.grad_status(tensor, last)
            assert cut.has_value(tensor, cut.events) == whole.has_value(tensor, last)
            assert cut.edges_done(tensor, cut.events) == whole.edges_done(tensor, last)
