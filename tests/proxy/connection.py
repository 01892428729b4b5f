"""One connection of a client and the one to the broker that goes with it.

Where the client is gone, that to the broker stays open as long as something is held for it or is to be answered.
"""

from collections.abc import Callable, Iterable
from typing import Protocol

from tests.proxy.events import Events, Outcome
from tests.proxy.frames import Direction, Frame, MalformedFrameError, api_key_of, correlation_of
from tests.proxy.held_frames import HeldFrame, HeldFrames
from tests.proxy.in_flight import InFlightRequest, InFlightRequests
from tests.proxy.requests import FrameInfo
from tests.proxy.schedule import Schedule
from tests.proxy.stream import Endpoint, FrameStream


class ProxyContext(Protocol):
    """What all connections of a proxy share."""

    schedule: Schedule
    held_frames: HeldFrames
    events: Events

    def now_s(self) -> float:
        """Since the proxy began."""

    def call_later(self, delay_s: float, call: Callable[[], None]) -> object:
        """As an event loop's."""

    def next_order(self) -> int:
        """The place of a request among all that were seen."""

    def dial(self, connection: "ProxiedConnection") -> None:
        """Connect `link.broker`, or close `link.client`."""

    def gone(self, connection: "ProxiedConnection") -> None:
        """Both sides are closed."""


class ProxiedConnection:
    """Made for a client that connects. Used by the loop's thread alone."""

    def __init__(
        self,
        context: ProxyContext,
        on_request: Callable[["ProxiedConnection", Frame], None],
        on_reply: Callable[["ProxiedConnection", Frame], None],
    ) -> None:
        """What is to be done to frames that a rule or something kept waits for."""
        self.context = context
        self.in_flight = InFlightRequests()
        self._dialled = False
        self._passing = 0  # frames that are about to be written
        self.client = Endpoint(
            lambda: context.dial(self),
            lambda data: self._push(self.requests, data),
            self._client_lost,
            lambda is_full: self.replies.full(is_full),
        )
        self.broker = Endpoint(
            self._broker_there,
            lambda data: self._push(self.replies, data),
            self._broker_lost,
            lambda is_full: self.requests.full(is_full),
        )
        self.requests = FrameStream(
            self._request_wanted,
            lambda frame: on_request(self, frame),
            self.broker.write,
            self.client.read,
            stopped=True,
        )
        self.replies = FrameStream(
            self._reply_wanted, lambda frame: on_reply(self, frame), self.client.write, self.broker.read
        )

    def abort(self) -> None:
        self.client.abort()
        self.broker.abort()

    def undialled(self) -> None:
        """There is no broker."""
        self._dialled = True
        self.client.close()
        self.settle()

    def pass_on(self, info: FrameInfo, stream: FrameStream, write: Callable[[], None]) -> None:
        """Write a frame, and let go before and after it what was kept till then."""
        before = self.context.held_frames.due(info, before=True)
        # On this connection the broker keeps the order by itself.
        elsewhere = {held_frame for held_frame in before if held_frame.connection is not self}

        def passes() -> None:
            self._passing -= 1
            write()
            for held_frame in self.context.held_frames.due(info, before=False):
                held_frame.deliver(held_frame)
            stream.go_on()

        def one_done(held_frame: HeldFrame) -> None:
            elsewhere.discard(held_frame)
            if not elsewhere:
                passes()

        self._passing += 1
        stream.stop()
        for held_frame in before:
            if held_frame.connection is not self:
                held_frame.then.append(lambda held_frame=held_frame: one_done(held_frame))  # type: ignore[misc]
            held_frame.deliver(held_frame)
        if all(held_frame.connection is self for held_frame in before):
            passes()

    def send_request(self, frame: Frame, in_flight_request: InFlightRequest) -> None:
        """Give the broker a request whose reply is to be known."""
        there = self.broker.open
        if there:
            self.in_flight.add(in_flight_request)
            self.broker.write(frame.data)
        elif in_flight_request.held_frame is not None:
            in_flight_request.held_frame.settled()
        if in_flight_request.event_index is not None:
            self.context.events.change(
                in_flight_request.event_index, outcome=Outcome.DELIVERED if there else Outcome.LOST
            )

    def settle(self) -> None:
        """Close what nobody needs any more."""
        if self.client.open:
            return
        tampered = any(in_flight_request.event_index is not None for in_flight_request in self.in_flight)
        if not tampered and not self._passing and not self.context.held_frames.of(self):
            self.broker.close()
        if self._dialled and not self.client.there and not self.broker.there:
            self.context.gone(self)

    def _lost(self, found: Iterable[HeldFrame]) -> None:
        for held_frame in list(found):
            self.context.events.change(held_frame.event_index, outcome=Outcome.LOST)
            self.context.held_frames.forget(held_frame)

    def _broker_there(self) -> None:
        self._dialled = True
        self._guarded(self.requests.go_on)
        self.settle()

    def _push(self, stream: FrameStream, data: bytes) -> None:
        self._guarded(lambda: stream.push(data))

    def _guarded(self, step: Callable[[], None]) -> None:
        try:
            step()
        except MalformedFrameError:
            self.abort()

    def _client_lost(self) -> None:
        self._lost(
            held_frame
            for held_frame in self.context.held_frames.of(self)
            if held_frame.info.direction is Direction.REPLY
        )
        if self.requests.within_frame:
            self.broker.close()  # nothing can come after half a frame
        self._guarded(self.replies.go_on)
        self.settle()

    def _broker_lost(self) -> None:
        self._lost(self.context.held_frames.of(self))
        self.requests.end()
        for in_flight_request in self.in_flight.take_all():
            if in_flight_request.held_frame is not None:
                in_flight_request.held_frame.settled()
        self.client.close()
        self.settle()

    def _request_wanted(self, data: bytes, at: int) -> bool:
        api_key = api_key_of(data, at)
        return api_key in self.context.schedule.api_keys or self.context.held_frames.awaits(api_key)

    def _reply_wanted(self, data: bytes, at: int) -> bool:
        return correlation_of(data, at) in self.in_flight
