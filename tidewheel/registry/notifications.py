"""Notifications that a pointer may have moved. One may be lost, and whoever hears it reads the pointer."""

from types import TracebackType
from typing import Any, Self

from tidewheel.registry.client import translating_errors
from tidewheel.registry.keys import CHANNEL


class Notifications:
    """A subscription; one thread uses it, and a new one is made after RegistryUnavailableError."""

    def __init__(self, client: Any, address: str) -> None:
        self._address = address
        self._subscription = client.pubsub(ignore_subscribe_messages=True)
        with translating_errors(address):
            self._subscription.subscribe(CHANNEL)

    def wait(self, timeout_s: float) -> str | None:
        """The instrument whose pointer moved, or None when there is no news. Raises RegistryUnavailableError."""
        with translating_errors(self._address):
            message = self._subscription.get_message(timeout=timeout_s)
        return message["data"].decode(errors="replace") if message else None

    def close(self) -> None:
        self._subscription.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self.close()
