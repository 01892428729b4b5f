"""The registry of one process, gone with it: what a trainer asks of `Registry`, answered without a Redis.

A test puts the same calls to both, and gets the same answers. Nothing is moved by hand here, so the epoch is always 1;
nobody waits for notifications; and no clock is read, so that a pointer says of no moment when it moved or was born.
"""

from dataclasses import dataclass, field, replace

from tidewheel.domain.models import Model, ModelPointer, ModelRecord
from tidewheel.registry import keys
from tidewheel.registry.records import check_record
from tidewheel.registry.store import MODELS_KEPT, RECORDS_KEPT, RecordUpdate
from tidewheel.registry.values import Publication, expected_model
from tidewheel.registry.verify import VerificationError, VerificationFailure, verify

FIRST_EPOCH = 1


@dataclass(slots=True)
class _Kept:
    """Of one instrument, by window."""

    models: dict[int, bytes] = field(default_factory=dict)
    records: dict[int, ModelRecord] = field(default_factory=dict)
    pointers: dict[str, ModelPointer] = field(default_factory=dict)

    def fence(self, *roles: str) -> int:
        """The newest window that any of these pointers names."""
        return max((self.pointers[role].newest_seq for role in roles if role in self.pointers), default=0)

    def trim(self) -> None:
        """Keep the last models and records, and what a pointer names."""
        pointed = {pointer.seq for pointer in self.pointers.values()}
        for kept, count in ((self.models, MODELS_KEPT), (self.records, RECORDS_KEPT)):
            for seq in sorted(kept)[:-count]:
                if seq not in pointed:
                    del kept[seq]


class InMemoryRegistry:
    """Models and records of all instruments of one process. For one thread."""

    def __init__(self) -> None:
        self._kept: dict[str, _Kept] = {}

    def publish(self, model_bytes: bytes, record: ModelRecord) -> Publication:
        """As `Registry.publish`."""
        return self._publish(keys.CURRENT, self._of(record.instrument).fence(keys.CURRENT), model_bytes, record)

    def publish_candidate(self, model_bytes: bytes, record: ModelRecord) -> Publication:
        """As `Registry.publish_candidate`."""
        fence = self._of(record.instrument).fence(keys.CURRENT, keys.CANDIDATE)
        return self._publish(keys.CANDIDATE, fence, model_bytes, record)

    def _publish(self, role: str, fence: int, model_bytes: bytes, record: ModelRecord) -> Publication:
        check_record(record)
        model, kept, seq = verify(model_bytes, expected_model(record)), self._of(record.instrument), record.seq
        stored = kept.models.get(seq)
        if stored is not None or seq <= fence:
            return Publication.ALREADY_PUBLISHED if stored == model_bytes else Publication.STALE
        kept.models[seq], kept.records[seq] = model_bytes, record
        kept.pointers[role] = ModelPointer(
            instrument=record.instrument,
            seq=seq,
            epoch=FIRST_EPOCH,
            sha256=record.sha256,
            schema_hash_hex=model.schema_hash.hex(),
            evidence=record.evidence,
            published_at_ns=record.published_at_ns,
            newest_seq=seq,
            pointed_at_ns=0,
        )
        candidate = kept.pointers.get(keys.CANDIDATE)
        if role == keys.CURRENT and candidate is not None and candidate.seq <= seq:
            del kept.pointers[keys.CANDIDATE]
        kept.trim()
        return Publication.PUBLISHED

    def update_record(self, instrument: str, seq: int, update: RecordUpdate) -> ModelRecord | None:
        """As `Registry.update_record`; nobody else writes meanwhile."""
        kept = self._of(instrument)
        before = kept.records.get(seq)
        record = update(before)
        if record is None:
            return before
        check_record(record)
        kept.records[seq] = record
        for role, pointer in kept.pointers.items():
            if (pointer.seq, pointer.sha256) == (seq, record.sha256):
                kept.pointers[role] = replace(pointer, evidence=record.evidence)
        kept.trim()
        return record

    def records(self, instrument: str) -> list[ModelRecord]:
        """All there are, newest first."""
        return [record for _, record in sorted(self._of(instrument).records.items(), reverse=True)]

    def newest_run(self, instrument: str) -> int:
        """The newest run with a record; 0 where there is none."""
        return max(self._of(instrument).records, default=0)

    def record_of(self, instrument: str, seq: int) -> ModelRecord | None:
        return self._of(instrument).records.get(seq)

    def current(self, instrument: str) -> ModelPointer | None:
        return self._of(instrument).pointers.get(keys.CURRENT)

    def candidate(self, instrument: str) -> ModelPointer | None:
        return self._of(instrument).pointers.get(keys.CANDIDATE)

    def load(self, instrument: str, seq: int) -> Model:
        """As `Registry.load`. Raises VerificationError."""
        record = self.record_of(instrument, seq)
        if record is None:
            raise VerificationError(VerificationFailure.MISSING, f"no model {seq} of {instrument}")
        return verify(self._of(instrument).models.get(seq), expected_model(record))

    def _of(self, instrument: str) -> _Kept:
        return self._kept.setdefault(instrument, _Kept())
