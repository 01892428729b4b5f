"""News that a pointer may have moved. Only a wake-up: it may be lost, and whoever hears it reads the pointer."""

from types import TracebackType
from typing import Any, Self

from tidewheel.registry.client import answering
from tidewheel.registry.keys import CHANNEL


class Wakeups:
    """A subscription; one thread uses it, and a new one is made after RegistryUnavailable."""

    def __init__(self, client: Any, address: str) -> None:
        self._address = address
        self._subscription = client.pubsub(ignore_subscribe_messages=True)
        with answering(address):
            self._subscription.subscribe(CHANNEL)

    def wait(self, limit_s: float) -> str | None:
        """The instrument whose pointer moved, or None when there is no news. Raises RegistryUnavailable."""
        with answering(self._address):
            message = self._subscription.get_message(timeout=limit_s)
        return message["data"].decode(errors="replace") if message else None

    def close(self) -> None:
        self._subscription.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self.close()
