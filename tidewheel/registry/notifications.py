"""Notifications that a pointer may have moved. One may be lost, and whoever hears it reads the pointer."""

from types import TracebackType
from typing import Any, Self

from tidewheel.registry.client import translating_errors
from tidewheel.registry.keys import CHANNEL
from tidewheel.registry.limits import INSTRUMENT_LENGTH_MAX, is_instrument

NAMES_AT_ONCE_MAX = 1_000


class Notifications:
    """A subscription; one thread uses it, and a new one is made after RegistryUnavailableError."""

    def __init__(self, client: Any, address: str) -> None:
        self._address = address
        self._subscription = client.pubsub(ignore_subscribe_messages=True)
        with translating_errors(address):
            self._subscription.subscribe(CHANNEL)

    def wait(self, timeout_s: float) -> set[str]:
        """Instruments whose pointers moved; none when there is no news. Raises RegistryUnavailableError."""
        names: set[str] = set()
        for _ in range(NAMES_AT_ONCE_MAX):
            with translating_errors(self._address):
                message = self._subscription.get_message(timeout=timeout_s)
            if message is None:
                break
            timeout_s = 0.0  # what has come by now
            name = bytes(message["data"][: INSTRUMENT_LENGTH_MAX + 1]).decode("ascii", "replace")
            if is_instrument(name):
                names.add(name)
        return names

    def close(self) -> None:
        self._subscription.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, tb: TracebackType | None) -> None:
        self.close()
