"""Bytes of a model and what is expected of them -> a model fit to serve, or why not. Pure."""

import hashlib
import hmac
import math
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from tidewheel.contracts.codecs.models import decode_model
from tidewheel.contracts.invalid_record import InvalidRecordError
from tidewheel.domain.errors import TidewheelError
from tidewheel.domain.features import FEATURE_COUNT, FEATURES_BYTES, SCHEMA_HASH
from tidewheel.domain.models import Model, ModelPointer, Scorer
from tidewheel.domain.texts import printable
from tidewheel.registry.limits import MODEL_BYTES_MAX
from tidewheel.registry.plausible import model_fault

GOLDEN_TOLERANCE = 1e-12
FLOAT32_MAX = float(np.finfo(np.float32).max)


class VerificationFailure(StrEnum):
    """Why a model is not trusted: the closed set that metrics may name."""

    MISSING = "missing"  # no bytes, or no record of them
    KEY = "key"  # a key of the instrument is of another type than it must be
    TOO_LARGE = "too_large"  # longer than anything of ours
    INSTRUMENT = "instrument"  # a name that is no instrument's
    HISTORY = "history"  # a member of an index that is no window's number
    POINTER = "pointer"  # the pointer cannot be read, or holds a number that cannot be
    POINTER_HMAC = "pointer_hmac"  # the pointer is not signed with the configured key
    BACKWARD = "backward"  # the pointer is older than what serves, without being a rollback
    OTHER_BYTES = "other_bytes"  # the window that serves, at its epoch, with another checksum
    RECORD = "record"  # the record beside the model cannot be read
    RECORD_RANGE = "record_range"  # it can, and cannot be true
    RECORD_HMAC = "record_hmac"  # it is not signed with the configured key
    CHECKSUM = "checksum"
    HMAC = "hmac"  # the model is not signed with the configured key
    UNDECODABLE = "undecodable"
    IDENTITY = "identity"  # another instrument's or window's model
    SCHEMA = "schema"  # features of another schema
    NOT_FINITE = "not_finite"
    OVERFLOW = "overflow"  # finite weights with which an allowed row has no finite score
    THRESHOLD = "threshold"  # outside 0..1
    FIGURES = "figures"  # counts, shares, times or texts of the model that cannot be true
    GOLDEN = "golden"  # does not score its own golden row as it did when it was trained
    SERVED_MISSING = "served_missing"  # the serving model's bytes are gone from the registry
    SERVED_CHANGED = "served_changed"  # others lie in their place


class VerificationError(TidewheelError):
    """A model that must not serve. `reason` is what is counted, `detail` and the message are for people."""

    def __init__(self, reason: VerificationFailure, detail: str) -> None:
        self.detail = printable(detail)
        super().__init__(f"{reason}: {self.detail}")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class ExpectedModel:
    """What the bytes must be. `hmac_sha256` counts only where a key is configured."""

    instrument: str
    seq: int
    sha256: str
    hmac_sha256: bytes = b""
    schema_hash: bytes = SCHEMA_HASH


def sha256_of(payload: bytes) -> str:
    """The checksum as it stands in records and pointers."""
    return hashlib.sha256(payload).hexdigest()


def hmac_of(payload: bytes, key: bytes) -> bytes:
    """Proof that the holder of the key made the bytes."""
    return hmac.digest(key, payload, "sha256")


def verify(payload: bytes | None, expected: ExpectedModel, hmac_key: bytes | None = None) -> Model:
    """The model in the bytes. Raises VerificationError at the first failure; trust comes before parsing."""
    if payload is None:
        raise VerificationError(
            VerificationFailure.MISSING, f"no bytes of model {expected.seq} of {expected.instrument}"
        )
    if len(payload) > MODEL_BYTES_MAX:
        raise VerificationError(VerificationFailure.TOO_LARGE, f"{len(payload):,} bytes are no model")
    found = sha256_of(payload)
    if found != expected.sha256:
        raise VerificationError(
            VerificationFailure.CHECKSUM, f"the bytes have sha256 {found[:12]}…, expected {expected.sha256[:12]}…"
        )
    if hmac_key is not None and not hmac.compare_digest(hmac_of(payload, hmac_key), expected.hmac_sha256):
        raise VerificationError(
            VerificationFailure.HMAC, "not signed with the configured key" if expected.hmac_sha256 else "not signed"
        )
    try:
        model = decode_model(payload)
    except InvalidRecordError as failure:
        raise VerificationError(VerificationFailure.UNDECODABLE, str(failure)) from None
    if (model.instrument, model.seq) != (expected.instrument, expected.seq):
        raise VerificationError(VerificationFailure.IDENTITY, f"the bytes are model {model.seq} of {model.instrument}")
    _check_schema(model, expected.schema_hash)
    _check_finite(model)
    if not 0 <= model.threshold <= 1:
        raise VerificationError(VerificationFailure.THRESHOLD, f"the threshold {model.threshold:g} is no score")
    if fault := model_fault(model):
        raise VerificationError(VerificationFailure.FIGURES, fault)
    _check_range(model)
    _check_golden(model)
    return model


def verify_pointed(
    payload: bytes | None, pointer: ModelPointer, expected: ExpectedModel, hmac_key: bytes | None = None
) -> Model:
    """The model in the bytes, which is the one that a pointer names. Raises VerificationError."""
    if expected.sha256 != pointer.sha256:
        raise VerificationError(
            VerificationFailure.CHECKSUM, "the pointer and the record of the model name different checksums"
        )
    model = verify(payload, expected, hmac_key)
    if model.schema_hash.hex() != pointer.schema_hash_hex:
        raise VerificationError(VerificationFailure.SCHEMA, "the pointer names another schema than the model")
    return model


def _check_schema(model: Model, schema_hash: bytes) -> None:
    if model.schema_hash != schema_hash:
        raise VerificationError(
            VerificationFailure.SCHEMA,
            f"made for schema {model.schema_hash.hex()[:12]}…, known is {schema_hash.hex()[:12]}…",
        )
    if len(model.coefficients) != FEATURE_COUNT:
        raise VerificationError(
            VerificationFailure.SCHEMA, f"{len(model.coefficients)} coefficients for {FEATURE_COUNT} features"
        )


def _check_finite(model: Model) -> None:
    columns = {"coefficients": model.coefficients, "mean": model.mean, "std": model.std}
    for name, column in columns.items():
        if not np.isfinite(column).all():
            raise VerificationError(VerificationFailure.NOT_FINITE, f"{name} holds a value that is not finite")
    if not (model.std > 0).all():
        raise VerificationError(VerificationFailure.NOT_FINITE, "std holds a value that is not positive")
    for name in ("intercept", "threshold", "golden_score"):
        if not math.isfinite(getattr(model, name)):
            raise VerificationError(VerificationFailure.NOT_FINITE, f"{name} is not finite")


def _check_range(model: Model) -> None:
    """Whatever row of finite float32 comes, no sum on the way to its score may overflow."""
    with np.errstate(all="ignore"):
        scorer = Scorer.of(model)
        extreme = float(np.abs(scorer.weights).sum()) * FLOAT32_MAX + abs(scorer.offset)
    if not math.isfinite(extreme):
        raise VerificationError(VerificationFailure.OVERFLOW, "its weights are so large that a row may have no score")


def _check_golden(model: Model) -> None:
    if len(model.golden_features) != FEATURES_BYTES:
        raise VerificationError(
            VerificationFailure.GOLDEN, f"the golden row has {len(model.golden_features)} bytes, not {FEATURES_BYTES}"
        )
    row = np.frombuffer(model.golden_features, dtype="<f4")
    with np.errstate(all="ignore"):
        score = Scorer.of(model).score(row)
    if not abs(score - model.golden_score) <= GOLDEN_TOLERANCE:
        raise VerificationError(
            VerificationFailure.GOLDEN, f"the golden row scores {score!r}, it must score {model.golden_score!r}"
        )
