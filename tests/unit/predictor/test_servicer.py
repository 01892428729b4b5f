"""Refusals become status codes in one place, and a bug's words stay in the log."""

import logging
from typing import Any

import grpc
import pytest

from services.predictor.core import Handler
from services.predictor.history import MarketViews
from services.predictor.model_slot import ModelSlots
from services.predictor.refusals import RefusalReason
from services.predictor.servicer import SERVICE, STATUS_CODES, PredictorServicer
from tests.synthetic_models import INSTRUMENT
from tidewheel.telemetry import metrics
from tidewheel.wire.v1.predictor_pb2 import PredictNowRequest


class AbortedError(Exception):
    """What a real context raises."""


class Context:
    """Stands for a call's context."""

    def abort(self, code: grpc.StatusCode, details: str) -> None:
        raise AbortedError(code, details)


class Method:
    """Asks the generic handler for a method."""

    def __init__(self, name: str) -> None:
        self.method = f"/{SERVICE}/{name}"
        self.invocation_metadata = ()


def call(servicer: PredictorServicer, method: str, payload: bytes) -> Any:
    return servicer.generic_handler().service(Method(method)).unary_unary(payload, Context())


def rpcs(method: str, code: str) -> float:
    return metrics.REGISTRY.get_sample_value("tidewheel_rpcs_total", {"method": method, "code": code}) or 0.0


def test_every_refusal_has_a_status_that_blames_no_server_bug() -> None:
    assert set(STATUS_CODES) == set(RefusalReason)
    assert not {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.OK} & set(STATUS_CODES.values())


def test_a_refusal_is_counted_and_said() -> None:
    servicer = PredictorServicer(Handler(ModelSlots(), MarketViews()), logging.getLogger("test"))
    before = rpcs("PredictNow", "UNAVAILABLE")
    with pytest.raises(AbortedError) as caught:
        call(servicer, "PredictNow", PredictNowRequest(instrument=INSTRUMENT).SerializeToString())
    assert caught.value.args[0] is grpc.StatusCode.UNAVAILABLE
    assert rpcs("PredictNow", "UNAVAILABLE") == before + 1


def test_a_bug_is_internal_and_says_nothing_of_itself(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Handler):
        def predict_now(self, *arguments: object) -> Any:
            raise RuntimeError("a path, a password")

    servicer = PredictorServicer(Broken(ModelSlots(), MarketViews()), logging.getLogger("test"))
    with pytest.raises(AbortedError) as caught:
        call(servicer, "PredictNow", b"")
    assert caught.value.args == (grpc.StatusCode.INTERNAL, "the predictor failed; its log says why")
    assert "a path, a password" in caplog.text
