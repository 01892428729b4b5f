"""Why a record could not be used."""

from enum import StrEnum

from tidewheel.domain.errors import TidewheelError


class DeadLetterReason(StrEnum):
    """The reasons a dead letter can have: the closed set that metrics and dashboards may name."""

    UNDECODABLE = "undecodable"  # not the message of its topic
    INCONSISTENT = "inconsistent"  # decodes, but contradicts itself
    WRONG_SCHEMA = "wrong_schema"  # features of another schema
    UNKNOWN_INSTRUMENT = "unknown_instrument"
    OUT_OF_ORDER = "out_of_order"  # breaks a contiguous sequence
    # A quote that is no usable price:
    MALFORMED = "malformed"
    NOT_FINITE = "not_finite"
    NOT_POSITIVE = "not_positive"
    TOO_LARGE = "too_large"
    CROSSED = "crossed"
    SPREAD = "spread"
    # A quote of a recorded file whose time cannot be right:
    UNLIKELY_YEAR = "unlikely_year"
    STRAY_TIME = "stray_time"  # a single row far ahead of those around it, or far back


class InvalidRecordError(TidewheelError):
    """A record no service can use. `reason` is what is counted, the message is for people."""

    def __init__(self, reason: DeadLetterReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
