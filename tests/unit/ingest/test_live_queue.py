"""The queue between hearing and writing: order, bound, and what gives its place to what."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from services.ingest.live_queue import CHANGES_MAX, Entry, LiveQueue
from tidewheel.contracts.codecs.market import FeedEvent
from tidewheel.contracts.invalid_record import DeadLetterReason
from tidewheel.domain.market import TickFlag
from tidewheel.recordings.quotes import Fault, Watermark
from tidewheel.venues.rows import FeedChange, Row

FAULT = Fault(DeadLetterReason.MALFORMED, "torn")


def row(time_ns: int, instrument: str = "kraken:A", flags: int = 0, fault: Fault | None = None) -> Row:
    return Row(time_ns, time_ns, 1, 2, -1, -1, 0, -1, flags, 0, instrument, 1, "", fault)


def times(entries: list[Entry]) -> list[int]:
    return [entry.time_ns for entry in entries]


def test_all_comes_in_order() -> None:
    queue = LiveQueue()
    change = FeedChange("kraken:A", FeedEvent.CONNECTED, 0, "", 1)
    queue.put(change)
    queue.put(row(1))
    queue.put_time(2)
    queue.put(row(3))
    assert len(queue) == 2
    assert queue.take(0) == [change, row(1), Watermark(2), row(3)]
    assert queue.take(0) == []


def test_seconds_without_a_quote_are_one_mark() -> None:
    queue = LiveQueue()
    for second in range(10_000):
        queue.put_time(second)
    assert queue.take(0) == [Watermark(9_999)]


def test_beyond_the_bound_the_latest_of_each_stands_for_the_others() -> None:
    queue = LiveQueue(rows_max=2)
    for time_ns in range(1, 9):
        queue.put(row(time_ns, "kraken:A" if time_ns % 2 else "kraken:B", flags=TickFlag.GAP_BEFORE * (time_ns == 3)))
    queue.put(row(9, "kraken:C"))
    kept = queue.take(0)
    assert [(one.time_ns, one.instrument, TickFlag(one.flags)) for one in kept if isinstance(one, Row)] == [
        (1, "kraken:A", 0),
        (2, "kraken:B", 0),
        (7, "kraken:A", TickFlag.CONFLATED | TickFlag.GAP_BEFORE),
        (8, "kraken:B", TickFlag.CONFLATED),
        (9, "kraken:C", 0),
    ]
    assert queue.conflated == Counter({"kraken:A": 2, "kraken:B": 2})
    queue.put(row(10))
    assert queue.take(0) == [row(10)]  # and it is well again


def test_a_long_standstill_keeps_one_of_each_second_and_then_only_the_latest() -> None:
    queue = LiveQueue(rows_max=2)
    for time_ns in range(1, 31):
        queue.put(row(time_ns))
        if time_ns % 3 == 0:
            queue.put_time(time_ns)
    assert times(queue.take(0)) == [1, 2, 3, 3, 6, 6, 30, 30]
    assert queue.conflated["kraken:A"] == 30 - 5


def test_one_that_says_more_than_a_record_holds_is_conflated_alone() -> None:
    queue = LiveQueue(second_rows_max=2)
    for time_ns in range(1, 6):
        queue.put(row(time_ns))
        queue.put(row(time_ns, "kraken:B" if time_ns > 3 else "kraken:C"))
    queue.put_time(6)
    queue.put(row(7))
    taken = queue.take(0)
    assert [one.time_ns for one in taken if isinstance(one, Row) and one.instrument == "kraken:A"] == [1, 2, 5, 7]
    assert [one.time_ns for one in taken if isinstance(one, Row) and one.instrument == "kraken:B"] == [4, 5]
    assert queue.conflated == Counter({"kraken:A": 2})
    assert [one.time_ns for one in taken if isinstance(one, Watermark)] == [6]


def test_a_bad_row_does_not_take_the_place_of_a_quote() -> None:
    queue = LiveQueue(rows_max=0)
    queue.put(row(1))
    queue.put(row(2, fault=FAULT))
    assert times(queue.take(0)) == [1]
    queue.put(row(3, fault=FAULT))
    queue.put(row(4))
    assert times(queue.take(0)) == [4]
    assert queue.conflated == Counter({"kraken:A": 2})


def test_words_of_the_connection_have_a_bound_too() -> None:
    queue = LiveQueue()
    for _ in range(2 * CHANGES_MAX):
        queue.put(FeedChange("kraken:A", FeedEvent.GAP, 0, "", 1))
    assert len(queue.take(0)) == CHANGES_MAX


@given(
    st.lists(st.sampled_from(["a", "b", "bad", "time", "take"]), max_size=60),
    st.integers(0, 6),
)
def test_each_row_is_given_or_counted_and_none_comes_after_its_mark(steps: list[str], rows_max: int) -> None:
    queue, given_, put = LiveQueue(rows_max=rows_max), [], 0
    for at, step in enumerate([*steps, "time", "take"], start=1):
        if step == "time":
            queue.put_time(at)
        elif step == "take":
            given_ += queue.take(0)
        else:
            put += 1
            queue.put(row(at, "kraken:B" if step == "b" else "kraken:A", fault=FAULT if step == "bad" else None))
    rows = [one for one in given_ if isinstance(one, Row)]
    assert len(rows) + sum(queue.conflated.values()) == put
    for instrument in ("kraken:A", "kraken:B"):
        own = [one.time_ns for one in given_ if isinstance(one, Watermark) or one.instrument == instrument]
        assert own == sorted(own)
    assert len(queue) == 0
