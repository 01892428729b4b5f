from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SourceKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SOURCE_KIND_UNSPECIFIED: _ClassVar[SourceKind]
    SOURCE_KIND_LIVE: _ClassVar[SourceKind]
    SOURCE_KIND_REPLAY: _ClassVar[SourceKind]
    SOURCE_KIND_SIMULATED: _ClassVar[SourceKind]
SOURCE_KIND_UNSPECIFIED: SourceKind
SOURCE_KIND_LIVE: SourceKind
SOURCE_KIND_REPLAY: SourceKind
SOURCE_KIND_SIMULATED: SourceKind

class MarketSecond(_message.Message):
    __slots__ = ("instrument", "session", "second", "first_seq", "count", "time_ns", "bid_e9", "offer_e9", "bid_size_e9", "offer_size_e9", "venue_time_ns", "venue_seq", "flags", "open_bid_e9", "open_offer_e9", "close_bid_e9", "close_offer_e9", "day_open_e9", "day_high_e9", "day_low_e9", "connection_epoch", "stale", "source_kind", "ends_session", "last_tick_ns")
    INSTRUMENT_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    SECOND_FIELD_NUMBER: _ClassVar[int]
    FIRST_SEQ_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    TIME_NS_FIELD_NUMBER: _ClassVar[int]
    BID_E9_FIELD_NUMBER: _ClassVar[int]
    OFFER_E9_FIELD_NUMBER: _ClassVar[int]
    BID_SIZE_E9_FIELD_NUMBER: _ClassVar[int]
    OFFER_SIZE_E9_FIELD_NUMBER: _ClassVar[int]
    VENUE_TIME_NS_FIELD_NUMBER: _ClassVar[int]
    VENUE_SEQ_FIELD_NUMBER: _ClassVar[int]
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    OPEN_BID_E9_FIELD_NUMBER: _ClassVar[int]
    OPEN_OFFER_E9_FIELD_NUMBER: _ClassVar[int]
    CLOSE_BID_E9_FIELD_NUMBER: _ClassVar[int]
    CLOSE_OFFER_E9_FIELD_NUMBER: _ClassVar[int]
    DAY_OPEN_E9_FIELD_NUMBER: _ClassVar[int]
    DAY_HIGH_E9_FIELD_NUMBER: _ClassVar[int]
    DAY_LOW_E9_FIELD_NUMBER: _ClassVar[int]
    CONNECTION_EPOCH_FIELD_NUMBER: _ClassVar[int]
    STALE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_KIND_FIELD_NUMBER: _ClassVar[int]
    ENDS_SESSION_FIELD_NUMBER: _ClassVar[int]
    LAST_TICK_NS_FIELD_NUMBER: _ClassVar[int]
    instrument: str
    session: int
    second: int
    first_seq: int
    count: int
    time_ns: bytes
    bid_e9: bytes
    offer_e9: bytes
    bid_size_e9: bytes
    offer_size_e9: bytes
    venue_time_ns: bytes
    venue_seq: bytes
    flags: bytes
    open_bid_e9: int
    open_offer_e9: int
    close_bid_e9: int
    close_offer_e9: int
    day_open_e9: int
    day_high_e9: int
    day_low_e9: int
    connection_epoch: int
    stale: bool
    source_kind: SourceKind
    ends_session: bool
    last_tick_ns: int
    def __init__(self, instrument: _Optional[str] = ..., session: _Optional[int] = ..., second: _Optional[int] = ..., first_seq: _Optional[int] = ..., count: _Optional[int] = ..., time_ns: _Optional[bytes] = ..., bid_e9: _Optional[bytes] = ..., offer_e9: _Optional[bytes] = ..., bid_size_e9: _Optional[bytes] = ..., offer_size_e9: _Optional[bytes] = ..., venue_time_ns: _Optional[bytes] = ..., venue_seq: _Optional[bytes] = ..., flags: _Optional[bytes] = ..., open_bid_e9: _Optional[int] = ..., open_offer_e9: _Optional[int] = ..., close_bid_e9: _Optional[int] = ..., close_offer_e9: _Optional[int] = ..., day_open_e9: _Optional[int] = ..., day_high_e9: _Optional[int] = ..., day_low_e9: _Optional[int] = ..., connection_epoch: _Optional[int] = ..., stale: _Optional[bool] = ..., source_kind: _Optional[_Union[SourceKind, str]] = ..., ends_session: _Optional[bool] = ..., last_tick_ns: _Optional[int] = ...) -> None: ...

class FeedStatus(_message.Message):
    __slots__ = ("instrument", "event", "time_ns", "connection_epoch", "detail", "source_kind")
    class Event(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        EVENT_UNSPECIFIED: _ClassVar[FeedStatus.Event]
        EVENT_CONNECTED: _ClassVar[FeedStatus.Event]
        EVENT_SUBSCRIBED: _ClassVar[FeedStatus.Event]
        EVENT_STALE: _ClassVar[FeedStatus.Event]
        EVENT_GAP: _ClassVar[FeedStatus.Event]
        EVENT_DISCONNECTED: _ClassVar[FeedStatus.Event]
        EVENT_MARKET_STATE: _ClassVar[FeedStatus.Event]
        EVENT_ENDED: _ClassVar[FeedStatus.Event]
        EVENT_ACCOUNTED: _ClassVar[FeedStatus.Event]
    EVENT_UNSPECIFIED: FeedStatus.Event
    EVENT_CONNECTED: FeedStatus.Event
    EVENT_SUBSCRIBED: FeedStatus.Event
    EVENT_STALE: FeedStatus.Event
    EVENT_GAP: FeedStatus.Event
    EVENT_DISCONNECTED: FeedStatus.Event
    EVENT_MARKET_STATE: FeedStatus.Event
    EVENT_ENDED: FeedStatus.Event
    EVENT_ACCOUNTED: FeedStatus.Event
    INSTRUMENT_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    TIME_NS_FIELD_NUMBER: _ClassVar[int]
    CONNECTION_EPOCH_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    SOURCE_KIND_FIELD_NUMBER: _ClassVar[int]
    instrument: str
    event: FeedStatus.Event
    time_ns: int
    connection_epoch: int
    detail: str
    source_kind: SourceKind
    def __init__(self, instrument: _Optional[str] = ..., event: _Optional[_Union[FeedStatus.Event, str]] = ..., time_ns: _Optional[int] = ..., connection_epoch: _Optional[int] = ..., detail: _Optional[str] = ..., source_kind: _Optional[_Union[SourceKind, str]] = ...) -> None: ...

class DeadLetter(_message.Message):
    __slots__ = ("service", "source", "partition", "offset", "reason", "detail", "key", "raw", "instrument")
    SERVICE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_FIELD_NUMBER: _ClassVar[int]
    PARTITION_FIELD_NUMBER: _ClassVar[int]
    OFFSET_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    DETAIL_FIELD_NUMBER: _ClassVar[int]
    KEY_FIELD_NUMBER: _ClassVar[int]
    RAW_FIELD_NUMBER: _ClassVar[int]
    INSTRUMENT_FIELD_NUMBER: _ClassVar[int]
    service: str
    source: str
    partition: int
    offset: int
    reason: str
    detail: str
    key: bytes
    raw: bytes
    instrument: str
    def __init__(self, service: _Optional[str] = ..., source: _Optional[str] = ..., partition: _Optional[int] = ..., offset: _Optional[int] = ..., reason: _Optional[str] = ..., detail: _Optional[str] = ..., key: _Optional[bytes] = ..., raw: _Optional[bytes] = ..., instrument: _Optional[str] = ...) -> None: ...
