"""Polls the processes, from a thread of its own, for whether they are ready and whether they are live, so that nobody
else waits for an answer."""

import http.client
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tidewheel.local.clock import steady_s
from tidewheel.runtime.background import BackgroundThread

POLL_EVERY_S = 0.15
ANSWER_LIMIT_S = 0.5
LIVE_EVERY_S = 2.0
LIVE_LIMIT_S = 2.0
NO_ANSWER = "no answer"

HealthCheck = Callable[[], tuple[bool, str]]


@dataclass(slots=True)
class _Health:
    """What one child said last, since its last start."""

    ready: bool = False
    message: str = ""
    live_polled_s: float = 0.0
    not_live_since_s: float | None = None


class HealthPoller:
    """Answers of the last round. A check says (good?, in its own words) and may block up to its own limit.

    `ready`: whether a child can do its work. `live`: whether its loop goes on, asked less often.
    """

    def __init__(
        self,
        ready: Mapping[str, HealthCheck],
        live: Mapping[str, HealthCheck] | None = None,
        *,
        every_s: float = POLL_EVERY_S,
        clock: Callable[[], float] = steady_s,
    ) -> None:
        self._ready = ready
        self._live = live or {}
        self._every_s = every_s
        self._clock = clock
        self._lock = threading.Lock()
        self._states: dict[str, _Health] = {}
        self.background = BackgroundThread("readiness", self._run)

    def reset(self, name: str) -> None:
        """The child is started anew; what its predecessor said no longer holds, even if it is still on its way."""
        with self._lock:
            self._states[name] = _Health(live_polled_s=self._clock())

    def is_ready(self, name: str) -> bool:
        return self.status(name)[0]

    def status(self, name: str) -> tuple[bool, str]:
        """Whether the child was ready when asked last, and its own words."""
        with self._lock:
            found = self._states.get(name)
            return (found.ready, found.message) if found else (False, "")

    def stalled_s(self, name: str) -> float:
        """For how long the child has been stalled, by its own word or by its silence; 0 while it is live."""
        with self._lock:
            found = self._states.get(name)
            since_s = found.not_live_since_s if found else None
            return 0.0 if since_s is None else self._clock() - since_s

    def poll_all(self) -> None:
        """One round over the children that have been started."""
        for name, check in self._ready.items():
            with self._lock:
                state = self._states.get(name)
            if state is None:
                continue
            was_ready, now_s = state.ready, self._clock()
            state.ready, state.message = check()
            if state.ready and not was_ready:  # before that it may have been too busy starting to answer
                state.not_live_since_s = None
            if name in self._live and now_s - state.live_polled_s >= LIVE_EVERY_S:
                state.live_polled_s = now_s
                live, _ = self._live[name]()
                state.not_live_since_s = None if live else state.not_live_since_s or now_s

    def _run(self, stop: threading.Event) -> None:
        while not stop.wait(self._every_s):
            self.poll_all()


def http_check(port: int, path: str, limit_s: float = ANSWER_LIMIT_S) -> HealthCheck:
    """Asks a service's /ready or /live."""

    def check() -> tuple[bool, str]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=limit_s)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status == http.client.OK, response.read(200).decode(errors="replace").strip()
        except (OSError, http.client.HTTPException):
            return False, NO_ANSWER
        finally:
            connection.close()

    return check
