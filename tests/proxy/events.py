"""What a proxy has done, for the thread of a test to read and to wait for."""

import dataclasses
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from tests.proxy.actions import Action
from tests.proxy.frames import ApiKey
from tests.proxy.requests import FrameInfo


class Outcome(StrEnum):
    """What became of the frame, or of its copy where there are two."""

    HELD = "kept"
    DELIVERED = "delivered"  # written to whom it is for
    ANSWERED = "answered"  # a request, by the broker
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Event:
    """One tampering. Times are seconds since the proxy began; `released_s` where it was kept and let go.

    `error`: of the broker's answer, 0 for none, where it is one that the proxy can read.
    """

    info: FrameInfo
    number: int
    action: Action
    at_s: float
    outcome: Outcome = Outcome.HELD
    released_s: float | None = None
    error: int | None = None

    @property
    def kind(self) -> tuple[str, str, str]:
        """API, direction and what was done, in words."""
        name = ApiKey(self.info.api_key).name
        return name, str(self.info.direction), str(self.action)

    def __str__(self) -> str:
        name, direction, action = self.kind
        released = "" if self.released_s is None else f", released at {self.released_s:.2f} s"
        answer = "" if self.error is None else f" (error {self.error})"
        whose = self.info.transactional_id or self.info.client
        return (
            f"{self.at_s:.2f} s  {name} {direction} {self.number} of {whose} {action}{released}: {self.outcome}{answer}"
        )


class Events:
    """Written by the proxy's thread, read by any."""

    def __init__(self) -> None:
        self._events: list[Event] = []
        self._changed = threading.Condition()

    def add(self, event: Event) -> int:
        """Its place, by which it is changed later."""
        with self._changed:
            self._events.append(event)
            self._changed.notify_all()
            return len(self._events) - 1

    def change(self, event_index: int, **fields: object) -> None:
        with self._changed:
            self._events[event_index] = dataclasses.replace(self._events[event_index], **fields)  # type: ignore[arg-type]
            self._changed.notify_all()

    def all(self) -> list[Event]:
        with self._changed:
            return list(self._events)

    def of(self, outcome: Outcome) -> list[Event]:
        return [event for event in self.all() if event.outcome is outcome]

    def counts(self) -> Counter[tuple[str, str, str]]:
        """How many by API, direction and action."""
        return Counter(event.kind for event in self.all())

    def wait_for(self, condition: Callable[[Sequence[Event]], bool], limit_s: float) -> list[Event]:
        """The events for which the condition holds. Raises TimeoutError where it does not within `limit_s`."""
        with self._changed:
            if not self._changed.wait_for(lambda: condition(self._events), limit_s):
                performed = "\n".join(map(str, self._events)) or "nothing was done"
                raise TimeoutError(f"not within {limit_s:.0f} s; {performed}")
            return list(self._events)

    def wait_for_outcome(self, outcome: Outcome, limit_s: float, count: int = 1) -> list[Event]:
        """Till so many have it."""
        found = self.wait_for(lambda events: sum(e.outcome is outcome for e in events) >= count, limit_s)
        return [event for event in found if event.outcome is outcome]
