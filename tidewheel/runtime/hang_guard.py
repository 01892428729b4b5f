"""A call that may never come back, made beside the thread that has to go on showing that it lives."""

import threading
from collections.abc import Callable

from tidewheel.runtime.process import Unusable

TURN_WAIT_S = 1.0
HUNG_LIMIT_S = 10.0

# Makes a call; told of a clock, and of what to do while it waits.
Guard = Callable[[Callable[[], None], Callable[[], float], Callable[[], None]], None]


def beside(call: Callable[[], None], clock: Callable[[], float], on_turn: Callable[[], None]) -> None:
    """Make a call on a thread of its own, turning meanwhile. Raises what it raises; Unusable where it hangs."""
    failures: list[BaseException] = []

    def make() -> None:
        try:
            call()
        except BaseException as failure:
            failures.append(failure)

    thread = threading.Thread(target=make, name="beside", daemon=True)
    thread.start()
    since_s = clock()
    while thread.is_alive():
        thread.join(TURN_WAIT_S)
        on_turn()
        if thread.is_alive() and clock() - since_s > HUNG_LIMIT_S:
            raise Unusable(f"Kafka's client has hung for {HUNG_LIMIT_S:.0f} s; a new process starts clean")
    if failures:
        raise failures[0]
