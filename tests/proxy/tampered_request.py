"""One request that is tampered with, for a test to wait for and to release."""

from collections.abc import Sequence

from tests.proxy.actions import Action
from tests.proxy.broker import ProxiedKafka
from tests.proxy.events import Event, Outcome
from tests.proxy.frames import ApiKey
from tests.proxy.schedule import OnlyNth, Rule, Schedule
from tests.waiting import LIMIT_S


class TamperedRequest:
    """The `nth` request of a kind that a client sends from now on. `client`: a pattern of its client id.

    A second one may follow once the first has been sent.
    """

    def __init__(self, kafka: ProxiedKafka, action: Action, api: ApiKey, client: str, nth: int = 1) -> None:
        self._proxy = kafka.proxy
        self._event_index = len(self._proxy.events.all())
        self._proxy.use(Schedule([Rule.of(action, api, client=client, when=OnlyNth(nth), limit=1)]))

    @property
    def was_sent(self) -> bool:
        """It has been sent."""
        return len(self._proxy.events.all()) > self._event_index

    def sent(self) -> None:
        """Wait for it. Raises TimeoutError."""
        self._proxy.events.wait_for(lambda events: len(events) > self._event_index, LIMIT_S)

    def release(self) -> None:
        """Release it."""
        self._proxy.use(Schedule())
        self._proxy.release()

    def release_and_wait(self) -> Event:
        """Release it, and wait for the broker's answer. Raises TimeoutError."""
        self.release()
        return self.answered()

    def answered(self) -> Event:
        """Wait until the broker has answered it. Raises TimeoutError."""

        def is_answered(events: Sequence[Event]) -> bool:
            return len(events) > self._event_index and events[self._event_index].outcome is Outcome.ANSWERED

        return self._proxy.events.wait_for(is_answered, LIMIT_S)[self._event_index]
