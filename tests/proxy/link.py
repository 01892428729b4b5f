"""One connection of a client and the one to the broker that goes with it.

Where the client is gone, that to the broker stays open as long as something is kept for it or is to be answered.
"""

from collections.abc import Callable, Iterable
from typing import Protocol

from tests.proxy.awaited import Asked, Awaited
from tests.proxy.events import Events, Outcome
from tests.proxy.frames import Direction, Frame, Malformed, api_key_of, correlation_of
from tests.proxy.keeper import Keeper, Kept
from tests.proxy.lane import Lane, Side
from tests.proxy.requests import Seen
from tests.proxy.schedule import Schedule


class Stage(Protocol):
    """What all connections of a proxy share."""

    schedule: Schedule
    keeper: Keeper
    events: Events

    def now_s(self) -> float:
        """Since the proxy began."""

    def call_later(self, delay_s: float, call: Callable[[], None]) -> object:
        """As an event loop's."""

    def next_order(self) -> int:
        """The place of a request among all that were seen."""

    def dial(self, link: "Link") -> None:
        """Connect `link.broker`, or close `link.client`."""

    def gone(self, link: "Link") -> None:
        """Both sides are closed."""


class Link:
    """Made for a client that connects. Used by the loop's thread alone."""

    def __init__(
        self,
        stage: Stage,
        on_request: Callable[["Link", Frame], None],
        on_reply: Callable[["Link", Frame], None],
    ) -> None:
        """What is to be done to frames that a rule or something kept waits for."""
        self.stage = stage
        self.awaited = Awaited()
        self._dialled = False
        self._passing = 0  # frames that are about to be written
        self.client = Side(
            lambda: stage.dial(self),
            lambda data: self._push(self.requests, data),
            self._client_lost,
            lambda is_full: self.replies.full(is_full),
        )
        self.broker = Side(
            self._broker_there,
            lambda data: self._push(self.replies, data),
            self._broker_lost,
            lambda is_full: self.requests.full(is_full),
        )
        self.requests = Lane(
            self._request_wanted,
            lambda frame: on_request(self, frame),
            self.broker.write,
            self.client.read,
            stopped=True,
        )
        self.replies = Lane(
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

    def pass_on(self, seen: Seen, lane: Lane, write: Callable[[], None]) -> None:
        """Write a frame, and let go before and after it what was kept till then."""
        before = self.stage.keeper.due(seen, before=True)
        # On this connection the broker keeps the order by itself.
        elsewhere = {kept for kept in before if kept.link is not self}

        def passes() -> None:
            self._passing -= 1
            write()
            for kept in self.stage.keeper.due(seen, before=False):
                kept.deliver(kept)
            lane.go_on()

        def one_done(kept: Kept) -> None:
            elsewhere.discard(kept)
            if not elsewhere:
                passes()

        self._passing += 1
        lane.stop()
        for kept in before:
            if kept.link is not self:
                kept.then.append(lambda kept=kept: one_done(kept))  # type: ignore[misc]
            kept.deliver(kept)
        if all(kept.link is self for kept in before):
            passes()

    def ask(self, frame: Frame, asked: Asked) -> None:
        """Give the broker a request whose reply is to be known."""
        there = self.broker.open
        if there:
            self.awaited.add(asked)
            self.broker.write(frame.data)
        elif asked.kept is not None:
            asked.kept.settled()
        if asked.place is not None:
            self.stage.events.change(asked.place, outcome=Outcome.DELIVERED if there else Outcome.LOST)

    def settle(self) -> None:
        """Close what nobody needs any more."""
        if self.client.open:
            return
        tampered = any(asked.place is not None for asked in self.awaited)
        if not tampered and not self._passing and not self.stage.keeper.of(self):
            self.broker.close()
        if self._dialled and not self.client.there and not self.broker.there:
            self.stage.gone(self)

    def _lost(self, found: Iterable[Kept]) -> None:
        for kept in list(found):
            self.stage.events.change(kept.place, outcome=Outcome.LOST)
            self.stage.keeper.forget(kept)

    def _broker_there(self) -> None:
        self._dialled = True
        self._guarded(self.requests.go_on)
        self.settle()

    def _push(self, lane: Lane, data: bytes) -> None:
        self._guarded(lambda: lane.push(data))

    def _guarded(self, step: Callable[[], None]) -> None:
        try:
            step()
        except Malformed:
            self.abort()

    def _client_lost(self) -> None:
        self._lost(kept for kept in self.stage.keeper.of(self) if kept.seen.direction is Direction.REPLY)
        if self.requests.within_frame:
            self.broker.close()  # nothing can come after half a frame
        self._guarded(self.replies.go_on)
        self.settle()

    def _broker_lost(self) -> None:
        self._lost(self.stage.keeper.of(self))
        self.requests.end()
        for asked in self.awaited.take_all():
            if asked.kept is not None:
                asked.kept.settled()
        self.client.close()
        self.settle()

    def _request_wanted(self, data: bytes, at: int) -> bool:
        api_key = api_key_of(data, at)
        return api_key in self.stage.schedule.api_keys or self.stage.keeper.awaits(api_key)

    def _reply_wanted(self, data: bytes, at: int) -> bool:
        return correlation_of(data, at) in self.awaited
