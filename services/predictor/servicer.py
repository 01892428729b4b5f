"""The gRPC face of the handler: convert, call, convert, count. The one place where refusals become status codes."""

import logging
import time
from collections.abc import Callable
from typing import Any

import grpc

from services.predictor import converters
from services.predictor.handler import Handler
from services.predictor.refusals import Refused, Why
from tidewheel.telemetry import metrics
from tidewheel.wire.v1 import predictor_pb2

SERVICE = predictor_pb2.DESCRIPTOR.services_by_name["PredictorService"].full_name

STATUS = {
    Why.BAD_INPUT: grpc.StatusCode.INVALID_ARGUMENT,
    Why.UNKNOWN_INSTRUMENT: grpc.StatusCode.NOT_FOUND,
    Why.NO_MODEL: grpc.StatusCode.FAILED_PRECONDITION,
    Why.NO_HISTORY: grpc.StatusCode.FAILED_PRECONDITION,
    Why.REGISTRY_AWAY: grpc.StatusCode.UNAVAILABLE,
    Why.MARKET_AWAY: grpc.StatusCode.UNAVAILABLE,
}

Work = Callable[[bytes], bytes]


class PredictorServicer:
    """Takes and gives bytes: were gRPC to parse, a malformed request would be answered INTERNAL."""

    def __init__(self, handler: Handler, log: logging.Logger, clock: Callable[[], float] = time.perf_counter) -> None:
        self._handler = handler
        self._log = log
        self._clock = clock

    def generic_handler(self) -> Any:
        """All methods, for a server."""
        works: dict[str, Work] = {
            "Predict": self.predict,
            "PredictBatch": self.predict_batch,
            "PredictNow": self.predict_now,
        }
        methods = {
            name: grpc.unary_unary_rpc_method_handler(self._answering(name, work)) for name, work in works.items()
        }
        return grpc.method_handlers_generic_handler(SERVICE, methods)

    def predict(self, payload: bytes) -> bytes:
        call = converters.predict_call(payload)
        result = self._handler.predict(call.instrument, call.rows, call.schema_hash)
        _count(call.instrument, result.model.seq, result.label, 1)
        return converters.predict_response(result).SerializeToString()

    def predict_batch(self, payload: bytes) -> bytes:
        call = converters.batch_call(payload)
        result = self._handler.predict_batch(call.instrument, call.rows, call.schema_hash)
        flagged = int(result.labels.sum())
        _count(call.instrument, result.model.seq, 1, flagged)
        _count(call.instrument, result.model.seq, 0, len(result.labels) - flagged)
        return converters.batch_response(result).SerializeToString()

    def predict_now(self, payload: bytes) -> bytes:
        call = converters.now_call(payload)
        result = self._handler.predict_now(call.instrument, call.quote)
        _count(call.instrument, result.prediction.model.seq, result.prediction.label, 1)
        return converters.now_response(result).SerializeToString()

    def _answering(self, method: str, work: Work) -> Callable[[bytes, Any], bytes]:
        duration = metrics.RPC_DURATION_SECONDS.labels(method)

        def answer(payload: bytes, context: Any) -> bytes:
            started = self._clock()
            code, words, response = grpc.StatusCode.OK, "", b""
            try:
                response = work(payload)
            except Refused as refusal:
                code, words = STATUS[refusal.why], str(refusal)
            except Exception:
                self._log.exception("%s failed", method)
                code, words = grpc.StatusCode.INTERNAL, "the predictor failed; its log says why"
            duration.observe(self._clock() - started)
            metrics.RPCS.labels(method, code.name).inc()
            if code is not grpc.StatusCode.OK:
                context.abort(code, words)
            return response

        return answer


def _count(instrument: str, seq: int, label: int, count: int) -> None:
    if count:
        metrics.PREDICTIONS.labels(instrument, str(seq), str(label)).inc(count)
