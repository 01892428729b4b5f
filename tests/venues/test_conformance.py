"""What every adapter has to hold against a venue on this machine that speaks its protocol: from the wire to ticks."""

import threading
import time

import pytest

from tests.venues.ig_venue import Ig
from tests.venues.listener import Listener, Tick, listening, quick
from tests.venues.server import Peer, VenueServer, venue_server
from tests.venues.speakers import BOOK_SPEAKERS, SPEAKERS, Said, Speaker, e9
from tests.waiting import eventually
from tidewheel.contracts.codecs.market import FeedEvent
from tidewheel.contracts.invalid_record import DeadLetterReason as Reason
from tidewheel.domain.market import SourceKind, TickFlag
from tidewheel.recordings.quotes import SourceError
from tidewheel.venues.catalogue import adapter_of

pytestmark = pytest.mark.parametrize("speaker", [*SPEAKERS, *BOOK_SPEAKERS, Ig()], ids=lambda one: one.id)

GAP = TickFlag.GAP_BEFORE


def quotes(speaker: Speaker, count: int, first: int = 1) -> list[Said]:
    """Different from one another, numbered, of now."""
    now_us = time.time_ns() // 1000
    return [
        Said(speaker.wire, f"{1000 + seq / 100:.2f}", f"{1001 + seq / 100:.2f}", seq=seq, time_us=now_us + seq)
        for seq in range(first, first + count)
    ]


def first(speaker: Speaker) -> TickFlag:
    """The flags of the first tick of a connection; some venues begin with the present state of things."""
    return GAP | TickFlag.SNAPSHOT if speaker.snapshot_first else GAP


def heard(ticks: list[Tick]) -> list[tuple[int, int]]:
    return [(tick.bid_e9, tick.offer_e9) for tick in ticks]


def said(server: VenueServer) -> list[tuple[int, int]]:
    return [(e9(one.bid), e9(one.offer)) for one in server.quoted]


def has_ticks(count: int):  # type: ignore[no-untyped-def]
    return lambda listener: len(listener.ticks) >= count


def served(speaker: Speaker, server: VenueServer, count: int, **timing: float) -> Listener:
    with listening([quick(speaker, **timing)], [speaker.symbol], server.url) as listener:
        listener.until(has_ticks(count))
    return listener


def test_every_quote_of_every_burst_is_a_tick(speaker: Speaker) -> None:
    async def bursts(peer: Peer) -> None:
        await peer.subscribed()
        for first in range(1, 301, 10):
            await peer.quote(*quotes(speaker, 10, first))
        await peer.stay()

    with venue_server(speaker, bursts) as server:
        before_ns = time.time_ns()
        listener = served(speaker, server, 300)
        after_ns = time.time_ns()
    assert heard(listener.ticks) == said(server)
    assert listener.rejected == []
    assert [tick.flags for tick in listener.ticks] == [first(speaker), *[TickFlag(0)] * 299]
    assert {tick.instrument for tick in listener.ticks} == {f"{speaker.name}:{speaker.symbol}"}
    times = [tick.time_ns for tick in listener.ticks]
    assert times == sorted(times)
    assert before_ns <= times[0] <= times[-1] <= after_ns
    assert [tick.venue_seq for tick in listener.ticks] == (list(range(1, 301)) if speaker.has_seq else [-1] * 300)
    assert all((tick.venue_time_ns > 0) == speaker.has_time for tick in listener.ticks)
    assert listener.events == [FeedEvent.CONNECTED, FeedEvent.SUBSCRIBED]
    assert listener.live.kind is SourceKind.LIVE
    assert server.heard[-1] == adapter_of(speaker.name, by_book=speaker.by_book).unsubscribe([speaker.wire]), (
        "it takes its leave"
    )


def test_two_symbols_by_one_connection(speaker: Speaker) -> None:
    async def both(peer: Peer) -> None:
        assert await peer.subscribed() == [speaker.wire, speaker.other_wire]
        for one in quotes(speaker, 10):
            await peer.quote(one, one.but(symbol=speaker.other_wire), one.but(symbol=speaker.wire + "X"))
        await peer.stay()

    with (
        venue_server(speaker, both) as server,
        listening([quick(speaker)], [speaker.symbol, speaker.other], server.url) as listener,
    ):
        listener.until(has_ticks(20))
    ids = [f"{speaker.name}:{symbol}" for symbol in (speaker.symbol, speaker.other)]
    assert [sum(tick.instrument == one for tick in listener.ticks) for one in ids] == [10, 10]
    for one in ids:
        own = [change.event for change in listener.changes if change.instrument == one]
        assert own == [FeedEvent.CONNECTED, FeedEvent.SUBSCRIBED]
    assert server.connections == 1


@pytest.mark.parametrize("how", ["abort", "1001", "1008", "1012"])
def test_a_lost_connection_is_a_gap_and_the_next_goes_on(speaker: Speaker, how: str) -> None:
    async def once(peer: Peer) -> None:
        await peer.subscribed()
        await peer.quote(*quotes(speaker, 5))
        if how == "abort":
            await peer.arrived()
            peer.abort()
        else:
            await peer.socket.close(int(how), "bye")

    async def again(peer: Peer) -> None:
        await peer.subscribed()
        await peer.quote(*quotes(speaker, 5, 6))
        await peer.stay()

    with venue_server(speaker, once, again) as server:
        listener = served(speaker, server, 10)
    assert heard(listener.ticks) == said(server)
    assert [tick.flags for tick in listener.ticks] == [first(speaker), *[TickFlag(0)] * 4] * 2
    assert [tick.epoch for tick in listener.ticks] == [1] * 5 + [2] * 5
    assert listener.events == [
        *(FeedEvent.CONNECTED, FeedEvent.SUBSCRIBED, FeedEvent.DISCONNECTED),
        *(FeedEvent.CONNECTED, FeedEvent.SUBSCRIBED),
    ]
    detail = next(one.detail for one in listener.changes if one.event is FeedEvent.DISCONNECTED)
    assert ("broke" if how == "abort" else f"code {how}, bye") in detail


def test_an_announced_end_costs_no_quote_and_doubles_none(speaker: Speaker) -> None:
    if speaker.closing is None:
        assert not any(isinstance(text, str) and "clos" in text for text in speaker.unknown)
        return  # this venue announces nothing
    closing, other_serves = speaker.closing, threading.Event()

    async def first(peer: Peer) -> None:
        await peer.subscribed()
        await peer.quote(*quotes(speaker, 5))
        await peer.say(closing)
        await peer.until(other_serves)
        await peer.stay()

    async def second(peer: Peer) -> None:
        await peer.asked()
        for one in quotes(speaker, 3, 4):  # two of them known from the first
            await peer.say(speaker.quote(one))
        for text in speaker.acks([speaker.wire]):
            await peer.say(text)
        await peer.quote(*quotes(speaker, 4, 7))
        other_serves.set()
        await peer.stay()

    with venue_server(speaker, first, second) as server:
        listener = served(speaker, server, 10)
    other_serves.set()
    assert [tick.venue_seq for tick in listener.ticks] == list(range(1, 11))
    assert [tick.flags for tick in listener.ticks] == [GAP, *[TickFlag(0)] * 9]
    assert {tick.epoch for tick in listener.ticks} == {1, 2}
    assert FeedEvent.DISCONNECTED not in listener.events


def test_heartbeats_alone_keep_a_connection(speaker: Speaker) -> None:
    beat = speaker.heartbeat
    if beat is None:
        assert (
            adapter_of(speaker.name, by_book=speaker.by_book).timing.life_s >= 30
        )  # without any, quiet is not yet dead
        return

    async def beats(peer: Peer) -> None:
        await peer.subscribed()
        for _ in range(25):
            await peer.say(beat)
            await peer.pause(0.1)
        await peer.quote(*quotes(speaker, 1))
        await peer.stay()

    with venue_server(speaker, beats) as server:
        listener = served(speaker, server, 1, life_s=2.0)
    assert server.connections == 1
    assert listener.events == [FeedEvent.CONNECTED, FeedEvent.SUBSCRIBED]


def test_pongs_alone_do_not(speaker: Speaker) -> None:
    ends = threading.Event()

    async def pongs(peer: Peer) -> None:
        await peer.subscribed()
        while not ends.is_set():
            await peer.say(speaker.pong)
            await peer.pause(0.05)

    async def well(peer: Peer) -> None:
        await peer.subscribed()
        await peer.quote(*quotes(speaker, 1))
        await peer.stay()

    with venue_server(speaker, pongs, well) as server:
        listener = served(speaker, server, 1, life_s=0.5)
        ends.set()
    assert FeedEvent.DISCONNECTED in listener.events
    assert any("neither heartbeat nor quote for 0.5 s" in change.detail for change in listener.changes)


def test_a_frozen_peer_is_noticed_by_pings(speaker: Speaker) -> None:
    async def frozen(peer: Peer) -> None:
        await peer.subscribed()
        await peer.quote(*quotes(speaker, 1))
        peer.socket.transport.pause_reading()
        await peer.until(thawed)

    async def well(peer: Peer) -> None:
        await peer.subscribed()
        await peer.quote(*quotes(speaker, 1, 2))
        await peer.stay()

    thawed = threading.Event()
    with venue_server(speaker, frozen, well) as server:
        try:
            listener = served(speaker, server, 2, pong_s=1.0)
        finally:
            thawed.set()
    assert [tick.flags for tick in listener.ticks] == [first(speaker), first(speaker)]


def test_what_is_no_quote_is_rejected_with_its_reason_and_the_rest_goes_on(speaker: Speaker) -> None:
    one, two, three, four, five, six, seven = quotes(speaker, 7)
    bad = [
        (two.but(offer="900"), Reason.CROSSED),
        (three.but(bid="0"), Reason.NOT_POSITIVE),
        (four.but(bid="NaN"), Reason.NOT_FINITE),
        (five.but(bid="-7"), Reason.NOT_POSITIVE),
        (six.but(bid="1"), Reason.SPREAD),
        (six.but(bid="1e30", offer="1e31"), Reason.TOO_LARGE),
    ]

    async def mixed(peer: Peer) -> None:
        await peer.subscribed()
        await peer.quote(one)
        for text in (*speaker.torn, *speaker.unknown):
            await peer.say(text)
        for quote, _ in bad:
            await peer.say(speaker.quote(quote))
        await peer.quote(seven.but(bid=seven.offer))  # locked: a tick
        await peer.stay()

    with venue_server(speaker, mixed) as server:
        listener = served(speaker, server, 2)
    assert heard(listener.ticks) == said(server)
    again = TickFlag.SNAPSHOT if speaker.by_book else TickFlag(0)
    assert [tick.flags for tick in listener.ticks] == [first(speaker), TickFlag.LOCKED | again]
    torn = [Reason.MALFORMED] * len(speaker.torn)
    reasons = [reason for _, reason in bad]
    assert [row.reason for _, row in listener.rejected] == [*torn, *reasons]
    if torn:
        assert listener.rejected[0][1].raw == b"{torn"
    assert server.connections == 1


def test_a_symbol_that_it_does_not_trade_is_said_in_a_sentence(speaker: Speaker) -> None:
    async def refuses(peer: Peer) -> None:
        await peer.asked()
        await peer.say(speaker.refusal("XYZ"))
        await peer.stay()

    with (
        venue_server(speaker, refuses) as server,
        listening([quick(speaker)], [speaker.symbol], server.url) as listener,
        pytest.raises(SourceError, match=f"{speaker.name} does not subscribe .*XYZ") as failure,
    ):
        listener.until(lambda _: False)
    assert "\n" not in str(failure.value)
    assert listener.ticks == []


def test_a_quote_before_the_word_of_the_subscription_counts(speaker: Speaker) -> None:
    async def hasty(peer: Peer) -> None:
        symbols = await peer.asked()
        await peer.quote(*quotes(speaker, 2))
        for text in speaker.acks(symbols):
            await peer.say(text)
        await peer.quote(*quotes(speaker, 2, 3))
        await peer.stay()

    with venue_server(speaker, hasty) as server:
        listener = served(speaker, server, 4)
    assert heard(listener.ticks) == said(server)


def test_what_was_heard_until_the_end_is_given(speaker: Speaker) -> None:
    """A stop while quotes wait: they are not lost with it."""
    all_said = threading.Event()

    async def says(peer: Peer) -> None:
        await peer.subscribed()
        await peer.quote(*quotes(speaker, 50))
        await peer.arrived()
        all_said.set()
        await peer.stay()

    with venue_server(speaker, says) as server, listening([quick(speaker)], [speaker.symbol], server.url) as listener:
        listener.until(lambda one: bool(one.marks))
        eventually(all_said.is_set, "all is said")
    assert heard(listener.ticks) == said(server)
    assert listener.marks[-1] > listener.ticks[-1].time_ns
