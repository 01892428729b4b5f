"""The model registry: publish with a fence, load only what verifies, go back, or forward to what is kept.

What is promised
- A model's bytes never change. A window publishes once, to serve or as the candidate: again, or the other way, is
  ALREADY_PUBLISHED; an older window or other bytes are STALE.
- The fence is the newest window ever published or promoted, kept beside the pointer. A rollback moves the pointer back
  with epoch + 1 and leaves the fence: the windows rolled away from cannot come back by a restarted trainer, the next
  new window moves the pointer forward again. A rollback holds until then. A promotion is the same move forward, to a
  model that is kept and does not serve, and takes the fence along.
- Bytes, record, pointer, history and notification change in one script: nobody sees a pointer without its model.
- The last MODELS_KEPT models and RECORDS_KEPT records are kept, and whatever a pointer names.
- Every call raises RegistryUnavailableError within seconds where Redis does not answer.
"""

import dataclasses
from collections.abc import Callable
from enum import StrEnum
from typing import Any

from tidewheel.contracts.codecs.models import decode_model_record, encode_model_record
from tidewheel.contracts.invalid_record import InvalidRecordError
from tidewheel.domain.errors import TidewheelError
from tidewheel.domain.models import Model, ModelPointer, ModelRecord
from tidewheel.registry import keys, scripts
from tidewheel.registry.client import RegistryUnavailableError, address_of, connect, translating_errors
from tidewheel.registry.notifications import Notifications
from tidewheel.registry.pointer import parse_pointer
from tidewheel.registry.verify import ExpectedModel, VerificationError, VerificationFailure, hmac_of, verify

__all__ = [
    "ModelPointer",
    "Notifications",
    "Publication",
    "Registry",
    "RegistryUnavailableError",
    "VerificationError",
    "VerificationFailure",
    "WrongDirectionError",
]

MODELS_KEPT = 50
RECORDS_KEPT = 1000
# A record is written by one trainer, or by two while one takes the other's place.
UPDATE_ATTEMPTS_MAX = 10

RecordUpdate = Callable[[ModelRecord | VerificationError | None], ModelRecord | None]


class Publication(StrEnum):
    """How a publication ended; ALREADY_PUBLISHED and STALE change nothing."""

    PUBLISHED = "published"
    ALREADY_PUBLISHED = "already"
    STALE = "stale"


class WrongDirectionError(TidewheelError):
    """A rollback to a model newer than the serving one, or a promotion of an older one; the message says which."""


class _Direction(StrEnum):
    BACK = "back"
    FORWARD = "forward"


# What the script that moves the pointer refuses, in words.
WRONG_DIRECTIONS = {
    b"nothing": "no model of {1} serves, so there is none to go back from",
    b"newer": "model {0} of {1} is newer than the serving one",
    b"older": "model {0} of {1} is older than the serving one",
}


class Registry:
    """Models of all instruments in one Redis. Safe to share between threads."""

    def __init__(self, client: Any, address: str, hmac_key: bytes | None = None) -> None:
        self._client = client
        self.address = address
        self._hmac_key = hmac_key
        self._publish = client.register_script(scripts.text("publish"))
        self._record = client.register_script(scripts.text("record"))
        self._move = client.register_script(scripts.text("move"))

    @classmethod
    def connect(cls, url: str, hmac_key: bytes | None = None) -> "Registry":
        """A registry at a URL; the first call connects. Raises ValueError where the URL is none of Redis."""
        return cls(connect(url), address_of(url), hmac_key or None)

    def close(self) -> None:
        self._client.close()

    def ping(self) -> None:
        """Raises RegistryUnavailableError where Redis does not answer."""
        with translating_errors(self.address):
            self._client.ping()

    def publish(self, model_bytes: bytes, record: ModelRecord) -> Publication:
        """Store the model with its record and point predictors at it. Safe to repeat after RegistryUnavailableError.

        `record.hmac_sha256` is filled in here where a key is configured. Raises VerificationError for bytes that no
        predictor would take.
        """
        return self._publish_as(keys.CURRENT, model_bytes, record)

    def publish_candidate(self, model_bytes: bytes, record: ModelRecord) -> Publication:
        """Store the model and make it the candidate (shadow), not the served one; `promote` makes it that."""
        return self._publish_as(keys.CANDIDATE, model_bytes, record)

    def _publish_as(self, role: str, model_bytes: bytes, record: ModelRecord) -> Publication:
        if self._hmac_key is not None:
            record = dataclasses.replace(record, hmac_sha256=hmac_of(model_bytes, self._hmac_key))
        instrument, seq = record.instrument, record.seq
        model = verify(model_bytes, _expected(record), self._hmac_key)
        other = keys.CANDIDATE if role == keys.CURRENT else keys.CURRENT
        self._announce(instrument)
        with translating_errors(self.address, instrument):
            answer = self._publish(
                keys=[
                    keys.pointer(instrument, role),
                    keys.pointer(instrument, other),
                    keys.model(instrument, seq),
                    keys.record(instrument, seq),
                    keys.models(instrument),
                    keys.history(instrument),
                ],
                args=[
                    *(role, keys.prefix(instrument), instrument, keys.CHANNEL, MODELS_KEPT, RECORDS_KEPT),
                    *(seq, record.sha256, model.schema_hash.hex(), record.evidence, record.published_at_ns),
                    *(model_bytes, encode_model_record(record)),
                ],
            )
        return Publication(answer.decode())

    def _announce(self, instrument: str) -> None:
        # Not in the scripts, since in a cluster this key lies elsewhere; an instrument without a model does no harm.
        with translating_errors(self.address):
            self._client.sadd(keys.INSTRUMENTS, instrument)

    def update_record(self, instrument: str, seq: int, update: RecordUpdate) -> ModelRecord | None:
        """Write what `update` makes of the record of a run (refused, failed, or scored on its next window), and nothing
        where it answers None. Returns the record that stands then, None where there is none that can be read.

        `update` gets None where there is no record, and in the place of one that cannot be read, why; it is asked again
        where another has written meanwhile. Where the run's model is pointed at, the pointer's evidence becomes the
        record's. A signature already stored is kept where the record has none. Raises VerificationError where a key of
        the instrument is none of ours.
        """
        for _ in range(UPDATE_ATTEMPTS_MAX):
            with translating_errors(self.address, instrument):
                stored = self._client.get(keys.record(instrument, seq))
            known = None if stored is None else _parse_record_or_error(stored, instrument, seq)
            before = known if isinstance(known, ModelRecord) else None
            record = update(known)
            if record is None:
                return before
            if before is not None and before.sha256 == record.sha256 and not record.hmac_sha256:
                record = dataclasses.replace(record, hmac_sha256=before.hmac_sha256)
            if self._write(record, stored or b""):
                return record
        raise RegistryUnavailableError(f"others keep writing the record of run {seq} of {instrument}")

    def _write(self, record: ModelRecord, over: bytes) -> bool:
        """Whether the record was written, over the bytes that were read."""
        instrument, seq = record.instrument, record.seq
        self._announce(instrument)
        with translating_errors(self.address, instrument):
            answer = self._record(
                keys=[
                    keys.record(instrument, seq),
                    keys.history(instrument),
                    keys.pointer(instrument, keys.CURRENT),
                    keys.pointer(instrument, keys.CANDIDATE),
                ],
                args=[
                    *(keys.prefix(instrument), MODELS_KEPT, RECORDS_KEPT),
                    *(seq, record.sha256, record.evidence, encode_model_record(record), over),
                ],
            )
        return bool(answer == b"recorded")

    def instruments(self) -> list[str]:
        """Every instrument with a run, sorted."""
        with translating_errors(self.address):
            return sorted(name.decode(errors="replace") for name in self._client.smembers(keys.INSTRUMENTS))

    def records(self, instrument: str) -> list[ModelRecord | VerificationError]:
        """What is known of the instrument's runs, newest first; in the place of a record that cannot be read, why.
        Raises VerificationError where their history cannot be read."""
        with translating_errors(self.address, instrument):
            seqs = [int(seq) for seq in self._client.zrevrange(keys.history(instrument), 0, -1)]
            payloads = self._client.mget([keys.record(instrument, seq) for seq in seqs]) if seqs else []
        # Between the two calls a run may have been trimmed.
        return [
            _parse_record_or_error(payload, instrument, seq)
            for seq, payload in zip(seqs, payloads, strict=True)
            if payload is not None
        ]

    def newest_run(self, instrument: str) -> int:
        """The newest run with a record, whether that can be read or not; 0 where there is none. Raises
        VerificationError where their history cannot be read."""
        with translating_errors(self.address, instrument):
            newest = self._client.zrevrange(keys.history(instrument), 0, 0)
        return int(newest[0]) if newest else 0

    def record_of(self, instrument: str, seq: int) -> ModelRecord | None:
        """The record of one run. Raises VerificationError where it cannot be read."""
        with translating_errors(self.address, instrument):
            payload = self._client.get(keys.record(instrument, seq))
        return None if payload is None else _parse_record(payload, instrument, seq)

    def current(self, instrument: str) -> ModelPointer | None:
        """The pointer to the served model. Raises VerificationError where it cannot be read."""
        return self._pointer(instrument, keys.CURRENT)

    def candidate(self, instrument: str) -> ModelPointer | None:
        """The pointer to the shadow model. Raises VerificationError where it cannot be read."""
        return self._pointer(instrument, keys.CANDIDATE)

    def _pointer(self, instrument: str, role: str) -> ModelPointer | None:
        with translating_errors(self.address, instrument):
            return parse_pointer(instrument, self._client.hgetall(keys.pointer(instrument, role)))

    def load(self, instrument: str, seq: int) -> Model:
        """The verified model of a window, against its record. Raises VerificationError."""
        payload, record = self._stored(instrument, seq)
        return verify(payload, _expected(record), self._hmac_key)

    def load_pointed(self, pointer: ModelPointer) -> Model:
        """The verified model a pointer names, against its record and the pointer. Raises VerificationError."""
        payload, record = self._stored(pointer.instrument, pointer.seq)
        if record.sha256 != pointer.sha256:
            raise VerificationError(
                VerificationFailure.CHECKSUM, "the pointer and the record of the model name different checksums"
            )
        model = verify(payload, _expected(record), self._hmac_key)
        if model.schema_hash.hex() != pointer.schema_hash_hex:
            raise VerificationError(VerificationFailure.SCHEMA, "the pointer names another schema than the model")
        return model

    def _stored(self, instrument: str, seq: int) -> tuple[bytes | None, ModelRecord]:
        with translating_errors(self.address, instrument):
            payload, record = self._client.mget([keys.model(instrument, seq), keys.record(instrument, seq)])
        if record is None:
            raise VerificationError(VerificationFailure.MISSING, f"no model {seq} of {instrument}")
        return payload, _parse_record(record, instrument, seq)

    def rollback(self, instrument: str, seq: int) -> ModelPointer:
        """Point at an older model (epoch + 1). Raises VerificationError where that model is gone or does not verify,
        WrongDirectionError where it is newer than the serving one."""
        return self._move_pointer(_Direction.BACK, instrument, seq)

    def promote(self, instrument: str, seq: int) -> ModelPointer:
        """Point at a newer model that is kept, like the candidate (epoch + 1); one no newer than it is no candidate
        any more. The record's verdict stays. Raises VerificationError as `rollback`, WrongDirectionError where it is
        older than the serving one."""
        return self._move_pointer(_Direction.FORWARD, instrument, seq)

    def _move_pointer(self, direction: _Direction, instrument: str, seq: int) -> ModelPointer:
        payload, record = self._stored(instrument, seq)
        model = verify(payload, _expected(record), self._hmac_key)
        with translating_errors(self.address, instrument):
            answer = self._move(
                keys=[
                    keys.pointer(instrument, keys.CURRENT),
                    keys.pointer(instrument, keys.CANDIDATE),
                    keys.model(instrument, seq),
                ],
                args=[
                    *(direction, instrument, keys.CHANNEL, seq, record.sha256, model.schema_hash.hex()),
                    *(record.evidence, record.published_at_ns),
                ],
            )
        if answer in WRONG_DIRECTIONS:
            raise WrongDirectionError(WRONG_DIRECTIONS[answer].format(seq, instrument))
        pointer = self.current(instrument)
        if answer != b"moved" or pointer is None:
            raise VerificationError(VerificationFailure.MISSING, f"model {seq} of {instrument} was dropped meanwhile")
        return pointer

    def kept_models(self, instrument: str) -> list[int]:
        """Windows whose models are kept, newest first. Raises VerificationError where their key is none of ours."""
        with translating_errors(self.address, instrument):
            members = self._client.zrevrange(keys.models(instrument), 0, MODELS_KEPT)
        return [int(member) for member in members if member.isdigit()]

    def notifications(self) -> Notifications:
        """A subscription to moved pointers; use it in a `with`. Raises RegistryUnavailableError."""
        return Notifications(self._client, self.address)


def _expected(record: ModelRecord) -> ExpectedModel:
    return ExpectedModel(record.instrument, record.seq, record.sha256, record.hmac_sha256)


def _parse_record_or_error(payload: bytes, instrument: str, seq: int) -> ModelRecord | VerificationError:
    try:
        return _parse_record(payload, instrument, seq)
    except VerificationError as error:
        return error


def _parse_record(payload: bytes, instrument: str, seq: int) -> ModelRecord:
    try:
        record = decode_model_record(payload)
    except InvalidRecordError as failure:
        raise VerificationError(
            VerificationFailure.RECORD, f"the record of run {seq} of {instrument}: {failure}"
        ) from None
    if (record.instrument, record.seq) != (instrument, seq):
        raise VerificationError(
            VerificationFailure.RECORD,
            f"under run {seq} of {instrument} lies that of {record.seq}, {record.instrument}",
        )
    return record
