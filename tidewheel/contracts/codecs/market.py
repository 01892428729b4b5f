"""Topics `ticks`, `feed-status` and `dead-letters`."""

from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256

from tidewheel.contracts.codecs.columns import int64s, optional_flags, optional_int64s
from tidewheel.contracts.codecs.message_table import COUNT, INSTRUMENT, Column, MessageTable, Within, enum
from tidewheel.contracts.invalid_record import DeadLetterReason, InvalidRecordError
from tidewheel.domain.market import NO_QUOTES, MarketSecond, Quotes, SourceKind
from tidewheel.domain.prices import INT64_MAX
from tidewheel.domain.time import NS_PER_S
from tidewheel.wire.v1 import market_pb2


class FeedEvent(IntEnum):
    """What happened to a feed."""

    CONNECTED = 1
    SUBSCRIBED = 2
    STALE = 3
    GAP = 4
    DISCONNECTED = 5
    MARKET_STATE = 6
    ENDED = 7
    ACCOUNTED = 8  # what became of a recorded file's rows so far, as JSON in `detail`


@dataclass(frozen=True, slots=True)
class FeedStatus:
    """One change of a feed's state; `time_ns` is 0 before the instrument's first quote."""

    instrument: str
    event: FeedEvent
    time_ns: int
    connection_epoch: int
    detail: str
    source_kind: SourceKind


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A rejected record; see `proto/tidewheel/wire/v1/market.proto`."""

    service: str
    source: str
    partition: int
    offset: int
    reason: DeadLetterReason
    detail: str
    key: bytes
    raw: bytes
    instrument: str = ""

    @property
    def dedup_key(self) -> bytes:
        """What was rejected, by whom, as a hash: the same of a dead letter that was written again after a crash.
        Two instruments may come from files of one name, and so may two days of one; then a line's bytes differ."""
        where = self.instrument, self.service, self.source, self.partition, self.offset
        return sha256(repr((*where, self.raw)).encode()).digest()


MARKET_SECOND = MessageTable(
    market_pb2.MarketSecond,
    MarketSecond,
    {
        "instrument": INSTRUMENT,
        "quotes": Within(
            Quotes,
            {
                "count": COUNT,
                "time_ns": Column(int64s),
                "bid_e9": Column(int64s),
                "offer_e9": Column(int64s),
                "bid_size_e9": Column(optional_int64s),
                "offer_size_e9": Column(optional_int64s),
                "venue_time_ns": Column(optional_int64s),
                "venue_seq": Column(optional_int64s),
                "flags": Column(optional_flags),
            },
            empty=NO_QUOTES,
        ),
        "source_kind": enum(SourceKind, absent=SourceKind.LIVE),
    },
)
FEED_STATUS = MessageTable(
    market_pb2.FeedStatus,
    FeedStatus,
    {"event": enum(FeedEvent), "source_kind": enum(SourceKind), "instrument": INSTRUMENT},
)
DEAD_LETTER = MessageTable(market_pb2.DeadLetter, DeadLetter, {"reason": enum(DeadLetterReason)})


def encode_second(value: MarketSecond) -> bytes:
    return MARKET_SECOND.encode(value)


def decode_second(payload: bytes | None) -> MarketSecond:
    """Raises InvalidRecordError where the bytes are no market second, or one that contradicts itself."""
    value = MARKET_SECOND.decode(payload)
    _check_second(value)
    return value


def _check_second(value: MarketSecond) -> None:
    """What costs little to check and would corrupt labels if wrong."""
    if value.session < 1 or value.first_seq < 1 or value.second < 0:
        raise InvalidRecordError(DeadLetterReason.INCONSISTENT, "session and first_seq count from 1, second from 0")
    if (value.second + 1) * NS_PER_S > INT64_MAX or value.last_seq >= INT64_MAX:
        raise InvalidRecordError(
            DeadLetterReason.INCONSISTENT, "the second's end, or the seq that follows, is beyond all numbers"
        )
    if not 0 < value.close_bid_e9 <= value.close_offer_e9:
        raise InvalidRecordError(DeadLetterReason.INCONSISTENT, "the closing quote is no usable price")
    if (value.open_bid_e9 == 0) != (value.open_offer_e9 == 0):
        raise InvalidRecordError(DeadLetterReason.INCONSISTENT, "the opening quote has one side only")
    if not 0 <= value.open_bid_e9 <= value.open_offer_e9:
        raise InvalidRecordError(DeadLetterReason.INCONSISTENT, "the opening quote is no usable price")
    times = value.quotes.time_ns
    if len(times):
        start = value.second * NS_PER_S
        if times[0] < start or times[-1] >= start + NS_PER_S:
            raise InvalidRecordError(DeadLetterReason.INCONSISTENT, f"a quote lies outside second {value.second}")
        if (times[1:] < times[:-1]).any():
            raise InvalidRecordError(DeadLetterReason.INCONSISTENT, "the times of the quotes decrease")
        bids, offers = value.quotes.bid_e9, value.quotes.offer_e9
        if bids.min() <= 0 or (offers < bids).any():
            raise InvalidRecordError(DeadLetterReason.INCONSISTENT, "a quote is no usable price")
        last = bids[-1], offers[-1]
        if last != (value.close_bid_e9, value.close_offer_e9):
            raise InvalidRecordError(DeadLetterReason.INCONSISTENT, "the closing quote is not the last quote")
        if value.last_tick_ns not in (0, times[-1]):
            raise InvalidRecordError(DeadLetterReason.INCONSISTENT, "last_tick_ns is not the last quote's time")
    elif value.first_of_session:
        raise InvalidRecordError(DeadLetterReason.INCONSISTENT, "a session's first second has no quote")
    elif (value.open_bid_e9, value.open_offer_e9) != (value.close_bid_e9, value.close_offer_e9):
        raise InvalidRecordError(DeadLetterReason.INCONSISTENT, "the quote changed in a quiet second")
    elif value.last_tick_ns >= value.second * NS_PER_S:
        raise InvalidRecordError(DeadLetterReason.INCONSISTENT, "the last quote of a quiet second lies not before it")


def encode_feed_status(value: FeedStatus) -> bytes:
    return FEED_STATUS.encode(value)


def decode_feed_status(payload: bytes | None) -> FeedStatus:
    """Raises InvalidRecordError."""
    return FEED_STATUS.decode(payload)


def encode_dead_letter(value: DeadLetter) -> bytes:
    return DEAD_LETTER.encode(value)


def decode_dead_letter(payload: bytes | None) -> DeadLetter:
    """Raises InvalidRecordError."""
    return DEAD_LETTER.decode(payload)
