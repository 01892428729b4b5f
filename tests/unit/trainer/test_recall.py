"""What lies before the committed offset is read again to be remembered, and for nothing else."""

import numpy as np
import pytest

from services.trainer.core import StoredWindow, StoredWindows
from services.trainer.recall import Recall
from services.trainer.scratch import ScratchMemory
from services.trainer.stored import CHUNK_ROWS, ROW_BYTES
from tidewheel.contracts.codecs.orders import encode_example
from tidewheel.contracts.recalled import needed_from, told
from tidewheel.domain.features import FEATURE_COUNT, Example
from tidewheel.domain.windows import Windowing

A = "sim:A"
CHUNK_BYTES = CHUNK_ROWS * ROW_BYTES


def a_recall() -> Recall:
    return Recall(StoredWindows(Windowing(4, 4), 3, ScratchMemory()))


def example(seq: int) -> Example:
    features = np.full(FEATURE_COUNT, seq, dtype="<f4").tobytes()
    return Example(A, seq, seq, seq * 100, seq * 100 + 50, seq % 2, features, 0)


@pytest.mark.parametrize(
    ("offset", "metadata", "wanted"),
    [
        *((10, told(4), 4), (10, told(10), 10), (10, "12", 10), (10, "", 10), (10, None, 10), (10, "0", 0)),
        *((10, "-3", 10), (10, "4.0", 10), (10, "x", 10), (10, "٤", 10), (10, "9" * 19, 10)),
        *((-1001, "4", None), (0, "", 0)),
    ],
)
def test_where_a_restart_reads_from(offset: int, metadata: str | None, wanted: int | None) -> None:
    """Metadata may be an older trainer's, or anybody's."""
    assert needed_from(offset, metadata) == wanted


def test_reading_begins_earlier_only_where_something_is_remembered() -> None:
    recall = a_recall()
    assert recall.begin({0: (10, "4"), 1: (20, ""), 2: (-1001, "")}) == {0: 4}
    dealt_with = {(0, 9): True, (0, 10): False, (1, 19): True, (1, 20): False, (2, 0): False, (3, 0): False}
    assert {place: recall.is_dealt_with(*place) for place in dealt_with} == dealt_with


def test_windows_are_filled_and_the_first_new_example_of_an_instrument_is_told() -> None:
    scratch = ScratchMemory()
    windows = StoredWindows(Windowing(4, 4), 3, scratch)
    recall = Recall(windows)
    recall.begin({0: (9, "1")})
    for seq in range(1, 9):
        recall.again(encode_example(example(seq)), 0, seq)
    recall.again(b"no example", 0, 8)
    joined = recall.joined(example(9))
    assert joined is not None
    assert (joined.instrument, joined.found, joined.seq) == (A, 9, 3)
    assert recall.joined(example(10)) is None
    happenings = [one for seq in range(9, 13) for one in windows.on_example(example(seq), 0, seq)]
    (window,) = happenings
    assert isinstance(window, StoredWindow)
    assert (window.seq, [one.seq for one in window.memory]) == (3, [1, 2])
    # Of the windows dealt with nothing is kept but what is remembered.
    assert CHUNK_BYTES < scratch.used_bytes < 2 * CHUNK_BYTES


def test_what_is_committed_is_never_less_than_what_was_dealt_with() -> None:
    recall = a_recall()
    recall.begin({0: (10, "4")})
    for offset, first, wanted in ((6, 2, (10, "2")), (12, 4, (12, "4")), (12, 15, (12, "12"))):
        assert recall.place(0, offset, first) == wanted


def test_partitions_that_are_no_longer_ours_are_forgotten() -> None:
    recall = a_recall()
    recall.begin({0: (10, "1"), 1: (10, "1")})
    recall.again(encode_example(example(1)), 0, 1)
    recall.drop({0})
    assert not recall.is_dealt_with(0, 5)
    assert recall.is_dealt_with(1, 5)
    assert recall.joined(example(2)) is None
