"""Asks the children, from a thread of its own, whether they are ready and whether they still move, so that nobody else
waits for an answer."""

import http.client
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tidewheel.local.background import Background
from tidewheel.local.clock import steady_s

ASK_EVERY_S = 0.15
ASK_LIMIT_S = 0.5
LIVE_EVERY_S = 2.0
LIVE_LIMIT_S = 2.0
NO_ANSWER = "no answer"

Check = Callable[[], tuple[bool, str]]


@dataclass(slots=True)
class _Answers:
    """What one child said last, since its last start."""

    ready: bool = False
    words: str = ""
    live_asked_s: float = 0.0
    not_live_since_s: float | None = None


class Readiness:
    """Answers of the last round. A check says (good?, in its own words) and may block up to its own limit.

    `ready`: whether a child can do its work. `live`: whether its loop turned lately, asked less often.
    """

    def __init__(
        self,
        ready: Mapping[str, Check],
        live: Mapping[str, Check] | None = None,
        *,
        every_s: float = ASK_EVERY_S,
        clock: Callable[[], float] = steady_s,
    ) -> None:
        self._ready = ready
        self._live = live or {}
        self._every_s = every_s
        self._clock = clock
        self._lock = threading.Lock()
        self._answers: dict[str, _Answers] = {}
        self.background = Background("readiness", self._run)

    def forget(self, name: str) -> None:
        """The child is started anew; what its predecessor said no longer holds, even if it is still on its way."""
        with self._lock:
            self._answers[name] = _Answers(live_asked_s=self._clock())

    def is_ready(self, name: str) -> bool:
        return self.answer(name)[0]

    def answer(self, name: str) -> tuple[bool, str]:
        """Whether the child was ready when asked last, and its own words."""
        with self._lock:
            found = self._answers.get(name)
            return (found.ready, found.words) if found else (False, "")

    def stands_still_s(self, name: str) -> float:
        """For how long the child has said that its loop stands still, or nothing at all; 0 while it moves."""
        with self._lock:
            found = self._answers.get(name)
            since_s = found.not_live_since_s if found else None
            return 0.0 if since_s is None else self._clock() - since_s

    def ask_all(self) -> None:
        """One round over the children that have been started."""
        for name, check in self._ready.items():
            with self._lock:
                answers = self._answers.get(name)
            if answers is None:
                continue
            was_ready, now_s = answers.ready, self._clock()
            answers.ready, answers.words = check()
            if answers.ready and not was_ready:  # before that it may have been too busy starting to answer
                answers.not_live_since_s = None
            if name in self._live and now_s - answers.live_asked_s >= LIVE_EVERY_S:
                answers.live_asked_s = now_s
                live, _ = self._live[name]()
                answers.not_live_since_s = None if live else answers.not_live_since_s or now_s

    def _run(self, stop: threading.Event) -> None:
        while not stop.wait(self._every_s):
            self.ask_all()


def http_check(port: int, path: str, limit_s: float = ASK_LIMIT_S) -> Check:
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
