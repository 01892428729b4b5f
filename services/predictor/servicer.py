"""The gRPC face of the handler: convert, call, convert, count. The one place where refusals become status codes."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import grpc

from services.predictor import converters
from services.predictor.core import Handler
from services.predictor.metrics import RpcMetrics, record_flags, record_predictions
from services.predictor.refusals import PredictionRefusedError, RefusalReason
from services.predictor.served_log import ServedLog
from tidewheel.wire.v1 import predictor_pb2

SERVICE = predictor_pb2.DESCRIPTOR.services_by_name["PredictorService"].full_name

STATUS_CODES = {
    RefusalReason.INVALID_INPUT: grpc.StatusCode.INVALID_ARGUMENT,
    RefusalReason.UNKNOWN_INSTRUMENT: grpc.StatusCode.NOT_FOUND,
    RefusalReason.NO_MODEL: grpc.StatusCode.FAILED_PRECONDITION,
    RefusalReason.NO_HISTORY: grpc.StatusCode.FAILED_PRECONDITION,
    RefusalReason.REGISTRY_UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
    RefusalReason.MARKET_UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
    RefusalReason.NOT_TRUSTED: grpc.StatusCode.FAILED_PRECONDITION,
}

RpcMethod = Callable[[bytes], bytes]
Stream = Callable[[bytes, Any], Iterator[bytes]]
NO_STREAMS: Mapping[str, Stream] = MappingProxyType({})


class PredictorServicer:
    """Takes and gives bytes: were gRPC to parse, a malformed request would be answered INTERNAL."""

    def __init__(
        self,
        handler: Handler,
        log: logging.Logger,
        clock: Callable[[], float] = time.perf_counter,
        clock_ns: Callable[[], int] = lambda: 0,
        served: ServedLog | None = None,
        streams: Mapping[str, Stream] = NO_STREAMS,
    ) -> None:
        """`clock_ns`: the wall clock, 0 where there is none. `served`: told of every answer. `streams`: the methods
        that answer with more than one message."""
        self._handler = handler
        self._log = log
        self._clock = clock
        self._clock_ns = clock_ns
        self._served = served
        self._streams = streams
        self._replies = converters.ReplyEncoder()

    def generic_handler(self) -> Any:
        """All methods, for a server."""
        rpc_methods: dict[str, RpcMethod] = {
            "Predict": self.predict,
            "PredictBatch": self.predict_batch,
            "PredictNow": self.predict_now,
            "Explain": self.explain,
        }
        methods = {
            name: grpc.unary_unary_rpc_method_handler(self._with_status(name, rpc_method))
            for name, rpc_method in rpc_methods.items()
        }
        methods |= {name: grpc.unary_stream_rpc_method_handler(stream) for name, stream in self._streams.items()}
        return grpc.method_handlers_generic_handler(SERVICE, methods)

    def predict(self, payload: bytes) -> bytes:
        request = converters.parse_predict_request(payload)
        result = self._handler.predict(request.instrument, request.rows, request.schema_hash)
        record_predictions(request.instrument, result.model.seq, result.label, 1)
        record_flags(request.instrument, result.trust.raised)
        if self._served is not None:
            self._served.on_prediction(result, request.rows, self._clock_ns())
        return self._replies.predict(result)

    def predict_batch(self, payload: bytes) -> bytes:
        request = converters.parse_batch_request(payload)
        result = self._handler.predict_batch(request.instrument, request.rows, request.schema_hash)
        flagged = int(result.labels.sum())
        record_predictions(request.instrument, result.model.seq, 1, flagged)
        record_predictions(request.instrument, result.model.seq, 0, len(result.labels) - flagged)
        record_flags(request.instrument, result.trust.raised)
        if self._served is not None:
            self._served.on_batch(result, request.rows, self._clock_ns())
        return self._replies.batch(result)

    def predict_now(self, payload: bytes) -> bytes:
        request = converters.parse_now_request(payload)
        now_ns = self._clock_ns()
        result = self._handler.predict_now(request.instrument, request.quote, now_ns)
        record_predictions(request.instrument, result.prediction.model.seq, result.prediction.label, 1)
        record_flags(request.instrument, result.prediction.trust.raised)
        if self._served is not None:
            self._served.on_now(result, request.quote is not None, now_ns)
        return self._replies.now(result)

    def explain(self, payload: bytes) -> bytes:
        request = converters.parse_explain_request(payload)
        if request.given is not None:
            given = request.given
            result = self._handler.explain(given.instrument, given.rows, request.largest, given.schema_hash)
        else:
            assert request.now is not None
            now, now_ns = request.now, self._clock_ns()
            result = self._handler.explain_now(now.instrument, now.quote, request.largest, now_ns)
        return self._replies.explain(result)

    def _with_status(self, method: str, rpc_method: RpcMethod) -> Callable[[bytes, Any], bytes]:
        rpc_metrics = RpcMetrics(method)

        def answer(payload: bytes, context: Any) -> bytes:
            started = self._clock()
            code, details, response = grpc.StatusCode.OK, "", b""
            try:
                response = rpc_method(payload)
            except PredictionRefusedError as refusal:
                code, details = STATUS_CODES[refusal.reason], str(refusal)
            except Exception:
                self._log.exception("%s failed", method)
                code, details = grpc.StatusCode.INTERNAL, "the predictor failed; its log says why"
            rpc_metrics.record_call(self._clock() - started, code.name)
            if code is not grpc.StatusCode.OK:
                context.abort(code, details)
            return response

        return answer
