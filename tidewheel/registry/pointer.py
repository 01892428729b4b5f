"""The pointer to a model as the Redis hash it lies in."""

from collections.abc import Mapping

from tidewheel.domain.models import Evidence, ModelPointer
from tidewheel.registry.verify import VerificationError, VerificationFailure


def parse_pointer(instrument: str, fields: Mapping[bytes, bytes]) -> ModelPointer | None:
    """The pointer in a hash, None where the hash is empty. Raises VerificationError."""
    if not fields:
        return None
    try:
        values = {name.decode(): value.decode() for name, value in fields.items()}
        return ModelPointer(
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
        raise VerificationError(
            VerificationFailure.POINTER, f"the pointer of {instrument} cannot be read: {failure!r}"
        ) from None
