"""What the registry answers, and the values that it makes on the way. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from tidewheel.domain.errors import TidewheelError
from tidewheel.domain.models import Model, ModelPointer, ModelRecord
from tidewheel.registry.verify import ExpectedModel, VerificationError, VerificationFailure


class Publication(StrEnum):
    """How a publication ended; ALREADY_PUBLISHED and STALE change nothing."""

    PUBLISHED = "published"
    ALREADY_PUBLISHED = "already"
    STALE = "stale"


class WrongDirectionError(TidewheelError):
    """A rollback to a model newer than the serving one, or a promotion of an older one; the message says which."""


@dataclass(frozen=True, slots=True, eq=False)
class LoadedModel:
    """A verified model, its record, and the bytes of both."""

    model: Model
    record: ModelRecord
    model_bytes: bytes
    record_bytes: bytes


def expected_model(record: ModelRecord) -> ExpectedModel:
    """What the bytes of a record's model must be."""
    return ExpectedModel(record.instrument, record.seq, record.sha256, record.hmac_sha256)


def pointer_at(record: ModelRecord, schema_hash_hex: str, *, epoch: int, newest_seq: int, born_ns: int) -> ModelPointer:
    """A pointer to a record's model, not signed yet."""
    return ModelPointer(
        record.instrument,
        seq=record.seq,
        epoch=epoch,
        sha256=record.sha256,
        schema_hash_hex=schema_hash_hex,
        evidence=record.evidence,
        published_at_ns=record.published_at_ns,
        newest_seq=newest_seq,
        pointed_at_ns=0,
        born_ns=born_ns,
    )


def invalid_members(instrument: str, invalid: int) -> VerificationError:
    """So many members of a history that name no window."""
    return VerificationError(
        VerificationFailure.HISTORY,
        f"the history of {instrument} has members that are no windows' numbers: {invalid}; "
        "`tidewheel models check --repair` removes them",
    )
