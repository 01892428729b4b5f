"""Topics `ticks`, `feed-status` and `dead-letters`."""

from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256

from tidewheel.contracts.codecs.columns import (
    checked_instrument,
    int64s,
    optional_flags,
    optional_int64s,
    packed,
    parse,
)
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


def encode_second(value: MarketSecond) -> bytes:
    quotes = value.quotes
    message = market_pb2.MarketSecond(
        instrument=value.instrument,
        session=value.session,
        second=value.second,
        first_seq=value.first_seq,
        open_bid_e9=value.open_bid_e9,
        open_offer_e9=value.open_offer_e9,
        close_bid_e9=value.close_bid_e9,
        close_offer_e9=value.close_offer_e9,
        day_open_e9=value.day_open_e9,
        day_high_e9=value.day_high_e9,
        day_low_e9=value.day_low_e9,
        connection_epoch=value.connection_epoch,
        stale=value.stale,
        source_kind=int(value.source_kind),  # type: ignore[arg-type]
        ends_session=value.ends_session,
        last_tick_ns=value.last_tick_ns,
    )
    if len(quotes):
        message.count = len(quotes)
        message.time_ns = packed(quotes.time_ns)
        message.bid_e9 = packed(quotes.bid_e9)
        message.offer_e9 = packed(quotes.offer_e9)
        message.bid_size_e9 = packed(quotes.bid_size_e9)
        message.offer_size_e9 = packed(quotes.offer_size_e9)
        message.venue_time_ns = packed(quotes.venue_time_ns)
        message.venue_seq = packed(quotes.venue_seq)
        message.flags = packed(quotes.flags)
    return message.SerializeToString(deterministic=True)


def decode_second(payload: bytes | None) -> MarketSecond:
    """Raises InvalidRecordError where the bytes are no market second, or one that contradicts itself."""
    message = parse(market_pb2.MarketSecond, payload)
    value = MarketSecond(
        instrument=checked_instrument(message.instrument),
        session=message.session,
        second=message.second,
        first_seq=message.first_seq,
        quotes=_quotes(message) if message.count else NO_QUOTES,
        open_bid_e9=message.open_bid_e9,
        open_offer_e9=message.open_offer_e9,
        close_bid_e9=message.close_bid_e9,
        close_offer_e9=message.close_offer_e9,
        day_open_e9=message.day_open_e9,
        day_high_e9=message.day_high_e9,
        day_low_e9=message.day_low_e9,
        connection_epoch=message.connection_epoch,
        stale=message.stale,
        source_kind=_source_kind(message.source_kind),
        ends_session=message.ends_session,
        last_tick_ns=message.last_tick_ns,
    )
    _check_second(value)
    return value


def _source_kind(number: int) -> SourceKind:
    try:
        return SourceKind(number or SourceKind.LIVE)
    except ValueError as failure:
        raise InvalidRecordError(DeadLetterReason.INCONSISTENT, str(failure)) from None


def _quotes(message: market_pb2.MarketSecond) -> Quotes:
    count = message.count
    return Quotes(
        int64s(message.time_ns, count, "time_ns"),
        int64s(message.bid_e9, count, "bid_e9"),
        int64s(message.offer_e9, count, "offer_e9"),
        optional_int64s(message.bid_size_e9, count, "bid_size_e9"),
        optional_int64s(message.offer_size_e9, count, "offer_size_e9"),
        optional_int64s(message.venue_time_ns, count, "venue_time_ns"),
        optional_int64s(message.venue_seq, count, "venue_seq"),
        optional_flags(message.flags, count, "flags"),
    )


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
    return market_pb2.FeedStatus(
        instrument=value.instrument,
        event=int(value.event),  # type: ignore[arg-type]
        time_ns=value.time_ns,
        connection_epoch=value.connection_epoch,
        detail=value.detail,
        source_kind=int(value.source_kind),  # type: ignore[arg-type]
    ).SerializeToString(deterministic=True)


def decode_feed_status(payload: bytes | None) -> FeedStatus:
    """Raises InvalidRecordError."""
    message = parse(market_pb2.FeedStatus, payload)
    try:
        event, kind = FeedEvent(message.event), SourceKind(message.source_kind)
    except ValueError as failure:
        raise InvalidRecordError(DeadLetterReason.INCONSISTENT, str(failure)) from None
    return FeedStatus(
        checked_instrument(message.instrument),
        event,
        message.time_ns,
        message.connection_epoch,
        message.detail,
        kind,
    )


def encode_dead_letter(value: DeadLetter) -> bytes:
    return market_pb2.DeadLetter(
        service=value.service,
        source=value.source,
        partition=value.partition,
        offset=value.offset,
        reason=value.reason,
        detail=value.detail,
        key=value.key,
        raw=value.raw,
        instrument=value.instrument,
    ).SerializeToString(deterministic=True)


def decode_dead_letter(payload: bytes | None) -> DeadLetter:
    """Raises InvalidRecordError."""
    message = parse(market_pb2.DeadLetter, payload)
    try:
        reason = DeadLetterReason(message.reason)
    except ValueError as failure:
        raise InvalidRecordError(DeadLetterReason.INCONSISTENT, str(failure)) from None
    return DeadLetter(
        message.service,
        message.source,
        message.partition,
        message.offset,
        reason,
        message.detail,
        message.key,
        message.raw,
        message.instrument,
    )
