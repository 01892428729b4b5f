"""A small gRPC client of the predictor: one question, one reply as a value, every failure as one exception."""

from dataclasses import dataclass

import grpc

from tidewheel.domain.errors import TidewheelError
from tidewheel.domain.features import FEATURES_BYTES
from tidewheel.wire.v1 import predictor_pb2, predictor_pb2_grpc

ANSWER_LIMIT_S = 2.0


class NoPredictionError(TidewheelError):
    """The predictor gave no score; `code` is the gRPC status code's name, the message its details."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Prediction:
    """One reply. `second` and the quote are 0 where the features were given instead of cut from the market."""

    score: float
    label: int
    threshold: float
    seq: int
    epoch: int
    evidence: str
    second: int = 0
    bid_e9: int = 0
    offer_e9: int = 0
    stale: bool = False


class PredictorClient:
    """Speaks to one predictor; connects by itself, again and again."""

    def __init__(self, address: str) -> None:
        options = [("grpc.max_reconnect_backoff_ms", 1000), ("grpc.initial_reconnect_backoff_ms", 100)]
        self._channel = grpc.insecure_channel(address, options=options)
        self._stub = predictor_pb2_grpc.PredictorServiceStub(self._channel)  # type: ignore[no-untyped-call]

    def close(self) -> None:
        self._channel.close()

    def predict_now(self, instrument: str) -> Prediction:
        """Score an order bought now. Raises NoPredictionError."""
        try:
            reply = self._stub.PredictNow(
                predictor_pb2.PredictNowRequest(instrument=instrument), timeout=ANSWER_LIMIT_S
            )
        except grpc.RpcError as failure:
            raise _no_prediction(failure) from None
        return _prediction(reply.prediction, reply.second, reply.bid_e9, reply.offer_e9, reply.stale)

    def predict_flat_market(self, instrument: str) -> Prediction:
        """Score an order in a market that has not moved for ten minutes and has no spread. Raises NoPredictionError."""
        request = predictor_pb2.PredictRequest(instrument=instrument, features_f32=bytes(FEATURES_BYTES))
        try:
            return _prediction(self._stub.Predict(request, timeout=ANSWER_LIMIT_S))
        except grpc.RpcError as failure:
            raise _no_prediction(failure) from None


def _prediction(
    reply: predictor_pb2.PredictResponse, second: int = 0, bid_e9: int = 0, offer_e9: int = 0, stale: bool = False
) -> Prediction:
    return Prediction(
        reply.score,
        reply.label,
        reply.threshold,
        reply.model.seq,
        reply.model.epoch,
        reply.evidence,
        second,
        bid_e9,
        offer_e9,
        stale,
    )


def _no_prediction(failure: grpc.RpcError) -> NoPredictionError:
    message = failure.details() or "no reason given"
    if message.startswith("failed to connect"):  # gRPC's own words name every address it tried
        message = "the predictor does not answer yet"
    return NoPredictionError(failure.code().name, message)
