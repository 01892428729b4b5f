"""What lies before the committed offset is read again to be remembered, and for nothing else."""

import numpy as np
import pytest

from services.trainer.windows.count_windows import StoredWindow, StoredWindows
from services.trainer.windows.replay import Replay
from services.trainer.windows.scratch import ScratchMemory
from services.trainer.windows.stored_rows import CHUNK_ROWS, ROW_BYTES
from tidewheel.contracts.codecs.orders import encode_example
from tidewheel.contracts.offset_metadata import encode_replay_offset, replay_offset
from tidewheel.domain.features import FEATURE_COUNT, Example
from tidewheel.domain.windows import Windowing

A = "sim:A"
CHUNK_BYTES = CHUNK_ROWS * ROW_BYTES


def a_recall() -> Replay:
    return Replay(StoredWindows(Windowing(4, 4), 3, ScratchMemory()))


def example(seq: int) -> Example:
    features = np.full(FEATURE_COUNT, seq, dtype="<f4").tobytes()
    return Example(A, seq, seq, seq * 100, seq * 100 + 50, seq % 2, features, 0)


@pytest.mark.parametrize(
    ("offset", "metadata", "wanted"),
    [
        *(
            (10, encode_replay_offset(4), 4),
            (10, encode_replay_offset(10), 10),
            (10, "12", 10),
            (10, "", 10),
            (10, None, 10),
            (10, "0", 0),
        ),
        *((10, "-3", 10), (10, "4.0", 10), (10, "x", 10), (10, "٤", 10), (10, "9" * 19, 10)),
        *((-1001, "4", None), (0, "", 0)),
    ],
)
def test_where_a_restart_reads_from(offset: int, metadata: str | None, wanted: int | None) -> None:
    """Metadata may be an older trainer's, or anybody's."""
    assert replay_offset(offset, metadata) == wanted


def test_reading_begins_earlier_only_where_something_is_remembered() -> None:
    replay = a_recall()
    assert replay.on_assigned({0: (10, "4"), 1: (20, ""), 2: (-1001, "")}) == {0: 4}
    dealt_with = {(0, 9): True, (0, 10): False, (1, 19): True, (1, 20): False, (2, 0): False, (3, 0): False}
    assert {place: replay.is_processed(*place) for place in dealt_with} == dealt_with


def test_windows_are_filled_and_the_first_new_example_of_an_instrument_is_told() -> None:
    scratch = ScratchMemory()
    windows = StoredWindows(Windowing(4, 4), 3, scratch)
    replay = Replay(windows)
    replay.on_assigned({0: (9, "1")})
    for seq in range(1, 9):
        replay.on_record(encode_example(example(seq)), 0, seq)
    replay.on_record(b"no example", 0, 8)
    started = replay.started(example(9))
    assert started is not None
    assert (started.instrument, started.found, started.seq) == (A, 9, 3)
    assert replay.started(example(10)) is None
    events = [one for seq in range(9, 13) for one in windows.on_example(example(seq), 0, seq)]
    (window,) = events
    assert isinstance(window, StoredWindow)
    assert (window.seq, [one.seq for one in window.memory]) == (3, [1, 2])
    # Of the windows dealt with nothing is kept but what is remembered.
    assert CHUNK_BYTES < scratch.used_bytes < 2 * CHUNK_BYTES


def test_what_is_committed_is_never_less_than_what_was_dealt_with() -> None:
    replay = a_recall()
    replay.on_assigned({0: (10, "4")})
    for offset, first, wanted in ((6, 2, (10, "2")), (12, 4, (12, "4")), (12, 15, (12, "12"))):
        assert replay.place(0, offset, first) == wanted


def test_partitions_that_are_no_longer_ours_are_forgotten() -> None:
    replay = a_recall()
    replay.on_assigned({0: (10, "1"), 1: (10, "1")})
    replay.on_record(encode_example(example(1)), 0, 1)
    replay.on_revoked({0})
    assert not replay.is_processed(0, 5)
    assert replay.is_processed(1, 5)
    assert replay.started(example(2)) is None
