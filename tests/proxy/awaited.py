"""Requests that the broker has not answered, by connection: what a reply answers has to be remembered."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from tests.proxy.keeper import Kept
from tests.proxy.requests import Request, Seen


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that was passed on.

    `place`: of its event, where it was tampered with. `swallowed`: the reply is not for the client. `cut`: the client's
    connection ends with that reply.
    """

    request: Request
    seen: Seen
    place: int | None = None
    swallowed: bool = False
    cut: bool = False
    kept: Kept | None = None


class Awaited:
    """In the order in which they were passed on, which is that of their replies."""

    def __init__(self) -> None:
        self._asked: dict[int, deque[Asked]] = {}

    def __contains__(self, correlation_id: int) -> bool:
        return correlation_id in self._asked

    def __iter__(self) -> Iterator[Asked]:
        return (asked for line in self._asked.values() for asked in line)

    def add(self, asked: Asked) -> None:
        self._asked.setdefault(asked.request.correlation_id, deque()).append(asked)

    def take(self, correlation_id: int) -> Asked:
        line = self._asked[correlation_id]
        asked = line.popleft()
        if not line:
            del self._asked[correlation_id]
        return asked

    def take_all(self) -> list[Asked]:
        found = list(self)
        self._asked.clear()
        return found
