"""The pointer to a model as the Redis hash it lies in, read and written as lines, and its signature. Pure."""

import hmac

from tidewheel.domain.models import Evidence, ModelPointer
from tidewheel.registry.limits import EPOCH_MAX, SEQ_MAX, TIME_MAX_NS, whole_number
from tidewheel.registry.plausible import is_sha256
from tidewheel.registry.verify import VerificationError, VerificationFailure, hmac_of

# In the order of POINTER_FIELDS in `shared.lua`.
FIELDS = (
    *("seq", "epoch", "sha256", "schema_hash", "evidence", "published_at_ns", "newest_seq"),
    *("pointed_at_ns", "born_ns", "hmac_sha256"),
)
NOTHING = b""
DAMAGED = b"!"
UNREADABLE = {b"type": VerificationFailure.KEY, b"long": VerificationFailure.TOO_LARGE}
SIGNED_AS = "tidewheel pointer 1"


def parse_pointer(instrument: str, role: str, state: bytes, hmac_key: bytes | None = None) -> ModelPointer | None:
    """The pointer in what `pointer_state` of the scripts says, None where there is none. Raises VerificationError."""
    if state == NOTHING:
        return None
    if state.startswith(DAMAGED):
        raise unreadable(f"the pointer of {instrument}", state)
    try:
        pointer = _parse(instrument, state)
    except ValueError as failure:
        raise VerificationError(
            VerificationFailure.POINTER, f"the pointer of {instrument} cannot be read: {failure}"
        ) from None
    if hmac_key is not None and not hmac.compare_digest(signature(pointer, role, hmac_key), pointer.hmac_sha256):
        raise VerificationError(
            VerificationFailure.POINTER_HMAC,
            f"the pointer of {instrument} is not signed" + (" with the configured key" if pointer.hmac_sha256 else ""),
        )
    return pointer


def unreadable(what: str, state: bytes) -> VerificationError:
    """Why a key whose state begins with `!` is none of ours."""
    kind, _, found = state.removeprefix(DAMAGED).partition(b" ")
    reply = found.decode(errors="replace")
    if kind == b"type":
        return VerificationError(VerificationFailure.KEY, f"{what} is damaged: WRONGTYPE, its key holds a {reply}")
    return VerificationError(VerificationFailure.TOO_LARGE, f"{what} is longer than any of ours: {reply}")


def _parse(instrument: str, state: bytes) -> ModelPointer:
    """Raises ValueError."""
    lines = state.decode("ascii").split("\n")
    if len(lines) != len(FIELDS):
        raise ValueError("a field has several lines")
    values = dict(zip(FIELDS, lines, strict=True))
    if missing := [name for name in FIELDS[:8] if not values[name]]:
        raise ValueError(f"it lacks {', '.join(missing)}")
    for name in ("sha256", "schema_hash"):
        if not is_sha256(values[name]):
            raise ValueError(f"its {name} is none")
    seq = whole_number(values["seq"], 1, SEQ_MAX)
    return ModelPointer(
        instrument,
        seq=seq,
        epoch=whole_number(values["epoch"], 1, EPOCH_MAX),
        sha256=values["sha256"],
        schema_hash_hex=values["schema_hash"],
        evidence=Evidence(values["evidence"]),
        published_at_ns=whole_number(values["published_at_ns"], 0, TIME_MAX_NS),
        newest_seq=whole_number(values["newest_seq"], seq, SEQ_MAX),
        pointed_at_ns=whole_number(values["pointed_at_ns"], 0, TIME_MAX_NS),
        born_ns=whole_number(values["born_ns"] or "0", 0, TIME_MAX_NS),
        hmac_sha256=bytes.fromhex(values["hmac_sha256"]),
    )


def check_follows(pointer: ModelPointer, serving: ModelPointer) -> None:
    """Raises VerificationError for a pointer that does not come after the one that is served, nor says it again.

    A window newer than any before is no step back, whatever its epoch: else a pointer set back by a foreign hand, and
    gone on from by the next publication, would be refused for ever.
    """
    name = f"window {pointer.seq}, epoch {pointer.epoch}"
    if pointer.order < serving.order and pointer.seq <= serving.newest_seq:
        older = "an older pointer" if pointer.born_ns < serving.born_ns else name
        raise VerificationError(
            VerificationFailure.BACKWARD, f"{older} after window {serving.seq}, epoch {serving.epoch}, is no rollback"
        )
    if pointer.order == serving.order and pointer.sha256 != serving.sha256:
        raise VerificationError(VerificationFailure.OTHER_BYTES, f"{name} is served already, with other bytes")


def pointer_fields(pointer: ModelPointer, role: str, hmac_key: bytes | None) -> list[str]:
    """The fields as a script takes them, signed where there is a key. The time of pointing is the script's."""
    signed = signature(pointer, role, hmac_key).hex() if hmac_key is not None else ""
    return [*_signed_fields(pointer)[:7], "0", str(pointer.born_ns), signed]


def signature(pointer: ModelPointer, role: str, hmac_key: bytes) -> bytes:
    """Proof that the holder of the key pointed there, in this role; of all but the time of pointing."""
    return hmac_of("\n".join((SIGNED_AS, role, pointer.instrument, *_signed_fields(pointer))).encode(), hmac_key)


def _signed_fields(pointer: ModelPointer) -> list[str]:
    return [
        *(str(pointer.seq), str(pointer.epoch), pointer.sha256, pointer.schema_hash_hex, str(pointer.evidence)),
        *(str(pointer.published_at_ns), str(pointer.newest_seq), str(pointer.born_ns)),
    ]
