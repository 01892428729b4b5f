"""The gRPC server around the services: limits, health, reflection, TLS, and an orderly end.

No set of callers can hold what others need: predictions, health and reflection have threads of their own, and whatever
waits for a caller holds a call slot (`rpc/call_slots.py`, ADR 31).
"""

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import grpc

from services.predictor.metrics import (
    RpcMetrics,
    record_caller_ended,
    record_calls_in_progress,
    record_wait,
)
from services.predictor.rpc import health, reflection
from services.predictor.rpc.arrivals import Arrivals
from services.predictor.rpc.call_slots import WAIT_MIN_S, CallSlots
from services.predictor.rpc.call_traces import CallTraces, TracedCall
from services.predictor.rpc.callers import Callers, CallGate
from services.predictor.rpc.credentials import CertificateFiles, ReloadedCertificates
from services.predictor.rpc.methods import Answer, Method, Methods, StreamCall, UnaryCall
from services.predictor.rpc.pool import CallPool
from services.predictor.settings import Settings
from tidewheel.runtime.process import FatalError

Stream = Callable[[bytes, Any], Iterator[bytes]]
# A batch of some 1,700 rows; what is larger is answered RESOURCE_EXHAUSTED before it is read.
MESSAGE_BYTES_MAX = 4 * 2**20 + 2**16
# grpc's own, which writes a traceback for each header of a caller's that is no text.
CORE_LOGGER = "grpc._cython.cygrpc"
LOOKAHEAD_BYTES = 2**16
# Large messages take longer to come: 4 MB at 8 MB/s.
LARGE_WAIT_MIN_S = 0.5
METADATA_BYTES_MAX = 8 * 2**10
# Threads beside those for predictions: of health and of reflection, each.
SIDE_THREADS = 16
SIDE_SLOTS = 12
WATCHES_MAX = 64
# Answers that wait to be read: memory, not threads. 21 kB is the largest.
REPLIES_MAX = 1_024
REPLY_LIMIT_S = 10.0
REFLECTION_LIMIT_S = 60.0
# Refused calls that wait to hear so, before grpc itself refuses more.
REFUSALS_MAX = 4_096
# How long no call may have come for callers to count as quiet, and how often that is looked for.
QUIET_S = 0.05
QUIET_LOOKS_MAX = 20
CHECK_CALLERS_S = 0.05
CONNECTION_AGE_GRACE_S = 30.0
HANDSHAKE_LIMIT_S = 5.0
KEEPALIVE_S = 30.0
KEEPALIVE_LIMIT_S = 10.0


def options(settings: Settings) -> list[tuple[str, int]]:
    """What grpc's core is told."""
    return [
        ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
        ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
        # What comes of a message that no thread reads yet waits at the caller, but for the first 64 kB: else the core
        # takes in whole messages of all calls that wait for a thread.
        ("grpc.http2.bdp_probe", 0),
        ("grpc.http2.lookahead_bytes", LOOKAHEAD_BYTES),
        ("grpc.max_metadata_size", METADATA_BYTES_MAX),
        ("grpc.absolute_max_metadata_size", 2 * METADATA_BYTES_MAX),
        ("grpc.max_concurrent_streams", settings.grpc_streams_max),
        ("grpc.max_allowed_incoming_connections", settings.grpc_connections_max),
        # Without this a second server on the same port starts in silence and takes every other connection.
        ("grpc.so_reuseport", int(settings.grpc_port_shared)),
        # Clients may keep idle connections alive at the usual 30 s; one that no longer answers is let go.
        ("grpc.keepalive_permit_without_calls", 1),
        ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
        ("grpc.keepalive_time_ms", round(KEEPALIVE_S * 1e3)),
        ("grpc.keepalive_timeout_ms", round(KEEPALIVE_LIMIT_S * 1e3)),
        # So that clients look addresses up again, and find processes that are new.
        ("grpc.max_connection_age_ms", round(settings.grpc_connection_age_s * 1e3)),
        ("grpc.max_connection_age_grace_ms", round(CONNECTION_AGE_GRACE_S * 1e3)),
        ("grpc.server_handshake_timeout_ms", round(HANDSHAKE_LIMIT_S * 1e3)),
    ]


def message_slots(threads: int) -> int:
    """How many threads may wait for messages: an eighth of them is free to look who comes."""
    return threads - max(1, threads // 8)


@dataclass(frozen=True, slots=True)
class Service:
    """A service by its full name: methods of one answer, and those of many to one message, which are given their
    context too; `large`: methods of many rows a message. It is healthy once a model is loaded."""

    name: str
    methods: Mapping[str, Answer]
    streams: Mapping[str, Stream] = field(default_factory=dict)
    large: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Lane:
    """Methods with small messages, or those with large ones: the former are answered whatever the latter wait for. A
    thread holds one message at a time, so few threads for large ones bound what they take of memory together."""

    large: bool
    pool: CallPool
    gate: CallGate
    callers: Callers


class PredictorServer:
    """Serves from construction until `drain`. Health: "" = the process works; a service = it has a verified model."""

    def __init__(
        self,
        services: tuple[Service, ...],
        settings: Settings,
        log: logging.Logger,
        traces: CallTraces | None = None,
    ) -> None:
        """`traces`: of the services' calls, where they are on."""
        logging.getLogger(CORE_LOGGER).setLevel(logging.CRITICAL)
        self._log = log
        self._services = services
        self._call = UnaryCall if traces is None else partial(TracedCall, traces)
        self._slots: list[CallSlots] = []
        self._pools: list[CallPool] = []
        self._health = health.HealthStatuses(
            {"": health.SERVING, **{service.name: health.NOT_SERVING for service in services}}
        )
        self._lanes = (
            self._new_lane("grpc", settings.grpc_threads, settings, WAIT_MIN_S, large=False),
            self._new_lane("grpc-large", settings.grpc_large_threads, settings, LARGE_WAIT_MIN_S, large=True),
        )
        record_calls_in_progress(self._in_progress)
        methods = {name: method for lane in self._lanes for name, method in self._unary_methods(lane).items()}
        for service in services:
            methods |= self._stream_methods(service, settings)
        methods |= self._health_methods(settings)
        if settings.grpc_reflection:
            methods |= self._reflection_methods()
        self._servers = [self._new_server(methods, self._lanes[0].pool, settings, settings.grpc_token)]
        self.port = _bind(self._servers[0], settings.grpc_host, settings.grpc_port, _credentials(settings, log))
        self.health_port = self._add_health_server(settings) if settings.grpc_health_port else 0
        for server in self._servers:
            server.start()

    def watch_callers(self, stop: threading.Event) -> None:
        """End calls whose callers keep them waiting, until `stop` is set."""
        while not stop.wait(CHECK_CALLERS_S):
            for slots in self._slots:
                slots.enforce_limits()

    def set_serving(self) -> None:
        """From now on a verified model is loaded; that never ends, since the last good one is kept."""
        for service in self._services:
            self._health.set(service.name, health.SERVING)

    def drain(self, wait_s: float, grace_s: float, sleep: Callable[[float], None] = time.sleep) -> None:
        """Say NOT_SERVING, let balancers notice, refuse new calls, let those in progress end, return."""
        self._health.drain()
        sleep(wait_s)
        for lane in self._lanes:
            lane.pool.hold()
        self._await_quiet(sleep)
        ended = [server.stop(grace_s) for server in self._servers]
        sleep(QUIET_S)
        for lane in self._lanes:
            lane.pool.resume()
        for one in ended:
            one.wait()
        for pool in self._pools:
            pool.close()

    def _await_quiet(self, sleep: Callable[[float], None]) -> None:
        """Until no call comes any more, since each caller waits for an answer, or a bound is reached."""
        before = -1
        for _ in range(QUIET_LOOKS_MAX):
            arrived = self._in_progress()
            if arrived == before:
                return
            before = arrived
            sleep(QUIET_S)

    def _new_lane(self, name: str, threads: int, settings: Settings, wait_min_s: float, *, large: bool) -> "_Lane":
        callers = self._callers(message_slots(threads), settings.grpc_message_wait_s, wait_min_s)
        # A large message is received by the thread that answers it: what has arrived and waits would take memory.
        arrivals = None if large else Arrivals(callers.messages)
        pool = self._new_pool(name, threads, record_wait, arrivals)
        return _Lane(large, pool, CallGate(settings.grpc_calls_max), callers)

    def _unary_methods(self, lane: "_Lane") -> dict[str, Method]:
        return {
            f"/{service.name}/{name}": self._call(name, answer, lane.callers, lane.pool, self._log, lane.gate).method()
            for service in self._services
            for name, answer in service.methods.items()
            if (name in service.large) is lane.large
        }

    def _in_progress(self) -> int:
        return sum(lane.gate.in_progress for lane in self._lanes)

    def _new_server(self, methods: Mapping[str, Method], pool: CallPool, settings: Settings, token: str) -> Any:
        handlers = (Methods(methods, self._new_pool("refusals", 1), token),)
        calls_max = 2 * settings.grpc_calls_max + REFUSALS_MAX
        return grpc.server(pool, handlers, options=options(settings), maximum_concurrent_rpcs=calls_max)

    def _new_pool(
        self,
        name: str,
        threads: int,
        on_start: Callable[[float], None] = lambda _: None,
        arrivals: Arrivals | None = None,
    ) -> CallPool:
        pool = CallPool(name, threads, on_start, arrivals)
        self._pools.append(pool)
        return pool

    def _callers(self, slots: int, limit_s: float, wait_min_s: float = WAIT_MIN_S) -> Callers:
        messages = self._new_slots("message", slots, limit_s, wait_min_s)
        return Callers(messages, self._new_slots("reply", REPLIES_MAX, REPLY_LIMIT_S))

    def _new_slots(self, waiting_for: str, count: int, limit_s: float, wait_min_s: float = WAIT_MIN_S) -> CallSlots:
        slots = CallSlots(
            count, limit_s, lambda reason: record_caller_ended(waiting_for, reason), wait_min_s=wait_min_s
        )
        self._slots.append(slots)
        return slots

    def _stream_methods(self, service: Service, settings: Settings) -> dict[str, Method]:
        """On threads of their own: as many as there may be streams, and those who have not sent their message."""
        threads = settings.watchers_max + SIDE_SLOTS + 1
        callers = self._callers(SIDE_SLOTS, settings.grpc_message_wait_s)
        return {
            f"/{service.name}/{name}": StreamCall(
                name,
                partial(_first_message, callers, stream),
                self._new_slots("stream", threads, math.inf),
                self._new_pool("stream", threads),
                self._log,
            ).method()
            for name, stream in service.streams.items()
        }

    def _health_methods(self, settings: Settings) -> dict[str, Method]:
        pool, asked = self._new_pool("health", SIDE_THREADS), health.HealthMethods(self._health)
        callers = Callers(
            self._new_slots("message", SIDE_SLOTS, settings.grpc_message_wait_s),
            self._new_slots("reply", SIDE_SLOTS, REPLY_LIMIT_S),
        )
        unread = self._callers(SIDE_SLOTS, settings.grpc_message_wait_s)
        watch = health.Watch(self._health, callers, self._new_slots("watch", WATCHES_MAX, math.inf), pool)
        return {
            f"/{health.SERVICE}/Check": UnaryCall("Check", asked.check, unread, pool, self._log).method(True),
            f"/{health.SERVICE}/List": UnaryCall("List", asked.list, unread, pool, self._log).method(True),
            f"/{health.SERVICE}/Watch": Method(
                grpc.stream_stream_rpc_method_handler(watch), RpcMetrics("Watch"), open_to_all=True
            ),
        }

    def _reflection_methods(self) -> dict[str, Method]:
        names = (*(service.name for service in self._services), health.SERVICE, *reflection.SERVICES)
        slots = self._new_slots("reflection", SIDE_SLOTS, REFLECTION_LIMIT_S)
        call = StreamCall(
            reflection.METHOD,
            reflection.reflecting(names),
            slots,
            self._new_pool("reflection", SIDE_THREADS),
            self._log,
        )
        return {f"/{name}/{reflection.METHOD}": call.method() for name in reflection.SERVICES}

    def _add_health_server(self, settings: Settings) -> int:
        """A port for health alone: the probes of a cluster speak no TLS, and it has a queue of its own."""
        server = self._new_server(self._health_methods(settings), self._new_pool("probes", 1), settings, token="")
        self._servers.append(server)
        return _bind(server, settings.metrics_host, settings.grpc_health_port, None)


def _first_message(callers: Callers, stream: Stream, requests: Iterator[bytes], context: Any) -> Iterator[bytes]:
    return stream(callers.message(requests, context), context)


def _credentials(settings: Settings, log: logging.Logger) -> Any:
    if not settings.grpc_tls_certificate:
        return None
    authority = Path(settings.grpc_tls_client_ca) if settings.grpc_tls_client_ca else None
    files = CertificateFiles(Path(settings.grpc_tls_certificate), Path(settings.grpc_tls_key), authority)
    return ReloadedCertificates(files, log).credentials()


def _bind(server: Any, host: str, port: int, credentials: Any) -> int:
    address = f"{host}:{port}"
    try:
        bound = int(server.add_secure_port(address, credentials) if credentials else server.add_insecure_port(address))
    except RuntimeError:
        bound = 0
    if bound == 0:
        raise FatalError(
            f"the gRPC port {port} on {host} cannot be used: something listens there, or it is not allowed"
        )
    return bound
