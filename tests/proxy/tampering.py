"""Carries out what a schedule decides on requests and replies."""

from collections.abc import Callable
from dataclasses import replace

from tests.proxy.actions import (
    AfterSeconds,
    Delay,
    Drop,
    DropReplyAndClose,
    Duplicate,
    DuplicateLater,
    Hold,
    ReleaseCondition,
)
from tests.proxy.connection import ProxiedConnection
from tests.proxy.events import Event, Outcome
from tests.proxy.frames import Direction, Frame, correlation_of
from tests.proxy.held_frames import HeldFrame
from tests.proxy.in_flight import InFlightRequest
from tests.proxy.requests import FrameInfo, error_of, request_of
from tests.proxy.schedule import Decision
from tests.proxy.stream import FrameStream


def on_request(connection: ProxiedConnection, frame: Frame) -> None:
    """Raises MalformedFrameError."""
    request = request_of(frame)
    info = request.info(connection.context.next_order())
    plain = InFlightRequest(request, info)
    decision = _decide(connection, info)
    if decision is None:
        _pass_request(connection, frame, plain)
        return
    event_index = _record(connection, info, decision)
    marked = InFlightRequest(request, info, event_index)
    match decision.action:
        case Delay(seconds):
            _hold_request(connection, frame, marked, AfterSeconds(seconds), held=False)
        case Hold(until, close_after_s):
            _hold_request(connection, frame, marked, until, held=True)
            _cut(connection, close_after_s)
        case Duplicate():
            _pass_request(connection, frame, plain, InFlightRequest(request, info, event_index, discard_reply=True))
        case DuplicateLater(until, close_after_s):
            _pass_request(connection, frame, plain)
            _keep_copy(connection, frame, InFlightRequest(request, info, event_index, discard_reply=True), until)
            _cut(connection, close_after_s)
        case Drop(close_after_s):
            _lose(connection, connection.requests, event_index, close_after_s)
        case DropReplyAndClose():
            _pass_request(
                connection, frame, InFlightRequest(request, info, event_index, discard_reply=True, close_client=True)
            )


def on_reply(connection: ProxiedConnection, frame: Frame) -> None:
    """Raises MalformedFrameError."""
    in_flight_request = connection.in_flight.take(correlation_of(frame.data, 0))
    if in_flight_request.event_index is not None:
        error = error_of(in_flight_request.request, frame)
        connection.context.events.change(in_flight_request.event_index, outcome=Outcome.ANSWERED, error=error)
    if in_flight_request.held_frame is not None:
        in_flight_request.held_frame.settled()
    if in_flight_request.close_client:
        connection.client.close()
    if not in_flight_request.discard_reply and connection.client.open:
        _reply_to_client(
            connection, frame, in_flight_request.request.info(in_flight_request.info.order, Direction.REPLY)
        )
    connection.settle()


def _reply_to_client(connection: ProxiedConnection, frame: Frame, info: FrameInfo) -> None:
    decision = _decide(connection, info)
    if decision is None:
        connection.pass_on(info, connection.replies, lambda: connection.client.write(frame.data))
        return
    event_index = _record(connection, info, decision)
    match decision.action:
        case Delay(seconds):
            _hold_reply(connection, frame, event_index, info, AfterSeconds(seconds), held=False)
        case Hold(until):
            _hold_reply(connection, frame, event_index, info, until, held=True)
        case Drop(close_after_s):
            _lose(connection, connection.replies, event_index, close_after_s)


def _decide(connection: ProxiedConnection, info: FrameInfo) -> Decision | None:
    return connection.context.schedule.decide(info, connection.context.held_frames.held)


def _record(connection: ProxiedConnection, info: FrameInfo, decision: Decision) -> int:
    return connection.context.events.add(Event(info, decision.number, decision.action, connection.context.now_s()))


def _pass_request(connection: ProxiedConnection, frame: Frame, *in_flight_request: InFlightRequest) -> None:
    """Once for each."""

    def write() -> None:
        for one in in_flight_request:
            connection.send_request(frame, one)

    connection.pass_on(in_flight_request[0].info, connection.requests, write)


def _lose(connection: ProxiedConnection, stream: FrameStream, event_index: int, close_after_s: float | None) -> None:
    connection.context.events.change(event_index, outcome=Outcome.LOST)
    if close_after_s is not None:
        stream.stop()
    _cut(connection, close_after_s)


def _cut(connection: ProxiedConnection, after_s: float | None) -> None:
    if after_s is None:
        return
    if after_s == 0.0:
        connection.client.close()
    else:
        connection.context.call_later(after_s, connection.client.close)


def _hold_request(
    connection: ProxiedConnection,
    frame: Frame,
    in_flight_request: InFlightRequest,
    until: ReleaseCondition,
    *,
    held: bool,
) -> None:
    def deliver(held_frame: HeldFrame) -> None:
        _released(connection, held_frame)
        _pass_request(connection, frame, replace(in_flight_request, held_frame=held_frame))

    connection.requests.stop()
    _keep(connection, in_flight_request, until, held, deliver)


def _keep_copy(
    connection: ProxiedConnection, frame: Frame, in_flight_request: InFlightRequest, until: ReleaseCondition
) -> None:
    def deliver(held_frame: HeldFrame) -> None:
        _released(connection, held_frame)
        connection.requests.between(
            lambda: connection.send_request(frame, replace(in_flight_request, held_frame=held_frame))
        )

    _keep(connection, in_flight_request, until, True, deliver)


def _keep(
    connection: ProxiedConnection,
    in_flight_request: InFlightRequest,
    until: ReleaseCondition,
    held: bool,
    deliver: Callable[[HeldFrame], None],
) -> None:
    assert in_flight_request.event_index is not None
    connection.context.held_frames.hold(
        HeldFrame(in_flight_request.event_index, in_flight_request.info, until, connection, held, deliver)
    )


def _hold_reply(
    connection: ProxiedConnection,
    frame: Frame,
    event_index: int,
    info: FrameInfo,
    until: ReleaseCondition,
    *,
    held: bool,
) -> None:
    def write() -> None:
        outcome = Outcome.DELIVERED if connection.client.open else Outcome.LOST
        connection.client.write(frame.data)
        connection.context.events.change(event_index, outcome=outcome)

    def deliver(held_frame: HeldFrame) -> None:
        _released(connection, held_frame)
        connection.pass_on(info, connection.replies, write)
        held_frame.settled()

    connection.replies.stop()
    connection.context.held_frames.hold(HeldFrame(event_index, info, until, connection, held, deliver))


def _released(connection: ProxiedConnection, held_frame: HeldFrame) -> None:
    connection.context.events.change(held_frame.event_index, released_s=connection.context.now_s())
