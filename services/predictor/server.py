"""The gRPC server around the servicer: limits, health, reflection, and an orderly end."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from services.predictor.servicer import SERVICE, PredictorServicer
from services.predictor.settings import Settings
from tidewheel.runtime.process import FatalError

# A batch of some 1,700 rows; what is larger is answered RESOURCE_EXHAUSTED before it is read.
MESSAGE_BYTES_MAX = 4 * 2**20 + 2**16
OPTIONS = (
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_send_message_length", MESSAGE_BYTES_MAX),
    # Without this a second server on the same port starts in silence and takes every other connection.
    ("grpc.so_reuseport", 0),
    # Clients may keep idle connections alive at the usual 30 s.
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
)


class PredictorServer:
    """Serves from construction until `drain`. Health: "" = the process works; the service = it has a verified model."""

    def __init__(self, servicer: PredictorServicer, settings: Settings) -> None:
        self._server = grpc.server(
            ThreadPoolExecutor(settings.grpc_threads, thread_name_prefix="grpc"),
            options=OPTIONS,
            maximum_concurrent_rpcs=settings.grpc_calls_max,
        )
        # Non-blocking, so that a Watch occupies no thread of the pool.
        self._health = health.HealthServicer(
            experimental_non_blocking=True, experimental_thread_pool=ThreadPoolExecutor(1, thread_name_prefix="health")
        )
        self._health.set("", health_pb2.HealthCheckResponse.SERVING)
        self._health.set(SERVICE, health_pb2.HealthCheckResponse.NOT_SERVING)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)
        self._server.add_generic_rpc_handlers((servicer.generic_handler(),))
        if settings.grpc_reflection:
            names = (SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME)
            reflection.enable_server_reflection(names, self._server)
        self.port = _bind(self._server, settings.grpc_host, settings.grpc_port)
        self._server.start()

    def set_serving(self) -> None:
        """From now on a verified model is loaded; that never ends, since the last good one is kept."""
        self._health.set(SERVICE, health_pb2.HealthCheckResponse.SERVING)

    def drain(self, wait_s: float, grace_s: float, sleep: Callable[[float], None] = time.sleep) -> None:
        """Say NOT_SERVING, let balancers notice, refuse new calls, let those in progress end, return."""
        self._health.enter_graceful_shutdown()
        sleep(wait_s)
        self._server.stop(grace_s).wait()


def _bind(server: Any, host: str, port: int) -> int:
    try:
        bound = int(server.add_insecure_port(f"{host}:{port}"))
    except RuntimeError:
        bound = 0
    if bound == 0:
        raise FatalError(
            f"the gRPC port {port} on {host} cannot be used: something listens there, or it is not allowed"
        )
    return bound
