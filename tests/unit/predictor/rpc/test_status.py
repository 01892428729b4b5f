"""What a refusal says: bounded, printable, and with details for programs."""

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from hypothesis import given
from hypothesis import strategies as st

from services.predictor.rpc.status import CallRefusedError, Hints, bounded, refused_input, status_of

METADATA_BYTES_MAX = 8 * 1024


def details_of(refusal: CallRefusedError) -> Status:
    ((_, packed),) = status_of(refusal).trailing_metadata
    return Status.FromString(packed)


def test_a_field_at_fault_is_named_with_its_index() -> None:
    status = details_of(refused_input("features[604]", "is not finite"))
    violation = BadRequest()
    assert [detail.Unpack(violation) for detail in status.details] == [False, True]
    assert violation.field_violations[0].field == "features[604]"


def test_when_to_try_again_is_said() -> None:
    status = details_of(
        CallRefusedError(grpc.StatusCode.UNAVAILABLE, "soon", Hints("REGISTRY_UNAVAILABLE", retry_after_s=1.5))
    )
    info, retry = ErrorInfo(), RetryInfo()
    assert status.details[0].Unpack(info)
    assert status.details[1].Unpack(retry)
    assert (info.reason, info.domain) == ("REGISTRY_UNAVAILABLE", "tidewheel")
    assert retry.retry_delay.ToNanoseconds() == 1_500_000_000


@given(st.text(max_size=2000), st.text(max_size=2000))
def test_nothing_that_a_caller_wrote_makes_a_status_too_large(field: str, words: str) -> None:
    status = status_of(refused_input(field, words))
    assert len(status.details) <= 400
    ((_, packed),) = status.trailing_metadata
    # The text goes out percent-encoded, the details in base64.
    assert 3 * len(status.details) + 4 * len(packed) // 3 < METADATA_BYTES_MAX / 2


@pytest.mark.parametrize("bad", ["\x1b[31mred", "two\nlines", "\x00", "ü", "\u202e"])
def test_only_what_prints_is_said(bad: str) -> None:
    assert all(" " <= character <= "~" for character in bounded(bad))
