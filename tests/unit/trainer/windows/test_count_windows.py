"""Windows of consecutive examples: which rows, in what order, and where to read from again."""

from dataclasses import replace

import numpy as np
import pytest

from services.trainer.dataset.basis import INPUTS
from services.trainer.runs.jobs import TrainJob
from services.trainer.windows.count_windows import (
    MISSING_WINDOWS_MAX,
    DuplicateExample,
    Gap,
    OutOfOrderExample,
    ReadingStarted,
    Window,
    WindowEvent,
    Windows,
    left_behind,
)
from services.trainer.windows.memory import RememberedSample
from tidewheel.domain.features import FEATURE_COUNT, Example
from tidewheel.domain.windows import Windowing

A, B = "sim:A", "sim:B"


def example(seq: int, instrument: str = A) -> Example:
    features = np.full(FEATURE_COUNT, seq, dtype="<f4").tobytes()
    return Example(instrument, seq, seq * 10, seq * 100, seq * 100 + 50, seq % 2, features, -seq)


def feed(windows: Windows, seqs: range | list[int], instrument: str = A, partition: int = 0) -> list[WindowEvent]:
    """Examples whose offset is 1000 more than their number."""
    return [h for seq in seqs for h in windows.on_example(example(seq, instrument), partition, seq + 1000)]


def closed(events: list[WindowEvent]) -> list[Window]:
    return [h for h in events if isinstance(h, Window)]


@pytest.mark.parametrize(("size", "step"), [(10, 10), (10, 3), (10, 1), (7, 6)])
def test_windows_end_every_step_and_number_from_one(size: int, step: int) -> None:
    windowing = Windowing(size, step)
    found = closed(feed(Windows(windowing), range(1, 60)))
    assert [window.seq for window in found] == list(range(1, windowing.closed_by(59) + 1))
    for window in found:
        wanted = range(windowing.first_example_seq(window.seq), windowing.last_example_seq(window.seq) + 1)
        assert window.rows.example_seq.tolist() == list(wanted)
        assert (window.first_offset, window.last_offset) == (wanted[0] + 1000, wanted[-1] + 1000)


def test_a_row_keeps_all_it_came_with() -> None:
    (window,) = closed(feed(Windows(Windowing(4, 4)), range(1, 5)))
    rows = window.rows
    assert (window.instrument, window.partition) == (A, 0)
    assert rows.features.dtype == np.float32
    np.testing.assert_array_equal(rows.features, np.repeat([[1], [2], [3], [4]], FEATURE_COUNT, axis=1))
    assert rows.label.tolist() == [1, 0, 1, 0]
    assert rows.order_id.tolist() == [10, 20, 30, 40]
    assert rows.placed_ns.tolist() == [100, 200, 300, 400]
    assert rows.resolved_ns.tolist() == [150, 250, 350, 450]
    assert rows.pnl_e9.tolist() == [-1, -2, -3, -4]


def test_a_window_handed_out_is_not_written_to_again() -> None:
    windows = Windows(Windowing(4, 1))
    (first,) = closed(feed(windows, range(1, 5)))
    kept = [column.copy() for column in first.rows.columns()]
    feed(windows, range(5, 30))
    for column, was in zip(first.rows.columns(), kept, strict=True):
        np.testing.assert_array_equal(column, was)


def test_repeated_examples_are_told_and_change_nothing() -> None:
    windows = Windows(Windowing(4, 4))
    found = feed(windows, [1, 2, 2, 1, 3, 4, 4, 3, 5, 6, 7, 8])
    assert [window.rows.example_seq.tolist() for window in closed(found)] == [[1, 2, 3, 4], [5, 6, 7, 8]]
    repeats = [(h.arrival.kind.value, h.arrival.found, h.arrival.due) for h in found if isinstance(h, DuplicateExample)]
    assert repeats == [("repeated", 2, 3), ("out_of_order", 1, 3), ("repeated", 4, 5), ("out_of_order", 3, 5)]


def test_instruments_do_not_mix() -> None:
    windows = Windows(Windowing(3, 3))
    found = []
    for seq in range(1, 7):
        found += feed(windows, [seq], A, 0) + feed(windows, [seq], B, 1)
    assert [(w.instrument, w.seq) for w in closed(found)] == [(A, 1), (B, 1), (A, 2), (B, 2)]


@pytest.mark.parametrize(
    ("size", "step", "first", "seq", "begins"),
    [(10, 10, 1, 1, 1), (10, 10, 2, 2, 11), (10, 10, 11, 2, 11), (10, 3, 8, 4, 10)],
)
def test_joining_in_the_middle_begins_with_the_next_window(
    size: int, step: int, first: int, seq: int, begins: int
) -> None:
    found = feed(Windows(Windowing(size, step)), range(first, 40))
    assert found[0] == ReadingStarted(A, first, seq)
    window = closed(found)[0]
    assert window.seq == seq
    assert window.rows.example_seq[0] == begins


def test_a_gap_costs_the_windows_it_touches_and_no_more() -> None:
    windows = Windows(Windowing(4, 4))
    found = feed(windows, [*range(1, 7), *range(10, 25)])
    assert [h for h in found if isinstance(h, Gap)] == [Gap(A, 7, 10, range(2, 4), 1005)]
    assert [w.rows.example_seq.tolist() for w in closed(found)] == [
        [1, 2, 3, 4],
        [13, 14, 15, 16],
        [17, 18, 19, 20],
        [21, 22, 23, 24],
    ]


def test_a_gap_that_ends_at_a_boundary_keeps_the_row_that_shows_it() -> None:
    found = feed(Windows(Windowing(4, 4)), [1, 2, 5, 6, 7, 8])
    assert [h for h in found if isinstance(h, Gap)] == [Gap(A, 3, 5, range(1, 2), 1001)]
    assert [w.seq for w in closed(found)] == [2]


def test_a_gap_while_waiting_for_the_first_window_loses_none() -> None:
    found = feed(Windows(Windowing(10, 10)), [5, 6, 9, *range(10, 21)])
    assert [h for h in found if isinstance(h, Gap)] == [Gap(A, 7, 9, range(2, 2), 1007)]
    assert [w.seq for w in closed(found)] == [2]


def test_an_example_too_far_ahead_is_not_taken_in() -> None:
    windows, far = Windows(Windowing(4, 4)), 7 + 4 * MISSING_WINDOWS_MAX
    feed(windows, range(1, 7))
    assert feed(windows, [far + 1]) == [OutOfOrderExample(A, 7, far + 1)]
    assert windows.resume_offset(0) == 1005
    assert [w.rows.example_seq.tolist() for w in closed(feed(windows, [7, 8]))] == [[5, 6, 7, 8]]
    (gap,) = feed(Windows(Windowing(4, 4)), [6, far])[1:]
    assert gap == Gap(A, 7, far, range(3, 3 + MISSING_WINDOWS_MAX), 1007)


def test_where_the_first_one_read_is_too_far_ahead_filling_begins_with_the_next() -> None:
    found = feed(Windows(Windowing(4, 4)), [3_000_001, *range(1, 9)])
    assert found[:2] == [ReadingStarted(A, 3_000_001, 750_001), ReadingStarted(A, 1, 1)]
    assert [w.seq for w in closed(found)] == [1, 2]


def test_where_to_read_from_again() -> None:
    windows = Windows(Windowing(4, 4))
    assert windows.resume_offset(0) is None
    feed(windows, range(1, 3))
    assert windows.resume_offset(0) == 1001
    feed(windows, range(3, 5))
    assert windows.resume_offset(0) == 1005
    feed(windows, range(5, 7))
    assert windows.resume_offset(0) == 1005
    feed(windows, range(1, 2), B, 0)
    assert windows.resume_offset(0) == 1001
    assert windows.resume_offset(1) is None


def test_overlapping_windows_need_the_rows_they_share() -> None:
    windows = Windows(Windowing(4, 1))
    feed(windows, range(1, 5))
    assert windows.resume_offset(0) == 1002
    assert windows.gathered(A) == 3


def test_a_lost_partition_is_forgotten() -> None:
    windows = Windows(Windowing(4, 4))
    feed(windows, range(1, 4), A, 0)
    feed(windows, range(1, 4), B, 1)
    windows.on_revoked({0})
    assert (windows.resume_offset(0), windows.gathered(A)) == (None, 0)
    assert windows.resume_offset(1) == 1001
    # Given back, it begins where its committed offset says.
    assert [w.seq for w in closed(feed(windows, range(1, 5), A, 0))] == [1]


FAR = 100 + 10 * MISSING_WINDOWS_MAX


@pytest.mark.parametrize(
    ("found", "offset", "newest", "last_offset", "windows"),
    [
        # Windows of ten; nothing is known, and the first row, or ten, cannot be read.
        (2, 1, 0, 0, range(1, 2)),
        (10, 9, 0, 0, range(1, 2)),
        # The beginning is gone: there may have been windows, in another registry or before retention.
        (11, 10, 0, 0, range(0)),
        (9_991, 0, 0, 0, range(0)),
        # Nothing is missing; or rows of one, of two.
        (31, 30, 3, 29, range(4, 4)),
        (32, 31, 3, 29, range(4, 5)),
        (45, 44, 3, 29, range(4, 6)),
        # The newest that has ended comes later: it is read again.
        (32, 31, 9, 89, range(10, 5)),
        # As many records as rows lie between, or fewer: those windows were of other rows.
        (45, 44, 3, 30, range(0)),
        (45, 30, 3, 29, range(0)),
        # Nobody knows where the newest one's rows lie, since it was lost itself.
        (45, 31, 3, 0, range(4, 6)),
        # As much as may be missing, and more.
        (FAR + 1, FAR, 10, 99, range(11, 11 + MISSING_WINDOWS_MAX)),
        (FAR + 2, FAR + 1, 10, 99, range(0)),
    ],
)
def test_which_windows_nobody_ends_where_reading_begins(
    found: int, offset: int, newest: int, last_offset: int, windows: range
) -> None:
    windowing = Windowing(10, 10)
    (started,) = Windows(windowing).on_example(example(found), 0, offset)
    assert isinstance(started, ReadingStarted)
    assert left_behind(windowing, started, offset, newest, last_offset) == windows


def test_overlapping_windows_that_nobody_ends() -> None:
    # Ten rows each, one window for each four rows: window 3 ends with row 18, window 4 begins with row 13.
    assert left_behind(Windowing(10, 4), ReadingStarted(A, 14, 5), 13, 3, 17) == range(4, 5)


def remembered(window: Window) -> list[int]:
    return [one.seq for one in window.memory]


@pytest.mark.parametrize(("size", "step"), [(4, 4), (4, 2), (4, 3), (5, 2), (4, 1)])
@pytest.mark.parametrize("memory", [1, 2, 4])
def test_a_window_remembers_those_before_that_share_no_row_with_it_or_one_another(
    size: int, step: int, memory: int
) -> None:
    windowing = Windowing(size, step)
    for window in closed(feed(Windows(windowing, memory), range(1, 60))):
        apart = -(-size // step)
        wanted = [window.seq - apart * back for back in range(1, memory)]
        assert remembered(window) == sorted(seq for seq in wanted if seq > 0)
        ranges = [(one.first_example_seq, one.last_example_seq) for one in window.memory]
        assert ranges == [(windowing.first_example_seq(s), windowing.last_example_seq(s)) for s in remembered(window)]
        rows = [seq for first, last in ranges for seq in range(first, last + 1)] + window.rows.example_seq.tolist()
        assert rows == sorted(set(rows))


def test_what_is_remembered_are_the_rows_of_its_window() -> None:
    first, second = closed(feed(Windows(Windowing(4, 4), 2), range(1, 9)))
    (one,) = second.memory
    wanted = first.remembered()
    assert (one.seq, one.first_example_seq, one.last_example_seq, one.first_offset) == (1, 1, 4, 1001)
    assert same(one, wanted)
    assert one.sample.order_id.tolist() == [10, 20, 30, 40]
    np.testing.assert_array_equal(one.sample.features, np.repeat([[1], [2], [3], [4]], INPUTS, axis=1))


def same(one: RememberedSample, other: RememberedSample) -> bool:
    """To the bit."""
    places = [(r.seq, r.first_example_seq, r.last_example_seq, r.first_offset) for r in (one, other)]
    columns = zip(one.sample.columns(), other.sample.columns(), strict=True)
    return places[0] == places[1] and all(a.tobytes() == b.tobytes() for a, b in columns)


def test_a_large_window_is_remembered_thinned() -> None:
    window = closed(feed(Windows(Windowing(4001, 4001), 2), range(1, 4002)))[0]
    assert window.remembered().sample.order_id.tolist() == list(range(10, 40_020, 20))


def test_a_window_is_remembered_across_a_gap() -> None:
    """Windows 2 and 3 are lost; 1 still tells of the market as 4 does."""
    found = closed(feed(Windows(Windowing(4, 4), 4), [*range(1, 7), *range(10, 29)]))
    assert [(window.seq, remembered(window)) for window in found] == [
        (1, []),
        (4, [1]),
        (5, [4]),
        (6, [4, 5]),
        (7, [4, 5, 6]),
    ]


def test_what_is_too_far_back_after_a_gap_is_forgotten() -> None:
    windows = Windows(Windowing(4, 4), 3)
    feed(windows, [*range(1, 9), 22])
    assert windows.replay_offset(0) == 1023
    assert [remembered(window) for window in closed(feed(windows, range(23, 33)))] == [[], [7]]


def test_rows_that_are_not_finite_are_not_remembered() -> None:
    windows = Windows(Windowing(4, 4), 3)
    broken = {2: [np.nan, 0.0], 3: [0.0, np.inf], **{seq: [-np.inf, 0.0] for seq in range(5, 9)}}
    found: list[WindowEvent] = []
    for seq in range(1, 13):
        one = example(seq)
        if seq in broken:
            features = np.frombuffer(one.features, dtype="<f4").copy()
            features[[0, 300]] = broken[seq]
            one = replace(one, features=features.tobytes())
        found += windows.on_example(one, 0, seq + 1000)
    first, _, third = closed(found)
    assert np.isnan(first.rows.features).any()
    # Of the second window no row is left, so it is not remembered at all.
    assert [(one.seq, one.sample.order_id.tolist()) for one in third.memory] == [(1, [10, 40])]
    assert all(np.isfinite(one.sample.features).all() for one in third.memory)


def test_instruments_remember_their_own() -> None:
    windows, found = Windows(Windowing(3, 3), 2), []
    for seq in range(1, 7):
        found += feed(windows, [seq], A, 0) + feed(windows, [seq], B, 0)
    assert [(w.instrument, w.seq, remembered(w)) for w in closed(found)] == [
        (A, 1, []),
        (B, 1, []),
        (A, 2, [1]),
        (B, 2, [1]),
    ]


def test_a_lost_partition_is_not_remembered() -> None:
    windows = Windows(Windowing(4, 4), 2)
    feed(windows, range(1, 6))
    windows.on_revoked({0})
    assert [remembered(window) for window in closed(feed(windows, range(5, 9)))] == [[]]


def test_where_to_read_from_again_is_where_what_is_remembered_begins() -> None:
    windows = Windows(Windowing(4, 4), 3)
    next_one = 1
    for last, wanted in ((3, 1001), (4, 1001), (8, 1001), (11, 1001), (12, 1005), (15, 1005), (16, 1009)):
        feed(windows, range(next_one, last + 1))
        assert windows.replay_offset(0) == wanted
        next_one = last + 1
    feed(windows, [1], B, 0)
    assert windows.replay_offset(0) == 1001


@pytest.mark.parametrize(("size", "step"), [(4, 4), (4, 2), (5, 2), (4, 1)])
@pytest.mark.parametrize("last", range(20, 32))
def test_read_again_from_there_the_next_window_remembers_the_same(size: int, step: int, last: int) -> None:
    windows = Windows(Windowing(size, step), 4)
    feed(windows, range(1, last + 1))
    resume = windows.replay_offset(0)
    assert resume is not None
    wanted = closed(feed(windows, range(last + 1, last + 1 + size)))[0]
    assert len(wanted.memory) == min(3, (wanted.seq - 1) // -(-size // step))
    restarted = closed(feed(Windows(Windowing(size, step), 4), range(resume - 1000, last + 1 + size)))
    (found,) = (window for window in restarted if window.seq == wanted.seq)
    assert found.replay_offset == wanted.replay_offset >= resume
    assert len(found.memory) == len(wanted.memory)
    for one, other in zip(found.memory, wanted.memory, strict=True):
        assert same(one, other)
    for column, other_column in zip(found.rows.columns(), wanted.rows.columns(), strict=True):
        assert column.tobytes() == other_column.tobytes()


def test_a_window_needs_what_it_remembers() -> None:
    found = closed(feed(Windows(Windowing(4, 4), 3), range(1, 17)))
    assert [window.first_offset for window in found] == [1001, 1005, 1009, 1013]
    assert [window.replay_offset for window in found] == [1001, 1001, 1001, 1005]
    assert [TrainJob(window, 0).first_offset for window in found] == [1001, 1005, 1009, 1013]
    assert [TrainJob(window, 0).replay_offset for window in found] == [1001, 1001, 1001, 1005]
