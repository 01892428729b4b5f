"""Carries out what a schedule decides on requests and replies."""

from collections.abc import Callable
from dataclasses import replace

from tests.proxy.actions import After, CutAfter, Delay, Double, Hold, KeepCopy, Lose, Release
from tests.proxy.awaited import Asked
from tests.proxy.events import Event, Outcome
from tests.proxy.frames import Direction, Frame, correlation_of
from tests.proxy.keeper import Kept
from tests.proxy.lane import Lane
from tests.proxy.link import Link
from tests.proxy.requests import Seen, error_of, request_of
from tests.proxy.schedule import Decision


def on_request(link: Link, frame: Frame) -> None:
    """Raises Malformed."""
    request = request_of(frame)
    seen = request.seen(link.stage.next_order())
    plain = Asked(request, seen)
    decision = _decided(link, seen)
    if decision is None:
        _pass_request(link, frame, plain)
        return
    place = _told(link, seen, decision)
    marked = Asked(request, seen, place)
    match decision.action:
        case Delay(seconds):
            _hold_request(link, frame, marked, After(seconds), held=False)
        case Hold(until, cut_after_s):
            _hold_request(link, frame, marked, until, held=True)
            _cut(link, cut_after_s)
        case Double():
            _pass_request(link, frame, plain, Asked(request, seen, place, swallowed=True))
        case KeepCopy(until, cut_after_s):
            _pass_request(link, frame, plain)
            _keep_copy(link, frame, Asked(request, seen, place, swallowed=True), until)
            _cut(link, cut_after_s)
        case Lose(cut_after_s):
            _lose(link, link.requests, place, cut_after_s)
        case CutAfter():
            _pass_request(link, frame, Asked(request, seen, place, swallowed=True, cut=True))


def on_reply(link: Link, frame: Frame) -> None:
    """Raises Malformed."""
    asked = link.awaited.take(correlation_of(frame.data, 0))
    if asked.place is not None:
        error = error_of(asked.request, frame)
        link.stage.events.change(asked.place, outcome=Outcome.ANSWERED, error=error)
    if asked.kept is not None:
        asked.kept.settled()
    if asked.cut:
        link.client.close()
    if not asked.swallowed and link.client.open:
        _reply_to_client(link, frame, asked.request.seen(asked.seen.order, Direction.REPLY))
    link.settle()


def _reply_to_client(link: Link, frame: Frame, seen: Seen) -> None:
    decision = _decided(link, seen)
    if decision is None:
        link.pass_on(seen, link.replies, lambda: link.client.write(frame.data))
        return
    place = _told(link, seen, decision)
    match decision.action:
        case Delay(seconds):
            _hold_reply(link, frame, place, seen, After(seconds), held=False)
        case Hold(until):
            _hold_reply(link, frame, place, seen, until, held=True)
        case Lose(cut_after_s):
            _lose(link, link.replies, place, cut_after_s)


def _decided(link: Link, seen: Seen) -> Decision | None:
    return link.stage.schedule.decide(seen, link.stage.keeper.held)


def _told(link: Link, seen: Seen, decision: Decision) -> int:
    return link.stage.events.add(Event(seen, decision.number, decision.action, link.stage.now_s()))


def _pass_request(link: Link, frame: Frame, *asked: Asked) -> None:
    """Once for each."""

    def write() -> None:
        for one in asked:
            link.ask(frame, one)

    link.pass_on(asked[0].seen, link.requests, write)


def _lose(link: Link, lane: Lane, place: int, cut_after_s: float | None) -> None:
    link.stage.events.change(place, outcome=Outcome.LOST)
    if cut_after_s is not None:
        lane.stop()
    _cut(link, cut_after_s)


def _cut(link: Link, after_s: float | None) -> None:
    if after_s is None:
        return
    if after_s == 0.0:
        link.client.close()
    else:
        link.stage.call_later(after_s, link.client.close)


def _hold_request(link: Link, frame: Frame, asked: Asked, until: Release, *, held: bool) -> None:
    def deliver(kept: Kept) -> None:
        _released(link, kept)
        _pass_request(link, frame, replace(asked, kept=kept))

    link.requests.stop()
    _keep(link, asked, until, held, deliver)


def _keep_copy(link: Link, frame: Frame, asked: Asked, until: Release) -> None:
    def deliver(kept: Kept) -> None:
        _released(link, kept)
        link.requests.between(lambda: link.ask(frame, replace(asked, kept=kept)))

    _keep(link, asked, until, True, deliver)


def _keep(link: Link, asked: Asked, until: Release, held: bool, deliver: Callable[[Kept], None]) -> None:
    assert asked.place is not None
    link.stage.keeper.keep(Kept(asked.place, asked.seen, until, link, held, deliver))


def _hold_reply(link: Link, frame: Frame, place: int, seen: Seen, until: Release, *, held: bool) -> None:
    def write() -> None:
        outcome = Outcome.DELIVERED if link.client.open else Outcome.LOST
        link.client.write(frame.data)
        link.stage.events.change(place, outcome=outcome)

    def deliver(kept: Kept) -> None:
        _released(link, kept)
        link.pass_on(seen, link.replies, write)
        kept.settled()

    link.replies.stop()
    link.stage.keeper.keep(Kept(place, seen, until, link, held, deliver))


def _released(link: Link, kept: Kept) -> None:
    link.stage.events.change(kept.place, released_s=link.stage.now_s())
