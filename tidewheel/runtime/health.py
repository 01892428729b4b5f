"""Live and ready, two different questions, and the metrics, over HTTP."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from tidewheel.telemetry.metrics import LOOP_HEARTBEAT_TIME_SECONDS, REGISTRY

LIVE_LIMIT_S = 30.0


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


class HealthServer:
    """Serves /live, /ready and /metrics from a thread of its own until closed. Port 0 takes a free one."""

    def __init__(self, health: Health, port: int, host: str = "0.0.0.0") -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/metrics":
                    self._respond(200, CONTENT_TYPE_LATEST, generate_latest(REGISTRY))
                elif self.path in ("/live", "/ready"):
                    good, message = health.liveness() if self.path == "/live" else health.readiness()
                    self._respond(200 if good else 503, "text/plain; charset=utf-8", f"{message}\n".encode())
                else:
                    self._respond(404, "text/plain; charset=utf-8", b"there is /live, /ready and /metrics\n")

            def _respond(self, status: int, kind: str, body: bytes) -> None:
                with suppress(ConnectionError):  # who asked has gone; a process that was stopped meets many such
                    self.send_response(status)
                    self.send_header("Content-Type", kind)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name http.server uses
                """Probes come every few seconds; they are no news."""

        self._server = ThreadingHTTPServer((host, port), Handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
