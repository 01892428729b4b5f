"""From messages of one venue to rows of instruments: each message becomes ticks to be, rows rejected, or is counted.

Pure: times of receipt are handed in, what comes of a message goes to `put`. Recorded messages take the same way.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from tidewheel.contracts.codecs.market import FeedEvent
from tidewheel.recordings.quotes import NO_SIZE, NO_VENUE_SEQ, NO_VENUE_TIME, Fault
from tidewheel.venues.adapter import Adapter, Keeper
from tidewheel.venues.clock_skew import ClockSkew
from tidewheel.venues.frames import NO_TRADE, Faulty, Frame, Heartbeat, Late, MarketState, Quote
from tidewheel.venues.parsing import parse
from tidewheel.venues.rows import FeedChange, Row
from tidewheel.venues.symbol_state import LATE_MAX, Repeated, SymbolState

NO_QUOTE = (0, 0, NO_SIZE, NO_SIZE, NO_VENUE_TIME, NO_VENUE_SEQ, 0, 0)
STATE_CHARS = 50


class Kind(StrEnum):
    """What became of frames: the closed set that metrics may name."""

    TICK = "tick"
    REJECTED = "rejected"
    REPEATED = "repeated"  # known from the connection before
    UNWANTED = "unwanted"  # of a symbol that was not asked for, or of a connection that does not serve
    OTHER = "other"  # heartbeats, words on subscriptions


@dataclass(slots=True)
class Intake:
    """`symbols`: canonical; the first is charged with what says of none. `counts`: see `ConnectionLife.counts`."""

    adapter: Adapter
    symbols: Sequence[str]
    tolerance_ns: int
    put: Callable[[Row | FeedChange], None]
    counts: Callable[[int], bool] = lambda _: True
    kinds: Counter[Kind] = field(default_factory=Counter)
    epoch: int = 0
    _states: Mapping[str, SymbolState] = field(init=False)
    _keeper: Keeper | None = field(init=False)
    _messages: int = 0

    def __post_init__(self) -> None:
        name = self.adapter.name
        self._states = {
            self.adapter.symbol(symbol): SymbolState(f"{name}:{symbol}", ClockSkew(self.tolerance_ns))
            for symbol in self.symbols
        }

        self._keeper = self.adapter.keeper(self.wire_symbols) if self.adapter.keeper else None

    @property
    def wire_symbols(self) -> list[str]:
        """The symbols as the venue writes them."""
        return list(self._states)

    @property
    def states(self) -> Iterable[SymbolState]:
        return self._states.values()

    def on_text(self, number: int, received_ns: int, text: str) -> Iterable[Frame]:
        """A message of connection `number`, received then; its frames, for whoever keeps the connection."""
        frames = parse(self.adapter, text)
        if self._keeper is not None:
            frames = self._keeper.quotes(number, frames)
        self._messages += 1
        only_late = False
        for frame in frames:
            if type(frame) is Quote:
                only_late |= self._on_quote(frame, number, received_ns, text)
            elif type(frame) is Faulty:
                self._on_faulty(frame, number, received_ns, text)
            else:
                self.kinds[Kind.OTHER] += 1
                if type(frame) is Heartbeat and frame.last_trade != NO_TRADE:
                    self._on_trade(frame, received_ns)
                elif type(frame) is MarketState:
                    self._on_market_state(frame, number, received_ns)
        if only_late:
            return *frames, Late(f"{LATE_MAX} quotes in a row came long after the venue's time of them")
        return frames

    def _on_quote(self, quote: Quote, number: int, received_ns: int, text: str) -> bool:
        """Whether it is one more of too many in a row that came late."""
        state = self._states.get(quote.symbol)
        if state is None or not self.counts(number):
            self.kinds[Kind.UNWANTED] += 1
            return False
        state.market_state = ""
        judged = state.judge(quote, number, received_ns)
        if isinstance(judged, Repeated):
            self.kinds[Kind.REPEATED] += 1
        elif isinstance(judged, Fault):
            self._reject(state, judged, received_ns, text)
            return state.brings_only_late
        else:
            self.kinds[Kind.TICK] += 1
            self.epoch = max(self.epoch, number)
            self.put(
                Row(
                    *(self._messages, received_ns, *quote[1:7], int(judged), quote.parse_flags),
                    *(state.instrument, self.epoch, text),
                )
            )
        return False

    def reject(self, fault: Fault, text: str) -> None:
        """What came in place of a message, and says nothing of when."""
        self._messages += 1
        self._reject(next(iter(self._states.values())), fault, 0, text)

    def _on_faulty(self, frame: Faulty, number: int, received_ns: int, text: str) -> None:
        state = self._states.get(frame.symbol) if frame.symbol else next(iter(self._states.values()))
        if state is None or not self.counts(number):
            self.kinds[Kind.UNWANTED] += 1
        else:
            self._reject(state, frame.fault, received_ns, text)

    def _reject(self, state: SymbolState, fault: Fault, received_ns: int, text: str) -> None:
        self.kinds[Kind.REJECTED] += 1
        self.put(Row(self._messages, received_ns, *NO_QUOTE, state.instrument, max(self.epoch, 1), text, fault))

    def _on_trade(self, beat: Heartbeat, received_ns: int) -> None:
        state = self._states.get(beat.symbol)
        if state is not None and (missing := state.on_trade(beat.last_trade)) is not None:
            detail = f"the venue tells of trade {missing}, whose quote did not come"
            self.put(FeedChange(state.instrument, FeedEvent.GAP, received_ns, detail, max(self.epoch, 1)))

    def _on_market_state(self, now: MarketState, number: int, received_ns: int) -> None:
        state = self._states.get(now.symbol)
        if state is None or not self.counts(number):
            return
        state.after_gap = True  # what it would be dealt at meanwhile is no quote
        if now.state != state.market_state:
            state.market_state = now.state
            detail = f"it is not dealt: {now.state[:STATE_CHARS]}"
            self.put(FeedChange(state.instrument, FeedEvent.MARKET_STATE, received_ns, detail, max(number, 1)))

    def put_event(self, event: FeedEvent, at_ns: int, detail: str, number: int) -> None:
        """Word of the connection, for each instrument."""
        for state in self._states.values():
            self.put(FeedChange(state.instrument, event, at_ns, detail, max(number, 1)))

    def on_gap(self) -> None:
        """Quotes may be missing before the next one of each symbol."""
        for state in self._states.values():
            state.on_gap()

    def on_clock_set(self) -> None:
        """Our own clock was set: what was known of the venue's beside it is of no use."""
        for state in self._states.values():
            state.skew.reset()
        self.on_gap()
