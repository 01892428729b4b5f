"""Requests in flight, by connection: a reply names a correlation id, so what it answers has to be remembered."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from tests.proxy.held_frames import HeldFrame
from tests.proxy.requests import FrameInfo, Request


@dataclass(frozen=True, slots=True)
class InFlightRequest:
    """A request that was passed on.

    `event_index`: of its event, where it was tampered with. `discard_reply`: the reply is not for the client.
    `close_client`: the client's connection is closed with that reply.
    """

    request: Request
    info: FrameInfo
    event_index: int | None = None
    discard_reply: bool = False
    close_client: bool = False
    held_frame: HeldFrame | None = None


class InFlightRequests:
    """In the order in which they were passed on, which is that of their replies."""

    def __init__(self) -> None:
        self._requests: dict[int, deque[InFlightRequest]] = {}

    def __contains__(self, correlation_id: int) -> bool:
        return correlation_id in self._requests

    def __iter__(self) -> Iterator[InFlightRequest]:
        return (in_flight_request for line in self._requests.values() for in_flight_request in line)

    def add(self, in_flight_request: InFlightRequest) -> None:
        self._requests.setdefault(in_flight_request.request.correlation_id, deque()).append(in_flight_request)

    def take(self, correlation_id: int) -> InFlightRequest:
        line = self._requests[correlation_id]
        in_flight_request = line.popleft()
        if not line:
            del self._requests[correlation_id]
        return in_flight_request

    def take_all(self) -> list[InFlightRequest]:
        found = list(self)
        self._requests.clear()
        return found
