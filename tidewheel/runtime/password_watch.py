"""For a client that keeps the password that it began with, as aiokafka does: where that is replaced, its process begins
anew."""

import time
from collections.abc import Callable

from tidewheel.runtime.kafka_access import KafkaAccess
from tidewheel.runtime.process import FatalError
from tidewheel.runtime.secret_files import SecretFileError

CHECK_EVERY_S = 5.0


class PasswordWatch:
    """Looks at the file now and then; made when the password is read."""

    def __init__(self, access: KafkaAccess, clock: Callable[[], float] = time.monotonic) -> None:
        self._access = access
        self._clock = clock
        self._due_s = clock() + CHECK_EVERY_S
        self._known = access.password() if access.has_sasl else ""

    def check(self) -> None:
        """Raises FatalError where another password stands in the file."""
        if not self._access.has_sasl or self._clock() < self._due_s:
            return
        self._due_s = self._clock() + CHECK_EVERY_S
        try:
            now = self._access.password()
        except SecretFileError:  # half replaced: it is looked at again
            return
        if now != self._known:
            raise FatalError(
                f"the password in {self._access.password_file} has changed: stopping, to be started with the new one"
            )
