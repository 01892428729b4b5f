"""A thread whose failure is seen: it works until told to stop, and what it raised is kept."""

import threading
from collections.abc import Callable

CLOSE_LIMIT_S = 3.0


class BackgroundThread:
    """Runs `work(stop)` once in a thread; `work` returns soon after `stop` is set."""

    def __init__(self, name: str, work: Callable[[threading.Event], None]) -> None:
        self.failure: BaseException | None = None
        self._work = work
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

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
