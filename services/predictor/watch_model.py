"""`WatchModel`: the serving model and its record as a stream. Bounded in number, on threads of its own.

A watcher looks for itself and compares with what it sent last: nothing is queued for it, so one that reads slowly
misses what was replaced meanwhile and costs no memory.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

from services.predictor import converters
from services.predictor.core import Handler
from services.predictor.refusals import PredictionRefusedError, RefusalReason
from services.predictor.trust import ModelTrust

LOOK_EVERY_S = 0.1


def watch(handler: Handler, instrument: str, wait: Callable[[float], bool]) -> Iterator[bytes]:
    """A message at first, and one for each change of the model or its record, until `wait` says that it is over. Raises
    PredictionRefusedError where there is no model."""
    sent: ModelTrust | None = None
    while True:
        now = handler.model_trust(instrument)
        if sent is None or now.model is not sent.model or now.record is not sent.record:
            yield converters.watch_response(now, swapped=sent is None or now.model is not sent.model)
            sent = now
        if wait(LOOK_EVERY_S):
            return


class WatchModel:
    """The behaviour of the method. `stop`: ends all watches, so that a drain need not wait for them."""

    def __init__(
        self,
        handler: Handler,
        stop: threading.Event,
        watchers_max: int,
        status_of: Callable[[RefusalReason], grpc.StatusCode],
    ) -> None:
        self._handler = handler
        self._stop = stop
        self._status_of = status_of
        self._watchers_max = watchers_max
        self._seats = threading.Semaphore(watchers_max)
        # What grpc looks for: predictions have the server's threads to themselves. One more, to refuse.
        self.experimental_thread_pool = ThreadPoolExecutor(watchers_max + 1, thread_name_prefix="watch")

    def __call__(self, payload: bytes, context: Any) -> Iterator[bytes]:
        if not self._seats.acquire(blocking=False):
            words = f"{self._watchers_max} watch already; ask again later, or poll with PredictNow"
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, words)
        try:
            ended = threading.Event()
            if not context.add_callback(ended.set):
                return
            yield from watch(self._handler, converters.parse_watch_request(payload), self._waiting(ended))
        except PredictionRefusedError as refusal:
            context.abort(self._status_of(refusal.reason), str(refusal))
        finally:
            self._seats.release()

    def _waiting(self, ended: threading.Event) -> Callable[[float], bool]:
        return lambda wait_s: ended.wait(wait_s) or self._stop.is_set()
