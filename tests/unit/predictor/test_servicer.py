"""Refusals become status codes in one place."""

import grpc
import pytest

from services.predictor.core import PredictionEngine
from services.predictor.market.history import MarketViews
from services.predictor.models.model_slot import ModelSlots
from services.predictor.refusals import RefusalReason
from services.predictor.rpc.status import CallRefusedError
from services.predictor.servicer import STATUS_CODES, PredictorServicer, refusing
from tests.synthetic_models import INSTRUMENT
from tidewheel.wire.v1.predictor_pb2 import PredictNowRequest, PredictRequest


def refusal(method: str, payload: bytes) -> CallRefusedError:
    servicer = PredictorServicer(PredictionEngine(ModelSlots(), MarketViews()))
    with pytest.raises(CallRefusedError) as caught:
        refusing(servicer.methods()[method])(payload)
    return caught.value


def test_every_refusal_has_a_status_that_blames_no_server_bug() -> None:
    assert set(STATUS_CODES) == set(RefusalReason)
    assert not {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.OK} & set(STATUS_CODES.values())


def test_a_refusal_says_what_a_program_can_do() -> None:
    unavailable = refusal("PredictNow", PredictNowRequest(instrument=INSTRUMENT).SerializeToString())
    assert unavailable.code is grpc.StatusCode.UNAVAILABLE
    assert unavailable.hints.reason == "REGISTRY_UNAVAILABLE"
    assert unavailable.hints.retry_after_s > 0
    invalid = refusal("Predict", PredictRequest(instrument=INSTRUMENT, features=[1.0]).SerializeToString())
    assert invalid.code is grpc.StatusCode.INVALID_ARGUMENT
    assert (invalid.hints.field, invalid.hints.retry_after_s) == ("features", 0)
