"""The gRPC face of the engine: convert, call, convert, count. The one place where refusals become status codes."""

from collections.abc import Callable, Mapping

import grpc

from services.predictor import converters
from services.predictor.core import PredictionEngine, Predictions, Rows
from services.predictor.metrics import record_batch, record_flags, record_prediction, record_refusal, show_refusals
from services.predictor.refusals import PredictionRefusedError, RefusalReason
from services.predictor.rpc.status import CallRefusedError, Hints
from services.predictor.served.served_log import ServedLog
from tidewheel.wire.v1 import predictor_pb2

SERVICE = predictor_pb2.DESCRIPTOR.services_by_name["PredictorService"].full_name

STATUS_CODES = {
    RefusalReason.INVALID_INPUT: grpc.StatusCode.INVALID_ARGUMENT,
    RefusalReason.UNKNOWN_INSTRUMENT: grpc.StatusCode.NOT_FOUND,
    RefusalReason.UNKNOWN_VERSION: grpc.StatusCode.NOT_FOUND,
    RefusalReason.NO_MODEL: grpc.StatusCode.FAILED_PRECONDITION,
    RefusalReason.NO_HISTORY: grpc.StatusCode.FAILED_PRECONDITION,
    RefusalReason.REGISTRY_UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
    RefusalReason.MARKET_UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
    RefusalReason.NOT_TRUSTED: grpc.StatusCode.FAILED_PRECONDITION,
}

# Where waiting alone may help: when to try again.
RETRY_AFTER_S = {
    RefusalReason.NO_MODEL: 30.0,
    RefusalReason.NO_HISTORY: 10.0,
    RefusalReason.REGISTRY_UNAVAILABLE: 1.0,
    RefusalReason.MARKET_UNAVAILABLE: 1.0,
}

RpcMethod = Callable[[bytes], bytes]


class PredictorServicer:
    """Takes and gives bytes: were gRPC to parse, a malformed request would be answered INTERNAL."""

    def __init__(
        self, engine: PredictionEngine, clock_ns: Callable[[], int] = lambda: 0, served: ServedLog | None = None
    ) -> None:
        """`clock_ns`: the wall clock, 0 where there is none. `served`: told of every answer."""
        self._engine = engine
        self._clock_ns = clock_ns
        self._served = served
        self._replies = converters.ReplyEncoder()
        show_refusals(RefusalReason)

    def methods(self) -> Mapping[str, RpcMethod]:
        """By name."""
        return {
            "Predict": self.predict,
            "PredictBatch": self.predict_batch,
            "PredictNow": self.predict_now,
            "Explain": self.explain,
        }

    def predict(self, payload: bytes) -> bytes:
        request = converters.parse_predict_request(payload)
        result = self._engine.predict(request.instrument, request.rows, request.schema_hash)
        record_prediction("Predict", request.instrument, result.model.seq, result.label)
        record_flags(request.instrument, (flag.kind for flag in result.trust.raised))
        if self._served is not None:
            self._served.on_prediction(result, request.rows, self._clock_ns())
        return self._replies.predict(result)

    def predict_batch(self, payload: bytes) -> bytes:
        request = converters.parse_batch_request(payload)
        result = self._engine.predict_batch(request.instrument, request.rows, request.schema_hash)
        self.on_batch("PredictBatch", result, request.rows)
        return self._replies.batch(result)

    def on_batch(self, method: str, result: Predictions, rows: Rows, *, serving: bool = True) -> None:
        """Take down an answer of many rows, whatever the protocol. `serving`: whether its model serves now, and was not
        chosen by the caller."""
        instrument, seq = result.model.instrument, result.model.seq if serving else None
        record_batch(method, instrument, seq, len(result.labels), int(result.labels.sum()))
        record_flags(instrument, (flag.kind for flag in result.trust.raised))
        if self._served is not None:
            self._served.on_batch(result, rows, self._clock_ns(), method)

    def predict_now(self, payload: bytes) -> bytes:
        request = converters.parse_now_request(payload)
        now_ns = self._clock_ns()
        result = self._engine.predict_now(request.instrument, request.quote, now_ns)
        record_prediction("PredictNow", request.instrument, result.prediction.model.seq, result.prediction.label)
        record_flags(request.instrument, (flag.kind for flag in result.prediction.trust.raised))
        if self._served is not None:
            self._served.on_now(result, request.quote is not None, now_ns)
        return self._replies.now(result)

    def explain(self, payload: bytes) -> bytes:
        request = converters.parse_explain_request(payload)
        if request.given is not None:
            given = request.given
            result = self._engine.explain(given.instrument, given.rows, request.largest, given.schema_hash)
        else:
            assert request.now is not None
            now, now_ns = request.now, self._clock_ns()
            result = self._engine.explain_now(now.instrument, now.quote, request.largest, now_ns)
        prediction = result.prediction
        record_prediction("Explain", prediction.model.instrument, prediction.model.seq, prediction.label)
        return self._replies.explain(result)


def refused_call(refusal: PredictionRefusedError) -> CallRefusedError:
    """The refusal as a call that ends with a status: the one place where a reason becomes a code, and is counted."""
    record_refusal(refusal.reason)
    hints = Hints(refusal.reason.upper(), refusal.field, RETRY_AFTER_S.get(refusal.reason, 0.0))
    return CallRefusedError(STATUS_CODES[refusal.reason], str(refusal), hints)


def refusing(answer: RpcMethod) -> RpcMethod:
    """The method with its refusals as statuses."""

    def answered(payload: bytes) -> bytes:
        try:
            return answer(payload)
        except PredictionRefusedError as refusal:
            raise refused_call(refusal) from None

    return answered
