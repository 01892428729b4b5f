"""The pointer to a model as a value, and as the Redis hash it lies in."""

from collections.abc import Mapping
from dataclasses import dataclass

from tidewheel.domain.models import Evidence
from tidewheel.registry.verify import Doubt, Unverified


@dataclass(frozen=True, slots=True)
class Pointer:
    """Which model serves (or shadows). `epoch` counts from 1 and grows by one with each move by hand,
    a rollback or a promotion.

    `newest_seq`: the highest window this pointer ever named; it outlives rollbacks and is the fence.
    `published_at_ns`: when the model was published; `pointed_at_ns`: when the pointer moved to it. Both wall clock.
    """

    instrument: str
    seq: int
    epoch: int
    sha256: str
    schema_hash_hex: str
    evidence: Evidence
    published_at_ns: int
    newest_seq: int
    pointed_at_ns: int


def pointer_of(instrument: str, fields: Mapping[bytes, bytes]) -> Pointer | None:
    """The pointer in a hash, None where the hash is empty. Raises Unverified."""
    if not fields:
        return None
    try:
        values = {name.decode(): value.decode() for name, value in fields.items()}
        return Pointer(
            instrument,
            seq=int(values["seq"]),
            epoch=int(values["epoch"]),
            sha256=values["sha256"],
            schema_hash_hex=values["schema_hash"],
            evidence=Evidence(values["evidence"]),
            published_at_ns=int(values["published_at_ns"]),
            newest_seq=int(values["newest_seq"]),
            pointed_at_ns=int(values["pointed_at_ns"]),
        )
    except (KeyError, ValueError) as failure:
        raise Unverified(Doubt.POINTER, f"the pointer of {instrument} cannot be read: {failure!r}") from None
