"""Quotes to market seconds: validate, resume, build. Values in, values out; no clock, no I/O.

Whatever the source and however its rows are cut into batches, the same rows give the same records.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from services.ingest.seconds import SecondBuilder, SessionRules
from tidewheel.domain.errors import TidewheelError
from tidewheel.domain.market import MarketSecond, SourceKind
from tidewheel.domain.time import NS_PER_S
from tidewheel.recordings.account import Account
from tidewheel.recordings.quotes import RawBatch, RejectedRow, TickBatch, Watermark, slice_quotes
from tidewheel.recordings.validator import NO_TIME_YET_NS, Validator


class TimelineMismatchError(TidewheelError):
    """The log cannot be continued from this source; the message is one sentence for people."""


class IngestCore:
    """One instrument's way from raw rows to records.

    `last`: the newest record of the log, from which the market goes on. `replayable`: the source begins anew at each
    start (a file, the simulator), so what the log holds already is skipped, after proof that it is the same.
    Exhaust what a call returns before the next call.
    """

    def __init__(
        self,
        instrument: str,
        kind: SourceKind,
        rules: SessionRules,
        last: MarketSecond | None = None,
        *,
        replayable: bool = True,
    ) -> None:
        latest_ns = NO_TIME_YET_NS if replayable or last is None else (last.second + 1) * NS_PER_S
        self._validator = Validator(latest_ns)
        self._resume_verifier = ResumeVerifier(last) if replayable and last is not None else None
        self._builder = SecondBuilder(instrument, kind, rules, last)
        # A live source counts its connections from 1, whatever the process before it had.
        self.epochs_before = 0 if replayable or last is None else last.connection_epoch
        self.first_tick_ns: int | None = None  # of this source, skipped or not
        self.account = Account()  # of all rows of this source, skipped or not

    def on_item(self, item: RawBatch | Watermark) -> Iterator[MarketSecond | RejectedRow]:
        """Records and rejected rows in order. Raises TimelineMismatchError; SourceError for a second that no record
        holds."""
        if isinstance(item, Watermark):
            second = item.time_ns // NS_PER_S
            self._validator.on_time(second * NS_PER_S)
            yield from self._builder.on_time(second)
            return
        ticks = self._validator.ticks(item)
        if self.epochs_before:
            ticks = replace(ticks, connection_epoch=self.epochs_before + ticks.connection_epoch)
        self.account.on_ticks(ticks)
        if self.first_tick_ns is None and len(ticks.quotes):
            self.first_tick_ns = int(ticks.quotes.time_ns[0])
        yield from self._builder.on_ticks(self._resume_verifier.skip_known(ticks) if self._resume_verifier else ticks)

    def on_end(self) -> Iterator[MarketSecond]:
        """The recorded source is done: its session ends with its last tick's second. Raises TimelineMismatchError."""
        if self._resume_verifier:
            self._resume_verifier.on_end()
        yield from self._builder.on_end()


@dataclass(frozen=True, slots=True)
class _Tick:
    time_ns: int
    bid_e9: int
    offer_e9: int


class ResumeVerifier:
    """Skips the ticks that the log holds, and proves that they are the log's: the last of them must be the
    closing quote of the log's last record, to the nanosecond."""

    def __init__(self, last: MarketSecond) -> None:
        self._last = last
        self._done = False
        self.tick: _Tick | None = None

    def skip_known(self, ticks: TickBatch) -> TickBatch:
        quotes = ticks.quotes
        if self._done or not len(quotes):
            return ticks
        count = int(quotes.time_ns.searchsorted((self._last.second + 1) * NS_PER_S))
        if count:
            self.tick = _Tick(*(int(c[count - 1]) for c in (quotes.time_ns, quotes.bid_e9, quotes.offer_e9)))
        if count == len(quotes):
            rest = slice_quotes(quotes, count, count)
        else:
            self._done = True
            if self.tick is not None:
                self._verify()
            rest = slice_quotes(quotes, count, len(quotes))
        return TickBatch(
            rest, ticks.place[count:], [(max(0, n - count), row) for n, row in ticks.rejected], ticks.connection_epoch
        )

    def on_end(self) -> None:
        """The source ended. Raises TimelineMismatchError unless the log could go on, or ended with it."""
        if self._done or self.tick is None:
            return
        self._verify()
        if not self._last.ends_session:
            raise TimelineMismatchError(f"it ends inside the log's session, at second {self.tick.time_ns // NS_PER_S}")

    def _verify(self) -> None:
        last, tick = self._last, self.tick
        assert tick is not None
        if tick != _Tick(last.last_tick_ns, last.close_bid_e9, last.close_offer_e9):
            raise TimelineMismatchError(
                f"its last quote up to second {last.second}, where the log stands, is of {tick.time_ns} ns, "
                f"but the log's is another, of {last.last_tick_ns} ns"
            )
