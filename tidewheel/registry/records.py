"""The record of a run as the bytes that lie in Redis: checked when read, signed where there is a key. Pure."""

import hmac
from dataclasses import replace

from tidewheel.contracts.codecs.models import decode_model_record, encode_model_record
from tidewheel.contracts.invalid_record import InvalidRecordError
from tidewheel.domain.models import ModelRecord
from tidewheel.registry.plausible import record_fault
from tidewheel.registry.pointer import DAMAGED, unreadable
from tidewheel.registry.verify import VerificationError, VerificationFailure, hmac_of

VALUE = b"="


def read_value(what: str, state: bytes) -> bytes | None:
    """The value in what `value_state` of the scripts says; None where there is none. Raises VerificationError."""
    if state.startswith(DAMAGED):
        raise unreadable(what, state)
    return state[len(VALUE) :] if state else None


def read_record(instrument: str, seq: int, state: bytes, hmac_key: bytes | None = None) -> ModelRecord | None:
    """The record in a state, without its own signature. Raises VerificationError."""
    what = f"the record of run {seq} of {instrument}"
    payload = read_value(what, state)
    if payload is None:
        return None
    try:
        record = decode_model_record(payload)
    except InvalidRecordError as failure:
        raise VerificationError(VerificationFailure.RECORD, f"{what}: {failure}") from None
    if (record.instrument, record.seq) != (instrument, seq):
        raise VerificationError(
            VerificationFailure.RECORD,
            f"under run {seq} of {instrument} lies that of {record.seq}, {record.instrument}",
        )
    if hmac_key is not None and not hmac.compare_digest(_signature(record, hmac_key), record.record_hmac_sha256):
        signed = " with the configured key" if record.record_hmac_sha256 else ""
        raise VerificationError(VerificationFailure.RECORD_HMAC, f"{what} is not signed{signed}")
    if fault := record_fault(record):
        raise VerificationError(VerificationFailure.RECORD_RANGE, f"{what} cannot be true: {fault}")
    return replace(record, record_hmac_sha256=b"")


def check_record(record: ModelRecord) -> None:
    """Raises VerificationError for one that nobody would read."""
    if fault := record_fault(record):
        raise VerificationError(
            VerificationFailure.RECORD_RANGE, f"the record of run {record.seq} of {record.instrument}: {fault}"
        )


def write_record(record: ModelRecord, hmac_key: bytes | None) -> bytes:
    """Its bytes, signed where there is a key. Raises as `check_record`."""
    check_record(record)
    signed = _signature(record, hmac_key) if hmac_key is not None else b""
    return encode_model_record(replace(record, record_hmac_sha256=signed))


def _signature(record: ModelRecord, hmac_key: bytes) -> bytes:
    return hmac_of(encode_model_record(replace(record, record_hmac_sha256=b"")), hmac_key)
