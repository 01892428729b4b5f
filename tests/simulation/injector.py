"""Fault injection points: a client calls them around each effect, and there it is decided who dies and what fails."""

from collections.abc import Callable
from typing import Protocol

from tests.simulation.network import ApiKey


class ProcessKilled(BaseException):
    """The process is gone: nothing below catches this, and every later call of its clients raises it again."""


class FaultInjector(Protocol):
    """One process, as its clients see it."""

    name: str

    def before(self, effect: str) -> None:
        """Called before each effect. Raises ProcessKilled, or KafkaException or BufferError in its place."""

    def after(self, effect: str) -> None:
        """Called after each effect. Raises ProcessKilled, or KafkaException though the effect took place."""

    def idle(self, wait_s: float) -> None:
        """There is nothing to do for this process; time may pass."""

    def sent(self, request: ApiKey, owner: str, copy: Callable[[], object]) -> str:
        """Called before a request that changes something at the broker. Returns what the network does with it, a
        `NetworkFault` or nothing; a `copy` that it keeps is called once that comes late."""

    def sees(self, topic: str) -> bool:
        """Whether the process gets records of a topic now."""


class NoFaults:
    """An injector that injects nothing."""

    def __init__(self, name: str = "calm") -> None:
        self.name = name

    def before(self, effect: str) -> None: ...

    def after(self, effect: str) -> None: ...

    def idle(self, wait_s: float) -> None: ...

    def sent(self, request: ApiKey, owner: str, copy: Callable[[], object]) -> str:
        return ""

    def sees(self, topic: str) -> bool:
        return True
