"""Threads that answer calls. Leaner than the library's executor, which makes a future and a lock for each call."""

import logging
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from services.predictor.rpc.arrivals import Arrivals

Work = Callable[..., Any]
LOG = logging.getLogger(__name__)


class Submitted:
    """What grpc gets for work handed over: it wants to hear when that is done, to count what is in progress. `args` and
    `submitted_s` are set when it is due."""

    __slots__ = ("_done", "_lock", "_on_done", "_work", "args", "submitted_s")

    def __init__(self, work: Work, lock: threading.Lock) -> None:
        self._work, self._lock = work, lock
        self.args: tuple[Any, ...] = ()
        self.submitted_s = 0.0
        self._done = False
        self._on_done: Callable[[Any], object] | None = None

    def add_done_callback(self, on_done: Callable[[Any], object]) -> None:
        with self._lock:
            self._on_done = on_done
            done = self._done
        if done:
            on_done(self)

    def run(self, started_s: float, on_start: Callable[[float], None]) -> None:
        """Do the work. grpc's own wrapper of a call catches what the call raises, but for faults of its own."""
        on_start(started_s - self.submitted_s)
        try:
            self._work(*self.args)
        finally:
            with self._lock:
                self._done = True
                on_done = self._on_done
            if on_done is not None:
                on_done(self)


class CallPool(ThreadPoolExecutor):
    """So many threads, started at once, that live until `close`. grpc asks for the library's type, but calls nothing
    of it but `submit`. `on_start` hears how many seconds each call waited for its thread; `arrivals` are awaited before
    that, else a call waits for its message in its thread."""

    def __init__(
        self,
        name: str,
        threads: int,
        on_start: Callable[[float], None] = lambda _: None,
        arrivals: Arrivals | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        super().__init__(threads)
        self._arrivals = arrivals
        self._calls: queue.SimpleQueue[Submitted | None] = queue.SimpleQueue()
        self._threads_count = threads
        self._lock = threading.Lock()
        self._on_start = on_start
        self._clock = clock
        self._open = threading.Event()
        self._open.set()
        for number in range(threads):
            threading.Thread(target=self._work, name=f"{name}-{number}", daemon=True).start()

    def submit(self, fn: Work, /, *args: Any) -> Any:  # type: ignore[override]
        submitted = Submitted(fn, self._lock)

        def put(ready_args: tuple[Any, ...]) -> None:
            submitted.args, submitted.submitted_s = ready_args, self._clock()
            self._calls.put(submitted)

        if self._arrivals is None or not self._arrivals.await_message(args, put):
            put(args)
        return submitted

    def hold(self) -> None:
        """Take up no call from now on; those taken up go on."""
        self._open.clear()

    def resume(self) -> None:
        self._open.set()

    def close(self) -> None:
        """End the threads once they have done what was handed over before."""
        for _ in range(self._threads_count):
            self._calls.put(None)

    def waiting(self) -> int:
        """Calls not yet taken up, about."""
        return self._calls.qsize()

    def _work(self) -> None:
        while True:
            submitted = self._calls.get()
            if submitted is None:
                return
            self._open.wait()
            try:
                submitted.run(self._clock(), self._on_start)
            except Exception:  # of a call that grpc itself could not end; the thread is for the calls after it
                LOG.exception("a call failed outside its method")
            del submitted  # while this thread is idle it keeps no request alive
