"""Every doubt, one by one: what must not serve does not verify."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.synthetic_models import INSTRUMENT, make_model, with_golden_score
from tidewheel.contracts.codecs.models import encode_model
from tidewheel.domain.features import FEATURE_COUNT
from tidewheel.domain.models import Model
from tidewheel.registry.limits import MODEL_BYTES_MAX
from tidewheel.registry.verify import ExpectedModel, VerificationError, VerificationFailure, hmac_of, sha256_of, verify

KEY = b"a key of the operator"
MODEL = make_model(7)
BYTES = encode_model(MODEL)


def expected_of(payload: bytes, **more: bytes) -> ExpectedModel:
    return ExpectedModel(INSTRUMENT, 7, sha256_of(payload), **more)


def failure_of(payload: bytes | None, expected: ExpectedModel, key: bytes | None = None) -> VerificationFailure:
    with pytest.raises(VerificationError) as caught:
        verify(payload, expected, key)
    return caught.value.reason


def with_value(model: Model, column: str, value: float) -> Model:
    values = getattr(model, column).copy()
    values[3] = value
    return replace(model, **{column: values})


def test_a_sound_model_verifies() -> None:
    assert encode_model(verify(BYTES, expected_of(BYTES))) == BYTES


def test_no_bytes() -> None:
    assert failure_of(None, expected_of(BYTES)) is VerificationFailure.MISSING


@pytest.mark.parametrize("place", [0, len(BYTES) // 2, len(BYTES) - 1])
def test_one_flipped_bit(place: int) -> None:
    damaged = bytes(byte ^ (index == place) for index, byte in enumerate(BYTES))
    assert failure_of(damaged, expected_of(BYTES)) is VerificationFailure.CHECKSUM


def test_cut_short() -> None:
    assert failure_of(BYTES[:-1], expected_of(BYTES)) is VerificationFailure.CHECKSUM


def test_bytes_of_something_else_with_their_own_checksum() -> None:
    assert failure_of(b"\xff\xff", expected_of(b"\xff\xff")) is VerificationFailure.UNDECODABLE
    assert failure_of(b"", expected_of(b"")) is VerificationFailure.UNDECODABLE


def test_another_windows_or_instruments_model() -> None:
    for other in (make_model(8), make_model(7, "kraken:BTC-USD")):
        payload = encode_model(other)
        assert failure_of(payload, expected_of(payload)) is VerificationFailure.IDENTITY


def test_another_schema() -> None:
    payload = encode_model(replace(MODEL, schema_hash=bytes(32)))
    assert failure_of(payload, expected_of(payload)) is VerificationFailure.SCHEMA


@pytest.mark.parametrize(
    "part",
    [
        {"lowest": b""},
        {"highest": MODEL.highest[:-4]},
        {"lowest": MODEL.highest, "highest": MODEL.lowest},
        {"highest": np.full(FEATURE_COUNT, np.nan, dtype="<f4").tobytes()},
    ],
)
def test_half_a_range_is_none(part: dict[str, bytes]) -> None:
    payload = encode_model(replace(MODEL, **part))
    assert failure_of(payload, expected_of(payload)) is VerificationFailure.UNDECODABLE


def test_too_few_coefficients() -> None:
    short = replace(
        MODEL,
        coefficients=MODEL.coefficients[:-1],
        mean=MODEL.mean[:-1],
        std=MODEL.std[:-1],
        lowest=MODEL.lowest[:-4],
        highest=MODEL.highest[:-4],
    )
    payload = encode_model(short)
    assert failure_of(payload, expected_of(payload)) is VerificationFailure.SCHEMA


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("column", ["coefficients", "mean", "std"])
def test_a_value_that_is_not_finite(column: str, value: float) -> None:
    payload = encode_model(with_value(MODEL, column, value))
    assert failure_of(payload, expected_of(payload)) is VerificationFailure.NOT_FINITE


@pytest.mark.parametrize("value", [0.0, -1.0])
def test_a_std_that_cannot_divide(value: float) -> None:
    payload = encode_model(with_value(MODEL, "std", value))
    assert failure_of(payload, expected_of(payload)) is VerificationFailure.NOT_FINITE


@pytest.mark.parametrize("name", ["intercept", "threshold", "golden_score"])
def test_a_number_that_is_not_finite(name: str) -> None:
    payload = encode_model(replace(MODEL, **{name: np.nan}))
    assert failure_of(payload, expected_of(payload)) is VerificationFailure.NOT_FINITE


def test_a_golden_row_that_scores_otherwise() -> None:
    payload = encode_model(replace(MODEL, golden_score=MODEL.golden_score + 2e-12))
    assert failure_of(payload, expected_of(payload)) is VerificationFailure.GOLDEN


def test_a_golden_row_of_another_length() -> None:
    payload = encode_model(replace(MODEL, golden_features=MODEL.golden_features[:-4]))
    assert failure_of(payload, expected_of(payload)) is VerificationFailure.GOLDEN


def test_a_coefficient_changed_without_its_golden_score() -> None:
    changed = with_value(MODEL, "coefficients", 0.5)
    payload = encode_model(changed)
    assert failure_of(payload, expected_of(payload)) is VerificationFailure.GOLDEN
    payload = encode_model(with_golden_score(changed))
    verify(payload, expected_of(payload))


def test_a_signature_counts_where_a_key_is_configured() -> None:
    signed = expected_of(BYTES, hmac_sha256=hmac_of(BYTES, KEY))
    verify(BYTES, signed, KEY)
    verify(BYTES, signed)
    assert failure_of(BYTES, signed, b"another key") is VerificationFailure.HMAC
    assert failure_of(BYTES, expected_of(BYTES), KEY) is VerificationFailure.HMAC


@pytest.mark.parametrize(
    ("reason", "changes"),
    [
        (VerificationFailure.THRESHOLD, {"threshold": 1.0000001}),
        (VerificationFailure.THRESHOLD, {"threshold": -1e-9}),
        (VerificationFailure.OVERFLOW, {"coefficients": np.full(MODEL.coefficients.shape, 1e300)}),
        (VerificationFailure.OVERFLOW, {"std": np.full(MODEL.std.shape, 1e-320)}),
        (VerificationFailure.FIGURES, {"base_rate": 1.5}),
        (VerificationFailure.FIGURES, {"last_resolved_ns": -1}),
        (VerificationFailure.FIGURES, {"lineage": replace(MODEL.lineage, topic="a\nb")}),
    ],
)
def test_numbers_that_are_finite_and_cannot_be(reason: VerificationFailure, changes: dict[str, Any]) -> None:
    payload = encode_model(replace(MODEL, mean=np.zeros(MODEL.mean.shape), **changes))
    assert failure_of(payload, expected_of(payload)) is reason


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_thresholds_at_the_ends_verify(threshold: float) -> None:
    payload = encode_model(replace(MODEL, threshold=threshold))
    assert verify(payload, expected_of(payload)).threshold == threshold


def test_too_many_bytes_are_not_looked_at() -> None:
    payload = bytes(MODEL_BYTES_MAX + 1)
    assert failure_of(payload, expected_of(payload)) is VerificationFailure.TOO_LARGE
