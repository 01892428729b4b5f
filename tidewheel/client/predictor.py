"""The client's channel: a deadline on every call, retries of what may be tried again, all addresses in turn."""

import json
from collections.abc import Callable, Iterator
from typing import Any, Self, TypeVar

import grpc
import numpy as np
from numpy.typing import NDArray

from tidewheel.client.answers import Answer, BatchAnswer, Explanation, ModelUpdate, NowAnswer
from tidewheel.domain.errors import TidewheelError
from tidewheel.domain.features import FEATURE_COUNT
from tidewheel.wire.v1 import predictor_pb2 as wire
from tidewheel.wire.v1.predictor_pb2_grpc import PredictorServiceStub

SERVICE = wire.DESCRIPTOR.services_by_name["PredictorService"].full_name
TIMEOUT_S = 5.0
ATTEMPTS_MAX = 4
# Only UNAVAILABLE says that nothing was done; with a name that has several addresses the next attempt goes to another.
SERVICE_CONFIG = {
    "loadBalancingConfig": [{"round_robin": {}}],
    "methodConfig": [
        {
            "name": [{"service": SERVICE}],
            "retryPolicy": {
                "maxAttempts": ATTEMPTS_MAX,
                "initialBackoff": "0.1s",
                "maxBackoff": "1s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            },
        }
    ],
}
OPTIONS = [
    ("grpc.service_config", json.dumps(SERVICE_CONFIG)),
    ("grpc.enable_retries", 1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
    # gRPC's own 30 s leave a client without an address where all that it knew went within that time, one by one.
    ("grpc.dns_min_time_between_resolutions_ms", 100),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 10_000),
]

A = TypeVar("A")


class PredictionError(TidewheelError):
    """There is no answer. `code`: the gRPC status code's name; the message is for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class PredictorClient:
    """Speaks to the predictors behind one address. Safe to share between threads; use it in a `with`, or close it.

    Every call raises PredictionError where there is no answer within `timeout_s`, retries included.
    """

    def __init__(
        self,
        address: str = "127.0.0.1:50051",
        *,
        timeout_s: float = TIMEOUT_S,
        credentials: grpc.ChannelCredentials | None = None,
        token: str = "",
    ) -> None:
        """`address`: HOST:PORT, or a target of gRPC like `dns:///predictor:50051`. `credentials`: for TLS, as
        `grpc.ssl_channel_credentials` makes them. `token`: sent as a bearer token."""
        self.address = address
        self.timeout_s = timeout_s
        self._metadata = (("authorization", f"Bearer {token}"),) if token else ()
        self._channel = (
            grpc.secure_channel(address, credentials, options=OPTIONS)
            if credentials is not None
            else grpc.insecure_channel(address, options=OPTIONS)
        )
        self._stub = PredictorServiceStub(self._channel)  # type: ignore[no-untyped-call]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._channel.close()

    def predict(self, instrument: str, row: NDArray[np.float32], schema_hash: bytes = b"") -> Answer:
        """Score one row with shape (605,). Raises ValueError where it has another."""
        request = wire.PredictRequest(instrument=instrument, features_f32=_packed(row, 1), schema_hash=schema_hash)
        return self._call(self._stub.Predict, request, Answer.of)

    def predict_batch(self, instrument: str, rows: NDArray[np.float32], schema_hash: bytes = b"") -> BatchAnswer:
        """Score rows with shape (n, 605) by one and the same model. Raises ValueError where they have another."""
        request = wire.PredictBatchRequest(
            instrument=instrument, features_f32=_packed(rows, len(rows)), schema_hash=schema_hash
        )
        return self._call(self._stub.PredictBatch, request, BatchAnswer.of)

    def predict_now(self, instrument: str, bid_e9: int = 0, offer_e9: int = 0) -> NowAnswer:
        """Score an order bought now, at this quote in 1e-9 units or else at the market's last."""
        request = wire.PredictNowRequest(instrument=instrument, bid_e9=bid_e9, offer_e9=offer_e9)
        return self._call(self._stub.PredictNow, request, NowAnswer.of)

    def explain(self, instrument: str, row: NDArray[np.float32], largest: int = 0) -> Explanation:
        """What the score of a row with shape (605,) is made of; `largest`: so many contributions, 0: all."""
        request = wire.ExplainRequest(instrument=instrument, features_f32=_packed(row, 1), largest=largest)
        return self._call(self._stub.Explain, request, Explanation.of)

    def explain_now(self, instrument: str, bid_e9: int = 0, offer_e9: int = 0, largest: int = 0) -> Explanation:
        """The same for an order bought now."""
        request = wire.ExplainRequest(instrument=instrument, bid_e9=bid_e9, offer_e9=offer_e9, largest=largest)
        return self._call(self._stub.Explain, request, Explanation.of)

    def watch(self, instrument: str) -> Iterator[ModelUpdate]:
        """The serving model, and then each change of it or of its record, until the iterator is closed. There is no
        deadline. Raises PredictionError where the predictor ends it or goes away; ask again then."""
        stream = self._stub.WatchModel(wire.WatchModelRequest(instrument=instrument), metadata=self._metadata)
        try:
            for message in stream:
                yield ModelUpdate.of(message)
        except grpc.RpcError as failure:
            raise self._error(failure) from None
        finally:
            stream.cancel()

    def _call(self, method: Any, request: Any, of: Callable[[Any], A]) -> A:
        try:
            return of(method(request, timeout=self.timeout_s, metadata=self._metadata))
        except grpc.RpcError as failure:
            raise self._error(failure) from None

    def _error(self, failure: Any) -> PredictionError:
        code, details = failure.code(), failure.details() or "no reason given"
        if code is grpc.StatusCode.DEADLINE_EXCEEDED:
            details = f"the predictor at {self.address} gave no answer within {self.timeout_s:g} s"
        elif code is grpc.StatusCode.UNAVAILABLE and "connect" in details:
            # gRPC's own words name every address it tried.
            details = f"no predictor answers at {self.address}"
        return PredictionError(code.name, details)


def _packed(rows: NDArray[np.float32], count: int) -> bytes:
    if rows.size != count * FEATURE_COUNT or not count:
        raise ValueError(f"features: {rows.size} numbers, the model needs {FEATURE_COUNT}")
    return np.ascontiguousarray(rows, dtype="<f4").tobytes()
