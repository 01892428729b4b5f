"""Windows of consecutive examples, per instrument. Examples in, closed windows out; no Kafka, no clock.

The rows of the windows being filled and, thinned, of those remembered lie in scratch space; what is held beside it is
some numbers a window. A window remembers those before it that share no row with it or one another. An example already
seen is reported and passed over. A gap in `example_seq` cannot be mended, so the window it falls into is given up,
loudly, and filling goes on at the next window's first example. An example too far ahead to come after a gap is out of
place itself: to go on after it would pass over all the true ones in silence.

Who frees a slot of the scratch space: an open window its own, when it is dropped or remembers something no longer;
whoever is handed a `StoredWindow` the slots of that one, when it has been processed.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np

from services.trainer.dataset.rows import Rows
from services.trainer.dataset.sample import Sample, thinned
from services.trainer.windows.memory import RememberedSample
from services.trainer.windows.scratch import Scratch, ScratchMemory
from services.trainer.windows.stored_rows import OpenWindowRows, StoredRows, StoredSample
from tidewheel.domain.continuity import Arrival, classify_arrival
from tidewheel.domain.features import Example
from tidewheel.domain.windows import Windowing

# So many windows' rows at most are missing before what is read. Records that cannot be read are fewer, a thousand in a
# row at most, and the smallest window has 200 rows.
MISSING_WINDOWS_MAX = 10


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """A closed window: its rows by `example_seq`, and where they lie in the topic. `memory`: windows before it, oldest
    first."""

    instrument: str
    seq: int
    partition: int
    first_offset: int
    last_offset: int
    rows: Rows
    memory: tuple[RememberedSample, ...] = ()

    @property
    def replay_offset(self) -> int:
        """The offset of the first row that its model is made of."""
        return self.memory[0].first_offset if self.memory else self.first_offset

    def remembered(self) -> RememberedSample:
        """As later windows know it. Rows of which no model could be made are left out."""
        rows = self.rows
        first, last = int(rows.example_seq[0]), int(rows.example_seq[-1])
        return RememberedSample(self.seq, first, last, self.first_offset, _finite(rows.take(thinned(len(rows)))))


@dataclass(frozen=True, slots=True, eq=False)
class StoredRememberedSample:
    """A `RememberedSample` whose sample lies in scratch space."""

    seq: int
    first_example_seq: int
    last_example_seq: int
    first_offset: int
    sample: StoredSample

    def retained(self) -> "StoredRememberedSample":
        """The same, with one more who holds its sample."""
        self.sample.retain()
        return self

    def load(self) -> RememberedSample:
        places = (self.seq, self.first_example_seq, self.last_example_seq, self.first_offset)
        return RememberedSample(*places, self.sample.load())


@dataclass(frozen=True, slots=True, eq=False)
class StoredWindow:
    """A closed window whose rows, and those it remembers, lie in scratch space. Whoever is handed it frees it, once."""

    instrument: str
    seq: int
    partition: int
    first_offset: int
    last_offset: int
    rows: StoredRows
    memory: tuple[StoredRememberedSample, ...]

    @property
    def replay_offset(self) -> int:
        """The offset of the first row that its model is made of."""
        return self.memory[0].first_offset if self.memory else self.first_offset

    def load(self) -> Window:
        """With all its rows. Any thread may, as long as it is not freed."""
        places = (self.instrument, self.seq, self.partition, self.first_offset, self.last_offset)
        return Window(*places, self.rows.read(), tuple(one.load() for one in self.memory))

    def free(self) -> None:
        self.rows.free()
        for one in self.memory:
            one.sample.free()


@dataclass(frozen=True, slots=True)
class Gap:
    """Examples `expected`…`found` - 1 never came; windows `lost` (possibly none) cannot be made. Read again from
    `first_offset`, it is found again."""

    instrument: str
    expected: int
    found: int
    lost: range
    first_offset: int


@dataclass(frozen=True, slots=True)
class OutOfOrderExample:
    """Example `found` came where `expected` should have, too far ahead to be true. It is not taken in."""

    instrument: str
    expected: int
    found: int


@dataclass(frozen=True, slots=True)
class ReadingStarted:
    """The first example seen of an instrument is `found`; filling begins with window `seq`."""

    instrument: str
    found: int
    seq: int


@dataclass(frozen=True, slots=True)
class DuplicateExample:
    """An example that was taken in before; it is passed over."""

    instrument: str
    arrival: Arrival


Interruption = Gap | OutOfOrderExample | ReadingStarted | DuplicateExample
WindowEvent = Window | Interruption
StoredWindowEvent = StoredWindow | Interruption


class _OpenWindows:
    """The windows being filled, by instrument."""

    def __init__(self, windowing: Windowing, memory: int, scratch: Scratch) -> None:
        """`memory`: how many windows a model may be made of, its own among them."""
        self._windowing = windowing
        self._memory = memory
        self._scratch = scratch
        self._open: dict[str, _OpenWindow] = {}

    def _take_in(self, example: Example, partition: int, offset: int) -> list[StoredWindowEvent]:
        events: list[StoredWindowEvent] = []
        open_window = self._open.get(example.instrument)
        if open_window is None or example.example_seq < open_window.began_at:
            # One from before the beginning: the topic was gone back in, or the first one read was out of place.
            if open_window is not None:
                open_window.free()
            open_window = self._begun(example, partition)
            events.append(ReadingStarted(example.instrument, example.example_seq, open_window.seq))
        elif example.example_seq > open_window.expected + MISSING_WINDOWS_MAX * self._windowing.size:
            return [OutOfOrderExample(example.instrument, open_window.expected, example.example_seq)]
        elif example.example_seq > open_window.expected:
            events.append(open_window.skip_to(example.example_seq))
        elif example.example_seq < open_window.expected:
            return [
                DuplicateExample(
                    example.instrument, classify_arrival(open_window.expected, example.example_seq, "example_seq")
                )
            ]
        window = open_window.add(example, offset)
        return [*events, window] if window else events

    def gathered(self, instrument: str) -> int:
        """Rows in the window being filled."""
        open_window = self._open.get(instrument)
        return open_window.rows.count if open_window else 0

    def first_from(self, example_seq: int) -> int:
        """The first window that is read whole where reading begins with this example."""
        return _first_window_from(self._windowing, example_seq)

    def resume_offset(self, partition: int) -> int | None:
        """The offset of the first record that the windows being filled on a partition still need, or the next one to
        come; None where the partition has shown no example yet."""
        return min((f.resume_offset for f in self._open.values() if f.partition == partition), default=None)

    def replay_offset(self, partition: int) -> int | None:
        """The same, with what those windows remember."""
        return min((f.replay_offset for f in self._open.values() if f.partition == partition), default=None)

    def on_revoked(self, partitions: set[int]) -> None:
        """Forget what came from partitions that are no longer ours."""
        for name in [name for name, f in self._open.items() if f.partition in partitions]:
            self._open.pop(name).free()

    def _begun(self, example: Example, partition: int) -> "_OpenWindow":
        open_window = _OpenWindow(example, partition, self._windowing, self._memory, self._scratch)
        self._open[example.instrument] = open_window
        return open_window


class StoredWindows(_OpenWindows):
    """The windows being filled, in scratch space. Tells where to read from again after a crash."""

    def on_example(self, example: Example, partition: int, offset: int) -> list[StoredWindowEvent]:
        """Take in one example; what came of it, in order."""
        return self._take_in(example, partition, offset)


class Windows(_OpenWindows):
    """The same for who has the memory to hold them: a window comes with its rows when it closes."""

    def __init__(self, windowing: Windowing, memory: int = 1) -> None:
        """`memory`: how many windows a model may be made of, its own among them."""
        super().__init__(windowing, memory, ScratchMemory())

    def on_example(self, example: Example, partition: int, offset: int) -> list[WindowEvent]:
        """Take in one example; what came of it, in order."""
        events = self._take_in(example, partition, offset)
        return [_loaded(one) if isinstance(one, StoredWindow) else one for one in events]


def _loaded(stored: StoredWindow) -> Window:
    window = stored.load()
    stored.free()
    return window


def left_behind(windowing: Windowing, started: ReadingStarted, offset: int, newest: int, last_offset: int) -> range:
    """The windows that nobody ends where reading begins at `offset`: after the newest that has ended (0: none is known)
    and before the first that is read whole. `last_offset`: of the newest one's last row, 0 where that is not known.

    None where these windows need not ever have been wanting:
    - none is known, and more than a window's rows are missing: retention has taken the beginning, or the registry is
      another than that of the windows' time;
    - so many are missing that the registry, put back to an older state, or the example is the likelier to be wrong;
    - there are fewer records between than rows missing: windows were counted otherwise then.
    """
    windows = range(newest + 1, started.seq)
    if not newest:
        return windows if started.found <= windowing.size else range(0)
    missing = started.found - windowing.last_example_seq(newest) - 1
    if len(windows) * windowing.step > MISSING_WINDOWS_MAX * windowing.size:
        return range(0)
    return range(0) if last_offset and missing > offset - last_offset - 1 else windows


class _OpenWindow:
    """One instrument's window being filled. `began_at`: the first `example_seq` read; `expected`: the next; `seq`: the
    window's number."""

    def __init__(self, first: Example, partition: int, windowing: Windowing, memory: int, scratch: Scratch) -> None:
        self.partition = partition
        self.began_at = self.expected = first.example_seq
        self.rows = OpenWindowRows(scratch)
        self.next_offset = 0
        self.seq = _first_window_from(windowing, first.example_seq)
        self._instrument = first.instrument
        self._windowing = windowing
        self._memory = memory
        self._scratch = scratch
        self._remembered: deque[StoredRememberedSample] = deque()
        self._first_offset = 0

    @property
    def resume_offset(self) -> int:
        return self._first_offset if self.rows.count else self.next_offset

    @property
    def replay_offset(self) -> int:
        return self._remembered[0].first_offset if self._remembered else self.resume_offset

    def skip_to(self, example_seq: int) -> Gap:
        """Give up what is being filled: the examples before this one are missing."""
        expected, first_lost, first_offset = self.expected, self.seq, self.resume_offset
        self.rows.forget(self.rows.count)
        self.expected = example_seq
        self.seq = max(first_lost, _first_window_from(self._windowing, example_seq))
        self._forget()
        return Gap(self._instrument, expected, example_seq, range(first_lost, self.seq), first_offset)

    def add(self, example: Example, offset: int) -> StoredWindow | None:
        """Take in the next example, the one expected; the window, if this one closes it."""
        self.expected += 1
        self.next_offset = offset + 1
        if example.example_seq < self._windowing.first_example_seq(self.seq):
            return None
        if not self.rows.count:
            self._first_offset = offset
        self.rows.put(example, offset)
        return self._closed() if self.rows.count == self._windowing.size else None

    def free(self) -> None:
        """Forget all rows."""
        self.rows.forget(self.rows.count)
        for one in self._remembered:
            one.sample.free()

    def _closed(self) -> StoredWindow:
        """Hand out the full window, and begin the next with the rows they share."""
        place, rows = (self.partition, self._first_offset, self.next_offset - 1), self.rows.closed()
        window = StoredWindow(self._instrument, self.seq, *place, rows, self._before(self.seq))
        if self._memory > 1:
            self._remember(rows)
        self.seq += 1
        self.rows.forget(self._windowing.step)
        if self.rows.count:
            self._first_offset = self.rows.first_offset
        self._forget()
        return window

    def _remember(self, rows: StoredRows) -> None:
        """The window that has closed, as `Window.remembered` tells it."""
        shown = thinned(self._windowing.size)
        if len(sample := _finite(rows.read(shown))):
            first, last = self._windowing.first_example_seq(self.seq), self._windowing.last_example_seq(self.seq)
            stored = StoredSample(self._scratch, sample, len(shown))
            self._remembered.append(StoredRememberedSample(self.seq, first, last, self._first_offset, stored))

    def _before(self, seq: int) -> tuple[StoredRememberedSample, ...]:
        """What a window remembers: windows that share no row with it or one another."""
        apart = self._windowing.apart
        wanted = range(seq - apart, seq - apart * self._memory, -apart)
        return tuple(one.retained() for one in self._remembered if one.seq in wanted)

    def _forget(self) -> None:
        """What no window to come remembers."""
        oldest = self.seq - self._windowing.apart * (self._memory - 1)
        while self._remembered and self._remembered[0].seq < oldest:
            self._remembered.popleft().sample.free()


def _finite(shown: Rows) -> Sample:
    """Rows as the learner is shown them, without those of which no model could be made."""
    return Sample.of(shown.take(np.flatnonzero(np.isfinite(shown.features).all(axis=1))))


def _first_window_from(windowing: Windowing, example_seq: int) -> int:
    """The first window none of whose examples lie before this one."""
    return -(-(example_seq - 1) // windowing.step) + 1
