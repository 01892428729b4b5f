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
- Whatever lies in Redis: nothing longer than ours is read, every number and text is checked before it is used, and with
  a key only what is signed with it is. A pointer that cannot be used counts as none; the next publication replaces it
  by one that is born then, and so later in order than any before.
- Every call raises RegistryUnavailableError within seconds where Redis does not answer.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

from tidewheel.domain.models import Model, ModelPointer, ModelRecord
from tidewheel.registry import keys, scripts
from tidewheel.registry.client import RegistryUnavailableError, address_of, connect, translating_errors
from tidewheel.registry.limits import EPOCH_MAX, MODEL_BYTES_MAX, RECORD_BYTES_MAX
from tidewheel.registry.notifications import Notifications
from tidewheel.registry.pointer import parse_pointer, pointer_fields
from tidewheel.registry.reading import BoundedReader
from tidewheel.registry.records import VALUE, read_record, read_value, write_record
from tidewheel.registry.redis_access import RedisServer
from tidewheel.registry.values import (
    LoadedModel,
    Publication,
    WrongDirectionError,
    expected_model,
    invalid_members,
    pointer_at,
)
from tidewheel.registry.verify import VerificationError, VerificationFailure, hmac_of, verify, verify_pointed

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
FIRST_EPOCH = 1
FENCES_MAX = 3

RecordUpdate = Callable[[ModelRecord | VerificationError | None], ModelRecord | None]


class Registry:
    """Models of all instruments in one Redis. Safe to share between threads."""

    def __init__(self, client: Any, address: str, hmac_key: bytes | None = None) -> None:
        self.client = client
        self.address = address
        self._hmac_key = hmac_key
        self.reader = BoundedReader(client, address)
        self._publish = client.register_script(scripts.text("publish"))
        self._record = client.register_script(scripts.text("record"))
        self._move = client.register_script(scripts.text("move"))

    @classmethod
    def connect(cls, server: RedisServer, hmac_key: bytes | None = None) -> "Registry":
        """A registry there; the first call connects. Raises ValueError where the URL is none of Redis."""
        return cls(connect(server), address_of(server), hmac_key or None)

    def close(self) -> None:
        self.client.close()

    def ping(self) -> None:
        """Raises RegistryUnavailableError where Redis does not answer."""
        with translating_errors(self.address):
            self.client.ping()

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
        schema_hash_hex = verify(model_bytes, expected_model(record), self._hmac_key).schema_hash.hex()
        record_bytes = write_record(record, self._hmac_key)
        self._announce(instrument)
        for _ in range(UPDATE_ATTEMPTS_MAX):
            states = dict(zip((keys.CURRENT, keys.CANDIDATE), self.reader.both_pointers(instrument), strict=True))
            known = {one: self._usable(instrument, one, state) for one, state in states.items()}
            other_role = keys.CANDIDATE if role == keys.CURRENT else keys.CURRENT
            own, other = known[role], known[other_role]
            fences = {own.newest_seq, own.seq} if own else set()
            if role == keys.CANDIDATE and other:
                fences.add(other.newest_seq)
            named = own is not None and (own.seq, own.sha256) == (seq, record.sha256)
            epoch, born_ns = self._lineage(known[keys.CURRENT])
            pointer = pointer_at(record, schema_hash_hex, epoch=epoch, newest_seq=seq, born_ns=born_ns)
            with translating_errors(self.address, instrument):
                answer = self._publish(
                    keys=[
                        keys.pointer(instrument, role),
                        keys.pointer(instrument, other_role),
                        keys.model(instrument, seq),
                        keys.record(instrument, seq),
                        keys.models(instrument),
                        keys.history(instrument),
                        keys.MOVED,
                    ],
                    args=[
                        *(keys.prefix(instrument), instrument, keys.CHANNEL, MODELS_KEPT, RECORDS_KEPT),
                        *(seq, model_bytes, record_bytes, states[role], states[other_role]),
                        *[*sorted(fences, reverse=True), *[0] * FENCES_MAX][:FENCES_MAX],
                        int(named),
                        int(role == keys.CURRENT and other is not None and other.seq <= seq),
                        *pointer_fields(pointer, role, self._hmac_key),
                    ],
                )
            if answer != b"changed":
                return Publication(answer.decode())
        raise RegistryUnavailableError(f"others keep moving the pointers of {instrument}")

    def _usable(self, instrument: str, role: str, state: bytes) -> ModelPointer | None:
        """The pointer; None where there is none that can be used."""
        try:
            return parse_pointer(instrument, role, state, self._hmac_key)
        except VerificationError:
            return None

    def _lineage(self, current: ModelPointer | None) -> tuple[int, int]:
        """Epoch and birth of a pointer that goes on from this one, or from nothing."""
        return (current.epoch, current.born_ns) if current else (FIRST_EPOCH, self.reader.now_ns())

    def _announce(self, instrument: str) -> None:
        # An instrument without a model does no harm. A key that is no set is of no use to anybody.
        try:
            with translating_errors(self.address, instrument):
                self.client.sadd(keys.INSTRUMENTS, instrument)
        except VerificationError:
            with translating_errors(self.address):
                self.client.delete(keys.INSTRUMENTS)
                self.client.sadd(keys.INSTRUMENTS, instrument)

    def update_record(self, instrument: str, seq: int, update: RecordUpdate) -> ModelRecord | None:
        """Write what `update` makes of the record of a run (refused, failed, or scored on its next window), and nothing
        where it answers None. Returns the record that stands then, None where there is none that can be read.

        `update` gets None where there is no record, and in the place of one that cannot be read, why; it is asked again
        where another has written meanwhile. Where the run's model is pointed at, the pointer's evidence becomes the
        record's. A signature already stored is kept where the record has none. Raises VerificationError for a record
        that nobody would read.
        """
        for _ in range(UPDATE_ATTEMPTS_MAX):
            (state,) = self.reader.values([keys.record(instrument, seq)], RECORD_BYTES_MAX)
            known = self._record_or_error(instrument, seq, state)
            before = known if isinstance(known, ModelRecord) else None
            record = update(known)
            if record is None:
                return before
            if before is not None and before.sha256 == record.sha256 and not record.hmac_sha256:
                record = dataclasses.replace(record, hmac_sha256=before.hmac_sha256)
            if self._write(record, state):
                return record
        raise RegistryUnavailableError(f"others keep writing the record of run {seq} of {instrument}")

    def _write(self, record: ModelRecord, over: bytes) -> bool:
        """Whether the record was written, over the state that was read."""
        instrument, seq = record.instrument, record.seq
        record_bytes = write_record(record, self._hmac_key)
        self._announce(instrument)
        states = self.reader.both_pointers(instrument)
        pointers: list[str] = []
        for role, state in zip((keys.CURRENT, keys.CANDIDATE), states, strict=True):
            pointer = self._usable(instrument, role, state)
            if pointer and (pointer.seq, pointer.sha256) == (seq, record.sha256):
                revised = dataclasses.replace(pointer, evidence=record.evidence)
                pointers += pointer_fields(revised, role, self._hmac_key) if revised != pointer else [""]
            else:
                pointers.append("")
        with translating_errors(self.address, instrument):
            answer = self._record(
                keys=[
                    keys.record(instrument, seq),
                    keys.history(instrument),
                    keys.pointer(instrument, keys.CURRENT),
                    keys.pointer(instrument, keys.CANDIDATE),
                    keys.models(instrument),
                    keys.MOVED,
                ],
                args=[
                    *(keys.prefix(instrument), instrument, MODELS_KEPT, RECORDS_KEPT, seq, record_bytes),
                    *(RECORD_BYTES_MAX, over, *states, *pointers),
                ],
            )
        return bool(answer == b"recorded")

    def instruments(self) -> list[str]:
        """Every instrument with a run, sorted. Raises VerificationError where the key that names them is damaged."""
        return self.reader.instruments()

    def records(self, instrument: str, newest: int = 0) -> list[ModelRecord | VerificationError]:
        """What is known of the instrument's runs, newest first; in the place of a record that cannot be read, why.
        `newest`: only so many runs; 0: all. Raises VerificationError where their history cannot be read."""
        seqs, invalid = self.reader.seqs(instrument, keys.history(instrument))
        seqs = seqs[:newest] if newest else seqs
        states = self.reader.values([keys.record(instrument, seq) for seq in seqs], RECORD_BYTES_MAX)
        found = [self._record_or_error(instrument, seq, state) for seq, state in zip(seqs, states, strict=True)]
        if invalid:
            found.append(invalid_members(instrument, invalid))
        # Between the two calls a run may have been trimmed.
        return [one for one in found if one is not None]

    def newest_run(self, instrument: str) -> int:
        """The newest run with a record, whether that can be read or not; 0 where there is none. Raises
        VerificationError where their history cannot be read."""
        seqs = self.reader.seqs(instrument, keys.history(instrument)).seqs
        return next((seq for seq in seqs if self.reader.exists(keys.record(instrument, seq))), 0)

    def record_of(self, instrument: str, seq: int) -> ModelRecord | None:
        """The record of one run. Raises VerificationError where it cannot be read."""
        (state,) = self.reader.values([keys.record(instrument, seq)], RECORD_BYTES_MAX)
        return read_record(instrument, seq, state, self._hmac_key)

    def _record_or_error(self, instrument: str, seq: int, state: bytes) -> ModelRecord | VerificationError | None:
        try:
            return read_record(instrument, seq, state, self._hmac_key)
        except VerificationError as error:
            return error

    def current(self, instrument: str) -> ModelPointer | None:
        """The pointer to the served model. Raises VerificationError where it cannot be read."""
        return self._pointer(instrument, keys.CURRENT)

    def candidate(self, instrument: str) -> ModelPointer | None:
        """The pointer to the shadow model. Raises VerificationError where it cannot be read."""
        return self._pointer(instrument, keys.CANDIDATE)

    def _pointer(self, instrument: str, role: str) -> ModelPointer | None:
        (state,) = self.reader.pointers([instrument], role)
        return self.parse(instrument, role, state)

    def parse(self, instrument: str, role: str, state: bytes) -> ModelPointer | None:
        """The pointer in a state that was read. Raises VerificationError."""
        return parse_pointer(instrument, role, state, self._hmac_key)

    def load(self, instrument: str, seq: int) -> Model:
        """The verified model of a window, against its record. Raises VerificationError."""
        payload, record, _ = self._stored(instrument, seq)
        return verify(payload, expected_model(record), self._hmac_key)

    def load_pointed(self, pointer: ModelPointer) -> Model:
        """The verified model a pointer names, against its record and the pointer. Raises VerificationError."""
        return self.load_with_bytes(pointer).model

    def load_with_bytes(self, pointer: ModelPointer) -> LoadedModel:
        """The same with all of what it was made of, for a copy elsewhere."""
        payload, record, record_bytes = self._stored(pointer.instrument, pointer.seq)
        model = verify_pointed(payload, pointer, expected_model(record), self._hmac_key)
        return LoadedModel(model, record, payload or b"", record_bytes)

    def _stored(self, instrument: str, seq: int) -> tuple[bytes | None, ModelRecord, bytes]:
        (model_state,) = self.reader.values([keys.model(instrument, seq)], MODEL_BYTES_MAX)
        (record_state,) = self.reader.values([keys.record(instrument, seq)], RECORD_BYTES_MAX)
        record = read_record(instrument, seq, record_state, self._hmac_key)
        if record is None:
            raise VerificationError(VerificationFailure.MISSING, f"no model {seq} of {instrument}")
        payload = read_value(f"model {seq} of {instrument}", model_state)
        return payload, record, record_state.removeprefix(VALUE)

    def rollback(self, instrument: str, seq: int) -> ModelPointer:
        """Point at an older model (epoch + 1). Raises VerificationError where that model is gone or does not verify, or
        where the pointer cannot be read; WrongDirectionError where it is newer than the serving one."""

        def serving(state: bytes) -> ModelPointer:
            pointer = self.parse(instrument, keys.CURRENT, state)
            if pointer is None:
                raise WrongDirectionError(f"no model of {instrument} serves, so there is none to go back from")
            if seq > pointer.seq:
                raise WrongDirectionError(f"model {seq} of {instrument} is newer than the serving one")
            return pointer

        return self._move_pointer(instrument, seq, serving)

    def promote(self, instrument: str, seq: int) -> ModelPointer:
        """Point at a newer model that is kept, like the candidate (epoch + 1); one no newer than it is no candidate
        any more. The record's verdict stays. A pointer that cannot be used counts as none. Raises VerificationError as
        `rollback`, WrongDirectionError where it is older than the serving one."""

        def serving(state: bytes) -> ModelPointer | None:
            pointer = self._usable(instrument, keys.CURRENT, state)
            if pointer is not None and seq < pointer.seq:
                raise WrongDirectionError(f"model {seq} of {instrument} is older than the serving one")
            return pointer

        return self._move_pointer(instrument, seq, serving)

    def _move_pointer(
        self, instrument: str, seq: int, serving_in: Callable[[bytes], ModelPointer | None]
    ) -> ModelPointer:
        payload, record, _ = self._stored(instrument, seq)
        schema_hash_hex = verify(payload, expected_model(record), self._hmac_key).schema_hash.hex()
        answer = b"changed"
        for _ in range(UPDATE_ATTEMPTS_MAX):
            states = self.reader.both_pointers(instrument)
            serving, candidate = serving_in(states[0]), self._usable(instrument, keys.CANDIDATE, states[1])
            epoch, born_ns = self._lineage(serving)
            epoch += serving is not None
            if epoch > EPOCH_MAX:
                epoch, born_ns = self._lineage(None)
            newest_seq = max(seq, serving.newest_seq if serving else 0)
            pointer = pointer_at(record, schema_hash_hex, epoch=epoch, newest_seq=newest_seq, born_ns=born_ns)
            with translating_errors(self.address, instrument):
                answer = self._move(
                    keys=[
                        keys.pointer(instrument, keys.CURRENT),
                        keys.pointer(instrument, keys.CANDIDATE),
                        keys.model(instrument, seq),
                        keys.MOVED,
                    ],
                    args=[
                        *(instrument, keys.CHANNEL, *states, int(candidate is not None and candidate.seq <= seq)),
                        *pointer_fields(pointer, keys.CURRENT, self._hmac_key),
                    ],
                )
            if answer != b"changed":
                break
        moved = self.current(instrument)
        if answer != b"moved" or moved is None:
            raise VerificationError(VerificationFailure.MISSING, f"model {seq} of {instrument} was dropped meanwhile")
        return moved

    def kept_models(self, instrument: str) -> list[int]:
        """Windows whose models are kept, newest first. Raises VerificationError where their key is none of ours."""
        return self.reader.seqs(instrument, keys.models(instrument)).seqs

    def notifications(self) -> Notifications:
        """A subscription to moved pointers; use it in a `with`. Raises RegistryUnavailableError."""
        return Notifications(self.client, self.address)
