"""A call that may never come back, made beside the thread that has to go on showing that it lives."""

import threading
from collections.abc import Callable

TURN_WAIT_S = 1.0
HUNG_LIMIT_S = 10.0


class ClientHung(Exception):
    """A call of a client does not come back. The client is of no more use; its thread is left to itself."""


# Makes a call; told of what to do while it waits.
Guard = Callable[[Callable[[], None], Callable[[], None]], None]


def beside(call: Callable[[], None], on_turn: Callable[[], None]) -> None:
    """Make a call on a thread of its own, turning meanwhile. Raises what it raises; ClientHung where it hangs."""
    failures: list[BaseException] = []

    def make() -> None:
        try:
            call()
        except BaseException as failure:
            failures.append(failure)

    thread = threading.Thread(target=make, name="beside", daemon=True)
    thread.start()
    # Counted in turns: while this process stands still, a clock goes on and the call does not.
    waited_s = 0.0
    while thread.is_alive():
        thread.join(TURN_WAIT_S)
        on_turn()
        waited_s += TURN_WAIT_S
        if thread.is_alive() and waited_s > HUNG_LIMIT_S:
            raise ClientHung(f"Kafka's client has hung for {HUNG_LIMIT_S:.0f} s")
    if failures:
        raise failures[0]
