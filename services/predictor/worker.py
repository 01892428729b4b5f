"""A thread whose failure is the service's: nothing may die in silence."""

import threading
from collections.abc import Callable


class Worker:
    """Runs `work(stop)` until `stop` is set."""

    def __init__(self, name: str, work: Callable[[threading.Event], None], stop: threading.Event) -> None:
        self._failure: BaseException | None = None
        self._work = work
        self._stop = stop
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._work(self._stop)
        except BaseException as failure:
            self._failure = failure

    def check(self) -> None:
        """Raises what the work raised."""
        if self._failure is not None:
            raise self._failure

    def join(self, timeout_s: float) -> None:
        self._thread.join(timeout_s)
