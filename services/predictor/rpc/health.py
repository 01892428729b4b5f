"""grpc.health.v1: Check, List and Watch. Unlike the library's, no watcher holds a thread or the others' lock."""

import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from grpc_health.v1.health_pb2 import (
    HealthCheckRequest,
    HealthCheckResponse,
    HealthListResponse,
)

from services.predictor.rpc.call_slots import CallSlots
from services.predictor.rpc.callers import Callers
from services.predictor.rpc.pool import CallPool
from services.predictor.rpc.status import CallRefusedError, Hints, refused_input, status_of

SERVING, NOT_SERVING = HealthCheckResponse.SERVING, HealthCheckResponse.NOT_SERVING
SERVICE_UNKNOWN = HealthCheckResponse.SERVICE_UNKNOWN
SERVICE = "grpc.health.v1.Health"


class HealthStatuses:
    """What is said of each service; "" is the process. Once draining, nothing serves any more."""

    def __init__(self, statuses: Mapping[str, int]) -> None:
        self._lock = threading.Lock()
        self._statuses = dict(statuses)
        self._draining = False
        self._listeners: list[Callable[[], None]] = []

    def of(self, service: str) -> int:
        status: int = self._statuses.get(service, SERVICE_UNKNOWN)
        return status

    def all(self) -> dict[str, int]:
        with self._lock:
            return dict(self._statuses)

    def on_change(self, listener: Callable[[], None]) -> None:
        self._listeners.append(listener)

    def set(self, service: str, status: int) -> None:
        self._change({service: status})

    def drain(self) -> None:
        self._change(dict.fromkeys(self._statuses, NOT_SERVING))
        self._draining = True

    def _change(self, statuses: Mapping[str, int]) -> None:
        with self._lock:
            if self._draining:
                return
            self._statuses.update(statuses)
        for listener in self._listeners:
            listener()


class HealthMethods:
    """Check and List: bytes in, bytes out."""

    def __init__(self, statuses: HealthStatuses) -> None:
        self._statuses = statuses

    def check(self, payload: bytes) -> bytes:
        status = self._statuses.of(parse_service(payload))
        if status == SERVICE_UNKNOWN:
            raise CallRefusedError(grpc.StatusCode.NOT_FOUND, "no such service", Hints("UNKNOWN_SERVICE"))
        return bytes(HealthCheckResponse(status=status).SerializeToString())

    def list(self, _: bytes) -> bytes:
        statuses = {name: HealthCheckResponse(status=one) for name, one in self._statuses.all().items()}
        return bytes(HealthListResponse(statuses=statuses).SerializeToString())


def parse_service(payload: bytes) -> str:
    """Raises CallRefusedError for what is no request."""
    try:
        return str(HealthCheckRequest.FromString(payload).service)
    except DecodeError:
        raise refused_input("request", "the bytes are no grpc.health.v1.HealthCheckRequest") from None


class Watcher:
    """One open Watch. Its status goes out in a thread of the pool, and another only when that one has left."""

    def __init__(self, service: str, context: Any, send: Callable[[bytes], object], watch: "Watch") -> None:
        self.service = service
        self._context = context
        self._send = send
        self._watch = watch
        self._lock = threading.Lock()
        self._sending = False
        self._sent: int | None = None

    def update(self) -> None:
        """Send the present status unless the caller has it."""
        while (status := self._next()) is not None:
            slot = self._watch.sending.acquire(self._context.cancel)
            try:
                self._send(HealthCheckResponse(status=status).SerializeToString())
            finally:
                self._watch.sending.release(slot)
                self._sending = False

    def _next(self) -> int | None:
        with self._lock:
            status = self._watch.statuses.of(self.service)
            if self._sending or status == self._sent:
                return None
            self._sending, self._sent = True, status
            return status


class Watch:
    """The behaviour of Watch: an open one holds no thread, only a slot among `open_watches`; a send that the caller
    does not read holds one of few until it is ended."""

    experimental_non_blocking = True  # what grpc looks for

    def __init__(self, statuses: HealthStatuses, callers: Callers, open_watches: CallSlots, pool: CallPool) -> None:
        self.experimental_thread_pool = pool
        self.statuses = statuses
        self.sending = callers.replies
        self._callers = callers
        self._open = open_watches
        self._pool = pool
        self._watchers: dict[int, Watcher] = {}
        statuses.on_change(self._update_all)

    def __call__(self, requests: Iterator[bytes], context: Any, send: Callable[[bytes], object]) -> None:
        try:
            service = parse_service(self._callers.message(requests, context))
        except CallRefusedError as refusal:
            context.abort_with_status(status_of(refusal))
        watcher, slot = Watcher(service, context, send, self), self._open.acquire(context.cancel)
        self._watchers[slot] = watcher
        if not context.add_callback(lambda: self._close(slot)):
            self._close(slot)
            return
        watcher.update()

    def _close(self, slot: int) -> None:
        self._open.release(slot)
        self._watchers.pop(slot, None)

    def _update_all(self) -> None:
        for watcher in list(self._watchers.values()):
            self._pool.submit(watcher.update)
