"""What may be committed, by the order in which deliveries are confirmed."""

from itertools import permutations

import pytest

from services.orderbot.progress import Progress, Skipped


def came(*offsets: int) -> Progress:
    progress = Progress()
    for offset in offsets:
        progress.came(offset)
    return progress


def test_nothing_is_committable_before_a_delivery() -> None:
    assert came(7, 8).take_committable() is None


def test_the_offset_to_commit_is_one_past_the_last_done() -> None:
    progress = came(7, 8)
    progress.delivered(7)
    assert progress.take_committable() == 8
    assert progress.take_committable() is None
    progress.delivered(8)
    assert progress.take_committable() == 9
    assert progress.open == 0


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_an_open_input_is_never_passed(order: tuple[int, ...]) -> None:
    progress = came(0, 1, 2, 3)
    done: set[int] = set()
    for offset in order:
        progress.delivered(offset)
        done.add(offset)
        first_open = min({0, 1, 2, 3, 4} - done)
        assert progress.take_committable() in (None, first_open)
    assert progress.open == 0


def test_the_very_first_input_holds_back_those_after_it() -> None:
    progress = came(0, 1, 2)
    progress.delivered(1)
    progress.delivered(2)
    assert progress.take_committable() is None


def test_a_record_that_was_skipped_is_noticed() -> None:
    progress = came(5)
    with pytest.raises(Skipped, match="offset 7 came where 6 was due"):
        progress.came(7)
    progress.delivered(5)
    assert progress.take_committable() == 6


def test_bad_inputs_are_committable_only_once_a_good_one_has_come() -> None:
    progress = came(3, 4, 5, 6)
    for offset in (4, 5):
        progress.bad(offset)
    for offset in (3, 4, 5):
        progress.delivered(offset)
    assert progress.take_committable() == 4, "before the first of them"
    assert progress.take_committable() is None
    progress.good()
    assert progress.take_committable() == 6
    progress.bad(6)
    progress.delivered(6)
    assert progress.take_committable() is None


def test_what_was_bad_when_it_is_read_again_is_held_back_from_its_first() -> None:
    progress = came(5, 6)
    progress.bad(6)
    progress.came(5)
    progress.bad(5)
    progress.delivered(5)
    assert progress.take_committable() is None


def test_reading_again_starts_anew() -> None:
    progress = came(5, 6, 7)
    progress.came(5)
    progress.delivered(6)  # the confirmation of the first reading, late
    assert progress.take_committable() is None
    progress.came(6)
    progress.delivered(5)
    assert progress.take_committable() == 7
    assert progress.open == 0
