"""One request that is tampered with, for a test to wait for and to let go."""

from collections.abc import Sequence

from tests.proxy.actions import Action
from tests.proxy.broker import ProxiedKafka
from tests.proxy.events import Event, Outcome
from tests.proxy.frames import ApiKey
from tests.proxy.schedule import Only, Rule, Schedule
from tests.waiting import LIMIT_S


class One:
    """The `nth` request of a kind that a client sends from now on. `client`: a pattern of its client id.

    A second one may follow once the first has been sent.
    """

    def __init__(self, kafka: ProxiedKafka, action: Action, api: ApiKey, client: str, nth: int = 1) -> None:
        self._proxy = kafka.proxy
        self._place = len(self._proxy.events.all())
        self._proxy.use(Schedule([Rule.of(action, api, client=client, when=Only(nth), limit=1)]))

    @property
    def seen(self) -> bool:
        """It has been sent."""
        return len(self._proxy.events.all()) > self._place

    def sent(self) -> None:
        """Wait for it. Raises TimeoutError."""
        self._proxy.events.wait_for(lambda events: len(events) > self._place, LIMIT_S)

    def release(self) -> None:
        """Let it go."""
        self._proxy.use(Schedule())
        self._proxy.release()

    def let_go(self) -> Event:
        """Let it go, and wait for the broker's answer. Raises TimeoutError."""
        self.release()
        return self.answered()

    def answered(self) -> Event:
        """Wait until the broker has answered it. Raises TimeoutError."""

        def is_answered(events: Sequence[Event]) -> bool:
            return len(events) > self._place and events[self._place].outcome is Outcome.ANSWERED

        return self._proxy.events.wait_for(is_answered, LIMIT_S)[self._place]
