"""What may be committed, by the order in which deliveries are confirmed."""

from itertools import permutations

import pytest

from services.orderbot.offset_tracker import OffsetGapError, OffsetTracker


def received(*offsets: int) -> OffsetTracker:
    tracker = OffsetTracker()
    for offset in offsets:
        tracker.received(offset)
    return tracker


def test_nothing_is_committable_before_a_delivery() -> None:
    assert received(7, 8).take_committable() is None


def test_the_offset_to_commit_is_one_past_the_last_done() -> None:
    tracker = received(7, 8)
    tracker.delivered(7)
    assert tracker.take_committable() == 8
    assert tracker.take_committable() is None
    tracker.delivered(8)
    assert tracker.take_committable() == 9
    assert tracker.in_flight == 0


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_an_open_input_is_never_passed(order: tuple[int, ...]) -> None:
    tracker = received(0, 1, 2, 3)
    done: set[int] = set()
    for offset in order:
        tracker.delivered(offset)
        done.add(offset)
        first_open = min({0, 1, 2, 3, 4} - done)
        assert tracker.take_committable() in (None, first_open)
    assert tracker.in_flight == 0


def test_the_very_first_input_holds_back_those_after_it() -> None:
    tracker = received(0, 1, 2)
    tracker.delivered(1)
    tracker.delivered(2)
    assert tracker.take_committable() is None


def test_a_record_that_was_skipped_is_noticed() -> None:
    tracker = received(5)
    with pytest.raises(OffsetGapError, match="offset 7 came where 6 was due"):
        tracker.received(7)
    tracker.delivered(5)
    assert tracker.take_committable() == 6


def test_bad_inputs_are_committable_only_once_a_good_one_has_come() -> None:
    tracker = received(3, 4, 5, 6)
    for offset in (4, 5):
        tracker.rejected(offset)
    for offset in (3, 4, 5):
        tracker.delivered(offset)
    assert tracker.take_committable() == 4, "before the first of them"
    assert tracker.take_committable() is None
    tracker.accepted()
    assert tracker.take_committable() == 6
    tracker.rejected(6)
    tracker.delivered(6)
    assert tracker.take_committable() is None


def test_what_was_bad_when_it_is_read_again_is_held_back_from_its_first() -> None:
    tracker = received(5, 6)
    tracker.rejected(6)
    tracker.received(5)
    tracker.rejected(5)
    tracker.delivered(5)
    assert tracker.take_committable() is None


def test_reading_again_starts_anew() -> None:
    tracker = received(5, 6, 7)
    tracker.received(5)
    tracker.delivered(6)  # the confirmation of the first reading, late
    assert tracker.take_committable() is None
    tracker.received(6)
    tracker.delivered(5)
    assert tracker.take_committable() == 7
    assert tracker.in_flight == 0


def test_what_is_not_read_again_stays_due() -> None:
    """A dead letter goes to another partition than orders, so it may be on its way while later orders are there."""
    tracker = received(5, 6, 7)
    tracker.delivered(5)
    tracker.delivered(7)
    tracker.received(7)
    tracker.delivered(7)
    assert tracker.take_committable() == 6
    tracker.delivered(6)
    assert tracker.take_committable() == 8
