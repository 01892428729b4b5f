"""Windows in scratch space are the same whatever the space is, and take no more of it than is alive."""

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.trainer.dataset.rows import Rows
from services.trainer.dataset.sample import Sample
from services.trainer.windows import count_windows, stored_rows
from services.trainer.windows.count_windows import StoredWindow, StoredWindowEvent, StoredWindows, Window, Windows
from services.trainer.windows.scratch import Scratch, ScratchMemory
from services.trainer.windows.scratch_file import ScratchFile
from services.trainer.windows.stored_rows import ROW_BYTES, RefCountedSlot, StoredSample
from tidewheel.domain.features import FEATURE_COUNT, Example
from tidewheel.domain.windows import Windowing

INSTRUMENTS = ("sim:A", "sim:B", "sim:C")
CHUNK_ROWS = 3  # so that windows of a few rows have several
SAMPLE_ROW_BYTES = sum(column.nbytes for column in Sample.empty(1).columns())

# An instrument goes on by some examples, from so far ahead or behind of where it stands; a partition is dropped; of the
# windows handed out one is freed.
GOES_ON = st.tuples(
    st.just("go"),
    st.integers(0, 2),
    st.sampled_from([0, 0, 0, 0, 0, 1, 2, 5, 12, -1, -3, -1000, 10_000]),
    st.integers(1, 40),
)
DROPPED = st.tuples(st.just("on_revoked"), st.integers(0, 1), st.just(0), st.just(0))
FREED = st.tuples(st.just("free"), st.integers(0, 5), st.just(0), st.just(0))
STEPS = st.lists(st.one_of(GOES_ON, GOES_ON, GOES_ON, DROPPED, FREED), max_size=25)
WINDOWING = st.integers(1, 9).flatmap(lambda size: st.builds(Windowing, st.just(size), st.integers(1, size)))


def example(instrument: str, seq: int) -> Example:
    features = np.full(FEATURE_COUNT, seq, dtype="<f4")
    features[seq % 700 :] += 0.5
    if seq % 11 == 0:
        features[3] = np.nan
    return Example(instrument, seq, seq * 10, seq * 100, seq * 100 + 50, seq % 2, features.tobytes(), -seq)


@dataclass
class Trial:
    """Windows and all of theirs that nobody has freed."""

    size: int
    scratch: Scratch
    windows: StoredWindows
    held: list[StoredWindow] = field(default_factory=list)

    def on_example(self, one: Example, partition: int, offset: int) -> list[StoredWindowEvent]:
        events = self.windows.on_example(one, partition, offset)
        self.held += [event for event in events if isinstance(event, StoredWindow)]
        return events

    @property
    def alive_bytes(self) -> int:
        """What those who hold slots hold, one by one."""
        fillings = list(self.windows._open.values())
        chunks: set[RefCountedSlot] = {chunk for filling in fillings for chunk in filling.rows._chunks}
        chunks |= {chunk for window in self.held for chunk in window.rows._chunks}
        samples: set[StoredSample] = {one.sample for filling in fillings for one in filling._remembered}
        samples |= {one.sample for window in self.held for one in window.memory}
        return len(chunks) * CHUNK_ROWS * ROW_BYTES + len(samples) * self.size * SAMPLE_ROW_BYTES

    def holds_what_it_needs(self) -> bool:
        """Whether no filling holds a chunk that has none of its rows."""
        fillings = [filling.rows for filling in self.windows._open.values()]
        return all(len(rows._chunks) == -(-(rows._skipped + rows.count) // CHUNK_ROWS) for rows in fillings)


def comparable(events: Iterable[StoredWindowEvent | Window]) -> list[object]:
    """What can be compared; of a window all its bytes."""
    return [whole(one) if isinstance(one, StoredWindow | Window) else one for one in events]


def whole(window: StoredWindow | Window) -> object:
    loaded = window.load() if isinstance(window, StoredWindow) else window
    memory = [
        (one.seq, one.first_example_seq, one.last_example_seq, one.first_offset, in_bytes(one.sample))
        for one in loaded.memory
    ]
    place = (loaded.instrument, loaded.seq, loaded.partition, loaded.first_offset, loaded.last_offset)
    return (*place, window.replay_offset, in_bytes(loaded.rows), memory)


def in_bytes(rows: Rows | Sample) -> list[tuple[str, bytes]]:
    return [(str(column.dtype), column.tobytes()) for column in rows.columns()]


def offset_of(instrument: str, seq: int) -> int:
    return 5 * seq + INSTRUMENTS.index(instrument)


def as_fed(window: StoredWindow, windowing: Windowing) -> bool:
    seqs = range(windowing.first_example_seq(window.seq), windowing.last_example_seq(window.seq) + 1)
    given = [example(window.instrument, seq) for seq in seqs]
    rows = window.load().rows
    if (window.first_offset, window.last_offset) != tuple(offset_of(window.instrument, seqs[at]) for at in (0, -1)):
        return False
    return rows.features.tobytes() == b"".join(one.features for one in given) and (
        (rows.example_seq.tolist(), rows.order_id.tolist(), rows.pnl_e9.tolist())
        == ([one.example_seq for one in given], [one.order_id for one in given], [one.pnl_e9 for one in given])
    )


Steps = list[tuple[str, int, int, int]]


def assert_the_same_wherever_rows_wait(windowing: Windowing, memory: int, steps: Steps) -> None:
    with tempfile.TemporaryDirectory() as folder, patch.object(stored_rows, "CHUNK_ROWS", CHUNK_ROWS):
        spaces = (ScratchMemory(), ScratchFile(folder))
        trials = [Trial(windowing.size, space, StoredWindows(windowing, memory, space)) for space in spaces]
        loaded = Windows(windowing, memory)
        stands = dict.fromkeys(INSTRUMENTS, 1)
        for what, number, jump, count in steps:
            if what == "on_revoked":
                for windows in (loaded, *(trial.windows for trial in trials)):
                    windows.on_revoked({number})
            elif what == "free":
                for trial in trials:
                    if trial.held:
                        trial.held.pop(number % len(trial.held)).free()
            else:
                name = INSTRUMENTS[number]
                first = max(1, stands[name] + jump)
                for seq in range(first, first + count):
                    one, offset = example(name, seq), offset_of(name, seq)
                    heard = [trial.on_example(one, number % 2, offset) for trial in trials]
                    by_now = comparable(loaded.on_example(one, number % 2, offset))
                    assert by_now == comparable(heard[0]) == comparable(heard[1])
                    assert all(as_fed(w, windowing) for w in heard[1] if isinstance(w, StoredWindow))
                stands[name] = first + count if abs(jump) < 1000 else stands[name]
            for partition in (0, 1):
                places = {
                    (windows.resume_offset(partition), windows.replay_offset(partition))
                    for windows in (loaded, *(trial.windows for trial in trials))
                }
                assert len(places) == 1
            for trial in trials:
                assert trial.scratch.used_bytes == trial.alive_bytes
                assert trial.holds_what_it_needs()
        # What waits is still what it was when it closed, whatever was written since.
        assert all(as_fed(window, windowing) for window in trials[1].held)
        assert [whole(one) for one in trials[0].held] == [whole(one) for one in trials[1].held]
        for trial in trials:
            trial.windows.on_revoked({0, 1})
            for window in trial.held:
                window.free()
            assert trial.scratch.used_bytes == 0
            trial.scratch.close()


@settings(max_examples=150, deadline=None)
@given(windowing=WINDOWING, memory=st.integers(1, 4), steps=STEPS)
def test_windows_are_the_same_wherever_rows_wait(windowing: Windowing, memory: int, steps: Steps) -> None:
    assert_the_same_wherever_rows_wait(windowing, memory, steps)


@pytest.mark.parametrize(
    ("where", "fault"),
    [
        ("StoredRememberedSample.retained", lambda self: self),
        ("RefCountedSlot.retain", lambda self: None),
        ("StoredRows.free", lambda self: None),
        ("StoredWindow.free", lambda self: self.rows.free()),
        ("_OpenWindow.free", lambda self: None),
        ("OpenWindowRows.forget", lambda self, count: setattr(self, "count", self.count - count)),
        ("OpenWindowRows.first_offset", 0),
    ],
)
def test_planted_faults_are_found(where: str, fault: Callable[..., Any] | int, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, name = where.split(".")
    monkeypatch.setattr(getattr(count_windows if hasattr(count_windows, owner) else stored_rows, owner), name, fault)
    goes_on = [("go", 0, 0, 7), ("free", 0, 0, 0)]
    with pytest.raises(AssertionError):
        assert_the_same_wherever_rows_wait(Windowing(5, 3), 3, [*goes_on * 6, ("on_revoked", 0, 0, 0), *goes_on * 6])
