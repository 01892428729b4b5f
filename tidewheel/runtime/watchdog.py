"""Calls that may hang, made on a thread of their own, so that the caller's heartbeat goes on."""

from collections.abc import Callable

from tidewheel.domain.errors import TidewheelError
from tidewheel.runtime.background import BackgroundThread

HEARTBEAT_EVERY_S = 1.0
HUNG_LIMIT_S = 10.0


class ClientHungError(TidewheelError):
    """A call of a client does not come back. The client is of no more use; its thread is left to itself."""


# Makes the first call; makes the second again and again meanwhile.
Watchdog = Callable[[Callable[[], None], Callable[[], None]], None]


def call_with_watchdog(call: Callable[[], None], heartbeat: Callable[[], None]) -> None:
    """Make a call on its own thread, with heartbeats meanwhile. Raises what it raises, or ClientHungError."""
    thread = BackgroundThread("watched-call", lambda _: call()).start()
    # Counted in heartbeats: while this process is stopped, a clock goes on and the call does not.
    waited_s = 0.0
    while not thread.ended():
        thread.ended(HEARTBEAT_EVERY_S)
        heartbeat()
        waited_s += HEARTBEAT_EVERY_S
        if waited_s > HUNG_LIMIT_S and not thread.ended():
            raise ClientHungError(f"Kafka's client has hung for {HUNG_LIMIT_S:.0f} s")
    thread.check()
