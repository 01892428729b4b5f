"""What is known of one symbol of a venue, and so what is to be thought of its next quote. Pure."""

from dataclasses import dataclass

from tidewheel.contracts.invalid_record import DeadLetterReason
from tidewheel.domain.market import TickFlag
from tidewheel.domain.time import NS_PER_S
from tidewheel.recordings.quotes import NO_VENUE_SEQ, NO_VENUE_TIME, Fault
from tidewheel.venues.clock_skew import ClockSkew
from tidewheel.venues.frames import NO_TRADE, Quote

# So many quotes in a row with falling numbers: the venue has begun to count anew.
FALLING_MAX = 100
# So many quotes in a row long after their venue's time: all that this connection brings has waited on the way.
LATE_MAX = 100


@dataclass(frozen=True, slots=True)
class Repeated:
    """Another connection has brought this quote, or a later one."""


@dataclass(slots=True)
class SymbolState:
    """`after_gap`: quotes may be missing before the next one, as at first and after a lost connection."""

    instrument: str
    skew: ClockSkew
    after_gap: bool = True
    market_state: str = ""  # in the venue's words while it is not dealt
    _last: Quote | None = None
    _last_number: int = 0
    _falling: int = 0
    _late: int = 0
    _last_trade: int = NO_TRADE
    _awaited_trade: int = NO_TRADE

    def judge(self, quote: Quote, number: int, received_ns: int) -> TickFlag | Fault | Repeated:
        """The flags of a quote that connection `number` brought, or why it is no tick."""
        last = None if self.after_gap else self._last
        falling = last is not None and NO_VENUE_SEQ < quote.venue_seq < last.venue_seq
        numbered_alike = last is not None and quote.venue_seq == last.venue_seq != NO_VENUE_SEQ
        known = (
            last is not None and quote[1:7] == last[1:7] and (numbered_alike or quote.venue_time_ns != NO_VENUE_TIME)
        )
        if (falling or numbered_alike or known) and number != self._last_number:
            return Repeated()
        if falling:
            self._falling += 1
            if self._falling < FALLING_MAX:
                assert last is not None
                detail = f"its number {quote.venue_seq} comes after {last.venue_seq}: it is an old quote"
                return Fault(DeadLetterReason.OUT_OF_ORDER, detail)
            self.after_gap = True
        if fault := self._time_fault(quote, received_ns):
            return fault
        flags = TickFlag(0)
        if self.after_gap:
            flags |= TickFlag.GAP_BEFORE
        if quote.snapshot:
            flags |= TickFlag.SNAPSHOT
        if known:
            flags |= TickFlag.DUPLICATE
        self.after_gap, self._last, self._last_number, self._falling = False, quote, number, 0
        self._last_trade = max(self._last_trade, quote.last_trade)
        return flags

    def _time_fault(self, quote: Quote, received_ns: int) -> Fault | None:
        # The present state of things is as old as the last change.
        if quote.venue_time_ns == NO_VENUE_TIME or quote.snapshot or self.after_gap:
            return None
        lateness = self.skew.lateness(received_ns, quote.venue_time_ns)
        self._late = self._late + 1 if lateness.stray and lateness.late_ns > 0 else 0
        if not lateness.stray:
            return None
        by_s, where = abs(lateness.late_ns) / NS_PER_S, "behind" if lateness.late_ns > 0 else "ahead of"
        return Fault(
            DeadLetterReason.STRAY_TIME, f"the venue's time of it is {by_s:,.1f} s {where} the quotes around it"
        )

    @property
    def brings_only_late(self) -> bool:
        """Whether so many quotes in a row came too late that the connection is to be given up."""
        return self._late >= LATE_MAX

    def on_gap(self) -> None:
        """Quotes may be missing before the next one. After late ones alone, those of the next connection tell anew how
        far the clocks are apart."""
        self.after_gap = True
        if self.brings_only_late:
            self.skew.reset()
        self._late = 0

    def on_trade(self, trade: int) -> int | None:
        """A heartbeat tells of the latest trade: the number of one whose quote did not come within a heartbeat."""
        awaited, self._awaited_trade = self._awaited_trade, NO_TRADE
        if self._last_trade == NO_TRADE or trade <= self._last_trade:
            return None
        if awaited > NO_TRADE and self._last_trade < awaited:
            self._last_trade, self.after_gap = trade, True
            return awaited
        self._awaited_trade = trade
        return None
