"""A thread whose failure is seen: it works until told to stop, and what it raised is kept for whoever looks."""

import threading
from collections.abc import Callable
from typing import Self

CLOSE_LIMIT_S = 3.0


class BackgroundThread:
    """Runs `work(stop)` once in a thread; `work` returns soon after `stop` is set. A daemon: one that hangs in a call
    does not keep the process alive. `stop`: another's event, where the end of it is this thread's end too."""

    def __init__(self, name: str, work: Callable[[threading.Event], None], stop: threading.Event | None = None) -> None:
        self.failure: BaseException | None = None
        self._work = work
        self._stop = stop or threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> Self:
        self._thread.start()
        return self

    def check(self) -> None:
        """Raises what the work raised: nothing may die in silence."""
        if self.failure is not None:
            raise self.failure

    def ended(self, wait_s: float = 0.0) -> bool:
        """Whether the work is over, after waiting for it so long."""
        self._thread.join(wait_s)
        return not self._thread.is_alive()

    def close(self) -> None:
        """Ask it to stop and wait, within a bound."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(CLOSE_LIMIT_S)

    def _run(self) -> None:
        try:
            self._work(self._stop)
        except BaseException as failure:
            self.failure = failure
