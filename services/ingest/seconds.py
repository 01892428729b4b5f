"""The one builder of market seconds: ticks in, contiguous seconds with their closing bars out. Pure.

Work on quotes is done on whole columns; each second then costs a small constant.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tidewheel.contracts.topics import RECORD_BYTES_MAX
from tidewheel.domain.market import NO_FLAGS, NO_QUOTES, Int64, MarketSecond, Quotes, SourceKind, TickFlag
from tidewheel.domain.prices import mid_e9
from tidewheel.domain.time import NS_PER_S, day_of
from tidewheel.recordings.quotes import (
    OPTIONAL_COLUMNS,
    RejectedRow,
    SourceError,
    TickBatch,
    concat_quotes,
    copy_quotes,
    slice_quotes,
)

# What the columns of a second's quotes may take, so that there is room for all else that its record holds.
QUOTES_BYTES_MAX = RECORD_BYTES_MAX - 4_000
# Time, bid and offer; the other columns are left out where they say nothing.
QUOTE_BYTES_MIN = 24


@dataclass(frozen=True, slots=True)
class SessionRules:
    """`quiet_s`: quiet seconds written after the last tick's before its session is over. `stale_s`: a closing quote
    older than this at its second's end makes the second stale."""

    quiet_s: int = 600
    stale_s: int = 60


@dataclass(slots=True)
class _MarketState:
    """The state of an instrument's market after a second was written: all that the next one needs to know."""

    session: int
    second: int
    next_seq: int
    bid_e9: int
    offer_e9: int
    last_tick_ns: int
    day_open_e9: int
    day_high_e9: int
    day_low_e9: int
    session_over: bool

    @classmethod
    def after(cls, last: MarketSecond) -> "_MarketState":
        """As of the newest record of the log: the record alone says it all."""
        return cls(
            session=last.session,
            second=last.second,
            next_seq=last.first_seq + len(last.quotes),
            bid_e9=last.close_bid_e9,
            offer_e9=last.close_offer_e9,
            last_tick_ns=last.last_tick_ns,
            day_open_e9=last.day_open_e9,
            day_high_e9=last.day_high_e9,
            day_low_e9=last.day_low_e9,
            session_over=last.ends_session,
        )


class _TicksBySecond:
    """Ticks cut by second; one list entry a second, so that the loop over seconds touches plain numbers."""

    def __init__(self, quotes: Quotes, place: Int64) -> None:
        seconds = quotes.time_ns // NS_PER_S
        starts = np.flatnonzero(np.concatenate(([True], seconds[1:] != seconds[:-1])))
        ends = np.append(starts[1:], len(seconds))
        mids = np.asarray(mid_e9(quotes.bid_e9, quotes.offer_e9))  # type: ignore[arg-type]
        self.quotes = quotes
        self._place = place
        self.start: list[int] = starts.tolist()
        self.end: list[int] = ends.tolist()
        self.second: list[int] = seconds[starts].tolist()
        self.place_first: list[int] = place[starts].tolist()
        self.mid_first: list[int] = mids[starts].tolist()
        self.mid_high: list[int] = np.maximum.reduceat(mids, starts).tolist()
        self.mid_low: list[int] = np.minimum.reduceat(mids, starts).tolist()
        self.bid_last: list[int] = quotes.bid_e9[ends - 1].tolist()
        self.offer_last: list[int] = quotes.offer_e9[ends - 1].tolist()
        self.time_last: list[int] = quotes.time_ns[ends - 1].tolist()
        self.flagged: list[bool] = np.bitwise_or.reduceat(quotes.flags, starts).astype(np.bool_).tolist()
        self._has_values: dict[str, list[bool]] = {
            name: np.logical_or.reduceat(column != missing, starts).tolist()
            for name, missing in OPTIONAL_COLUMNS
            if len(column := getattr(quotes, name))
        }

    def __len__(self) -> int:
        return len(self.start)

    def columns(self, index: int, *, flagged: bool) -> Quotes:
        """The quotes of one second; a column that says nothing for it is empty."""
        start, end = self.start[index], self.end[index]
        quotes = self.quotes
        optional = {
            name: getattr(quotes, name)[start:end] for name, has_values in self._has_values.items() if has_values[index]
        }
        return Quotes(
            time_ns=quotes.time_ns[start:end],
            bid_e9=quotes.bid_e9[start:end],
            offer_e9=quotes.offer_e9[start:end],
            flags=quotes.flags[start:end] if flagged else NO_FLAGS,
            **optional,
        )

    def last(self) -> tuple[Quotes, Int64]:
        """The quotes of the last second and their places, without a hold on those before."""
        start, end = self.start[-1], self.end[-1]
        return copy_quotes(slice_quotes(self.quotes, start, end)), self._place[start:end].copy()


class _OpenSecond:
    """The quotes of the second that is open still, in the pieces they came in; joined once, when all are there."""

    def __init__(self) -> None:
        self._pieces: list[tuple[Quotes, Int64]] = []
        self._second = -1
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def before(self, second: int) -> bool:
        return self._count > 0 and self._second < second

    def add(self, quotes: Quotes, place: Int64) -> None:
        """More quotes of the one second. Raises SourceError where no record can hold them all."""
        self._pieces.append((quotes, place))
        self._second = int(quotes.time_ns[0]) // NS_PER_S
        self._count += len(quotes)
        _check_record_size(self._second, int(self._pieces[0][1][0]), self._count, self._count * QUOTE_BYTES_MIN)

    def drain(self, *more: tuple[Quotes, Int64]) -> _TicksBySecond:
        """All that is held, and `more` after it, by second; then nothing is held."""
        pieces, self._pieces, self._count = [*self._pieces, *more], [], 0
        return _TicksBySecond(
            concat_quotes([quotes for quotes, _ in pieces]), np.concatenate([place for _, place in pieces])
        )


def _check_record_size(second: int, place: int, count: int, byte_count: int) -> None:
    if byte_count > QUOTES_BYTES_MAX:
        raise SourceError(
            f"second {second} began at line or message {place} of the feed and holds {count:,} quotes, more than a "
            f"record can: is its time far ahead by mistake? Then all that came after it was late, and went into it"
        )


class SecondBuilder:
    """Keeps the second open in which the last tick lies, since more may come; exhaust each iterator before the next
    call. A rejected row is handed on as soon as it is read, before the second open at that moment."""

    def __init__(
        self, instrument: str, kind: SourceKind, rules: SessionRules, last: MarketSecond | None = None
    ) -> None:
        self._instrument = instrument
        self._kind = kind
        self._rules = rules
        self._epoch = last.connection_epoch if last else 1
        self._state = _MarketState.after(last) if last else None
        self._open_second = _OpenSecond()

    def on_ticks(self, ticks: TickBatch) -> Iterator[MarketSecond | RejectedRow]:
        """Write what these ticks complete: the open second, and quiet seconds up to a tick's.

        Raises SourceError for a second of more quotes than a record can hold.
        """
        quotes, open_count = ticks.quotes, len(self._open_second)
        rejected = iter(ticks.rejected)
        row = next(rejected, None)
        if len(quotes) and open_count and not self._open_second.before(int(quotes.time_ns[-1]) // NS_PER_S):
            self._epoch = ticks.connection_epoch
            self._open_second.add(quotes, ticks.place)
        elif len(quotes):
            groups = self._open_second.drain((quotes, ticks.place))
            for index in range(len(groups)):
                while row and open_count + row[0] <= groups.start[index]:
                    yield row[1]
                    row = next(rejected, None)
                if index:
                    yield self._with_ticks(groups, index - 1)
                if index or not open_count:
                    yield from self._quiet_seconds_until(groups.second[index])
                if groups.end[index] > open_count:
                    self._epoch = ticks.connection_epoch
            self._open_second.add(*groups.last())
        while row:
            yield row[1]
            row = next(rejected, None)

    def on_time(self, second: int) -> Iterator[MarketSecond]:
        """Time has come to the start of `second`: write all seconds before it."""
        if self._open_second.before(second):
            yield self._close_second()
        if not len(self._open_second):
            yield from self._quiet_seconds_until(second)

    def on_end(self) -> Iterator[MarketSecond]:
        """A recorded source is done: the open second ends the session."""
        if len(self._open_second):
            yield self._close_second(ends_session=True)

    def _close_second(self, *, ends_session: bool = False) -> MarketSecond:
        return self._with_ticks(self._open_second.drain(), 0, ends_session=ends_session)

    def _quiet_seconds_until(self, second: int) -> Iterator[MarketSecond]:
        """The quiet seconds between the last one written and `second`, up to the session's end."""
        state = self._state
        if state is None or state.session_over:
            return
        # At least one, for a log written with a longer limit: the session's end must be on record.
        session_end = max(state.last_tick_ns // NS_PER_S + self._rules.quiet_s, state.second + 1)
        for quiet in range(state.second + 1, min(second - 1, session_end) + 1):
            yield self._quiet(state, quiet, ends_session=quiet == session_end)

    def _quiet(self, state: _MarketState, second: int, *, ends_session: bool) -> MarketSecond:
        if day_of(second) != day_of(state.last_tick_ns // NS_PER_S):
            mid = mid_e9(state.bid_e9, state.offer_e9)
            state.day_open_e9 = state.day_high_e9 = state.day_low_e9 = mid
        state.second = second
        state.session_over = ends_session
        return self._record(state, NO_QUOTES, state.next_seq, state.bid_e9, state.offer_e9)

    def _with_ticks(self, groups: _TicksBySecond, index: int, *, ends_session: bool = False) -> MarketSecond:
        before, second = self._state, groups.second[index]
        flagged = groups.flagged[index]
        high, low = groups.mid_high[index], groups.mid_low[index]
        opens = before is None or before.session_over
        if before is None or opens or day_of(second) != day_of(before.last_tick_ns // NS_PER_S):
            day_open, day_high, day_low = groups.mid_first[index], high, low
        else:
            day_open, day_high, day_low = before.day_open_e9, max(before.day_high_e9, high), min(before.day_low_e9, low)
        if before is not None and opens:
            groups.quotes.flags[groups.start[index]] |= np.uint16(TickFlag.GAP_BEFORE)
            flagged = True
        quotes = groups.columns(index, flagged=flagged)
        _check_record_size(
            second, groups.place_first[index], len(quotes), sum(getattr(quotes, n).nbytes for n in Quotes.__slots__)
        )
        first_seq = before.next_seq if before else 1
        after = _MarketState(
            session=(before.session if before else 0) + opens,
            second=second,
            next_seq=first_seq + len(quotes),
            bid_e9=groups.bid_last[index],
            offer_e9=groups.offer_last[index],
            last_tick_ns=groups.time_last[index],
            day_open_e9=day_open,
            day_high_e9=day_high,
            day_low_e9=day_low,
            session_over=ends_session,
        )
        self._state = after
        if before is None or opens:
            return self._record(after, quotes, first_seq, 0, 0)
        return self._record(after, quotes, first_seq, before.bid_e9, before.offer_e9)

    def _record(
        self, now: _MarketState, quotes: Quotes, first_seq: int, open_bid: int, open_offer: int
    ) -> MarketSecond:
        age_ns = (now.second + 1) * NS_PER_S - now.last_tick_ns
        return MarketSecond(
            instrument=self._instrument,
            session=now.session,
            second=now.second,
            first_seq=first_seq,
            quotes=quotes,
            open_bid_e9=open_bid,
            open_offer_e9=open_offer,
            close_bid_e9=now.bid_e9,
            close_offer_e9=now.offer_e9,
            day_open_e9=now.day_open_e9,
            day_high_e9=now.day_high_e9,
            day_low_e9=now.day_low_e9,
            connection_epoch=self._epoch,
            stale=age_ns > self._rules.stale_s * NS_PER_S,
            source_kind=self._kind,
            ends_session=now.session_over,
            last_tick_ns=now.last_tick_ns,
        )
