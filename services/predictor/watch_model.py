"""`WatchModel`: the serving model and its record as a stream. Bounded in number.

A watcher looks for itself and compares with what it sent last: nothing is queued for it, so one that reads slowly
misses what was replaced meanwhile and costs no memory.
"""

import threading
from collections.abc import Callable, Iterator
from typing import Any

import grpc

from services.predictor import converters
from services.predictor.core import PredictionEngine
from services.predictor.refusals import PredictionRefusedError
from services.predictor.rpc.status import CallRefusedError, Hints
from services.predictor.servicer import refused_call
from services.predictor.trust.assessment import ModelTrust

POLL_EVERY_S = 0.1


def watch(engine: PredictionEngine, instrument: str, wait: Callable[[float], bool]) -> Iterator[bytes]:
    """A message at first, and one for each change of the model or its record, until `wait` says that it is over. Raises
    PredictionRefusedError where there is no model."""
    sent: ModelTrust | None = None
    while True:
        now = engine.model_trust(instrument)
        if sent is None or now.model is not sent.model or now.record is not sent.record:
            yield converters.watch_response(now, swapped=sent is None or now.model is not sent.model)
            sent = now
        if wait(POLL_EVERY_S):
            return


class WatchModel:
    """The answers of the method. `stop`: ends all watches, so that a drain need not wait for them."""

    def __init__(self, engine: PredictionEngine, stop: threading.Event, watchers_max: int) -> None:
        self._engine = engine
        self._stop = stop
        self._watchers_max = watchers_max
        self._places = threading.Semaphore(watchers_max)

    def __call__(self, payload: bytes, context: Any) -> Iterator[bytes]:
        """Raises CallRefusedError where as many watch already, or there is nothing to watch."""
        if not self._places.acquire(blocking=False):
            words = f"{self._watchers_max} watch already; ask again later, or poll with PredictNow"
            raise CallRefusedError(grpc.StatusCode.RESOURCE_EXHAUSTED, words, Hints("OVERLOADED"))
        try:
            ended = threading.Event()
            if not context.add_callback(ended.set):
                return
            yield from watch(self._engine, converters.parse_watch_request(payload), self._waiting(ended))
        except PredictionRefusedError as refusal:
            raise refused_call(refusal) from None
        finally:
            self._places.release()

    def _waiting(self, ended: threading.Event) -> Callable[[float], bool]:
        return lambda wait_s: ended.wait(wait_s) or self._stop.is_set()
