from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Outcome(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OUTCOME_UNSPECIFIED: _ClassVar[Outcome]
    OUTCOME_PROFIT: _ClassVar[Outcome]
    OUTCOME_LOSS: _ClassVar[Outcome]
    OUTCOME_EXPIRED: _ClassVar[Outcome]
    OUTCOME_VOID: _ClassVar[Outcome]
OUTCOME_UNSPECIFIED: Outcome
OUTCOME_PROFIT: Outcome
OUTCOME_LOSS: Outcome
OUTCOME_EXPIRED: Outcome
OUTCOME_VOID: Outcome

class SecondOrders(_message.Message):
    __slots__ = ("instrument", "session", "second", "count", "order_id", "placed_ns", "bid_e9", "offer_e9", "upper_e9", "lower_e9", "not_placed")
    INSTRUMENT_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    SECOND_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    PLACED_NS_FIELD_NUMBER: _ClassVar[int]
    BID_E9_FIELD_NUMBER: _ClassVar[int]
    OFFER_E9_FIELD_NUMBER: _ClassVar[int]
    UPPER_E9_FIELD_NUMBER: _ClassVar[int]
    LOWER_E9_FIELD_NUMBER: _ClassVar[int]
    NOT_PLACED_FIELD_NUMBER: _ClassVar[int]
    instrument: str
    session: int
    second: int
    count: int
    order_id: bytes
    placed_ns: bytes
    bid_e9: bytes
    offer_e9: bytes
    upper_e9: bytes
    lower_e9: bytes
    not_placed: _containers.RepeatedCompositeFieldContainer[NotPlaced]
    def __init__(self, instrument: _Optional[str] = ..., session: _Optional[int] = ..., second: _Optional[int] = ..., count: _Optional[int] = ..., order_id: _Optional[bytes] = ..., placed_ns: _Optional[bytes] = ..., bid_e9: _Optional[bytes] = ..., offer_e9: _Optional[bytes] = ..., upper_e9: _Optional[bytes] = ..., lower_e9: _Optional[bytes] = ..., not_placed: _Optional[_Iterable[_Union[NotPlaced, _Mapping]]] = ...) -> None: ...

class NotPlaced(_message.Message):
    __slots__ = ("reason", "count")
    class Reason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
        __slots__ = ()
        REASON_UNSPECIFIED: _ClassVar[NotPlaced.Reason]
        REASON_SPREAD: _ClassVar[NotPlaced.Reason]
        REASON_STALE: _ClassVar[NotPlaced.Reason]
        REASON_THRESHOLD: _ClassVar[NotPlaced.Reason]
    REASON_UNSPECIFIED: NotPlaced.Reason
    REASON_SPREAD: NotPlaced.Reason
    REASON_STALE: NotPlaced.Reason
    REASON_THRESHOLD: NotPlaced.Reason
    REASON_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    reason: NotPlaced.Reason
    count: int
    def __init__(self, reason: _Optional[_Union[NotPlaced.Reason, str]] = ..., count: _Optional[int] = ...) -> None: ...

class Transaction(_message.Message):
    __slots__ = ("instrument", "order_id", "session", "placed_ns", "entry_e9", "upper_e9", "lower_e9", "resolved_ns", "resolved_seq", "exit_e9", "outcome", "pnl_e9")
    INSTRUMENT_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    PLACED_NS_FIELD_NUMBER: _ClassVar[int]
    ENTRY_E9_FIELD_NUMBER: _ClassVar[int]
    UPPER_E9_FIELD_NUMBER: _ClassVar[int]
    LOWER_E9_FIELD_NUMBER: _ClassVar[int]
    RESOLVED_NS_FIELD_NUMBER: _ClassVar[int]
    RESOLVED_SEQ_FIELD_NUMBER: _ClassVar[int]
    EXIT_E9_FIELD_NUMBER: _ClassVar[int]
    OUTCOME_FIELD_NUMBER: _ClassVar[int]
    PNL_E9_FIELD_NUMBER: _ClassVar[int]
    instrument: str
    order_id: int
    session: int
    placed_ns: int
    entry_e9: int
    upper_e9: int
    lower_e9: int
    resolved_ns: int
    resolved_seq: int
    exit_e9: int
    outcome: Outcome
    pnl_e9: int
    def __init__(self, instrument: _Optional[str] = ..., order_id: _Optional[int] = ..., session: _Optional[int] = ..., placed_ns: _Optional[int] = ..., entry_e9: _Optional[int] = ..., upper_e9: _Optional[int] = ..., lower_e9: _Optional[int] = ..., resolved_ns: _Optional[int] = ..., resolved_seq: _Optional[int] = ..., exit_e9: _Optional[int] = ..., outcome: _Optional[_Union[Outcome, str]] = ..., pnl_e9: _Optional[int] = ...) -> None: ...

class Example(_message.Message):
    __slots__ = ("instrument", "example_seq", "order_id", "placed_ns", "resolved_ns", "label", "schema_hash", "features", "pnl_e9")
    INSTRUMENT_FIELD_NUMBER: _ClassVar[int]
    EXAMPLE_SEQ_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    PLACED_NS_FIELD_NUMBER: _ClassVar[int]
    RESOLVED_NS_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    SCHEMA_HASH_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    PNL_E9_FIELD_NUMBER: _ClassVar[int]
    instrument: str
    example_seq: int
    order_id: int
    placed_ns: int
    resolved_ns: int
    label: int
    schema_hash: bytes
    features: bytes
    pnl_e9: int
    def __init__(self, instrument: _Optional[str] = ..., example_seq: _Optional[int] = ..., order_id: _Optional[int] = ..., placed_ns: _Optional[int] = ..., resolved_ns: _Optional[int] = ..., label: _Optional[int] = ..., schema_hash: _Optional[bytes] = ..., features: _Optional[bytes] = ..., pnl_e9: _Optional[int] = ...) -> None: ...

class LabelerFrontier(_message.Message):
    __slots__ = ("instrument", "second", "example_seq", "transactions", "config")
    INSTRUMENT_FIELD_NUMBER: _ClassVar[int]
    SECOND_FIELD_NUMBER: _ClassVar[int]
    EXAMPLE_SEQ_FIELD_NUMBER: _ClassVar[int]
    TRANSACTIONS_FIELD_NUMBER: _ClassVar[int]
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    instrument: str
    second: int
    example_seq: int
    transactions: int
    config: str
    def __init__(self, instrument: _Optional[str] = ..., second: _Optional[int] = ..., example_seq: _Optional[int] = ..., transactions: _Optional[int] = ..., config: _Optional[str] = ...) -> None: ...

class LabelerSnapshot(_message.Message):
    __slots__ = ("instrument", "second", "part", "parts", "ticks_offset", "orders_offset", "config", "payload")
    INSTRUMENT_FIELD_NUMBER: _ClassVar[int]
    SECOND_FIELD_NUMBER: _ClassVar[int]
    PART_FIELD_NUMBER: _ClassVar[int]
    PARTS_FIELD_NUMBER: _ClassVar[int]
    TICKS_OFFSET_FIELD_NUMBER: _ClassVar[int]
    ORDERS_OFFSET_FIELD_NUMBER: _ClassVar[int]
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    PAYLOAD_FIELD_NUMBER: _ClassVar[int]
    instrument: str
    second: int
    part: int
    parts: int
    ticks_offset: int
    orders_offset: int
    config: str
    payload: bytes
    def __init__(self, instrument: _Optional[str] = ..., second: _Optional[int] = ..., part: _Optional[int] = ..., parts: _Optional[int] = ..., ticks_offset: _Optional[int] = ..., orders_offset: _Optional[int] = ..., config: _Optional[str] = ..., payload: _Optional[bytes] = ...) -> None: ...

class LabelerState(_message.Message):
    __slots__ = ("instrument", "session", "second", "next_seq", "example_seq", "transactions", "mid_e9", "day_open_e9", "day_high_e9", "day_low_e9", "close_bid_e9", "close_offer_e9", "order_id", "placed_ns", "bid_e9", "offer_e9", "upper_e9", "lower_e9", "session_open", "session_first_second")
    INSTRUMENT_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    SECOND_FIELD_NUMBER: _ClassVar[int]
    NEXT_SEQ_FIELD_NUMBER: _ClassVar[int]
    EXAMPLE_SEQ_FIELD_NUMBER: _ClassVar[int]
    TRANSACTIONS_FIELD_NUMBER: _ClassVar[int]
    MID_E9_FIELD_NUMBER: _ClassVar[int]
    DAY_OPEN_E9_FIELD_NUMBER: _ClassVar[int]
    DAY_HIGH_E9_FIELD_NUMBER: _ClassVar[int]
    DAY_LOW_E9_FIELD_NUMBER: _ClassVar[int]
    CLOSE_BID_E9_FIELD_NUMBER: _ClassVar[int]
    CLOSE_OFFER_E9_FIELD_NUMBER: _ClassVar[int]
    ORDER_ID_FIELD_NUMBER: _ClassVar[int]
    PLACED_NS_FIELD_NUMBER: _ClassVar[int]
    BID_E9_FIELD_NUMBER: _ClassVar[int]
    OFFER_E9_FIELD_NUMBER: _ClassVar[int]
    UPPER_E9_FIELD_NUMBER: _ClassVar[int]
    LOWER_E9_FIELD_NUMBER: _ClassVar[int]
    SESSION_OPEN_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIRST_SECOND_FIELD_NUMBER: _ClassVar[int]
    instrument: str
    session: int
    second: int
    next_seq: int
    example_seq: int
    transactions: int
    mid_e9: bytes
    day_open_e9: bytes
    day_high_e9: bytes
    day_low_e9: bytes
    close_bid_e9: int
    close_offer_e9: int
    order_id: bytes
    placed_ns: bytes
    bid_e9: bytes
    offer_e9: bytes
    upper_e9: bytes
    lower_e9: bytes
    session_open: bool
    session_first_second: int
    def __init__(self, instrument: _Optional[str] = ..., session: _Optional[int] = ..., second: _Optional[int] = ..., next_seq: _Optional[int] = ..., example_seq: _Optional[int] = ..., transactions: _Optional[int] = ..., mid_e9: _Optional[bytes] = ..., day_open_e9: _Optional[bytes] = ..., day_high_e9: _Optional[bytes] = ..., day_low_e9: _Optional[bytes] = ..., close_bid_e9: _Optional[int] = ..., close_offer_e9: _Optional[int] = ..., order_id: _Optional[bytes] = ..., placed_ns: _Optional[bytes] = ..., bid_e9: _Optional[bytes] = ..., offer_e9: _Optional[bytes] = ..., upper_e9: _Optional[bytes] = ..., lower_e9: _Optional[bytes] = ..., session_open: _Optional[bool] = ..., session_first_second: _Optional[int] = ...) -> None: ...
