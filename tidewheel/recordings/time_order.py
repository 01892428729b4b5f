"""Whether the rows of a recorded file are in order of time. Nothing is squeezed onto another instant in silence.

Rows come with times that never go back by more than `late_max_ns`, or the file is refused. A single row far ahead of
those around it, or far back, is rejected and never becomes the clock of those that follow; a second one soon after
it is no single one. Rows that are no quotes are looked past, as everywhere.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np

from tidewheel.contracts.invalid_record import DeadLetterReason
from tidewheel.domain.market import Int64
from tidewheel.domain.time import NS_PER_S, S_PER_DAY
from tidewheel.recordings.options import FIRST_YEAR, ReadingOptions
from tidewheel.recordings.quotes import Fault, RawBatch, SourceError
from tidewheel.recordings.validator import usable_rows

# A second stray row within so many quotes is no single one.
STRAY_EVERY = 100
# How far the quotes after a row are looked for; so many bad rows in a row end a run anyway.
LOOKAHEAD_ROWS = 2_000
FACTORS = (1_000, 1_000_000, 1_000_000_000)
INT64_END = 2**63


@dataclass(frozen=True, slots=True)
class _Judged:
    """A batch, which of its rows are quotes, and their times and places."""

    batch: RawBatch
    rows: Int64

    @property
    def times(self) -> Int64:
        return self.batch.time_ns[self.rows]

    @property
    def places(self) -> Int64:
        return self.batch.place[self.rows]


class TimeOrder:
    """Judges one file's batches in their order. `describe`: a place in words."""

    def __init__(self, options: ReadingOptions, describe: Callable[[int], str]) -> None:
        self._late_max_ns = options.late_max_ns
        self._years = YearLimits(options.year_max, describe) if options.year_max else None
        self._describe = describe
        self._clock: int | None = None
        self._since_stray = STRAY_EVERY
        self._first_back: str = ""
        self._waiting: deque[_Judged] = deque()

    def judged(self, batches: Iterable[RawBatch]) -> Iterator[RawBatch]:
        """The same rows, those whose times cannot be right with their fault. Raises SourceError where the file goes
        back in time."""
        rest, failure = iter(batches), None
        while True:
            try:
                batch = next(rest, None)
            except SourceError as broken:  # what could be read comes first
                batch, failure = None, broken
            if batch is None:
                break
            yield from self.push(batch)
        yield from self.flush()
        if failure is not None:
            raise failure

    def push(self, batch: RawBatch) -> Iterator[RawBatch]:
        """The next batch; what can be judged by now. Raises SourceError."""
        self._waiting.append(self._quotes(batch))
        while len(self._waiting) > 1 and _known_ahead(self._waiting):
            yield self._judge(self._waiting.popleft(), self._waiting)

    def flush(self) -> Iterator[RawBatch]:
        """There are no more: the rest. Raises SourceError."""
        while self._waiting:
            yield self._judge(self._waiting.popleft(), self._waiting)

    def _quotes(self, batch: RawBatch) -> _Judged:
        usable = usable_rows(batch)
        if self._years is not None:
            batch = self._years.checked(batch, usable)
        return _Judged(batch, np.flatnonzero(usable))

    def _judge(self, judged: _Judged, following: Iterable[_Judged]) -> RawBatch:
        times = judged.times
        if not len(times):
            return judged.batch
        ahead = list(_ahead(following))
        all_times = np.concatenate((times, np.array([time for time, _ in ahead], dtype=np.int64)))
        if self._never_goes_back(all_times, len(times)):
            self._since_stray += len(times)
            return judged.batch
        strays = self._one_by_one(
            all_times.tolist(), [*judged.places.tolist(), *(place for _, place in ahead)], len(times)
        )
        if not strays:
            return judged.batch
        faults = {int(judged.rows[index]): fault for index, fault in strays.items()}
        return replace(judged.batch, faults={**judged.batch.faults, **faults})

    def _never_goes_back(self, times: Int64, count: int) -> bool:
        """Whether all is well, and the clock is set to the latest of the first `count`."""
        start = times[0] if self._clock is None else self._clock
        if times[0] >= start and (times[1:] >= times[:-1]).all():
            self._clock = int(times[count - 1])
            return True
        latest = np.maximum(np.maximum.accumulate(times), start)
        if not (times >= latest - self._late_max_ns).all():
            return False
        self._clock = int(latest[count - 1])
        return True

    def _one_by_one(self, times: list[int], places: list[int], count: int) -> dict[int, Fault]:
        late_max_ns = self._late_max_ns
        strays: dict[int, Fault] = {}
        for index in range(count):
            time_ns = times[index]
            after = times[index + 1] if index + 1 < len(times) else None
            clock = self._clock
            if clock is None:
                far = self._first_is_far(*times[index : index + 3])
                where = "is ahead of all that follow"
            elif time_ns < clock - late_max_ns:
                far = after is None or after >= clock - late_max_ns
                where = f"is {duration(clock - time_ns)} before the rows around it"
                if not far:
                    raise self._goes_back(places[index], time_ns, clock)
            else:
                far = time_ns > clock + late_max_ns and after is not None
                far = far and clock - late_max_ns <= (after or 0) < time_ns - late_max_ns
                where = f"is {duration(time_ns - clock)} ahead of the rows around it"
            if far:
                back = (places[index], time_ns, clock) if clock is not None and time_ns < clock else None
                self._count_stray(back or (places[index + 1], after or 0, time_ns))
                strays[index] = Fault(DeadLetterReason.STRAY_TIME, f"its time, {instant(time_ns)}, {where}")
            else:
                self._since_stray += 1
                self._clock = time_ns if clock is None else max(clock, time_ns)
        return strays

    def _first_is_far(self, first: int, second: int | None = None, third: int | None = None) -> bool:
        """Whether the very first row lies ahead of rows that are in order among themselves."""
        if second is None or third is None:
            return False
        return second < first - self._late_max_ns and third >= second - self._late_max_ns

    def _count_stray(self, back: tuple[int, int, int]) -> None:
        """Raises SourceError where it is not a single one."""
        if self._since_stray < STRAY_EVERY:
            raise SourceError(self._first_back)
        self._first_back = str(self._goes_back(*back))
        self._since_stray = 0

    def _goes_back(self, place: int, time_ns: int, clock: int) -> SourceError:
        return SourceError(
            f"{self._describe(place)}: its time goes back by {duration(clock - time_ns)}, from {instant(clock)} to "
            f"{instant(time_ns)}. Quotes must come in order of time: --sort puts them so. Local time that is set back "
            "in autumn must be written as UTC"
        )


def _known_ahead(waiting: Iterable[_Judged]) -> bool:
    """Whether what follows the first batch is enough to judge it."""
    following = list(waiting)[1:]
    return sum(len(one.rows) for one in following) >= 2 or sum(len(one.batch) for one in following) >= LOOKAHEAD_ROWS


def _ahead(following: Iterable[_Judged]) -> Iterator[tuple[int, int]]:
    """The next two quotes: time and place."""
    left = 2
    for one in following:
        rows = one.rows[:left]
        yield from zip(one.batch.time_ns[rows].tolist(), one.batch.place[rows].tolist(), strict=True)
        left -= len(rows)
        if not left:
            return


class YearLimits:
    """Rejects rows of an unlikely year, and notices where the unit of time changes within a file."""

    def __init__(self, year_max: int, describe: Callable[[int], str]) -> None:
        self._start_ns = _year_ns(FIRST_YEAR)
        self._end_ns = _year_ns(year_max + 1)
        self._describe = describe
        self._usual_ns: int | None = None
        self._suspect: tuple[float, int] | None = None

    def checked(self, batch: RawBatch, usable: np.typing.NDArray[np.bool_]) -> RawBatch:
        """The batch with faults where its rows are of such a year; they are taken out of `usable`."""
        unlikely = usable & ((batch.time_ns < self._start_ns) | (batch.time_ns >= self._end_ns))
        if not unlikely.any():
            self._suspect = None if usable.any() else self._suspect
            self._remember(batch.time_ns[usable])
            return batch
        faults = dict(batch.faults)
        for row in np.flatnonzero(usable).tolist():
            time_ns = int(batch.time_ns[row])
            if unlikely[row]:
                self._check_unit(time_ns, int(batch.place[row]))
                year = "" if time_ns < 0 else f", {instant(time_ns)[:10]},"
                faults[row] = Fault(
                    DeadLetterReason.UNLIKELY_YEAR,
                    f"its time{year} is of no year that is likely; --any-year takes it as it stands",
                )
            else:
                self._usual_ns, self._suspect = time_ns, None
        usable &= ~unlikely
        return replace(batch, faults=faults)

    def _remember(self, times: Int64) -> None:
        if len(times):
            self._usual_ns = int(times[-1])

    def _check_unit(self, time_ns: int, place: int) -> None:
        """Raises SourceError at the second row in succession that fits in another unit."""
        if self._usual_ns is None:
            return
        for factor in (*FACTORS, *(1 / factor for factor in FACTORS)):
            if abs(time_ns * factor - self._usual_ns) < S_PER_DAY * NS_PER_S:
                if self._suspect is not None and self._suspect[0] == factor:
                    raise SourceError(
                        f"{self._describe(self._suspect[1])}: from here on its time is in another unit, "
                        f"{'larger' if factor > 1 else 'smaller'} by {max(factor, round(1 / factor)):,}. "
                        "Write the file in one unit"
                    )
                self._suspect = factor, place
                return
        self._suspect = None


def _year_ns(year: int) -> int:
    return min(int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) * NS_PER_S, INT64_END - 1)


def instant(time_ns: int) -> str:
    """An instant in words, UTC, to the millisecond."""
    seconds, rest_ns = divmod(time_ns, NS_PER_S)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}.{rest_ns // 1_000_000:03d} UTC"


def duration(length_ns: int) -> str:
    """A length of time in words."""
    seconds = length_ns / NS_PER_S
    for unit, length_s in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length_s:
            return f"{seconds / length_s:,.1f} {unit}"
    return f"{seconds:,.3f} s"
