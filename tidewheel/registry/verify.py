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
from tidewheel.domain.models import Model, Scorer

GOLDEN_TOLERANCE = 1e-12


class VerificationFailure(StrEnum):
    """Why a model is not trusted: the closed set that metrics may name."""

    MISSING = "missing"  # no bytes, or no record of them
    KEY = "key"  # a key of the instrument is of another type than it must be
    POINTER = "pointer"  # the pointer cannot be read
    RECORD = "record"  # the record beside the model cannot be read
    CHECKSUM = "checksum"
    HMAC = "hmac"
    UNDECODABLE = "undecodable"
    IDENTITY = "identity"  # another instrument's or window's model
    SCHEMA = "schema"  # features of another schema
    NOT_FINITE = "not_finite"
    GOLDEN = "golden"  # does not score its own golden row as it did when it was trained


class VerificationError(TidewheelError):
    """A model that must not serve. `reason` is what is counted, `detail` and the message are for people."""

    def __init__(self, reason: VerificationFailure, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


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
    _check_golden(model)
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
