"""Asks the children, from a thread of its own, whether they are ready, so that nobody else waits for an answer."""

import http.client
import threading
from collections.abc import Callable, Mapping

from tidewheel.local.background import Background

ASK_EVERY_S = 0.15
ASK_LIMIT_S = 0.5
NO_ANSWER = "no answer"


class Readiness:
    """Answers of the last round. `checks`: child -> (ready?, what it says); a check may block up to its own limit."""

    def __init__(self, checks: Mapping[str, Callable[[], tuple[bool, str]]], every_s: float = ASK_EVERY_S) -> None:
        self._checks = checks
        self._every_s = every_s
        self._lock = threading.Lock()
        self._answers: dict[str, tuple[bool, str]] = {}
        self._starts: dict[str, int] = {}
        self.background = Background("readiness", self._run)

    def forget(self, name: str) -> None:
        """The child is started anew; what its predecessor said no longer holds, even if it is still on its way."""
        with self._lock:
            self._starts[name] = self._starts.get(name, 0) + 1
            self._answers.pop(name, None)

    def is_ready(self, name: str) -> bool:
        return self.answer(name)[0]

    def answer(self, name: str) -> tuple[bool, str]:
        """Whether the child was ready when asked last, and its own words."""
        with self._lock:
            return self._answers.get(name, (False, ""))

    def ask_all(self) -> None:
        """One round."""
        for name, check in self._checks.items():
            with self._lock:
                start = self._starts.get(name, 0)
            answer = check() if start else (False, "")
            with self._lock:
                if self._starts.get(name, 0) == start:
                    self._answers[name] = answer

    def _run(self, stop: threading.Event) -> None:
        while not stop.wait(self._every_s):
            self.ask_all()


def http_check(port: int) -> Callable[[], tuple[bool, str]]:
    """Asks a service's /ready."""

    def check() -> tuple[bool, str]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ASK_LIMIT_S)
        try:
            connection.request("GET", "/ready")
            response = connection.getresponse()
            return response.status == http.client.OK, response.read(200).decode(errors="replace").strip()
        except (OSError, http.client.HTTPException):
            return False, NO_ANSWER
        finally:
            connection.close()

    return check
