"""Threads of which one runs at a time, by hand-over: a service's loop can stand still in the middle of any call, for as
long as it pleases the simulation, without a line of it knowing. Nothing of it depends on the machine's scheduler."""

import threading
import traceback
from collections.abc import Callable

from tests.simulation.injector import ProcessKilled


class SimThread:
    """One thread of one process."""

    def __init__(self, name: str, body: Callable[[], None]) -> None:
        self.name = name
        self.done = False
        self.failure: BaseException | None = None
        self.traceback = ""  # the failure's traceback
        self._body = body
        self._go, self._back = threading.Lock(), threading.Lock()
        self._go.acquire()
        self._back.acquire()
        self._thread: threading.Thread | None = None

    def resume(self) -> None:
        """Let it run until it pauses or ends."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
            self._thread.start()
        else:
            self._go.release()
        self._back.acquire()
        if self.done:
            self._thread.join()

    def pause(self) -> None:
        """Called by the strand itself: stand still until resumed."""
        self._back.release()
        self._go.acquire()

    def _run(self) -> None:
        try:
            self._body()
        except BaseException as failure:
            self.failure = failure
            if not isinstance(failure, ProcessKilled):
                self.traceback = traceback.format_exc()
        self.done = True
        self._back.release()
