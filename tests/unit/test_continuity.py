"""What the checker says of each record, by the numbers in the order read."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.synthetic_seconds import seconds
from tidewheel.domain.continuity import (
    NEXT,
    Arrival,
    ArrivalKind,
    AscendingKeyChecker,
    Counts,
    MarketSecondChecker,
    ReadPositions,
    SequenceChecker,
)
from tidewheel.domain.market import NO_QUOTES, MarketSecond

FIRST, SECOND, THIRD, FOURTH, FIFTH = seconds(5)
QUIET = replace(SECOND, quotes=NO_QUOTES)


def kinds(arrivals: list[Arrival]) -> list[tuple[str, int]]:
    return [(arrival.kind.value, arrival.missing) for arrival in arrivals]


def took(*records: MarketSecond) -> list[Arrival]:
    checker = MarketSecondChecker()
    found = [checker.take(record) for record in records]
    assert all((one is NEXT) == (one.kind is ArrivalKind.NEXT) for one in found), "readers ask for the very value"
    return found


def test_numbers() -> None:
    checker = SequenceChecker("example_seq")
    found = [checker.take(number) for number in (7, 8, 8, 12, 9, 13, 13)]
    assert kinds(found) == [
        *(("next", 0), ("next", 0), ("repeated", 0), ("gap", 3), ("out_of_order", 0), ("next", 0), ("repeated", 0)),
    ]
    assert found[3].summary() == "example_seq 12 came where 9 was due, 3 are missing"
    assert found[4].summary() == "example_seq 9 came late or again where 13 was due"


def test_what_is_read_again_on_purpose_is_no_fault() -> None:
    numbers, order = SequenceChecker("example_seq"), MarketSecondChecker()
    assert [numbers.take(number) for number in (5, 6)] == [NEXT] * 2
    assert [order.take(one) for one in (THIRD, FOURTH)] == [NEXT] * 2
    numbers.forget()
    order.forget()
    assert [numbers.take(number) for number in (2, 3)] == [NEXT] * 2
    assert [order.take(one) for one in (FIRST, SECOND)] == [NEXT] * 2


def test_a_session_is_contiguous() -> None:
    assert took(FIRST, SECOND, THIRD) == [NEXT] * 3
    assert kinds(took(SECOND, FIFTH, FIFTH, THIRD)) == [("next", 0), ("gap", 2), ("repeated", 0), ("out_of_order", 0)]


def test_a_quiet_second_that_comes_again_is_noticed() -> None:
    assert kinds(took(FIRST, QUIET, QUIET)) == [("next", 0), ("next", 0), ("repeated", 0)]


def test_a_new_session_is_no_fault_and_a_lost_one_is() -> None:
    later = replace(THIRD, second=THIRD.second + 900, session=2)
    assert took(FIRST, SECOND, later) == [NEXT] * 3
    assert kinds(took(FIRST, SECOND, replace(later, session=3))) == [("next", 0)] * 2 + [("gap", 1)]
    assert kinds(took(later, replace(FOURTH, second=later.second + 1, session=1))) == [("next", 0), ("out_of_order", 0)]


def test_seq_tells_what_seconds_do_not() -> None:
    lost = replace(THIRD, first_seq=THIRD.first_seq + 40)
    (_, _, arrival) = took(FIRST, SECOND, lost)
    assert (arrival.kind, arrival.field, arrival.missing) == (ArrivalKind.GAP, "seq", 1)
    assert kinds(took(FIRST, SECOND, replace(THIRD, second=THIRD.second + 900, session=2, first_seq=9)))[2][1] == 1
    again = replace(THIRD, first_seq=SECOND.first_seq)
    following = replace(FOURTH, first_seq=THIRD.first_seq)
    assert kinds(took(FIRST, SECOND, again, following)) == [("next", 0)] * 2 + [("repeated", 0), ("next", 0)]


def test_expected_after_a_restart() -> None:
    checker = MarketSecondChecker()
    checker.expect(1, THIRD.second, THIRD.first_seq)
    assert [checker.take(one).kind for one in (FIRST, SECOND, THIRD)] == [
        ArrivalKind.OUT_OF_ORDER,
        ArrivalKind.REPEATED,
        ArrivalKind.NEXT,
    ]
    checker.expect(1, THIRD.second, THIRD.first_seq)
    assert checker.take(FIFTH).missing == 2


def test_what_was_read_before_is_read_again() -> None:
    furthest = ReadPositions()
    offsets = (5, 6, 5, 6, 7, 3, 8)
    assert [furthest.was_read(0, offset) for offset in offsets] == [False, False, True, True, False, True, False]
    assert not furthest.was_read(1, 2), "another place"


def test_ascending() -> None:
    checker = AscendingKeyChecker("order_id")
    found = [checker.take(*key) for key in ((5, 0, 7), (5, 1, 3), (5, 1, 3), (5, 0, 9), (6, 0, 0))]
    assert [arrival.kind.value for arrival in found] == ["next", "next", "repeated", "out_of_order", "next"]
    checker.forget()
    assert checker.take(1, 1, 1) is NEXT


@given(st.lists(st.integers(1, 12), max_size=40), st.integers(1, 12))
def test_counts_are_those_of_a_reader_that_remembers_everything(numbers: list[int], first: int) -> None:
    checker, counts, seen = SequenceChecker("n"), Counts(), {first}
    checker.take(first)
    repeated = missing = 0
    for number in numbers:
        counts.add(checker.take(number))
        repeated += number <= max(seen)
        missing += max(0, number - max(seen) - 1)
        seen.add(number)
    assert (counts.repeated, counts.skipped) == (repeated, missing)


@pytest.mark.parametrize(
    ("at", "kind"), [(0, ArrivalKind.OUT_OF_ORDER), (2, ArrivalKind.OUT_OF_ORDER), (4, ArrivalKind.REPEATED)]
)
def test_words_name_the_numbers(at: int, kind: ArrivalKind) -> None:
    checker, made = MarketSecondChecker(), seconds(5)
    for one in made:
        checker.take(one)
    arrival = checker.take(made[at])
    assert arrival.kind is kind
    assert arrival.summary().startswith(f"second {made[at].second} came")
