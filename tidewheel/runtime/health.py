"""Live and ready, two different questions, and the metrics, over HTTP."""

import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tidewheel.telemetry.exposition import exposition
from tidewheel.telemetry.metrics import CLOCK_TIME_SECONDS, LOOP_HEARTBEAT_TIME_SECONDS

LIVE_LIMIT_S = 30.0
# Probes and scrapes are a handful; whoever holds more connections than that loses the oldest.
CONNECTIONS_MAX = 16
CONNECTION_LIMIT_S = 5.0


class Health:
    """What a service knows of its own health, served by `HealthServer`.

    Live: there was a heartbeat within the last `limit_s`; restart it if not. Ready: it can do its work now.
    """

    def __init__(
        self, service: str, limit_s: float = LIVE_LIMIT_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._service = service
        self._limit_s = limit_s
        self._clock = clock
        self._last_heartbeat_s = clock()
        self._not_ready: str | None = "starting"

    def heartbeat(self) -> None:
        """The service's loop goes on; called once a round."""
        self._last_heartbeat_s = self._clock()
        LOOP_HEARTBEAT_TIME_SECONDS.labels(self._service).set_to_current_time()

    def ready(self) -> None:
        self._not_ready = None

    def not_ready(self, why: str) -> None:
        self._not_ready = why

    def liveness(self) -> tuple[bool, str]:
        quiet_s = self._clock() - self._last_heartbeat_s
        if quiet_s > self._limit_s:
            return False, f"the loop has not turned for {quiet_s:.0f} s"
        return True, "live"

    def readiness(self) -> tuple[bool, str]:
        return (True, "ready") if self._not_ready is None else (False, self._not_ready)

    def metrics(self, accept: str) -> tuple[str, bytes]:
        """Content type and text of /metrics. `accept`: the header of who asks."""
        CLOCK_TIME_SECONDS.labels(self._service).set_to_current_time()
        return exposition(self._service, accept)


class HealthServer:
    """Serves /live, /ready and /metrics from threads of its own until closed. Port 0 takes a free one.

    Bounded whatever connects: so many connections, the oldest closed for a new one, and each closed after `limit_s`,
    be its request or its reader never so slow.
    """

    def __init__(self, health: Health, port: int, host: str = "127.0.0.1", limit_s: float = CONNECTION_LIMIT_S) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/metrics":
                    self._respond(200, *health.metrics(self.headers.get("Accept", "")))
                elif self.path in ("/live", "/ready"):
                    good, message = health.liveness() if self.path == "/live" else health.readiness()
                    self._respond(200 if good else 503, "text/plain; charset=utf-8", f"{message}\n".encode())
                else:
                    self._respond(404, "text/plain; charset=utf-8", b"there is /live, /ready and /metrics\n")

            def _respond(self, status: int, kind: str, body: bytes) -> None:
                with suppress(OSError):  # who asked has gone; a process that was stopped meets many such
                    self.send_response(status)
                    self.send_header("Content-Type", kind)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name http.server uses
                """Probes come every few seconds; they are no news."""

        self._server = _BoundedServer((host, port), Handler, limit_s)
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _BoundedServer(ThreadingHTTPServer):
    """A thread a connection, and few connections: each is known from when it is accepted until its thread is done."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler], limit_s: float) -> None:
        self._limit_s = limit_s
        self._lock = threading.Lock()
        self._opened: dict[socket.socket, float] = {}  # oldest first
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._lock:
            crowded = len(self._opened) >= CONNECTIONS_MAX
            oldest = next(iter(self._opened)) if crowded else None
            self._opened[request] = time.monotonic()
            if oldest is not None:
                self._cut(oldest)
        super().process_request(request, client_address)

    def service_actions(self) -> None:
        """Called by the loop, between connections and every half second."""
        with self._lock:
            due_s = time.monotonic() - self._limit_s
            for request in [one for one, opened_s in self._opened.items() if opened_s < due_s]:
                self._cut(request)

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._opened.pop(request, None)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that was cut, by either side, is no news."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)

    def _cut(self, request: socket.socket) -> None:
        """Its thread reads or writes no more, and ends."""
        del self._opened[request]
        with suppress(OSError):
            request.shutdown(socket.SHUT_RDWR)
