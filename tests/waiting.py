"""How long a test waits for what comes by itself: one limit for all of them.

A limit costs nothing where a test passes, and where many programs share few cores everything takes ten times as long:
whoever must not wait for ever may wait long.
"""

import threading
import time
from collections.abc import Callable

LIMIT_S = 120.0
# A whole run: servers, five services and all that a file holds.
RUN_LIMIT_S = 900.0
POLL_EVERY_S = 0.01


class Deadline:
    """LIMIT_S from when it is made, or as long as is said."""

    def __init__(self, limit_s: float = LIMIT_S) -> None:
        self.limit_s = limit_s
        self._ends_s = time.monotonic() + limit_s

    @property
    def passed(self) -> bool:
        return time.monotonic() > self._ends_s

    def check(self, what: object) -> None:
        """Raises AssertionError once it has passed."""
        assert not self.passed, f"{what}: not within {self.limit_s:.0f} s"


def eventually(
    true: Callable[[], bool], what: object, poll_every_s: float = POLL_EVERY_S, limit_s: float = LIMIT_S
) -> None:
    """Wait until it is `true`. Raises AssertionError after the limit, with `what` as it reads then."""
    deadline, pause = Deadline(limit_s), threading.Event()
    while not true():
        deadline.check(what)
        pause.wait(poll_every_s)
