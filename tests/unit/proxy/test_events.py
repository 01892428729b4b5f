"""What a test reads of what was done, and the judgement of a torn transaction."""

import threading

import pytest

from tests.proxy.actions import AfterFrame, DropReplyAndClose, Hold
from tests.proxy.events import Event, Events, Outcome
from tests.proxy.frames import ApiKey
from tests.proxy.torn import RUNS, TornResult
from tests.unit.proxy.frame_bytes import info

HELD = Event(info(), 3, Hold(AfterFrame(ApiKey.PRODUCE)), 1.5)


def test_they_are_counted_and_told() -> None:
    events = Events()
    place = events.add(HELD)
    events.add(Event(info(ApiKey.TXN_OFFSET_COMMIT), 1, DropReplyAndClose(), 2.0, Outcome.ANSWERED))
    events.change(place, outcome=Outcome.ANSWERED, released_s=4.25, error=47)
    assert events.counts() == {
        ("END_TXN", "request", "held"): 1,
        ("TXN_OFFSET_COMMIT", "request", "cut after"): 1,
    }
    assert str(events.all()[place]) == "1.50 s  END_TXN request 3 of t held, released at 4.25 s: answered (error 47)"
    assert len(events.of(Outcome.ANSWERED)) == 2


def test_another_thread_can_wait_for_them() -> None:
    events = Events()
    place = events.add(HELD)
    change = threading.Thread(target=lambda: events.change(place, outcome=Outcome.LOST))
    change.start()
    (lost,) = events.wait_for_outcome(Outcome.LOST, 30.0)
    change.join()
    assert lost.number == 3


def test_what_does_not_come_is_told_with_what_did() -> None:
    events = Events()
    events.add(HELD)
    with pytest.raises(TimeoutError, match="END_TXN request 3 of t held: kept"):
        events.wait_for_outcome(Outcome.LOST, 0.0)


def test_a_run_that_came_otherwise_than_expected_is_told() -> None:
    short, _, remedy = RUNS
    accepted = Event(info(), 2, Hold(AfterFrame(ApiKey.PRODUCE)), 1.0, Outcome.ANSWERED, 2.0, error=0)
    torn = TornResult(accepted, 5, {1: 10, 2: 10, 3: 5}, 3, "INVALID_TXN_STATE")
    assert torn.faults(short) == []
    assert [fault.partition(":")[0] for fault in torn.faults(remedy)] == [
        *("visible while open", "committed", "the late request was accepted", "transaction 3 failed")
    ]
